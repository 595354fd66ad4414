import { isBefore, leastAdvanced, type RunState } from '../../core/cycle/run-states.ts';
import type { Db } from '../db.ts';
import type { Lanes } from '../lanes.ts';

export type { RunState } from '../../core/cycle/run-states.ts';

/** SQL: states in which what a run bills is fixed for good, and begins to be issued. */
export const issuingStates = "('canary', 'issuing', 'handingOver', 'reconciled', 'closed')";
/** SQL: what a claim `k` of run `b` decides for good, as run $1 sees it: its own, and those of runs that issue. Others may still change their mind, and what is claimed by none came after the set closed. */
export const decided = `(k.run_id = $1 OR b.state IN ${issuingStates})`;

const next = {
  planned: ['collecting', 'cancelled'],
  collecting: ['previewing', 'cancelled'],
  previewing: ['inReview', 'cancelled'],
  // Closed: a dry run, of which nothing leaves.
  inReview: ['approved', 'closed', 'cancelled'],
  approved: ['canary', 'issuing', 'cancelled'],
  canary: ['issuing'],
  issuing: ['handingOver'],
  handingOver: ['reconciled'],
  reconciled: ['closed'],
  closed: [],
  cancelled: [],
} as const satisfies Record<RunState, readonly string[]>;

const mayStep = (from: RunState, to: RunState) => (next[from] as readonly string[]).includes(to);
/** A repeat after the answer was lost: it is there, or beyond. */
const isThere = (from: RunState, to: RunState) => from === to || (from !== 'cancelled' && isBefore(to, from));

/**
 * Moves a run one step, with each of its groups that stands where it stands. Moving it to where it is, or where it has been, does nothing:
 * an activity that is repeated after its answer was lost must not undo what came since. Throws RangeError on a step that does not exist,
 * on any step of a cancelled run, and on cancelling what has begun to issue.
 */
export async function advanceRun(db: Db, runId: string, to: RunState): Promise<void> {
  const from = await lockRun(db, runId);
  if (isThere(from, to)) return;
  if (!mayStep(from, to) || (from === 'inReview' && to === 'closed' && (await runKind(db, runId)) === 'live')) throw new RangeError(`run ${runId} is ${from}: it cannot become ${to}`);
  if (to === 'cancelled') {
    const begun = (await groupStates(db, runId)).filter((g) => isBefore('approved', g.state) && g.state !== 'cancelled');
    if (begun.length > 0) throw new RangeError(`run ${runId} cannot be cancelled: group ${begun.map((g) => `${g.name} is ${g.state}`).join(', ')}`);
  }
  await db.query('UPDATE release_group SET state = $2 WHERE run_id = $1 AND (state = $3 OR $2 = $4)', [runId, to, from, 'cancelled']);
  await db.query('UPDATE billing_run SET state = $2, closed_at = CASE WHEN $2 = $3 THEN clock_timestamp() ELSE closed_at END WHERE id = $1', [runId, await standing(db, runId, to), 'closed']);
}

/** Moves one group one step, by the rules of `advanceRun`, and the run to its least advanced group. Answers where the run stands. */
export async function advanceGroup(db: Db, runId: string, group: string, to: RunState): Promise<RunState> {
  const run = await lockRun(db, runId);
  const from = (await groupStates(db, runId)).find((g) => g.name === group)?.state;
  if (from === undefined) throw new RangeError(`run ${runId} has no group "${group}"`);
  if (isThere(from, to)) return run;
  if (!mayStep(from, to)) throw new RangeError(`group ${group} of run ${runId} is ${from}: it cannot become ${to}`);
  await db.query('UPDATE release_group SET state = $3, problem = NULL WHERE run_id = $1 AND name = $2', [runId, group, to]);
  return followGroups(db, runId);
}

/** Writes where a run stands by its groups: the one place that derives it. The caller holds the run's row. */
export async function followGroups(db: Db, runId: string): Promise<RunState> {
  const state = leastAdvanced((await groupStates(db, runId)).map((g) => g.state));
  await db.query('UPDATE billing_run SET state = $2 WHERE id = $1 AND state <> $2', [runId, state]);
  return state;
}

