import type { Db } from '../db.ts';
import { inLanes, type Lanes, within } from '../lanes.ts';
import { type AccountRange, accountRanges } from './chunks.ts';
import { claimCreditOrders } from './credit-orders.ts';
import { withFeesWaiting } from './left-out-fee-rows.ts';
import { claimsOf, forgetSums, keepSums, likelyLines, onLikelyLines } from './likely-lines.ts';
import { anyAccount, between, freshSales, openSales } from './open-of-run.ts';
import { lanesOfRun, lockRun } from './run-state.ts';
import { notOfEarlier, selected, takesAll, withinPeriod } from './selection.ts';
import { besideSums, claimSalesAhead } from './sums-ahead.ts';
import { takeWaiting } from './waiting-adjustments.ts';
import { planForAccounts, planForWholeRun } from './whole-run.ts';

const columns = 'c.charge_id, c.payer_account_id, c.energy_wh, c.net_minor, c.currency';
/** Sales that closed runs carried. */
const carried = `SELECT ${columns}
  FROM billing_run r JOIN claim own ON own.disposition = 'carried' JOIN billing_run carrier ON carrier.id = own.run_id AND carrier.state = 'closed'
  JOIN rated_charge c ON c.charge_id = own.charge_id AND c.entity_id = r.entity_id AND ${withinPeriod('c', 'c.service_month')} AND c.payer_account_id IS NOT NULL
  LEFT JOIN claim original ON original.charge_id = c.reversal_of
  WHERE r.id = $1 AND (c.reversal_of IS NULL OR original.charge_id IS NOT NULL) AND ${notOfEarlier('c', 'c.service_month')} AND ${selected('c.payer_account_id')}`;
/**
 * Sale charges a run ($1) may claim: of its accounts and months, claimed by none, or carried by a run that is closed; not what an earlier run
 * that still collects will take in. A charge and its mirror
 * that no run has claimed cancel out and stay unclaimed; one that is carried comes along with its mirror, and they cancel out there. Asked
 * of the list of open charges, not of all there ever were.
 */
export const claimable = `SELECT ${columns} FROM ${openSales(anyAccount)} UNION ALL ${carried}`;
/** The same without what is carried, of the charges that no live run has claimed, whatever the run sees. */
export const claimableNow = `SELECT ${columns} FROM ${openSales(anyAccount, 'public.open_charge')}`;

/** A carried charge moves to the run that claims it now. */
export const takeOver =
  "ON CONFLICT (charge_id) DO UPDATE SET run_id = excluded.run_id, account_id = excluded.account_id, disposition = 'document', pulled_in_by = excluded.pulled_in_by WHERE claim.disposition = 'carried'";

const claim = 'INSERT INTO claim (charge_id, run_id, account_id, disposition, document_id, line_no)';

/**
 * Closes the record set of a live run: claims every charge it may, with it late ones of months whose runs have closed theirs. Repeatable: the set closes once. A
 * large one is claimed in lanes of accounts, each in a transaction of its own: a repeat after one of them claims what the others had not.
 */
export async function closeRecordSet(db: Db, runId: string, lanes: Lanes = within(db)): Promise<{ readonly claimed: number }> {
  await besideSums(db, runId);
  await lockRun(db, runId);
  const isOpen = await db.query('SELECT FROM billing_run WHERE id = $1 AND set_closed_at IS NULL', [runId]);
  if (isOpen.rowCount === 0) return claimedBy(db, runId);
  const ranges = await accountRanges(db, runId, lanes, 'payers');
  await inLanes(ranges.length === 1 ? within(db) : lanesOfRun(lanes, runId), ranges, (lane, range) => claimSales(lane, runId, range));
  await db.query(`UPDATE billing_run r SET set_closed_at = now(), takes_all = ${takesAll} WHERE id = $1`, [runId]);
  // What was pulled in while the run collected is of the set like all else: nothing of it is late, nor can it be put out from under the shares that are claimed with it.
  await db.query('UPDATE claim SET pulled_in_by = NULL WHERE run_id = $1 AND pulled_in_by IS NOT NULL', [runId]);
  // An insert that looks for conflicts row by row costs half as much again: this is for what is carried alone.
  await planForWholeRun(db, 'open_charge');
  const taken = await db.query<{ account_id: string }>(`${claim} ${onLikelyLines(`SELECT charge_id, payer_account_id AS account_id FROM (${carried}) c`)} ${takeOver} RETURNING account_id`, [runId]);
  await planForAccounts(db);
  await db.query(
    "INSERT INTO run_account (run_id, account_id, state) SELECT DISTINCT $1, a, 'pending' FROM unnest($2::text[]) AS t(a) ON CONFLICT (run_id, account_id) DO UPDATE SET state = 'pending', reason = NULL, plain = false",
    [runId, taken.rows.map((r) => r.account_id)],
  );
  await takeWaiting(db, runId);
  await markDueWithoutSessions(db, runId);
  await claimCreditOrders(db, runId);
  return claimedBy(db, runId);
}

async function claimedBy(db: Db, runId: string): Promise<{ readonly claimed: number }> {
  const { rows } = await db.query<{ n: bigint }>('SELECT count(*) AS n FROM claim WHERE run_id = $1', [runId]);
  return { claimed: Number(rows[0]?.n ?? 0n) };
}

/** Claims what is open of the accounts of a range, with its sums. */
async function claimSales(db: Db, runId: string, range: AccountRange): Promise<void> {
  if (!(await claimSalesAhead(db, runId, range)).isAll) await claimFresh(db, runId, range);
}

/** Claims what is open of the accounts of a range, summing it. */
async function claimFresh(db: Db, runId: string, { from, to }: AccountRange): Promise<void> {
  await planForWholeRun(db, 'open_charge');
  // `plain`: there is nothing to decide of the sessions that the account is billed.
  await db.query(
    `WITH lines AS MATERIALIZED (${likelyLines(freshSales(between('$2', '$3')))}),
       claimed AS (${claim} ${claimsOf('SELECT * FROM lines')}),
       before AS (${forgetSums('lines')}),
       kept AS (${keepSums('lines')})
     INSERT INTO run_account (run_id, account_id, state, plain) SELECT $1, account_id, 'pending', NOT bool_or(odd) FROM lines GROUP BY account_id
       ON CONFLICT (run_id, account_id) DO UPDATE SET state = 'pending', reason = NULL, plain = run_account.plain AND excluded.plain`,
    [runId, from, to],
  );
  await planForAccounts(db);
}

/** Marks the accounts that a month without a session costs something: fees and minimums are due all the same, and fees that wait. */
export async function markDueWithoutSessions(db: Db, runId: string): Promise<void> {
  await db.query(
    `INSERT INTO run_account (run_id, account_id, state, plain) SELECT DISTINCT r.id, a.id, 'pending', true FROM billing_run r JOIN account a ON a.entity_id = r.entity_id JOIN contract k ON k.account_id = a.id AND k.kind = 'supply'
       JOIN contract_version v ON v.contract_id = k.id AND v.valid_from < r.period_end + interval '1 month' AND v.valid_to > r.period_start - interval '2 months'
     WHERE r.id = $1 AND ${selected('a.id')} AND (v.clauses->'clauses' @> '[{"kind":"fee"}]' OR v.clauses->'clauses' @> '[{"kind":"minimum"}]')
     UNION SELECT r.id, w.account_id, 'pending', true FROM billing_run r CROSS JOIN LATERAL (${withFeesWaiting}) w WHERE r.id = $1 ON CONFLICT DO NOTHING`,
    [runId],
  );
}
