import type { Db } from '../db.ts';
import type { Lanes } from '../lanes.ts';

const accountsPerChunk = 1000;

/** In parts of about the same size, at most so many. */
export function partsOf<T>(all: readonly T[], most: number): T[][] {
  return inPartsOf(all, Math.ceil(all.length / most));
}

/** Accounts in parts that one statement takes: by index whatever the size of the tables, so that a run costs what it bills and not what there is. As many for each lane, so that none works alone at the end. */
export function chunksOf(accounts: readonly string[], lanes: number): string[][] {
  const ofLane = Math.ceil(accounts.length / (lanes * accountsPerChunk));
  return partsOf(accounts, lanes * ofLane);
}

function inPartsOf<T>(all: readonly T[], size: number): T[][] {
  const parts: T[][] = [];
  for (let from = 0; from < all.length; from += size) parts.push(all.slice(from, from + size));
  return parts;
}

/** Accounts in the order of the database: from one, included, to the next range's; null for no bound. */
export type AccountRange = { readonly from: string | null; readonly to: string | null };

/** So many pages of the list of open charges say well enough whose they are. */
const pagesSampled = 100;
const sampledPercent = `least(100, ${pagesSampled} * 100.0 * 8192 / greatest(pg_relation_size('open_charge'), 1))`;

/** Ranges of accounts, at most one for each lane, that together hold them all, with about as many of the charges that run may claim: as who pays, or as who is paid. */
export async function accountRanges(db: Db, runId: string, { width, worth }: Lanes, side: 'payers' | 'payees'): Promise<AccountRange[]> {
  if (width === 1) return [{ from: null, to: null }];
  const { rows } = await db.query<{ bound: string }>(
    `WITH own AS (
         SELECT o.account_id, count(*) AS n FROM billing_run r JOIN open_charge o TABLESAMPLE SYSTEM (${sampledPercent}) REPEATABLE (0) ON o.entity_id = r.entity_id AND o.service_month <= r.period WHERE r.id = $1 GROUP BY 1),
       upto AS (SELECT o.account_id, sum(n) OVER (ORDER BY o.account_id) AS n, sum(n) OVER () AS total FROM own o JOIN account a ON a.id = o.account_id AND (a.strategy IN ('selfBilling', 'reimbursement')) = ($3 = 'payees'))
     SELECT min(account_id) AS bound FROM upto WHERE total * 100 / ${sampledPercent} >= $4 GROUP BY floor((n - 1) * $2 / total) ORDER BY 1`,
    [runId, width, side, worth.charges],
  );
  const bounds = rows.slice(1).map((r) => r.bound);
  return [null, ...bounds].map((from, i) => ({ from, to: bounds[i] ?? null }));
}
