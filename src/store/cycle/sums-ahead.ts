import type { Db } from '../db.ts';
import { inLanes, type Lanes } from '../lanes.ts';
import { type AccountRange, accountRanges } from './chunks.ts';
import { settlingAccounts } from './document-setup.ts';
import { claimsOf, keepSums, likelyLines } from './likely-lines.ts';
import { between, freshSales, openShares } from './open-of-run.ts';
import { ownerContracts, payeesOfContract, shareRoles } from './owner-contracts.ts';
import { patiently } from './patient-lock.ts';
import { earlierOpen, runAsItStands, selected } from './selection.ts';
import { planForAccounts, planForWholeRun } from './whole-run.ts';

const inRange = between('$2', '$3');

/** SQL that holds for a run `r` ($1) that claims all that is open of its accounts up to its month. Of others nothing is claimed by what was summed ahead. */
const takesMonths = `(r.kind = 'live' AND r.selection IS NULL AND r.full_month = r.period AND ${earlierOpen('period')} IS NULL)`;

const lockSums = (lock: string) => (db: Db, runId: string) => patiently(db, () => db.query(`SELECT ${lock}(hashtextextended('sums/' || $1, 0))`, [runId]));

/** Waits for what is being summed of a run, and keeps more from being summed until the caller's transaction ends. Taken before any other lock. */
export const besideSums = lockSums('pg_advisory_xact_lock');

/** SQL: accounts whose shares were summed ahead. */
const ofShares = '(SELECT s.account_id FROM sum_ahead s WHERE s.run_id = $1 AND s.of_shares)';

/** SQL that tells lists of charges apart without comparing them: how many, and 128 bits of their ids in whatever order. Columns `charges`, `mark`, `mark_too`. */
const marksOf = (chargeId: string) => `count(*)::integer AS charges, bit_xor(hashint8extended(${chargeId}, 1)) AS mark, bit_xor(hashint8extended(${chargeId}, 2)) AS mark_too`;

const ofRun = (column: string) => `(SELECT r.${column} FROM billing_run r WHERE r.id = $1)`;

/**
 * SQL: CTEs of the accounts from $2 to $3 that were summed ahead, `listed`, of their sums, `ahead`, and of the accounts of which something else is open, or not all of
 * it any more, `moved`. `also`: what else holds of a column with the account.
 */
const aheadAndMoved = (also: (account: string) => string = () => 'true') => `listed AS MATERIALIZED (
       SELECT a.account_id, a.charges, a.mark, a.mark_too FROM sum_ahead a WHERE a.run_id = $1 AND ${inRange('a.account_id')} AND ${also('a.account_id')}),
     ahead AS MATERIALIZED (
       SELECT s.account_id, s.contract_id, s.document_id, s.line_no, s.charge_ids, s.record_ids FROM listed a JOIN claim_sum s ON s.run_id = $1 AND s.account_id = a.account_id AND ${inRange('s.account_id')}),
     moved AS MATERIALIZED (
       SELECT coalesce(o.account_id, a.account_id) AS account_id
       FROM (SELECT o.account_id, ${marksOf('o.charge_id')} FROM open_charge o WHERE o.entity_id = ${ofRun('entity_id')} AND o.service_month <= ${ofRun('period')} AND ${inRange('o.account_id')} GROUP BY 1) o
       FULL JOIN listed a ON a.account_id = o.account_id WHERE (o.charges, o.mark, o.mark_too) IS DISTINCT FROM (a.charges, a.mark, a.mark_too) AND ${also('coalesce(o.account_id, a.account_id)')})`;

/**
 * Sums by account what a run that collects would claim now, as closing its set does: what has not changed until then is claimed by these sums,
 * and not read again. Only what moved since the last time is summed anew. In lanes of accounts, each in a transaction of its own.
 */
