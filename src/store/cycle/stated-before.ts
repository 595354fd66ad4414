import { groupBy } from '../../core/group-by.ts';
import type { Db } from '../db.ts';
import { siteShareRoles } from './booked-shares.ts';
import { accountsKept, goesBefore } from './drafts.ts';
import { movedSessions } from './payer-months.ts';
import { issuingStates } from './run-state.ts';
import { amongIds } from './whole-run.ts';

/** A contract whose month an earlier run stated otherwise than it stands now, and one of its payees. */
export type StatedBefore = { readonly contractId: string; readonly payeeId: string; readonly month: string };

/**
 * What a run has to state anew since the statement was fixed before it was known: of sales that the run claims and whose share an earlier run
 * stated (they were left out, or put out, after the owner's group was approved), of whatever else an earlier run built after that, of what one
 * took in of months that it left alone, since another had not issued, of what one stated nothing of, since a payee was parked, and of sales whose
 * site is another's by now. An off-cycle run states nobody beside its accounts.
 */
export async function statedBefore(db: Db, runId: string): Promise<readonly StatedBefore[]> {
  const found = [...(await knownTo(db, runId))];
  for (const left of await leftAloneBy(db, runId))
    found.push(...(await takenIn(db, left)), ...(await knownTo(db, left.runId)).filter((s) => s.month <= left.month && (left.accountIds?.includes(s.payeeId) ?? true)));
  found.push(...(await behindParked(db, await parkedIn(db, runId))));
  return found;
}

/** What a run itself has to state anew: what it left alone, or could not state, another has to in its place. */
async function knownTo(db: Db, runId: string): Promise<readonly StatedBefore[]> {
  const found = [...(await ofSalesClaimed(db, runId))];
  for (const group of await builtAfterApproval(db, runId)) found.push(...(await behindAccounts(db, group)));
  return found;
}

async function ofSalesClaimed(db: Db, runId: string): Promise<readonly StatedBefore[]> {
  const { rows } = await db.query<StatedBefore>(
    `WITH kept AS MATERIALIZED (SELECT account_id, min(service_month) AS since FROM claim_sum WHERE run_id = $1 GROUP BY 1),
     -- Of all others the sums say that nothing is of an earlier month.
     asked AS MATERIALIZED (
       SELECT x.account_id FROM billing_run r JOIN run_account x ON x.run_id = r.id LEFT JOIN kept n ON n.account_id = x.account_id WHERE r.id = $1 AND r.selection IS NULL AND (n.account_id IS NULL OR n.since < r.period)),
     sold AS MATERIALIZED (
       SELECT DISTINCT c.record_id, c.revision FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id JOIN billing_run r ON r.id = k.run_id
       WHERE k.run_id = $1 AND ${amongIds('k.account_id', 'asked')} AND c.payer_account_id IS NOT NULL AND c.record_id IS NOT NULL AND c.service_month < r.period)
     SELECT h.contract_id AS "contractId", h.payee_account_id AS "payeeId", min(h.service_month) AS month FROM sold s
     JOIN rated_charge h ON h.record_id = s.record_id AND h.revision = s.revision AND h.role IN ${siteShareRoles} AND h.payer_account_id IS NULL
     JOIN claim k ON k.charge_id = h.charge_id AND k.run_id <> $1 AND k.disposition = 'document' GROUP BY 1, 2
     UNION ALL
     -- Booked for another, or for nobody, since it was said later whose the site was.
     SELECT q.id, q.account_id, min(b.service_month) FROM sold s JOIN charge_record b ON b.record_id = s.record_id AND b.revision = s.revision
     JOIN site_holder x ON x.site_id = b.site_id AND b.start_at >= x.valid_from AND b.start_at < x.valid_to JOIN contract q ON q.account_id = x.owner_account_id AND q.kind = 'revenueShare'
     WHERE NOT EXISTS (SELECT FROM rated_charge h WHERE h.record_id = s.record_id AND h.revision = s.revision AND h.contract_id = q.id) GROUP BY 1, 2`,
    [runId],
  );
  return rows;
}

