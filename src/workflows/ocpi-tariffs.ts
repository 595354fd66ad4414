import { isCancellation, proxyActivities, setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import type { createOcpiActivities } from '../activities/ocpi.ts';
import type { createTariffPush, TariffsPushed } from '../activities/ocpi-tariff-push.ts';
import { ocpiActivityOptions } from './activity-options.ts';
import type { OcpiPeerInput } from './messages.ts';
import { searchAttributes } from './search-attributes.ts';

const { pullTariffs, pushTariffs } = proxyActivities<ReturnType<typeof createOcpiActivities> & ReturnType<typeof createTariffPush>>(ocpiActivityOptions);

export type TariffLook = TariffsPushed & { readonly changed: number };

/**
 * Tells an OCPI peer what changed of our tariffs and pulls what changed of its own, `tariffs/{peerId}`; the one does not wait for the
 * other to work out. One that fails is taken up by the next round.
 */
export async function ocpiTariffs({ peerId, push = false, pull = true }: OcpiPeerInput & { readonly push?: boolean; readonly pull?: boolean }): Promise<TariffLook> {
  upsertSearchAttributes([
    { key: searchAttributes.kind, value: 'ocpiTariffs' },
    { key: searchAttributes.partner, value: peerId },
  ]);
  let told: TariffsPushed = { sent: 0, withdrawn: 0, refused: 0 };
  let failed: unknown;
  try {
    if (push) told = await pushTariffs({ peerId });
  } catch (error) {
    if (isCancellation(error)) throw error;
    failed = error;
  }
  const changed = pull ? await pullTariffs({ peerId }) : 0;
  if (failed !== undefined) throw failed;
  setCurrentDetails(`${changed} tariffs of ${peerId} new or changed; of ours ${told.sent} sent, ${told.withdrawn} taken back, ${told.refused} refused`);
  return { ...told, changed };
}
