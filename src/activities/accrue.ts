import { ApplicationFailure } from '@temporalio/activity';
import { accrueMonth } from '../store/commands/accrue-month.ts';
import { Refused } from '../store/commands/refusal.ts';
import type { Store } from '../store/db.ts';
import { unaccruedMonths } from '../store/reads/accounting-periods.ts';

/** Activities of the accrual that makes itself. */
export function createAccrualActivities({ store }: { readonly store: Store }) {
  return {
    /** Months that have ended and were not accrued, oldest first; not those before the last one that was. */
    async monthsToAccrue({ entityId }: { entityId: string }): Promise<readonly string[]> {
      return unaccruedMonths(store.pool, entityId);
    },
    /** Accrues a month; repeatable. Answers the ERP connections that its journals wait for. What it is refused for is for people to mend. */
    async accrueEndedMonth({ entityId, month }: { entityId: string; month: string }): Promise<readonly string[]> {
      try {
        const { connections } = await store.tx((db) => accrueMonth(db, { entityId, month, reason: 'first working day' }, { actor: 'month-accrual' }));
        return connections;
      } catch (error) {
        throw error instanceof Refused ? ApplicationFailure.nonRetryable(error.message, 'Refused') : error;
      }
    },
  };
}
