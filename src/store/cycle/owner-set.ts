import type { Db } from '../db.ts';
import { inLanes, type Lanes, within } from '../lanes.ts';
import { accountRanges } from './chunks.ts';
import { settlingAccounts } from './document-setup.ts';
import { claimsOf, forgetSums, keepSums, likelyLines, lineKey, summedColumns } from './likely-lines.ts';
import { between, openShares } from './open-of-run.ts';
import { guarantees, ownerContracts, ownersSince, payeesOfContract, shareRoles } from './owner-contracts.ts';
import { isPaid } from './paid-sales.ts';
import { decided, lanesOfRun, lockRun } from './run-state.ts';
import { runAsItStands, selected } from './selection.ts';
import { claimSharesAhead } from './sums-ahead.ts';
import { planForAccounts, planForWholeRun, withinIds } from './whole-run.ts';

export type OwnerSet = { /** Shares of sessions. */ readonly claimed: number };

/**
 * The payee side of a run's closed set, in a transaction after the one that claims the sales, which its lanes have to see: claims the site owners' shares and the drivers'
 * outlays at home whose sale this run or an earlier one bills (D16), and marks whose month is to be stated. What of it is stated each preview decides anew.
 * Many are claimed in lanes of payees, as sales are.
 */
export async function closeOwnerSet(db: Db, runId: string, lanes: Lanes = within(db)): Promise<OwnerSet> {
  await lockRun(db, runId);
  const run = (await db.query<{ entity_id: string }>('SELECT entity_id FROM billing_run WHERE id = $1', [runId])).rows[0];
  if (run === undefined) throw new RangeError(`no run "${runId}"`);
  const contracts = await ownerContracts(db, run.entity_id);
  const settling = await settlingAccounts(db, runId, run.entity_id, contracts.flatMap(payeesOfContract));
  const ranges = await accountRanges(db, runId, lanes, 'payees');
  const claimed = await inLanes(ranges.length === 1 ? within(db) : lanesOfRun(lanes, runId), ranges, async (lane, { from, to }) => {
    const ahead = await claimSharesAhead(lane, runId, { from, to });
    const rows = [...ahead.shares];
    if (!ahead.isAll) {
      await planForWholeRun(lane, 'open_charge');
      rows.push(...(await lane.query<{ contract_id: string; shares: bigint }>(claimShares, [runId, settling, from, to])).rows);
      await planForAccounts(lane);
    }
    const shared = new Set(rows.map((r) => r.contract_id));
    await markOwners(lane, runId, contracts.filter((c) => shared.has(c.contractId)).flatMap(payeesOfContract));
    return rows.reduce((sum, r) => sum + Number(r.shares), 0);
  });
  const changed = await ownersSince(db, runId);
  await markOwners(db, runId, contracts.filter((c) => guarantees(c) || changed.has(c.accountId)).flatMap(payeesOfContract));
  return { claimed: claimed.reduce((sum, n) => sum + n, 0) };
}

/** Marks whose month is to be stated: of contracts with shares in the set, or that guarantee something. */
async function markOwners(db: Db, runId: string, payees: readonly string[]): Promise<void> {
  await db.query(
    `INSERT INTO run_account (run_id, account_id, state, plain) SELECT $1, id, 'pending', true FROM (SELECT DISTINCT unnest($2::text[]) AS id ORDER BY 1) a
     WHERE EXISTS (SELECT FROM ${runAsItStands} r WHERE ${selected('a.id')}) ON CONFLICT DO NOTHING`,
    [runId, payees],
  );
}

/**
 * Claims what of the shares of a range of payees is released, and answers how many each contract has. A mirror goes with the charge it takes back.
 * Rows that a cancelled run stated are open again and come along. Of revenue that is paid a share waits for the payment; its mirror, for what it takes back.
 * What the run bills of sales is known by their sums, kept where nothing is a correction; of the other shares the sale's claims are asked.
 */
