import { ActivityFailure, condition, continueAsNew, proxyActivities, setCurrentDetails, setHandler, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import type { createOcpiActivities } from '../activities/ocpi.ts';
import { ocpiActivityOptions } from './activity-options.ts';
import { type OcpiPushInput, retrySignal } from './messages.ts';
import { searchAttributes } from './search-attributes.ts';

const { pushSales } = proxyActivities<ReturnType<typeof createOcpiActivities>>(ocpiActivityOptions);

/** How often it tries by itself, an hour apart, after the retries are spent; then it waits for people. */
const maxHourly = 24;

/**
 * Pushes our sales to one OCPI peer, `ocpi/{peerId}`, in order, until none is left. When the retries are spent it says what it waits for,
 * and goes on when told to retry, or after an hour.
 */
export async function ocpiPush({ peerId, sent: before = 0, refused: refusedBefore = 0 }: OcpiPushInput): Promise<{ sent: number; refused: number }> {
  let [sent, refused, held, hourly, retry] = [before, refusedBefore, 0, 0, false];
  setHandler(retrySignal, () => {
    retry = true;
  });
  const show = (state: string, exception: string | null, waitsFor: string) => {
    upsertSearchAttributes([
      { key: searchAttributes.state, value: state },
      { key: searchAttributes.exception, value: exception },
    ]);
    setCurrentDetails(`**${state}** · ${peerId}\n\n${sent} CDRs sent, ${refused} refused, ${held} held since their partner is known to refuse them\n\n${waitsFor}`);
  };
  upsertSearchAttributes([
    { key: searchAttributes.kind, value: 'ocpiPush' },
    { key: searchAttributes.partner, value: peerId },
  ]);
  show('sending', null, '');
  for (;;) {
    // A word that comes while a batch is on its way may be of sales that the batch did not see.
    retry = false;
    try {
      const batch = await pushSales({ peerId });
      sent += batch.sent;
      refused += batch.refused;
      held = batch.held;
      show('sending', null, '');
      if (!batch.left && !retry) return { sent, refused };
      if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof ocpiPush>({ peerId, sent, refused });
    } catch (error) {
      if (!(error instanceof ActivityFailure)) throw error;
      const words = error.cause?.message ?? error.message;
      show('peerWaiting', words.slice(0, 200), `Problem: ${words}\n\nWaits for ops: mend the cause, then retry.${hourly < maxHourly ? ' It tries by itself each hour.' : ''}`);
      if (hourly < maxHourly) await condition(() => retry, '1 hour');
      else await condition(() => retry);
      hourly = retry ? 0 : hourly + 1;
      show('sending', null, '');
    }
  }
}
