import type { QueryResultRow } from 'pg';
import type { Compared, Figures, RunDiff } from '../../contracts/run-diff.ts';
import { type AccountPreview, addCauses, type Causes, type Cell, causes, emptyPreview, explainDifference, noCauses, payableOf } from '../../core/cycle/explain-difference.ts';
import { groupBy } from '../../core/group-by.ts';
import { formatMinor } from '../../core/money.ts';
import { Refused } from '../commands/refusal.ts';
import { previewAccounts } from '../cycle/record-preview.ts';
import type { Db } from '../db.ts';
import { cursorAt, keysBefore, type PageOrder } from './page.ts';

/** Accounts whose cells are in memory at a time. */
const accountsPerChunk = 2000;

type Side = { readonly preview: AccountPreview; readonly documents: number; readonly lines: number };
/** `strategy`: by which it was billed; null in a build of before that was kept. */
type OwnSide = Side & { readonly strategy: string | null };
type Pair = { readonly accountId: string; readonly accountName: string; readonly strategy: string; readonly currency: string; readonly before: Side; readonly after: Side };
type Build = { readonly runId: string; readonly build: number; readonly period: string };
type Sum = { before: Side; after: Side; causes: Causes };

const noSide: Side = { preview: emptyPreview, documents: 0, lines: 0 };
/** Documents by which others are paid. */
const owedBy: ReadonlySet<string> = new Set(['selfBilling', 'partnerPurchase', 'reimbursement']);

/**
 * How the preview of a run differs from another: a run by its id, `lastMonth` or `previousPreview` of the same run; by account and currency in
 * pages, and in total. From what each build kept, so that neither later claims nor later runs change the answer. Refused where one of them has no preview.
 */
export async function runDiff(db: Db, runId: string, against: string, page: PageOrder): Promise<RunDiff> {
  const after = await newestBuild(db, runId);
  if (after === undefined) throw new Refused('wrongState', `run ${runId} has no preview yet`);
  const before = await resolve(db, after, against);
  const accounts = await accountIds(db, before, after);
  const sums = new Map<string, Sum>();
  const items: RunDiff['items'][number][] = [];
  let more = false;
  const list = ['differences', runId, against] as const;
  const seen = keysBefore(list, page.cursor);
  const past = (pair: Pick<Pair, 'accountId' | 'currency'>) => {
    const [account = '', currency = ''] = seen ?? [];
    return pair.accountId > account || (pair.accountId === account && pair.currency > currency);
  };
  for (let from = 0; from < accounts.length; from += accountsPerChunk) {
    for (const pair of await load(db, before, after, accounts.slice(from, from + accountsPerChunk))) {
      const found = explainDifference(pair.before.preview, pair.after.preview);
      const key = JSON.stringify([owedBy.has(pair.strategy) ? 'owed' : 'billed', pair.currency]);
      const sum = sums.get(key) ?? { before: noSide, after: noSide, causes: noCauses };
      sums.set(key, { before: plus(sum.before, pair.before), after: plus(sum.after, pair.after), causes: addCauses(sum.causes, found) });
      if (!past(pair)) continue;
      if (items.length === page.limit) more = true;
      else items.push({ accountId: pair.accountId, accountName: pair.accountName, strategy: pair.strategy, ...compared(pair, found, pair.currency), currency: pair.currency });
    }
  }
  const totals = [...sums]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, sum]) => {
      const [side, currency] = JSON.parse(key) as ['billed' | 'owed', string];
      return { side, currency, ...compared(sum, sum.causes, currency) };
    });
  const last = items.at(-1);
  return { runId, build: after.build, against: before, totals, items, nextCursor: more && last !== undefined ? cursorAt(list, last.accountId, last.currency) : null };
}

async function newestBuild(db: Db, runId: string): Promise<Build | undefined> {
  const { rows } = await db.query('SELECT r.label AS period, max(b.build) AS build FROM billing_run r JOIN preview_build b ON b.run_id = r.id WHERE r.id = $1 GROUP BY r.id', [runId]);
  return rows[0] === undefined ? undefined : { runId, build: rows[0].build, period: rows[0].period };
}

async function resolve(db: Db, after: Build, against: string): Promise<Build> {
  if (against === 'previousPreview') {
    if (after.build < 2) throw new Refused('wrongState', `run ${after.runId} was built once: there is no preview before`);
    return { ...after, build: after.build - 1 };
  }
  const other = against === 'lastMonth' ? `f.kind = 'live' AND f.state <> 'cancelled' AND f.selection IS NULL AND f.calendar_id = r.calendar_id AND f.period_end = r.period_start` : 'f.id = $2';
  const { rows } = await db.query(`SELECT f.id FROM billing_run r JOIN billing_run f ON f.entity_id = r.entity_id AND ${other} WHERE r.id = $1`, [
    after.runId,
    ...(against === 'lastMonth' ? [] : [against]),
  ]);
  const before = rows[0] === undefined ? undefined : await newestBuild(db, rows[0].id);
  if (before === undefined) throw new Refused('notFound', `the entity of run ${after.runId} has no preview "${against}" to compare with`);
  return before;
}