type BuiltAfter = { readonly runId: string; readonly group: string; readonly accountIds: readonly string[] };

/** Groups of earlier runs that were approved before other accounts of their run were built again, with these; of runs that have issued, or begun to, since the run before closed its set. */
async function builtAfterApproval(db: Db, runId: string): Promise<readonly BuiltAfter[]> {
  const { rows } = await db.query<{ runId: string; group: string; accountIds: string[] }>(
    `SELECT g.run_id AS "runId", g.name AS "group", array_agg(DISTINCT x.account_id) AS "accountIds"
     FROM billing_run r JOIN billing_run o ON o.entity_id = r.entity_id AND o.kind = 'live' AND r.selection IS NULL AND o.id <> r.id AND o.state IN ${issuingStates}
       AND (o.closed_at IS NULL OR o.closed_at > coalesce((SELECT max(p.set_closed_at) FROM billing_run p WHERE p.calendar_id = r.calendar_id AND p.kind = 'live' AND p.selection IS NULL AND p.period_end < r.period_end AND p.state <> 'cancelled'), '-infinity'))
     JOIN release_group g ON g.run_id = o.id
     JOIN approval a ON a.run_id = g.run_id AND a.group_name = g.name AND a.decision = 'approve' AND a.content_hash = g.content_hash AND a.review = g.review
     JOIN preview_build b ON b.run_id = g.run_id AND b.built_at > a.decided_at
     JOIN preview_account x ON x.run_id = b.run_id AND x.build = b.build
     WHERE r.id = $1 GROUP BY 1, 2`,
    [runId],
  );
  return rows;
}

/** The statements of a group that sales of these accounts are behind, or what these move (D44). */
async function behindAccounts(db: Db, { runId, group, accountIds }: BuiltAfter): Promise<readonly StatedBefore[]> {
  const { rows } = await db.query<StatedBefore>(
    `WITH ${movedSessions('$2')}
     SELECT p.contract_id AS "contractId", p.payee AS "payeeId", min(p.month) AS month FROM (
       SELECT h.contract_id, h.payee_account_id AS payee, h.service_month AS month FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id
       JOIN rated_charge h ON h.record_id = c.record_id AND h.payee_account_id IS NOT NULL AND h.role IN ${siteShareRoles} WHERE k.run_id = $1 AND k.account_id = ANY($2) AND c.payer_account_id IS NOT NULL
       UNION SELECT h.contract_id, h.payee_account_id, h.service_month FROM moved s JOIN rated_charge h ON h.record_id = s.record_id AND h.revision = s.revision AND h.payee_account_id IS NOT NULL AND h.role IN ${siteShareRoles}) p
     JOIN account a ON a.id = p.payee LEFT JOIN run_account x ON x.run_id = $1 AND x.account_id = p.payee
     WHERE coalesce(x.group_name, a.release_group) = $3 GROUP BY 1, 2`,
    [runId, accountIds, group],
  );
  return rows;
}

type LeftAlone = { readonly runId: string /** And the months before it. */; readonly month: string /** Of these; null: of all. */; readonly accountIds: readonly string[] | null };

/** Earlier runs that left months alone since another had not issued, which it has since, or was cancelled; but where a run of this one's calendar that closed its set after both has stated them. */
export async function leftAloneBy(db: Db, runId: string): Promise<readonly LeftAlone[]> {
  const { rows } = await db.query<LeftAlone>(
    `SELECT p.id AS "runId", o.period AS month, ${accountsKept('p')} AS "accountIds"
     FROM billing_run r JOIN billing_run p ON p.entity_id = r.entity_id AND p.kind = 'live' AND p.id <> r.id AND p.state IN ${issuingStates}
       JOIN billing_run o ON o.entity_id = r.entity_id AND o.kind = 'live' AND o.id <> p.id AND o.id <> r.id AND ${goesBefore('p')}
       CROSS JOIN LATERAL (SELECT CASE o.state WHEN 'cancelled' THEN (SELECT max(a.at) FROM audit_event a WHERE a.subject = o.id AND a.action = 'run.cancel') ELSE o.closed_at END AS at) e
     WHERE r.id = $1 AND (e.at IS NULL OR e.at > p.set_closed_at) AND NOT EXISTS (
       SELECT FROM billing_run q WHERE q.calendar_id = r.calendar_id AND q.kind = 'live' AND q.selection IS NULL AND q.state <> 'cancelled' AND q.period_end < r.period_end AND q.set_closed_at > p.closed_at AND q.set_closed_at > e.at)`,
    [runId],
  );
  return rows;
}

