import { proxyActivities, setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import type { createOcpiActivities } from '../activities/ocpi.ts';
import { ocpiActivityOptions } from './activity-options.ts';
import type { OcpiPeerInput } from './messages.ts';
import { searchAttributes } from './search-attributes.ts';

const { pullTariffs } = proxyActivities<ReturnType<typeof createOcpiActivities>>(ocpiActivityOptions);

/** Pulls what an OCPI peer changed of its tariffs, `tariffs/{peerId}`; answers how many are new or changed. One that fails is taken up by the next round. */
export async function ocpiTariffs({ peerId }: OcpiPeerInput): Promise<number> {
  upsertSearchAttributes([
    { key: searchAttributes.kind, value: 'ocpiTariffs' },
    { key: searchAttributes.partner, value: peerId },
  ]);
  const changed = await pullTariffs({ peerId });
  setCurrentDetails(`${changed} tariffs of ${peerId} new or changed`);
  return changed;
}
