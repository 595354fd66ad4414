import type { Db } from '../db.ts';

const next = {
  planned: ['collecting', 'cancelled'],
  collecting: ['previewing', 'cancelled'],
  previewing: ['inReview', 'cancelled'],
  inReview: ['approved', 'cancelled'],
  approved: ['canary', 'issuing', 'cancelled'],
  canary: ['issuing'],
  issuing: ['handingOver'],
  handingOver: ['reconciled'],
  reconciled: ['closed'],
  closed: [],
  cancelled: [],
} as const satisfies Record<string, readonly string[]>;

export type RunState = keyof typeof next;

const order = Object.keys(next);

/**
 * Moves a run one step. Moving it to where it is, or where it has been, does nothing: an activity that is repeated after its answer
 * was lost must not undo what came since. Throws on a step that does not exist, and on any step of a cancelled run.
 */
export async function advanceRun(db: Db, runId: string, to: RunState): Promise<void> {
  const from = await lockRun(db, runId);
  if (from === to || (from !== 'cancelled' && order.indexOf(to) < order.indexOf(from))) return;
  if (!(next[from] as readonly string[]).includes(to)) throw new RangeError(`run ${runId} is ${from}: it cannot become ${to}`);
  await db.query('UPDATE billing_run SET state = $2, closed_at = CASE WHEN $2 = $3 THEN now() ELSE closed_at END WHERE id = $1', [runId, to, 'closed']);
  await db.query('UPDATE release_group SET state = $2 WHERE run_id = $1', [runId, to]);
}

/** The run's state, with its row locked until the transaction ends. */
export async function lockRun(db: Db, runId: string): Promise<RunState> {
  const { rows } = await db.query<{ state: RunState }>('SELECT state FROM billing_run WHERE id = $1 FOR UPDATE', [runId]);
  if (rows[0] === undefined) throw new RangeError(`no run "${runId}"`);
  return rows[0].state;
}

/** Writes what a run waits for or stumbles over, for whoever looks; null when nothing is wrong. */
export async function noteProblem(db: Db, runId: string, problem: string | null): Promise<void> {
  await db.query('UPDATE billing_run SET problem = $2 WHERE id = $1 AND problem IS DISTINCT FROM $2', [runId, problem]);
}

/** Holds a run before its next step, or lets it go on. */
export async function setPaused(db: Db, runId: string, paused: boolean): Promise<void> {
  await db.query('UPDATE billing_run SET paused = $2 WHERE id = $1', [runId, paused]);
}