/** Shares that a run claims of months that it left alone, and of sessions there that it moves (D44). */
async function takenIn(db: Db, { runId, month, accountIds }: LeftAlone): Promise<readonly StatedBefore[]> {
  const { rows } = await db.query<StatedBefore>(
    `WITH ${movedSessions()}
     SELECT p.contract_id AS "contractId", p.payee AS "payeeId", min(p.month) AS month FROM (
       SELECT h.contract_id, h.payee_account_id AS payee, h.service_month AS month FROM claim k JOIN rated_charge h ON h.charge_id = k.charge_id AND h.payer_account_id IS NULL AND h.role IN ${siteShareRoles} WHERE k.run_id = $1 AND k.disposition = 'document'
       UNION SELECT h.contract_id, h.payee_account_id, h.service_month FROM moved s JOIN rated_charge h ON h.record_id = s.record_id AND h.revision = s.revision AND h.payee_account_id IS NOT NULL AND h.role IN ${siteShareRoles}) p
     WHERE p.month <= $2 AND ($3::text[] IS NULL OR p.contract_id IN (SELECT id FROM contract WHERE account_id = ANY($3))) GROUP BY 1, 2`,
    [runId, month, accountIds],
  );
  return rows;
}

type Parked = { readonly runId: string /** Its first. */; readonly month: string /** And the months before it. */; readonly until: string; readonly contractId: string; readonly payeeId: string };

/** Contracts of whom somebody was parked in an earlier run, and no run that closed its set after that has stated it. */
async function parkedIn(db: Db, runId: string): Promise<readonly Parked[]> {
  const { rows } = await db.query<Parked>(
    `WITH payee AS MATERIALIZED (
       SELECT k.id AS contract_id, k.account_id FROM contract k WHERE k.kind = 'revenueShare'
       UNION SELECT v.contract_id, b->>'accountId' FROM contract k JOIN contract_version v ON v.contract_id = k.id CROSS JOIN LATERAL jsonb_array_elements(v.clauses->'beneficiaries') b WHERE k.kind = 'revenueShare')
     SELECT p.id AS "runId", p.first_month AS month, p.period AS until, y.contract_id AS "contractId", y.account_id AS "payeeId"
     FROM billing_run r JOIN billing_run p ON p.entity_id = r.entity_id AND p.kind = 'live' AND p.id <> r.id AND p.state IN ${issuingStates} CROSS JOIN payee y
       JOIN run_account x ON x.run_id = p.id AND x.account_id = y.account_id AND x.state = 'parked'
     WHERE r.id = $1 AND NOT EXISTS (
       SELECT FROM billing_run q JOIN run_account o ON o.run_id = q.id AND o.account_id = y.account_id AND o.state <> 'parked' WHERE q.kind = 'live' AND q.id <> r.id AND q.state IN ${issuingStates} AND q.set_closed_at > p.closed_at)`,
    [runId],
  );
  return rows;
}

/** All months of the runs in which these were parked, and what these took in, or moved, of months before (D44). */
async function behindParked(db: Db, parked: readonly Parked[]): Promise<readonly StatedBefore[]> {
  const found: StatedBefore[] = [...parked];
  for (const [runId, own] of groupBy(parked, (p) => p.runId)) {
    const contracts = new Set(own.map((p) => p.contractId));
    found.push(...[...(await takenIn(db, { runId, month: own[0]?.until ?? '', accountIds: null })), ...(await knownTo(db, runId))].filter((s) => contracts.has(s.contractId)));
  }
  return found;
}