async function accountIds(db: Db, before: Build, after: Build): Promise<string[]> {
  const { rows } = await db.query<{ account_id: string }>('SELECT account_id FROM preview_account WHERE run_id = $1 OR run_id = $2 GROUP BY account_id ORDER BY account_id COLLATE "C"', [
    before.runId,
    after.runId,
  ]);
  return rows.map((r) => r.account_id);
}

async function load(db: Db, before: Build, after: Build, accounts: readonly string[]): Promise<Pair[]> {
  const names = await db.query('SELECT a.id, a.strategy, p.name FROM account a JOIN party p ON p.id = a.party_id WHERE a.id = ANY($1) ORDER BY a.id COLLATE "C"', [accounts]);
  const [from, to] = [await sidesOf(db, before, accounts), await sidesOf(db, after, accounts)];
  return names.rows.flatMap((a): Pair[] => {
    const [own, other] = [from.get(a.id), to.get(a.id)];
    return [...new Set([...(own?.keys() ?? []), ...(other?.keys() ?? [])])].sort().map((currency) => ({
      accountId: a.id,
      accountName: a.name,
      strategy: other?.get(currency)?.strategy ?? own?.get(currency)?.strategy ?? a.strategy,
      currency,
      before: own?.get(currency) ?? noSide,
      after: other?.get(currency) ?? noSide,
    }));
  });
}

/** What accounts come to in a build, by account and currency. */
async function sidesOf(db: Db, { runId, build }: Build, accounts: readonly string[]): Promise<Map<string, Map<string, OwnSide>>> {
  const rows = await db.query(`SELECT * FROM (${previewAccounts('$1', '$2::integer')}) p WHERE account_id = ANY($3)`, [runId, build, accounts]);
  const cells = await db.query(
    `SELECT x.account_id, x.currency, x.nature, x.excluded, x.role, x.component, x.unit_price, sum(x.quantity)::bigint AS quantity, sum(x.net_minor)::bigint AS net, sum(x.energy_wh)::bigint AS wh
     FROM (${previewAccounts('$1', '$2::integer')}) p JOIN preview_cell x ON (x.run_id, x.account_id, x.build, x.currency) = (p.run_id, p.account_id, p.build, p.currency)
     WHERE x.account_id = ANY($3) GROUP BY 1, 2, 3, 4, 5, 6, 7`,
    [runId, build, accounts],
  );
  const keyOf = (r: QueryResultRow) => `${r['account_id']} ${r['currency']}`;
  const cellsOf = groupBy(cells.rows, keyOf);
  return new Map(
    [...groupBy(rows.rows, (r) => r.account_id as string)].map(([account, own]) => [
      account,
      new Map(
        own.map((r) => [
          r.currency as string,
          {
            documents: r.documents,
            lines: r.lines,
            strategy: r.strategy,
            preview: { netMinor: r.net_minor, vatMinor: r.vat_minor, roundingMinor: r.rounding_minor, energyWh: r.energy_wh, cells: (cellsOf.get(keyOf(r)) ?? []).map(cellOf) },
          },
        ]),
      ),
    ]),
  );
}

function cellOf(r: QueryResultRow): Cell {
  return {
    nature: r['nature'],
    excluded: r['excluded'],
    role: r['role'],
    component: r['component'],
    unitPrice: r['unit_price'],
    quantity: r['quantity'],
    netMinor: r['net'],
    energyWh: r['wh'],
  };
}

function plus(a: Side, b: Side, sign = 1n): Side {
  const add = (pick: (p: AccountPreview) => bigint) => pick(a.preview) + sign * pick(b.preview);
  const preview = { netMinor: add((p) => p.netMinor), vatMinor: add((p) => p.vatMinor), roundingMinor: add((p) => p.roundingMinor), energyWh: add((p) => p.energyWh), cells: [] };
  return { preview, documents: a.documents + Number(sign) * b.documents, lines: a.lines + Number(sign) * b.lines };
}

function compared({ before, after }: { readonly before: Side; readonly after: Side }, found: Causes, currency: string): Compared {
  const figures = ({ preview, documents, lines }: Side): Figures => ({
    documents,
    lines,
    net: formatMinor(preview.netMinor, currency),
    vat: formatMinor(preview.vatMinor, currency),
    payable: formatMinor(payableOf(preview), currency),
    energyWh: preview.energyWh.toString(),
  });
  return {
    before: figures(before),
    after: figures(after),
    difference: figures(plus(after, before, -1n)),
    causes: causes
      .filter((cause) => found[cause].minor !== 0n || found[cause].energyWh !== 0n)
      .map((cause) => ({ cause, payable: formatMinor(found[cause].minor, currency), energyWh: found[cause].energyWh.toString() })),
  };
}
