import { describeIssue, issue } from '../../core/issues.ts';
import { lockRun } from '../cycle/run-state.ts';
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
  const posting = await lockPosting(db, key);
  const { connectionId, state } = posting;
  if (state === 'verified' || state === 'skipped') throw new Refused('wrongState', `posting ${key} is ${state}: there is nothing to decide`);
  await refuseUndecided(db, key, posting);
  if ((await db.query("SELECT FROM document WHERE id = $1 AND state = 'awaitingNumber'", [key])).rowCount !== 0)
    throw new Refused('wrongState', describeIssue(issue('erpNumberAwaited', 'blocks', key, { state })));
  await db.query("UPDATE erp_posting SET state = 'skipped', held_for = NULL, answer = $2, updated_at = now() WHERE key = $1", [key, `skipped by ${by.actor}: ${reason}`]);
  await audit(db, by, { action: 'posting.skip', subject: key, reason, after: { was: state } });
  return released(db, key, connectionId);
}

/**
 * States under which number, and as what, the ERP has a document that waits for that, where it told none, another document's, or nothing at all: it is not sent, or not again, and is
 * issued under that number by the next look at its run. Stated again as long as it is not issued. Refused for a number that another document of its kind bears, for one that
 * the ERP numbered by itself, for what was never tried, and while its connection is being written to.
 */
export async function stateErpNumber(
  db: Db,
  { key, number, externalId, reason }: { readonly key: string; readonly number: string; readonly externalId?: string | undefined; readonly reason: string },
  by: By,
): Promise<PostingDecision> {
  const { rows } = await db.query<{ run_id: string; entity_id: string; type: string }>('SELECT run_id, entity_id, type FROM document WHERE id = $1', [key]);
  const [document] = rows;
  // Before the posting, and alone with what issues by these numbers.
  if (document !== undefined) await lockRun(db, document.run_id);
  const posting = await lockPosting(db, key);
  const { connectionId, state } = posting;
  if (document === undefined || (await db.query("SELECT FROM document WHERE id = $1 AND state = 'awaitingNumber'", [key])).rowCount === 0)
    throw new Refused('wrongState', `posting ${key} is of no document that waits for the number of the ERP: it has its number, or needs none`);
  const bearer = async (of: string) => {
    const others = await db.query<{ id: string }>(
      `SELECT d.id FROM issue_stamp s JOIN document d ON d.id = s.document_id WHERE s.legal_number = $1 AND d.entity_id = $2 AND d.type = $3 AND d.id <> $4
       UNION ALL SELECT d.id FROM document d JOIN erp_posting p ON p.document_id = d.id WHERE d.run_id = $5 AND d.state = 'awaitingNumber' AND p.state IN ('verified', 'skipped') AND p.erp_number = $1 AND d.type = $3 AND d.id <> $4 ORDER BY 1 LIMIT 1`,
      [of, document.entity_id, document.type, key, document.run_id],
    );
    return others.rows[0]?.id;
  };
  if (state === 'verified') {
    if (posting.erpNumber !== null && (await bearer(posting.erpNumber)) === undefined)
      throw new Refused('wrongState', `posting ${key} is verified: the ERP called it ${posting.erpNumber}, and it is issued so`);
  } else if (state !== 'skipped') await refuseUndecided(db, key, posting);
  const other = await bearer(number);
  if (other !== undefined) throw new Refused('wrongState', describeIssue(issue('erpNumberTwice', 'blocks', key, { number, other })));
  await db.query(
    "UPDATE erp_posting SET state = CASE state WHEN 'verified' THEN state ELSE 'skipped' END, erp_number = $2, external_id = coalesce($3, external_id), held_for = NULL, answer = $4, updated_at = now() WHERE key = $1",
    [key, number, externalId ?? null, `stated by ${by.actor} to be there as ${number}: ${reason}`],
  );
  await audit(db, by, { action: 'posting.number', subject: key, reason, after: { was: state, number, externalId } });
  return released(db, key, connectionId);
}

/** Refuses to decide on what goes on by itself and may do so just now. */
async function refuseUndecided(db: Db, key: string, { connectionId, state, attempt }: Posting): Promise<void> {
  if (isStopped(state)) return;
  if (attempt === 0) throw new Refused('wrongState', `posting ${key} is ${state}: it has not been sent yet`);
  if (!(await isWriterAway(db, connectionId))) throw new Refused('wrongState', `posting ${key} may be sent just now: wait until ${connectionId} has answered or given up, then decide`);
}

/** Somebody has to decide on it: it goes on by no means by itself. */
const isStopped = (state: string) => state === 'refused' || state === 'held';

type Posting = { readonly connectionId: string; readonly state: string; readonly attempt: number; readonly erpNumber: string | null };

async function lockPosting(db: Db, key: string): Promise<Posting> {
  const { rows } = await db.query<{ connection_id: string; state: string; attempt: number; erp_number: string | null }>(
    'SELECT connection_id, state, attempt, erp_number FROM erp_posting WHERE key = $1 FOR UPDATE',
    [key],
  );
  const [row] = rows;
  if (row === undefined) throw new Refused('notFound', `there is no posting "${key}"`);
  return { connectionId: row.connection_id, state: row.state, attempt: row.attempt, erpNumber: row.erp_number };
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
