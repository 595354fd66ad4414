import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { getExternalWorkflowHandle, isCancellation, ParentClosePolicy, proxyActivities, setCurrentDetails, startChild, upsertSearchAttributes, WorkflowIdReusePolicy } from '@temporalio/workflow';
import type { BatchTotals, createIntakeActivities, RecordRef } from '../activities/intake.ts';
import { cdrLifecycle } from './cdr-lifecycle.ts';
import { arrivedSignal, type ImportInput, type ImportTotals, type RetryWaitingInput } from './messages.ts';
import { searchAttributes } from './search-attributes.ts';

const { processBatch, processMessages, retrySetup, sweepPending } = proxyActivities<ReturnType<typeof createIntakeActivities>>({
  startToCloseTimeout: '2 hours',
  heartbeatTimeout: '12 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '1 minute', maximumAttempts: 50 },
});

/** Works off a stored batch, or a page of arrivals, set-wise; each record that must wait goes on in its own `cdr/…` workflow. */
export async function importBatch(input: ImportInput): Promise<ImportTotals> {
  show('import', input.sourceId, 'batchId' in input ? `Importing batch \`${input.batchId}\`` : `Processing ${input.rawIds.length} arrivals`);
  const totals = 'batchId' in input ? await processBatch({ batchId: input.batchId }) : await processMessages({ rawIds: input.rawIds });
  await handOverWaiting(totals.waiting);
  setCurrentDetails(describe(totals));
  return { ...totals, waiting: totals.waiting.length };
}

/** Finds stored messages whose workflow never started and finishes them. Runs on a Schedule. */
export async function intakeSweep(input: { readonly olderThanMs: number }): Promise<ImportTotals> {
  const totals = await sweepPending(input);
  await handOverWaiting(totals.waiting);
  setCurrentDetails(describe(totals));
  return { ...totals, waiting: totals.waiting.length };
}

/** A piece of set-up was added: tries again what waited for it and lets the records' own workflows know. */
export async function retryWaiting(input: RetryWaitingInput): Promise<{ tried: number; released: number }> {
  show('retryWaiting', input.sourceId, `Trying again what waits for ${input.code} ${input.key}`);
  const { tried, released } = await retrySetup(input);
  for (const ref of released) {
    try {
      await getExternalWorkflowHandle(`cdr/${ref.sourceId}/${ref.recordKey}`).signal(arrivedSignal);
    } catch (error) {
      // Nobody waits for it any more.
      if (isCancellation(error)) throw error;
    }
  }
  setCurrentDetails(`${released.length} of ${tried} released`);
  return { tried, released: released.length };
}

/** Each record that must wait goes on in its own `cdr/…` workflow. */
export async function handOverWaiting(waiting: readonly RecordRef[]): Promise<void> {
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

function show(kind: string, partner: string, details: string): void {
  upsertSearchAttributes([
    { key: searchAttributes.kind, value: kind },
    { key: searchAttributes.partner, value: partner },
  ]);
  setCurrentDetails(details);
}

function describe(totals: BatchTotals): string {
  return `${totals.processed} processed: ${totals.accepted} booked, ${totals.duplicates} repeats, ${totals.conflicts} conflicts, ${totals.waiting.length} waiting`;
}
