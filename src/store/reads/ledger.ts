import { formatMinor } from '../../core/money.ts';
import type { Db } from '../db.ts';
import { type Page, type PageRequest, pageAfter } from './set-up-page.ts';

/** What entries can be told apart by, and their column. */
const columnOf = {
  account: 'account_id',
  costCenter: 'cost_center',
  site: 'site_id',
  glAccount: 'gl_account',
  vatCode: 'vat_code',
  serviceMonth: 'service_month',
  source: 'source_id',
} as const;
export type LedgerDimension = keyof typeof columnOf;
export const ledgerDimensions = Object.keys(columnOf) as [LedgerDimension, ...LedgerDimension[]];

/** Which entries: each dimension's value, a ledger account, those effective until a date. */
export type EntryFilter = { readonly [Name in LedgerDimension | 'entityId' | 'ledgerAccount' | 'transactionKey' | 'until']?: string | undefined };

/** Debit positive, credit negative: decimal text in major units of `unit`, or Wh; `book` in the books' currency. */
type Balance = { readonly entityId: string; readonly ledgerAccount: string; readonly unit: string; readonly amount: string; readonly book: string; readonly books: string };
export type TrialBalance = Page<Balance> & {
  /** Over all pages: zero in each unit and in the books, always. */
  readonly rest: readonly { readonly unit: string; readonly amount: string }[];
};
export type DimensionBalance = Balance & { readonly value: string | null; readonly entries: string };
export type EntryView = Balance & {
  readonly entryId: string;
  readonly transactionKey: string;
  readonly kind: string;
  readonly sourceRef: string;
  readonly effectiveOn: string;
  readonly postedAt: string;
  readonly charges: number;
  readonly dimensions: { readonly [Name in LedgerDimension]: string | null };
};

type SumRow = { readonly entity_id: string; readonly ledger_account: string; readonly unit: string; readonly amount: bigint; readonly book: bigint; readonly books: string };

const entries = 'FROM ledger_entry e JOIN ledger_transaction t ON t.key = e.transaction_key JOIN legal_entity l ON l.id = t.entity_id';

/** SQL conditions of a filter, with their values from `$1` on; `of`: what it narrows a list to, in a fixed order. */
function conditionsOf(filter: EntryFilter): { readonly where: string; readonly values: string[]; readonly of: readonly (string | undefined)[] } {
  const { entityId, ledgerAccount, transactionKey, until, ...dimensions } = filter;
  const wanted: [string, string | undefined][] = [
    ['t.entity_id =', entityId],
    ['e.ledger_account =', ledgerAccount],
    ['e.transaction_key =', transactionKey],
    ['t.effective_on <=', until],
    ...ledgerDimensions.map((name): [string, string | undefined] => [`e.${columnOf[name]} =`, dimensions[name]]),
  ];
  const given = wanted.flatMap(([condition, value]) => (value === undefined ? [] : [{ condition, value }]));
  return { where: ['TRUE', ...given.map(({ condition }, i) => `${condition} $${i + 1}`)].join(' AND '), values: given.map(({ value }) => value), of: wanted.map(([, value]) => value) };
}

/** What each ledger account holds, per seller and unit. */
export async function trialBalance(db: Db, filter: Pick<EntryFilter, 'entityId' | 'until'>, page: PageRequest): Promise<TrialBalance> {
  const { where, values, of } = conditionsOf(filter);
  const n = values.length;
  const rest = await db.query<{ unit: string; rest: bigint; kind: string }>(
    `SELECT e.unit, sum(e.amount)::bigint AS rest, 'unit' AS kind ${entries} WHERE ${where} GROUP BY 1 UNION ALL SELECT l.currency, sum(e.book_minor)::bigint, 'books' ${entries} WHERE ${where} GROUP BY 1 ORDER BY 3 DESC, 1`,
    values,
  );
  const items = await pageAfter<Balance>(
    ['trial balance', ...of],
    page,
    (row) => [row.entityId, row.ledgerAccount, row.unit],
    async (after, take) => {
      const { rows } = await db.query<SumRow>(
        `SELECT t.entity_id, e.ledger_account, e.unit, l.currency AS books, sum(e.amount)::bigint AS amount, sum(e.book_minor)::bigint AS book ${entries}
         WHERE ${where} AND ($${n + 1}::text IS NULL OR (t.entity_id, e.ledger_account, e.unit) > ($${n + 1}, $${n + 2}, $${n + 3})) GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3 LIMIT $${n + 4}`,
        [...values, after?.[0] ?? null, after?.[1] ?? null, after?.[2] ?? null, take],
      );
      return rows.map(balanceOf);
    },
  );
  return { ...items, rest: rest.rows.map((r) => ({ unit: r.kind === 'books' ? `books in ${r.unit}` : r.unit, amount: amountText(r.rest, r.unit) })) };
}

