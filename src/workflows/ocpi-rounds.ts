import { proxyActivities, startChild, upsertSearchAttributes } from '@temporalio/workflow';
import type { createOcpiActivities } from '../activities/ocpi.ts';
import { ocpiPush } from './ocpi-push.ts';
import { ocpiTariffs } from './ocpi-tariffs.ts';
import { searchAttributes } from './search-attributes.ts';
import { isStarted, standing } from './stand-alone.ts';

const { ocpiDue } = proxyActivities<ReturnType<typeof createOcpiActivities>>({ startToCloseTimeout: '1 minute', retry: { initialInterval: '1 second', maximumAttempts: 20 } });

/** Starts a push for each peer that has something to be sent, and a look at the tariffs of each whose time has come, or that is to be told of ours. Runs on a Schedule, each minute; what runs already goes on. */
export async function ocpiRounds(): Promise<{ pushes: number; tariffs: number }> {
  upsertSearchAttributes([{ key: searchAttributes.kind, value: 'ocpiRounds' }]);
  const due = await ocpiDue();
  let [pushes, tariffs] = [0, 0];
  for (const peerId of due.push) pushes += Number(await isStarted(startChild(ocpiPush, { workflowId: `ocpi/${peerId}`, args: [{ peerId }], ...standing })));
  for (const look of due.tariffs) tariffs += Number(await isStarted(startChild(ocpiTariffs, { workflowId: `tariffs/${look.peerId}`, args: [look], ...standing })));
  return { pushes, tariffs };
}
