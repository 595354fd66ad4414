import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { ParentClosePolicy, proxyActivities, setCurrentDetails, startChild, WorkflowIdReusePolicy } from '@temporalio/workflow';
import type { BatchTotals, createIntakeActivities, RecordRef } from '../activities/intake.ts';
import { cdrLifecycle } from './cdr-lifecycle.ts';

const { processBatch, sweepPending } = proxyActivities<ReturnType<typeof createIntakeActivities>>({
  startToCloseTimeout: '2 hours',
  heartbeatTimeout: '12 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '1 minute', maximumAttempts: 50 },
});

/** Works off a stored batch set-wise; each record that must wait goes on in its own `cdr/…` workflow. */
export async function importBatch(input: { readonly sourceId: string; readonly batchId: string }): Promise<BatchTotals> {
  setCurrentDetails(`Importing batch \`${input.batchId}\``);
  const totals = await processBatch({ batchId: input.batchId });
  await handOverWaiting(totals.waiting);
  setCurrentDetails(describe(totals));
  return totals;
}

/** Finds stored messages whose workflow never started and finishes them. Runs on a Schedule. */
export async function intakeSweep(input: { readonly olderThanMs: number }): Promise<BatchTotals> {
  const totals = await sweepPending(input);
  await handOverWaiting(totals.waiting);
  setCurrentDetails(describe(totals));
  return totals;
}

async function handOverWaiting(waiting: readonly RecordRef[]): Promise<void> {
  const keys = new Map(waiting.map((ref) => [`cdr/${ref.sourceId}/${ref.recordKey}`, ref]));
  for (const [workflowId, ref] of keys) {
    try {
      await startChild(cdrLifecycle, { workflowId, args: [ref], parentClosePolicy: ParentClosePolicy.ABANDON, workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE });
    } catch (error) {
      // It runs already: it will meet the message in the database.
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    }
  }
}

function describe(totals: BatchTotals): string {
  return `${totals.processed} processed: ${totals.accepted} booked, ${totals.duplicates} repeats, ${totals.conflicts} conflicts, ${totals.waiting.length} waiting`;
}