/** What each ledger account holds per value of a dimension: by account, what each owes; by cost center, its revenue; and so on. */
export async function balancesBy(db: Db, by: LedgerDimension, filter: EntryFilter, page: PageRequest): Promise<Page<DimensionBalance>> {
  const { where, values, of } = conditionsOf(filter);
  const n = values.length;
  const value = `coalesce(e.${columnOf[by]}, '')`;
  return pageAfter(
    [`balances by ${by}`, ...of],
    page,
    (row) => [row.value ?? '', row.entityId, row.ledgerAccount, row.unit],
    async (after, take) => {
      const { rows } = await db.query<SumRow & { value: string; entries: bigint }>(
        `SELECT ${value} AS value, t.entity_id, e.ledger_account, e.unit, l.currency AS books, sum(e.amount)::bigint AS amount, sum(e.book_minor)::bigint AS book, count(*) AS entries ${entries}
         WHERE ${where} AND ($${n + 1}::text IS NULL OR (${value}, t.entity_id, e.ledger_account, e.unit) > ($${n + 1}, $${n + 2}, $${n + 3}, $${n + 4})) GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4 LIMIT $${n + 5}`,
        [...values, after?.[0] ?? null, after?.[1] ?? null, after?.[2] ?? null, after?.[3] ?? null, take],
      );
      return rows.map((r) => ({ ...balanceOf(r), value: r.value === '' ? null : r.value, entries: r.entries.toString() }));
    },
  );
}

type EntryRow = SumRow & {
  readonly id: bigint;
  readonly transaction_key: string;
  readonly kind: string;
  readonly source_ref: string;
  readonly effective_on: string;
  readonly posted_at: Date;
  readonly charge_count: number;
} & {
  readonly [Column in (typeof columnOf)[LedgerDimension]]: string | null;
};

/** Ledger entries in the order they were booked. */
export async function listEntries(db: Db, filter: EntryFilter, page: PageRequest): Promise<Page<EntryView>> {
  const { where, values, of } = conditionsOf(filter);
  const n = values.length;
  return pageAfter(
    ['ledger entries', ...of],
    page,
    (row) => [row.entryId],
    async (after, take) => {
      const { rows } = await db.query<EntryRow>(
        `SELECT e.*, e.book_minor AS book, t.entity_id, t.kind, t.source_ref, t.effective_on::text AS effective_on, t.posted_at, l.currency AS books ${entries}
         WHERE ${where} AND e.id > coalesce($${n + 1}::bigint, 0) ORDER BY e.id LIMIT $${n + 2}`,
        [...values, after?.[0] ?? null, take],
      );
      return rows.map((r) => ({
        ...balanceOf(r),
        entryId: r.id.toString(),
        transactionKey: r.transaction_key,
        kind: r.kind,
        sourceRef: r.source_ref,
        effectiveOn: r.effective_on,
        postedAt: r.posted_at.toISOString(),
        charges: r.charge_count,
        dimensions: Object.fromEntries(ledgerDimensions.map((name) => [name, r[columnOf[name]]])) as EntryView['dimensions'],
      }));
    },
  );
}

function balanceOf(r: SumRow): Balance {
  return { entityId: r.entity_id, ledgerAccount: r.ledger_account, unit: r.unit, amount: amountText(r.amount, r.unit), book: formatMinor(r.book, r.books), books: r.books };
}

function amountText(amount: bigint, unit: string): string {
  return unit === 'Wh' ? amount.toString() : formatMinor(amount, unit);
}
