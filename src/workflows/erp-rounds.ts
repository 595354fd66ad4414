import { proxyActivities, startChild, upsertSearchAttributes } from '@temporalio/workflow';
import type { createHandOverActivities } from '../activities/hand-over.ts';
import { erpHandOver, idleMs } from './erp-hand-over.ts';
import { searchAttributes } from './search-attributes.ts';
import { isStarted, standing } from './stand-alone.ts';

const { connectionsToHandOver } = proxyActivities<ReturnType<typeof createHandOverActivities>>({
  startToCloseTimeout: '1 minute',
  retry: { initialInterval: '1 second', maximumAttempts: 20 },
});

/** Starts the hand-over of each ERP connection of which something is left and nobody works: whoever put it there may have died before the wake. Runs on a Schedule, each minute; what runs already, or waits for people, goes on. */
export async function erpRounds(): Promise<{ started: number }> {
  upsertSearchAttributes([{ key: searchAttributes.kind, value: 'erpRounds' }]);
  let started = 0;
  for (const connectionId of await connectionsToHandOver())
    started += Number(await isStarted(startChild(erpHandOver, { workflowId: `erp/${connectionId}`, args: [{ connectionId, idleMs }], ...standing })));
  return { started };
}
