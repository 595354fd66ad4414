import { proxyActivities, setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import type { createUpkeepActivities } from '../activities/upkeep.ts';
import { searchAttributes } from './search-attributes.ts';

const { sealBlocks } = proxyActivities<ReturnType<typeof createUpkeepActivities>>({
  startToCloseTimeout: '2 hours',
  heartbeatTimeout: '12 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '10 seconds', maximumAttempts: 100 },
});

/**
 * Puts sealed records into blocks for `forMs`, and at least until none is left. Runs on a Schedule, one after the other. The short waits
 * in between lie in the activity: as timers of the workflow they would write a history line every other second of every day.
 */
export async function blockSealer(input: { readonly forMs: number }): Promise<{ blocks: number; records: number }> {
  upsertSearchAttributes([{ key: searchAttributes.kind, value: 'blockSealer' }]);
  const sealed = await sealBlocks(input);
  setCurrentDetails(`${sealed.records} records in ${sealed.blocks} blocks`);
  return sealed;
}
