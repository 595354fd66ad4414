import { ActivityFailure, proxyActivities, setCurrentDetails, sleep, upsertSearchAttributes } from '@temporalio/workflow';
import type { createAccrualActivities } from '../activities/accrue.ts';
import { wakeErp } from './erp-hand-over.ts';
import { searchAttributes } from './search-attributes.ts';

const { monthsToAccrue, accrueEndedMonth } = proxyActivities<ReturnType<typeof createAccrualActivities>>({
  startToCloseTimeout: '10 minutes',
  retry: { initialInterval: '1 second', maximumInterval: '5 minutes', maximumAttempts: 10 },
});

/** How often a month that cannot be accrued is tried again, an hour apart: ten days, in which somebody adds what is missing. */
const mostTries = 240;

/**
 * Brings the months of an entity that have ended into its ERP, those that were missed too, oldest first. Runs on a Schedule on the first working
 * day of the month. What keeps a month from it (an account that is missing in the mapping) is shown, and tried again each hour. Answers
 * the months.
 */
export async function monthAccrual({ entityId }: { readonly entityId: string }): Promise<readonly string[]> {
  upsertSearchAttributes([{ key: searchAttributes.kind, value: 'monthAccrual' }]);
  const months = await monthsToAccrue({ entityId });
  for (const month of months) {
    for (let tries = 1; ; tries++) {
      try {
        for (const connectionId of await accrueEndedMonth({ entityId, month })) await wakeErp(connectionId);
        break;
      } catch (error) {
        if (!(error instanceof ActivityFailure) || tries === mostTries) throw error;
        const words = error.cause?.message ?? error.message;
        upsertSearchAttributes([{ key: searchAttributes.exception, value: words.slice(0, 200) }]);
        setCurrentDetails(`${month} waits: ${words}\n\nTried again each hour, ${mostTries - tries} times more.`);
        await sleep('1 hour');
      }
    }
    upsertSearchAttributes([{ key: searchAttributes.exception, value: null }]);
    setCurrentDetails(`${month} is accrued`);
  }
  return months;
}
