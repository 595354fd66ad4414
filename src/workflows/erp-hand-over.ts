import {
  ActivityFailure,
  condition,
  continueAsNew,
  getExternalWorkflowHandle,
  isCancellation,
  proxyActivities,
  type SignalDefinition,
  setCurrentDetails,
  setHandler,
  startChild,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { createHandOverActivities } from '../activities/hand-over.ts';
import { erpActivityOptions } from './activity-options.ts';
import { handedOverSignal, retrySignal, wakeSignal } from './messages.ts';
import { searchAttributes } from './search-attributes.ts';
import { isStarted, standing } from './stand-alone.ts';

const { handOverBatch } = proxyActivities<ReturnType<typeof createHandOverActivities>>(erpActivityOptions);

/** How long a hand-over waits for more before it ends. */
export const idleMs = 60_000;

/** `idleMs`: how long it waits for a wake before it ends. The totals are those of the runs before a continue-as-new. */
export type ErpHandOverInput = { readonly connectionId: string; readonly idleMs: number; readonly verified?: number; readonly refused?: number };

/**
 * The hand-over to one ERP connection, `erp/{connectionId}`: works off the outbox in batches, then waits for a wake. When the
 * retries are spent it says what it waits for and goes on when told to retry. Answers how many documents it verified and saw refused.
 */
export async function erpHandOver(input: ErpHandOverInput): Promise<{ verified: number; refused: number }> {
  let { verified = 0, refused = 0 } = input;
  let woken = false;
  let retry = false;
  setHandler(wakeSignal, () => {
    woken = true;
  });
  setHandler(retrySignal, () => {
    retry = true;
    woken = true;
  });
  const show = (state: string, waitsFor: string) => setCurrentDetails(`**${state}** · ${input.connectionId}\n\n${verified} verified, ${refused} refused\n\n${waitsFor}`);
  const enter = (state: string, exception: string | null) =>
    upsertSearchAttributes([
      { key: searchAttributes.state, value: state },
      { key: searchAttributes.exception, value: exception },
    ]);

  upsertSearchAttributes([{ key: searchAttributes.kind, value: 'erpHandOver' }]);
  enter('handingOver', null);
  for (;;) {
    // Before the batch: a wake during it may be for rows it did not see, and what it failed by may be mended by then.
    woken = false;
    retry = false;
    try {
      const batch = await handOverBatch({ connectionId: input.connectionId });
      verified += batch.verified;
      refused += batch.refused;
      show('handingOver', `${batch.left} left`);
      for (const workflowId of batch.settledRuns) await tell(workflowId);
      if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof erpHandOver>({ ...input, verified, refused });
      if (batch.left > 0) continue;
    } catch (error) {
      if (!(error instanceof ActivityFailure)) throw error;
      const words = error.cause?.message ?? error.message;
      enter('erpWaiting', words.slice(0, 200));
      show('erpWaiting', `Problem: ${words}\n\nWaits for ops: mend the cause, then retry.`);
      await condition(() => retry);
      enter('handingOver', null);
      continue;
    }
    await condition(() => woken, input.idleMs);
    if (!woken) return { verified, refused };
  }
}

/** Starts the writer of a connection, or wakes the one that runs. */
export async function wakeErp(connectionId: string): Promise<void> {
  const workflowId = `erp/${connectionId}`;
  for (;;) {
    if (await isStarted(startChild(erpHandOver, { workflowId, args: [{ connectionId, idleMs }], ...standing }))) return;
    if (await signalled(workflowId, wakeSignal)) return;
  }
}

/** Tells the writer of a connection that what it stumbled over was mended. */
export async function retryErp(connectionId: string): Promise<void> {
  await signalled(`erp/${connectionId}`, retrySignal);
}

async function tell(runWorkflowId: string): Promise<void> {
  await signalled(runWorkflowId, handedOverSignal);
}

/** False when no such workflow runs. */
async function signalled(workflowId: string, signal: SignalDefinition): Promise<boolean> {
  try {
    await getExternalWorkflowHandle(workflowId).signal(signal);
    return true;
  } catch (error) {
    if (isCancellation(error)) throw error;
    return false;
  }
}
