import { describeIssue, issue } from '../../core/issues.ts';
import type { Db } from '../db.ts';
import { isWriterAway } from '../outbox.ts';
import { audit, type By } from './audit.ts';
import { Refused } from './refusal.ts';

/** What a decision on a posting moved: the ERP connections to wake, the runs that may wait for it or for what waited for it, and how many rows that did go again. */
export type PostingDecision = {
  readonly connections: readonly string[];
  readonly runs: readonly { readonly runId: string; readonly workflowId: string; readonly period: string; readonly cutOffAtMs: number }[];
  readonly followers: number;
};

/**
 * Puts a posting that the ERP refused, or that is held, back into the queue: what kept it out was mended there or in the mapping. It is
 * looked up before it is posted. What waited for it goes with it. One that is on its way stays as it is, and is tried at once.
 */
export async function retryPosting(db: Db, key: string, reason: string | undefined, by: By): Promise<PostingDecision> {
  const { connectionId, state } = await lockPosting(db, key);
  if (state === 'verified' || state === 'skipped') throw new Refused('wrongState', `posting ${key} is ${state}: there is nothing to send again`);
  if (isStopped(state)) await db.query("UPDATE erp_posting SET state = 'queued', held_for = NULL, external_id = NULL, updated_at = now() WHERE key = $1", [key]);
  await audit(db, by, { action: 'posting.retry', subject: key, reason, after: { was: state } });
  return released(db, key, connectionId);
}

/**
 * Decides that a posting is not sent, or not again: the ERP refused it or it is held, or it was tried and nobody learns what came of it; the ERP has it, or has it otherwise, or
 * does without. The reason stays with it; what waited for it goes on. Refused for what waits for the ERP's number, for what was never tried, and while its connection is being written to.
 */
export async function skipPosting(db: Db, key: string, reason: string, by: By): Promise<PostingDecision> {
  const { connectionId, state, attempt } = await lockPosting(db, key);
  if (!isStopped(state)) {
    if (state === 'verified' || state === 'skipped') throw new Refused('wrongState', `posting ${key} is ${state}: there is nothing to decide`);
    if (attempt === 0) throw new Refused('wrongState', `posting ${key} is ${state}: it has not been sent yet`);
    if (!(await isWriterAway(db, connectionId))) throw new Refused('wrongState', `posting ${key} may be sent just now: wait until ${connectionId} has answered or given up, then decide`);
  }
  if ((await db.query("SELECT FROM document WHERE id = $1 AND state = 'awaitingNumber'", [key])).rowCount !== 0)
    throw new Refused('wrongState', describeIssue(issue('erpNumberAwaited', 'blocks', key, { state })));
  await db.query("UPDATE erp_posting SET state = 'skipped', held_for = NULL, answer = $2, updated_at = now() WHERE key = $1", [key, `skipped by ${by.actor}: ${reason}`]);
  await audit(db, by, { action: 'posting.skip', subject: key, reason, after: { was: state } });
  return released(db, key, connectionId);
}

/** Somebody has to decide on it: it goes on by no means by itself. */
const isStopped = (state: string) => state === 'refused' || state === 'held';

async function lockPosting(db: Db, key: string): Promise<{ readonly connectionId: string; readonly state: string; readonly attempt: number }> {
  const { rows } = await db.query<{ connection_id: string; state: string; attempt: number }>('SELECT connection_id, state, attempt FROM erp_posting WHERE key = $1 FOR UPDATE', [key]);
  const [row] = rows;
  if (row === undefined) throw new Refused('notFound', `there is no posting "${key}"`);
  return { connectionId: row.connection_id, state: row.state, attempt: row.attempt };
}

async function released(db: Db, key: string, connectionId: string): Promise<PostingDecision> {
  const followers = await releaseFollowers(db, [key]);
  return {
    connections: [...new Set([connectionId, ...followers.map((f) => f.connectionId)])],
    runs: await runsOf(db, [key, ...followers.map((f) => f.key)]),
    followers: followers.length,
  };
}

/** Lets what waits for these postings go again. */
export async function releaseFollowers(db: Db, keys: readonly string[]): Promise<readonly { readonly key: string; readonly connectionId: string }[]> {
  const { rows } = await db.query<{ key: string; connection_id: string }>(
    "UPDATE erp_posting SET state = 'queued', held_for = NULL, answer = NULL, updated_at = now() WHERE after_key = ANY($1) AND held_for = 'predecessor' RETURNING key, connection_id",
    [keys],
  );
  return rows.map((r) => ({ key: r.key, connectionId: r.connection_id }));
}

/** The runs of postings, but those that are over, which wait for nothing. */
export async function runsOf(db: Db, keys: readonly string[]): Promise<PostingDecision['runs']> {
  const { rows } = await db.query<{ id: string; workflow_id: string; period: string; cut_off_at: Date }>(
    `SELECT r.id, r.workflow_id, r.label AS period, r.cut_off_at FROM billing_run r
     WHERE r.id IN (SELECT p.run_id FROM erp_posting p WHERE p.key = ANY($1)) AND r.state NOT IN ('closed', 'cancelled') ORDER BY r.id`,
    [keys],
  );
  return rows.map((run) => ({ runId: run.id, workflowId: run.workflow_id, period: run.period, cutOffAtMs: run.cut_off_at.getTime() }));
}
