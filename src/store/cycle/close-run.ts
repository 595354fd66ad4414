import type { Db } from '../db.ts';
import { runReport } from '../reads/run-report.ts';
import { besideIssuing } from './issuing-lock.ts';
import { keepClosing } from './keep-closing.ts';
import { freeWaitingShares } from './owner-set.ts';
import { releaseAdvanceFees } from './release-fees.ts';
import { advanceRun, lockRun } from './run-state.ts';
import { leaveWaiting } from './waiting-adjustments.ts';

/** Closes a reconciled run and keeps its report as it stands then. Repeatable. */
export async function closeRun(db: Db, runId: string): Promise<void> {
  await besideIssuing(db, runId);
  if ((await lockRun(db, runId)) === 'closed') return;
  await db.query("UPDATE run_account SET state = 'done' WHERE run_id = $1 AND state <> 'parked'", [runId]);
  await db.query('DELETE FROM claim_sum WHERE run_id = $1', [runId]);
  await advanceRun(db, runId, 'closed');
  const run = (await db.query<{ entity_id: string; full_month: string }>('SELECT entity_id, full_month FROM billing_run WHERE id = $1', [runId])).rows[0];
  if (run !== undefined) await releaseAdvanceFees(db, run.entity_id, run.full_month);
  await freeWaitingShares(db, runId);
  await leaveWaiting(db, runId);
  const report = await runReport(db, runId);
  await keepClosing(db, runId, report.balances);
  await db.query('UPDATE billing_run SET problem = NULL, report = $2 WHERE id = $1', [runId, JSON.stringify(report)]);
}
