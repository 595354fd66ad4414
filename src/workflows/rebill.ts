import { proxyActivities, setCurrentDetails, startChild } from '@temporalio/workflow';
import type { createRebillActivities } from '../activities/rebill.ts';
import { billingCycle } from './billing-cycle.ts';
import type { RebillInput } from './messages.ts';
import { isStarted, standingOnce } from './stand-alone.ts';

const { rebill } = proxyActivities<ReturnType<typeof createRebillActivities>>({
  startToCloseTimeout: '2 hours',
  heartbeatTimeout: '12 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '1 minute', maximumAttempts: 20 },
});

/** Carries out an order to credit and rebill an issued document, and starts its own run where it does not wait for the month. */
export async function creditAndRebill({ orderId }: RebillInput): Promise<{ rebilled: number; problem: string | null }> {
  const { run, ...done } = await rebill({ orderId });
  setCurrentDetails(done.problem ?? `${done.rebilled} records are billed anew by ${run?.runId ?? 'the next run'}`);
  if (run) {
    const { workflowId, runId, period, cutOffAtMs } = run;
    await isStarted(startChild(billingCycle, { workflowId, args: [{ runId, period, cutOffAtMs }], ...standingOnce }));
  }
  return done;
}
