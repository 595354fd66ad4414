import { audit, type By } from '../commands/audit.ts';
import type { Db } from '../db.ts';
import { freeClaims } from './free-claims.ts';
import { advanceRun, lockRun } from './run-state.ts';
import { forgetSumsAhead } from './sums-ahead.ts';
import { leaveWaiting } from './waiting-adjustments.ts';

/** Cancels a run before it issues: its documents are discarded, its charges are open again, or carried as they were, and its manual amounts wait for the next run. Repeatable. Throws RangeError once it issues. */
export async function cancelRun(db: Db, input: { readonly runId: string; readonly reason: string; readonly by: By }): Promise<void> {
  if ((await lockRun(db, input.runId, 'FOR UPDATE')) === 'cancelled') return;
  await advanceRun(db, input.runId, 'cancelled');
  await db.query("UPDATE document SET state = 'discarded' WHERE run_id = $1 AND state <> 'discarded'", [input.runId]);
  await db.query('DELETE FROM period_charge WHERE run_id = $1', [input.runId]);
  await freeClaims(db, input.runId);
  await forgetSumsAhead(db, input.runId);
  await leaveWaiting(db, input.runId);
  await audit(db, input.by, { action: 'run.cancel', subject: input.runId, reason: input.reason });
}
