import { ActivityFailure, condition, continueAsNew, isCancellation, proxyLocalActivities, setCurrentDetails, setHandler, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import type { createIntakeActivities } from '../activities/intake.ts';
import { arrivedSignal } from './messages.ts';
import { searchAttributes } from './search-attributes.ts';

const { processCdr } = proxyLocalActivities<ReturnType<typeof createIntakeActivities>>({
  startToCloseTimeout: '30 seconds',
  retry: { initialInterval: '500 milliseconds', maximumInterval: '10 seconds', maximumAttempts: 30 },
});

/** How long one whose tries are spent waits before it tries by itself, ever longer. */
const firstPauseMs = 60_000;
const mostPauseMs = 3_600_000;

export type CdrLifecycleInput = { readonly sourceId: string; readonly recordKey: string };

/**
 * One CDR from its stored message to booked or rejected. A clean one ends in its first task; one that must wait
 * shows in the Temporal UI what it waits for, and tries again on each `arrived` signal (message, decision, set-up). One
 * that cannot be looked at, as while the database is away, says why and tries again by itself.
 */
export async function cdrLifecycle(input: CdrLifecycleInput): Promise<{ state: string }> {
  let woken = false;
  setHandler(arrivedSignal, () => {
    woken = true;
  });
  let pauseMs = firstPauseMs;
  for (;;) {
    woken = false;
    const progress = await lookAt(input);
    if (woken) continue;
    if ('cannotBeTold' in progress) {
      setCurrentDetails(`**cannot be looked at**: ${progress.cannotBeTold}\n\nIs tried again.`);
      await condition(() => woken, pauseMs);
      pauseMs = Math.min(pauseMs * 2, mostPauseMs);
      if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof cdrLifecycle>(input);
      continue;
    }
    pauseMs = firstPauseMs;
    if (progress.state !== 'quarantined' && progress.state !== 'parked') return { state: progress.state };
    upsertSearchAttributes([
      { key: searchAttributes.state, value: progress.state },
      { key: searchAttributes.exception, value: progress.problem ?? 'waiting' },
    ]);
    setCurrentDetails(`**${progress.state}**: ${progress.problem ?? 'no problem named'}\n\nWaits for: ${progress.waitingFor ?? 'a decision'}`);
    await condition(() => woken);
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof cdrLifecycle>(input);
  }
}

async function lookAt(input: CdrLifecycleInput) {
  try {
    return await processCdr(input);
  } catch (error) {
    if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
    return { cannotBeTold: error.cause?.message ?? error.message };
  }
}