export async function sumAhead(db: Db, runId: string, lanes: Lanes): Promise<void> {
  const { rows } = await db.query<{ entity_id: string }>(`SELECT r.entity_id FROM billing_run r WHERE r.id = $1 AND r.state = 'collecting' AND ${takesMonths}`, [runId]);
  if (rows[0] === undefined) return;
  const contracts = await ownerContracts(db, rows[0].entity_id);
  const settling = await settlingAccounts(db, runId, rows[0].entity_id, contracts.flatMap(payeesOfContract));
  await inLanes(lanes, await accountRanges(db, runId, lanes, 'payers'), (lane, range) => sumRange(lane, runId, range, settling));
}

async function sumRange(db: Db, runId: string, { from, to }: AccountRange, settling: readonly string[]): Promise<void> {
  await lockSums('pg_advisory_xact_lock_shared')(db, runId);
  // Where it waited for the closing, it has nothing to do any more.
  const stands = await db.query("SELECT FROM billing_run r WHERE r.id = $1 AND r.state = 'collecting' AND r.set_closed_at IS NULL", [runId]);
  if (stands.rowCount === 0) return;
  await planForWholeRun(db, 'open_charge');
  await db.query(
    `WITH ${aheadAndMoved()}, gone AS (DELETE FROM sum_ahead a WHERE a.run_id = $1 AND a.account_id IN (SELECT account_id FROM moved) RETURNING a.account_id)
     DELETE FROM claim_sum s USING gone g WHERE s.run_id = $1 AND s.account_id = g.account_id`,
    [runId, from, to],
  );
  const unsummed = (account: string) =>
    `${inRange(account)} AND ${account} NOT IN (SELECT s.account_id FROM claim_sum s WHERE s.run_id = $1) AND ${account} NOT IN (SELECT x.account_id FROM run_account x WHERE x.run_id = $1)`;
  const keep = (lines: string, ofShares: boolean) =>
    `WITH lines AS MATERIALIZED (${lines}), kept AS (${keepSums('lines')} RETURNING account_id, charge_ids)
     INSERT INTO sum_ahead (run_id, account_id, of_shares, charges, mark, mark_too) SELECT $1, k.account_id, ${ofShares}, ${marksOf('k.charge_id')} FROM (SELECT account_id, unnest(charge_ids) AS charge_id FROM kept) k GROUP BY k.account_id`;
  await db.query(keep(likelyLines(freshSales(unsummed)), false), [runId, from, to]);
  // Of who has both sales and shares, the sales alone are not all: they are summed when the set closes.
  await db.query(keep(likelyLines({ account: 'c.payee_account_id', from: openShares(unsummed), settles: 'c.payee_account_id = ANY($4)' }), true), [runId, from, to, settling]);
  await planForAccounts(db);
}

/** SQL: claims what was summed ahead of accounts from $2 to $3 as far as it is `whole`: nothing moved, and none of it is `unsure`, by CTEs of its own. Answers what `answer` selects. */
const claimWhole = (ctes: string, answer: string) => `WITH ${ctes},
     whole AS MATERIALIZED (
       SELECT a.account_id FROM ${runAsItStands} r CROSS JOIN listed a
       WHERE a.account_id NOT IN (SELECT account_id FROM moved) AND a.account_id NOT IN (SELECT account_id FROM unsure) AND ${selected('a.account_id')}),
     claimed AS (INSERT INTO claim (charge_id, run_id, account_id, disposition, document_id, line_no) ${claimsOf('SELECT * FROM ahead WHERE account_id IN (SELECT account_id FROM whole)')}),
     noted AS (INSERT INTO run_account (run_id, account_id, state, plain) SELECT $1, account_id, 'pending', true FROM whole ON CONFLICT (run_id, account_id) DO UPDATE SET state = 'pending', reason = NULL),
     stand AS (DELETE FROM sum_ahead a WHERE a.run_id = $1 AND a.account_id IN (SELECT account_id FROM whole))
     ${answer}`;

