import { glKeyOf } from '../../core/ledger/gl-key.ts';
import { accountsOfCharges, accountsOfParties, type LedgerEvent } from '../../core/ledger/ledger-table.ts';
import { postingsFor } from '../../core/ledger/postings.ts';
import { date, int4, int8, text } from '../binary.ts';
import { type CopyTable, column, copyIn, rowsFor } from '../copy-in.ts';
import type { Db } from '../db.ts';

/** What an entry is told apart by; what is not known, or is of several, is null. `glAccount` is that of what was sold or bought. */
export type Dimensions = {
  readonly accountId: string | null;
  readonly costCenter: string | null;
  readonly siteId: string | null;
  readonly glAccount: string | null;
  readonly vatCode: string | null;
  readonly serviceMonth: string | null;
  readonly sourceId: string | null;
};

/** An event with the dimensions of its entries, and of how many charges it is the sum: those with money, those with energy. */
export type Booked = { readonly event: LedgerEvent; readonly of: Dimensions; readonly withMoney: number; readonly withEnergy: number };

/** One ledger transaction; `key` is unique for ever, `effectiveOn` the date it counts for. */
export type Journal = {
  readonly key: string;
  readonly kind: 'rated' | 'invoiced' | 'credited' | 'writtenOff' | 'stated' | 'reimbursed' | 'released' | 'matched' | 'paid';
  readonly entityId: string;
  readonly effectiveOn: string;
  /** The month it counts for; where that is closed the database takes the next open one, or refuses a document. */
  readonly period: string;
  readonly sourceRef: string;
  /** By which rate it came into the books, where one rate holds for all of it; each charge has its own. */
  readonly fxRate: string | null;
  readonly booked: readonly Booked[];
};

/** GL accounts by key, of each legal entity: the newest version of its mapping. */
export type GlAccounts = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** A row of the ledger: money in minor units of `unit`, or Wh; `book` in minor units of the books. */
export type Entry = Omit<Dimensions, 'glAccount'> & {
  readonly key: string;
  readonly ledgerAccount: string;
  readonly unit: string;
  readonly glAccount: string | null;
  amount: bigint;
  book: bigint;
  count: number;
};

const journalTable: CopyTable<Journal> = {
  name: 'ledger_transaction',
  columns: [
    column('key', text, (j) => j.key),
    column('entity_id', text, (j) => j.entityId),
    column('kind', text, (j) => j.kind),
    column('effective_on', date, (j) => j.effectiveOn),
    column('period', text, (j) => j.period),
    column('source_ref', text, (j) => j.sourceRef),
    column('fx_rate', text, (j) => j.fxRate),
  ],
};

const entryTable: CopyTable<Entry> = {
  name: 'ledger_entry',
  columns: [
    column('transaction_key', text, (e) => e.key),
    column('ledger_account', text, (e) => e.ledgerAccount),
    column('unit', text, (e) => e.unit),
    column('amount', int8, (e) => e.amount),
    column('book_minor', int8, (e) => e.book),
    column('gl_account', text, (e) => e.glAccount),
    column('cost_center', text, (e) => e.costCenter),
    column('account_id', text, (e) => e.accountId),
    column('site_id', text, (e) => e.siteId),
    column('vat_code', text, (e) => e.vatCode),
    column('service_month', text, (e) => e.serviceMonth),
    column('source_id', text, (e) => e.sourceId),
    column('charge_count', int4, (e) => e.count),
  ],
};

/** Books events in the caller's transaction, for the life of a state: fees released, and the like. A key that exists already is refused by the database. */
export async function writeJournals(db: Db, journals: readonly Journal[]): Promise<void> {
  if (journals.length === 0) return;
  const { rows: mapped } = await db.query<{ entity_id: string; accounts: Record<string, string> }>(
    `SELECT entity_id, jsonb_object_agg(key, gl_account) AS accounts FROM gl_mapping m WHERE entity_id = ANY($1) AND version = (SELECT max(version) FROM gl_mapping WHERE entity_id = m.entity_id) GROUP BY 1`,
    [[...new Set(journals.map((j) => j.entityId))]],
  );
  const rows = journalRows(journals, new Map(mapped.map((m) => [m.entity_id, new Map(Object.entries(m.accounts))])));
  if (rows.length > 0) await copyIn(db, rows);
}

/** The rows of journals, ready for COPY beside others; a journal that comes to nothing has none. */
export function journalRows(journals: readonly Journal[], gl: GlAccounts): ReturnType<typeof rowsFor>[] {
  const withEntries = journals.map((journal) => ({ journal, entries: entriesOf(journal, gl.get(journal.entityId) ?? new Map()) })).filter(({ entries }) => entries.length > 0);
  if (withEntries.length === 0) return [];
  return [
    rowsFor(
      journalTable,
      withEntries.map(({ journal }) => journal),
    ),
    rowsFor(
      entryTable,
      withEntries.flatMap(({ entries }) => entries),
    ),
  ];
}

const ofNothing = { costCenter: null, siteId: null, vatCode: null, serviceMonth: null, sourceId: null };

/** One entry per account, unit and dimensions. What the mapping does not name stays without: the month-end accrual asks for it. */
export function entriesOf({ key, booked }: Pick<Journal, 'key' | 'booked'>, accounts: ReadonlyMap<string, string>): Entry[] {
  const entries = new Map<string, Entry>();
  for (const { event, of, withMoney, withEnergy } of booked) {
    const { glAccount: ownGl, ...rest } = of;
    const dimensions = `${of.accountId}\n${of.costCenter}\n${of.siteId}\n${of.vatCode}\n${of.serviceMonth}\n${of.sourceId}`;
    for (const { ledgerAccount, unit, amount, book } of postingsFor(event)) {
      const glKey = glKeyOf(ledgerAccount, of.vatCode);
      const glAccount = accountsOfCharges.has(ledgerAccount) ? ownGl : glKey === null ? null : (accounts.get(glKey) ?? null);
      const isOfParty = accountsOfParties.has(ledgerAccount);
      const entryKey = `${ledgerAccount}\n${unit}\n${glAccount}\n${isOfParty ? of.accountId : dimensions}`;
      let entry = entries.get(entryKey);
      if (entry === undefined) {
        entry = { ...(isOfParty ? { ...ofNothing, accountId: of.accountId } : rest), key, ledgerAccount, unit, glAccount, amount: 0n, book: 0n, count: 0 };
        entries.set(entryKey, entry);
      }
      entry.amount += amount;
      entry.book += book;
      entry.count += unit === 'Wh' ? withEnergy : withMoney;
    }
  }
  return [...entries.values()].filter((e) => e.amount !== 0n || e.book !== 0n);
}