/** `leftOut`: the part of the hash that is over what the group leaves out; empty where that is nothing, null of one that was built before it was part. */
export type GroupState = { readonly name: string; readonly state: RunState; readonly hash: Buffer | null; readonly leftOut: Buffer | null; readonly review: number };

/** The groups of a run in the order in which its hash covers them. */
export async function groupStates(db: Db, runId: string): Promise<GroupState[]> {
  const { rows } = await db.query('SELECT name, state, content_hash AS hash, left_out_hash AS "leftOut", review FROM release_group WHERE run_id = $1 ORDER BY name COLLATE "C"', [runId]);
  return rows;
}

async function standing(db: Db, runId: string, to: RunState): Promise<RunState> {
  const groups = await groupStates(db, runId);
  return groups.length === 0 ? to : leastAdvanced(groups.map((g) => g.state));
}

/** Whether a run bills, or only shows what would be billed. */
export async function runKind(db: Db, runId: string): Promise<'live' | 'dry' | 'shadow'> {
  const { rows } = await db.query<{ kind: 'live' | 'dry' | 'shadow' }>('SELECT kind FROM billing_run WHERE id = $1', [runId]);
  if (rows[0] === undefined) throw new RangeError(`no run "${runId}"`);
  return rows[0].kind;
}

/** The run's state, with its row locked until the transaction ends: against whoever locks it too, and by FOR UPDATE against what refers to it, and its lanes, as well. */
export async function lockRun(db: Db, runId: string, lock: 'FOR NO KEY UPDATE' | 'FOR UPDATE' = 'FOR NO KEY UPDATE'): Promise<RunState> {
  const { rows } = await db.query<{ state: RunState }>(`SELECT state FROM billing_run WHERE id = $1 ${lock}`, [runId]);
  if (rows[0] === undefined) throw new RangeError(`no run "${runId}"`);
  return rows[0].state;
}

/**
 * Lanes of a run whose row the caller's transaction holds: should that be lost, each of theirs is waited for all the same by whoever cancels the run, or plans
 * an earlier period. One that begins after it was cancelled throws RangeError: nobody would take back what it does.
 */
export const lanesOfRun = (lanes: Lanes, runId: string): Lanes => ({
  ...lanes,
  tx: (work) =>
    lanes.tx(async (db) => {
      const { rowCount } = await db.query("SELECT FROM billing_run WHERE id = $1 AND state <> 'cancelled' FOR KEY SHARE", [runId]);
      if (rowCount === 0) throw new RangeError(`run ${runId} is cancelled: nothing more is done for it`);
      return work(db);
    }),
});

/** Writes what one group of a run waits for or stumbles over; null when nothing is wrong. */
export async function noteGroupProblem(db: Db, runId: string, group: string, problem: string | null): Promise<void> {
  await db.query('UPDATE release_group SET problem = $3 WHERE run_id = $1 AND name = $2 AND problem IS DISTINCT FROM $3', [runId, group, problem]);
}

/** Writes what a run waits for or stumbles over, for whoever looks; null when nothing is wrong. */
export async function noteProblem(db: Db, runId: string, problem: string | null): Promise<void> {
  await db.query('UPDATE billing_run SET problem = $2 WHERE id = $1 AND problem IS DISTINCT FROM $2', [runId, problem]);
}

/** Where a run stands, and whether it is held before its next step. Throws RangeError when there is none. */
export async function readRunState(db: Db, runId: string): Promise<{ readonly state: RunState; readonly paused: boolean }> {
  const { rows } = await db.query<{ state: RunState; paused: boolean }>('SELECT state, paused FROM billing_run WHERE id = $1', [runId]);
  if (rows[0] === undefined) throw new RangeError(`no run "${runId}"`);
  return rows[0];
}

/** Holds a run before its next step, or lets it go on. */
export async function setPaused(db: Db, runId: string, paused: boolean): Promise<void> {
  await db.query('UPDATE billing_run SET paused = $2 WHERE id = $1', [runId, paused]);
}