const claimShares = `WITH kept AS MATERIALIZED (
    SELECT DISTINCT unnest(s.record_ids) AS record_id FROM claim_sum s WHERE s.run_id = $1 AND s.role NOT IN ${shareRoles}),
  open AS MATERIALIZED (
    SELECT c.charge_id, c.payee_account_id, c.record_id, c.revision, c.reversal_of, c.clause, ${summedColumns}, ${lineKey}, v.clauses->>'basis' AS basis, n.record_id IS NOT NULL AS is_billed FROM ${openShares(between('$3', '$4'))}
    LEFT JOIN contract_version v ON v.contract_id = c.contract_id AND v.version = c.contract_version
    LEFT JOIN kept n ON n.record_id = c.record_id AND c.revision = 1 AND c.reversal_of IS NULL AND v.clauses->>'basis' IS DISTINCT FROM 'paid'
    WHERE ${selected('c.payee_account_id')}),
  asked AS MATERIALIZED (SELECT DISTINCT record_id, revision, basis FROM open WHERE NOT is_billed AND record_id IS NOT NULL),
  sold AS MATERIALIZED (
    SELECT DISTINCT s.charge_id, s.record_id, s.revision, s.reversal_of, o.basis FROM asked o
    JOIN rated_charge s ON s.record_id = o.record_id AND s.revision = o.revision AND ${withinIds('s.record_id', 'asked')} AND s.payer_account_id IS NOT NULL),
  billed AS (
    SELECT DISTINCT s.record_id, s.revision FROM sold s JOIN claim k ON k.charge_id = s.charge_id AND ${withinIds('k.charge_id', 'sold')} AND k.disposition <> 'carried'
    JOIN billing_run b ON b.id = k.run_id AND ${decided}),
  unpaid AS (
    SELECT DISTINCT s.record_id, s.revision FROM sold s JOIN claim k ON s.basis = 'paid' AND s.reversal_of IS NULL AND k.charge_id = s.charge_id AND ${withinIds('k.charge_id', 'sold')} AND NOT ${isPaid}),
  released AS (
    SELECT o.* FROM open o LEFT JOIN billed b ON b.record_id = o.record_id AND b.revision = o.revision LEFT JOIN unpaid u ON u.record_id = o.record_id AND u.revision = o.revision
    WHERE o.record_id IS NULL OR o.basis = 'rated' OR CASE WHEN o.reversal_of IS NOT NULL THEN o.basis IS DISTINCT FROM 'paid' OR EXISTS (SELECT FROM claim r WHERE r.charge_id = o.reversal_of)
      ELSE o.is_billed OR b.record_id IS NOT NULL AND u.record_id IS NULL END),
  lines AS MATERIALIZED (${likelyLines({ account: 'c.payee_account_id', from: 'released c', settles: 'c.payee_account_id = ANY($2)' })}),
  made AS (INSERT INTO claim (charge_id, run_id, account_id, disposition, document_id, line_no) ${claimsOf('SELECT * FROM lines')}),
  before AS (${forgetSums('lines')}),
  summed AS (${keepSums('lines')}),
  noted AS (INSERT INTO run_account (run_id, account_id, state, plain) SELECT $1, account_id, 'pending', NOT bool_or(odd) FROM lines GROUP BY account_id
    ON CONFLICT (run_id, account_id) DO UPDATE SET plain = run_account.plain AND excluded.plain)
  SELECT contract_id, coalesce(sum(cardinality(array_remove(record_ids, NULL))), 0)::bigint AS shares FROM lines GROUP BY contract_id`;

const sameSale = 's.record_id = c.record_id AND s.revision = c.revision AND (s.reversal_of IS NULL) = (c.reversal_of IS NULL) AND s.payer_account_id IS NOT NULL';

/** Lets shares follow sales that were pulled into the run, or put out again. */
export async function followPulledIn(db: Db, runId: string, payees: readonly string[]): Promise<void> {
  await db.query(
    `DELETE FROM claim k USING rated_charge c WHERE c.charge_id = k.charge_id AND k.run_id = $1 AND k.account_id = ANY($2) AND k.pulled_in_by IS NOT NULL AND c.payer_account_id IS NULL
       AND NOT EXISTS (SELECT FROM rated_charge s JOIN claim sk ON sk.charge_id = s.charge_id WHERE ${sameSale} AND sk.run_id = $1)`,
    [runId, payees],
  );
  await db.query(
    `INSERT INTO claim (charge_id, run_id, account_id, disposition, pulled_in_by)
     SELECT DISTINCT ON (c.charge_id) c.charge_id, $1, c.payee_account_id, 'document', sk.pulled_in_by
     FROM claim sk JOIN rated_charge s ON s.charge_id = sk.charge_id JOIN rated_charge c ON ${sameSale} AND c.role IN ${shareRoles} AND c.payee_account_id = ANY($2)
     JOIN open_charge o ON o.charge_id = c.charge_id LEFT JOIN contract_version v ON v.contract_id = c.contract_id AND v.version = c.contract_version
     WHERE sk.run_id = $1 AND sk.pulled_in_by IS NOT NULL AND v.clauses->>'basis' IS DISTINCT FROM 'paid'`,
    [runId, payees],
  );
}

/** Lets shares wait whose sale waits (D16), unless the contract shares what is rated; after the dispositions of the sales and of the payees themselves. */
export async function waitForSales(db: Db, runId: string, payees: readonly string[]): Promise<void> {
  await db.query(
    `UPDATE claim k SET disposition = 'carried', document_id = NULL, line_no = NULL FROM rated_charge c LEFT JOIN contract_version v ON v.contract_id = c.contract_id AND v.version = c.contract_version
     WHERE c.charge_id = k.charge_id AND k.run_id = $1 AND k.account_id = ANY($2) AND k.disposition = 'document' AND c.payer_account_id IS NULL AND c.record_id IS NOT NULL AND v.clauses->>'basis' IS DISTINCT FROM 'rated'
       AND EXISTS (SELECT FROM rated_charge s JOIN claim sk ON sk.charge_id = s.charge_id WHERE ${sameSale} AND sk.disposition = 'carried')`,
    [runId, payees],
  );
}

/** Opens what of shares waited in a run that closes: the next run asks anew whether its sale is billed. */
export async function freeWaitingShares(db: Db, runId: string): Promise<void> {
  await db.query(
    `DELETE FROM claim k USING rated_charge c WHERE c.charge_id = k.charge_id AND k.run_id = $1 AND k.disposition = 'carried' AND c.payer_account_id IS NULL AND c.role IN ${shareRoles}`,
    [runId],
  );
}
