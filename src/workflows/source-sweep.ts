import { ActivityFailure, ApplicationFailure, isCancellation, proxyActivities, setCurrentDetails, startChild, upsertSearchAttributes } from '@temporalio/workflow';
import type { createSweepActivities, SweepOrder, Swept } from '../activities/sweep.ts';
import { importBatch } from './import-batch.ts';
import { searchAttributes } from './search-attributes.ts';
import { isStarted, standing } from './stand-alone.ts';
import { startWaiting } from './waiting-workflows.ts';
import { wakeRun } from './wake-run.ts';

type Activities = ReturnType<typeof createSweepActivities>;
const { beginSweep, failSweep, collectDrops } = proxyActivities<Activities>({
  startToCloseTimeout: '10 minutes',
  retry: { initialInterval: '1 second', maximumInterval: '1 minute', maximumAttempts: 10 },
});
/** Some ten minutes of tries at one outage; the next sweep begins where this one did. */
const { pullPages } = proxyActivities<Activities>({
  startToCloseTimeout: '6 hours',
  heartbeatTimeout: '12 seconds',
  retry: { initialInterval: '2 seconds', backoffCoefficient: 2, maximumInterval: '2 minutes', maximumAttempts: 10 },
});

export type SweepResult = { readonly pulled: number; readonly fresh: number; readonly files: number; readonly problem: string | null };

/** Looks for what a source has that we have not: pulls a window of its CDRs, or takes files from its folder. Runs on a Schedule, one at a time for a source. */
export async function sourceSweep(order: SweepOrder): Promise<SweepResult> {
  upsertSearchAttributes([
    { key: searchAttributes.kind, value: 'sweep' },
    { key: searchAttributes.partner, value: order.sourceId },
  ]);
  const task = await beginSweep(order);
  if (task.kind === 'none') {
    setCurrentDetails(`Nothing done: ${task.why}`);
    return { pulled: 0, fresh: 0, files: 0, problem: task.why };
  }
  return task.kind === 'drops' ? takeFiles(order) : pull(order, task.sweepId);
}

async function pull(order: SweepOrder, sweepId: string): Promise<SweepResult> {
  let swept: Swept;
  try {
    swept = await pullPages(order);
  } catch (error) {
    if (isCancellation(error)) throw error;
    const cause = error instanceof ActivityFailure ? error.cause : error;
    const problem = cause instanceof Error ? cause.message : String(cause);
    await failSweep({ sweepId, problem });
    upsertSearchAttributes([{ key: searchAttributes.exception, value: cause instanceof ApplicationFailure ? (cause.type ?? 'failed') : 'failed' }]);
    setCurrentDetails(`**failed**: ${problem}\n\nThe next sweep begins where this one did.`);
    throw ApplicationFailure.nonRetryable(problem, 'SweepFailed');
  }
  if (swept.unattended) await startWaiting(`source/${order.sourceId}`, { scope: { sourceId: order.sourceId } });
  for (const workflowId of swept.concerned) await wakeRun(workflowId);
  if (swept.problem !== null) upsertSearchAttributes([{ key: searchAttributes.exception, value: 'short' }]);
  setCurrentDetails(`${swept.pulled} CDRs on ${swept.pages} pages, ${swept.fresh} of them new or changed${swept.problem === null ? '' : `; **${swept.problem}**`}`);
  return { pulled: swept.pulled, fresh: swept.fresh, files: 0, problem: swept.problem };
}

async function takeFiles(order: SweepOrder): Promise<SweepResult> {
  const { batches, failed } = await collectDrops(order);
  for (const { batchId } of batches) {
    await isStarted(startChild(importBatch, { workflowId: `import/${order.sourceId}/${batchId}`, args: [{ sourceId: order.sourceId, batchId }], ...standing }));
  }
  const problem = failed.length === 0 ? null : failed.map(({ fileName, why }) => `${fileName}: ${why}`).join('\n');
  if (problem !== null) upsertSearchAttributes([{ key: searchAttributes.exception, value: 'badFile' }]);
  setCurrentDetails(`${batches.length} files taken${problem === null ? '' : `\n\n**not taken**:\n${problem}`}`);
  return { pulled: 0, fresh: 0, files: batches.length, problem };
}
