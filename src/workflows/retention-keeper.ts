import { proxyActivities, setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import type { createRetentionActivities } from '../activities/retention.ts';
import { type RetentionClass, retentionClasses } from '../contracts/retention.ts';
import type { RetentionInput } from './messages.ts';

const { retain } = proxyActivities<ReturnType<typeof createRetentionActivities>>({
  startToCloseTimeout: '6 hours',
  heartbeatTimeout: '12 seconds',
  retry: { initialInterval: '5 seconds', maximumInterval: '5 minutes', maximumAttempts: 20 },
});

/** Takes away what is past its time, class by class. Runs on a Schedule, daily, and when somebody orders it. */
export async function retentionKeeper({ actor, class: only }: RetentionInput): Promise<Partial<Record<RetentionClass, number>>> {
  const removed: Partial<Record<RetentionClass, number>> = {};
  for (const name of only === undefined ? retentionClasses : [only]) {
    removed[name] = (await retain({ runId: workflowInfo().workflowId, class: name, actor })).removed;
    setCurrentDetails(
      Object.entries(removed)
        .map(([kind, n]) => `${kind}: ${n} removed`)
        .join(', '),
    );
  }
  return removed;
}