/** Forgets what was summed ahead of accounts from $2 to $3 and not claimed. */
const forget = (also = 'true') => `WITH gone AS (DELETE FROM sum_ahead a WHERE a.run_id = $1 AND ${inRange('a.account_id')} AND ${also} RETURNING a.account_id)
     DELETE FROM claim_sum s USING gone g WHERE s.run_id = $1 AND s.account_id = g.account_id`;

/** Forgets all that was summed ahead for a run. */
export async function forgetSumsAhead(db: Db, runId: string): Promise<void> {
  await db.query(forget(), [runId, null, null]);
}

const anyAhead = async (db: Db, runId: string) => (await db.query('SELECT FROM sum_ahead WHERE run_id = $1 LIMIT 1', [runId])).rowCount !== 0;

/** Claims the sales of payers of a range of whom all that is open was summed ahead, and forgets what was summed of the others. Answers whether anything is left to claim. */
export async function claimSalesAhead(db: Db, runId: string, { from, to }: AccountRange): Promise<{ readonly isAll: boolean }> {
  if (!(await anyAhead(db, runId))) return { isAll: false };
  await planForWholeRun(db, 'open_charge');
  const payers = (account: string) => `${account} NOT IN ${ofShares}`;
  // Of whom each session has a document by now, no sums are kept.
  const unsure = `unsure AS MATERIALIZED (SELECT a.account_id FROM listed a JOIN billing_run r ON r.id = $1 JOIN account y ON y.id = a.account_id WHERE y.strategy = 'cardReceipt' OR NOT ${takesMonths})`;
  const { rows } = await db.query<{ is_all: boolean }>(claimWhole(`${aheadAndMoved(payers)}, ${unsure}`, 'SELECT NOT EXISTS (SELECT FROM moved UNION ALL SELECT FROM unsure) AS is_all'), [
    runId,
    from,
    to,
  ]);
  await db.query(forget(payers('a.account_id')), [runId, from, to]);
  await planForAccounts(db);
  return { isAll: rows[0]?.is_all ?? false };
}

/**
 * The same of payees' shares, once the sales are claimed: of whom every sale is billed by the run as it was summed. How many shares of each contract.
 */
export async function claimSharesAhead(
  db: Db,
  runId: string,
  { from, to }: AccountRange,
): Promise<{ readonly isAll: boolean; readonly shares: readonly { readonly contract_id: string; readonly shares: bigint }[] }> {
  if (!(await anyAhead(db, runId))) return { isAll: false, shares: [] };
  await planForWholeRun(db, 'open_charge');
  const unsure = `unsure AS MATERIALIZED (
       SELECT m.account_id FROM (SELECT account_id, unnest(record_ids) AS record_id FROM ahead) m WHERE m.record_id IS NOT NULL AND NOT EXISTS (
         SELECT FROM (SELECT unnest(s.record_ids) AS record_id FROM claim_sum s WHERE s.run_id = $1 AND s.role NOT IN ${shareRoles}) n WHERE n.record_id = m.record_id)
       UNION SELECT a.account_id FROM ahead a JOIN contract_version v ON v.contract_id = a.contract_id AND v.clauses->>'basis' = 'paid')`;
  const { rows } = await db.query<{ is_all: boolean; contract_id: string | null; shares: bigint }>(
    claimWhole(
      `${aheadAndMoved()}, ${unsure}`,
      `SELECT NOT EXISTS (SELECT FROM moved UNION ALL SELECT FROM unsure) AS is_all, contract_id, sum(cardinality(array_remove(record_ids, NULL)))::bigint AS shares
       FROM (SELECT contract_id, record_ids FROM ahead WHERE account_id IN (SELECT account_id FROM whole) UNION ALL SELECT NULL, '{}') l GROUP BY contract_id`,
    ),
    [runId, from, to],
  );
  await db.query(forget('a.of_shares'), [runId, from, to]);
  await planForAccounts(db);
  return { isAll: rows[0]?.is_all ?? false, shares: rows.flatMap((r) => (r.contract_id === null ? [] : [{ contract_id: r.contract_id, shares: r.shares }])) };
}
