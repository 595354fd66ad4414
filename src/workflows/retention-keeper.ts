import { ActivityFailure, ApplicationFailure, isCancellation, proxyActivities, setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import type { createRetentionActivities } from '../activities/retention.ts';
import { type RetentionClass, retentionClasses } from '../contracts/retention.ts';
import type { RetentionInput } from './messages.ts';

const { retain } = proxyActivities<ReturnType<typeof createRetentionActivities>>({
  startToCloseTimeout: '6 hours',
  heartbeatTimeout: '12 seconds',
  retry: { initialInterval: '5 seconds', maximumInterval: '5 minutes', maximumAttempts: 20 },
});

/**
 * Takes away what is past its time, class by class. Runs on a Schedule, daily, and when somebody orders it. A class that fails keeps no other one
 * from its turn; the workflow fails at its end, and names it.
 */
export async function retentionKeeper({ actor, class: only }: RetentionInput): Promise<Partial<Record<RetentionClass, number>>> {
  const removed: Partial<Record<RetentionClass, number>> = {};
  const left: string[] = [];
  for (const name of only === undefined ? retentionClasses : [only]) {
    try {
      removed[name] = (await retain({ runId: workflowInfo().workflowId, class: name, actor })).removed;
    } catch (error) {
      if (isCancellation(error) || !(error instanceof ActivityFailure)) throw error;
      left.push(`${name}: ${error.cause?.message ?? error.message}`);
    }
    setCurrentDetails([...Object.entries(removed).map(([kind, n]) => `${kind}: ${n} removed`), ...left.map((words) => `not removed: ${words}`)].join(', '));
  }
  if (left.length > 0) throw ApplicationFailure.create({ type: 'notRemoved', message: `not removed: ${left.join('; ')}`, nonRetryable: true });
  return removed;
}
