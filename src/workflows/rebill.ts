import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { createRebillActivities } from '../activities/rebill.ts';
import type { RebillInput } from './messages.ts';

const { rebill } = proxyActivities<ReturnType<typeof createRebillActivities>>({
  startToCloseTimeout: '2 hours',
  heartbeatTimeout: '12 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '1 minute', maximumAttempts: 20 },
});

/** Carries out an order to credit and rebill an issued document. */
export async function creditAndRebill({ orderId }: RebillInput): Promise<{ rebilled: number; problem: string | null }> {
  const done = await rebill({ orderId });
  setCurrentDetails(done.problem ?? `${done.rebilled} records are billed anew by the next run`);
  return done;
}
