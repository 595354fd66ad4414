import { condition, continueAsNew, proxyLocalActivities, setCurrentDetails, setHandler, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import type { createIntakeActivities } from '../activities/intake.ts';
import { arrivedSignal } from './messages.ts';
import { searchAttributes } from './search-attributes.ts';

const { processCdr } = proxyLocalActivities<ReturnType<typeof createIntakeActivities>>({
  startToCloseTimeout: '30 seconds',
  retry: { initialInterval: '500 milliseconds', maximumInterval: '10 seconds', maximumAttempts: 30 },
});

export type CdrLifecycleInput = { readonly sourceId: string; readonly recordKey: string };

/**
 * One CDR from its stored message to booked or rejected. A clean one ends in its first task; one that must wait
 * shows in the Temporal UI what it waits for, and tries again on each `arrived` signal (message, decision, set-up).
 */
export async function cdrLifecycle(input: CdrLifecycleInput): Promise<{ state: string }> {
  let woken = false;
  setHandler(arrivedSignal, () => {
    woken = true;
  });
  for (;;) {
    woken = false;
    const progress = await processCdr(input);
    if (woken) continue;
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
