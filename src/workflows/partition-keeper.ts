import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { createUpkeepActivities } from '../activities/upkeep.ts';

const { makePartitions } = proxyActivities<ReturnType<typeof createUpkeepActivities>>({
  startToCloseTimeout: '1 minute',
  retry: { initialInterval: '5 seconds', maximumInterval: '5 minutes', maximumAttempts: 8 },
});

/** Makes partitions ahead of need. Runs on a Schedule, hourly. */
export async function partitionKeeper(): Promise<{ made: number }> {
  const made = await makePartitions();
  setCurrentDetails(`${made} partitions made`);
  return { made };
}
