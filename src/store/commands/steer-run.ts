import { blockingFindings, openExpectations, unexplained, unsigned } from '../cycle/run-reads.ts';
import { lockRun } from '../cycle/run-state.ts';
import { arrivedIn, selected } from '../cycle/selection.ts';
import type { Db } from '../db.ts';
import { waitsSql } from '../record-key.ts';
import { audit, type By } from './audit.ts';
import { type PostingDecision, releaseFollowers, runsOf } from './decide-postings.ts';
import { Refused } from './refusal.ts';

/** Moves the cut-off of a collecting run; without `at` it is now. The workflow is told after the commit. */
export async function moveCutOff(db: Db, runId: string, at: Date | undefined, by: By): Promise<{ readonly cutOffAt: Date }> {
  const state = await lockRun(db, runId);
  if (state !== 'planned' && state !== 'collecting') throw new Refused('wrongState', `run ${runId} is ${state}: its record set is closed; take late sessions in with pull-in`);
  // One that is held, or on its way to the next step, has closed its set already.
  const { rows } = await db.query<{ cut_off_at: Date }>('UPDATE billing_run SET cut_off_at = coalesce($2, now()) WHERE id = $1 AND set_closed_at IS NULL RETURNING cut_off_at', [runId, at ?? null]);
  const cutOffAt = rows[0]?.cut_off_at;
  if (cutOffAt === undefined) throw new Refused('wrongState', `run ${runId} has closed its record set: take late sessions in with pull-in`);
  await audit(db, by, { action: 'run.cutOff', subject: runId, after: { cutOffAt } });
  return { cutOffAt };
}

/** Puts what the ERP refused back into the queue; the workflow is told to try again after the commit. Answers how many, and the other runs of which something waited for it. */
export async function retryRun(db: Db, runId: string, by: By): Promise<{ readonly requeued: number; readonly others: PostingDecision['runs'] }> {
  const state = await lockRun(db, runId);
  if (state === 'closed' || state === 'cancelled') throw new Refused('wrongState', `run ${runId} is ${state}: there is nothing to retry`);
  const { rows } = await db.query<{ key: string }>(
    "UPDATE erp_posting SET state = 'queued', held_for = NULL, external_id = NULL, updated_at = now() WHERE run_id = $1 AND state IN ('refused', 'held') RETURNING key",
    [runId],
  );
  await audit(db, by, { action: 'run.retry', subject: runId, after: { requeued: rows.length } });
  const followers = await releaseFollowers(
    db,
    rows.map((r) => r.key),
  );
  const waiting = await runsOf(
    db,
    followers.map((f) => f.key),
  );
  return { requeued: rows.length, others: waiting.filter((run) => run.runId !== runId) };
}

/** Signs that what waits stays unbilled for now (invariant 12): the records and expectations (`{sourceId}/{key}`) named, or all, and with all the parked accounts, the invoices that wait for a purchase order and blocking findings. One decision each. */
export async function signCarry(
  db: Db,
  input: { readonly runId: string; readonly recordIds?: readonly string[] | undefined; readonly expectations?: readonly string[] | undefined; readonly reason: string; readonly by: By },
): Promise<{ readonly signed: number }> {
  const state = await lockRun(db, input.runId);
  if (state === 'closed' || state === 'cancelled') throw new Refused('wrongState', `run ${input.runId} is ${state}`);
  const { recordIds, expectations } = input;
  const all = recordIds === undefined && expectations === undefined;
  const { rowCount } = await db.query(
    `INSERT INTO decision (subject_kind, subject_id, run_id, action, reason, actor)
     SELECT 'record', h.record_id::text, r.id, 'carry', $3, $2 FROM billing_run r JOIN record_head h ON ${arrivedIn}
     WHERE r.id = $1 AND ${selected('h.account_id')} AND ${waitsSql} AND ($4::text[] IS NULL OR h.record_id::text = ANY($4))
       AND NOT EXISTS (SELECT FROM decision d WHERE d.subject_kind = 'record' AND d.subject_id = h.record_id::text AND d.action = 'carry' AND d.run_id = r.id)`,
    [input.runId, input.by.actor, input.reason, all ? null : (recordIds ?? [])],
  );
  const accounts = await db.query(
    `INSERT INTO decision (subject_kind, subject_id, run_id, action, reason, actor) SELECT 'account', a.account_id, a.run_id, 'carry', $3, $2 ${unexplained} AND $4::boolean
       AND NOT EXISTS (SELECT FROM decision d WHERE d.subject_kind = 'account' AND d.subject_id = a.account_id AND d.action = 'carry' AND d.run_id = a.run_id)`,
    [input.runId, input.by.actor, input.reason, all],
  );
  const missing = await db.query(
    `INSERT INTO decision (subject_kind, subject_id, run_id, action, reason, actor) SELECT 'expectation', e.source_id || '/' || e.key, r.id, 'carry', $3, $2 ${openExpectations}
       AND ($4::text[] IS NULL OR e.source_id || '/' || e.key = ANY($4)) AND ${unsigned('expectation', "e.source_id || '/' || e.key")}`,
    [input.runId, input.by.actor, input.reason, all ? null : (expectations ?? [])],
  );
  const findings = await db.query(
    `INSERT INTO decision (subject_kind, subject_id, run_id, action, reason, actor) SELECT 'finding', f.id::text, r.id, 'carry', $3, $2 FROM billing_run r ${blockingFindings} AND $4::boolean
       AND NOT EXISTS (SELECT FROM decision d WHERE d.subject_kind = 'finding' AND d.subject_id = f.id::text AND d.run_id = r.id)`,
    // Before the close they are signed one by one, by somebody else than the approver.
    [input.runId, input.by.actor, input.reason, all && state === 'reconciled'],
  );
  const n = [rowCount, accounts.rowCount, missing.rowCount, findings.rowCount].map((count) => count ?? 0);
  await audit(db, input.by, { action: 'run.carry', subject: input.runId, reason: input.reason, after: { records: n[0], accounts: n[1], expectations: n[2], findings: n[3] } });
  return { signed: n.reduce((sum, count) => sum + count, 0) };
}
