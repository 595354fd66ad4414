import { type PeriodAction, type PeriodState, periodStep } from '../../core/accounting/period-states.ts';
import { awaitedUpTo, lockPeriod } from '../accounting/period-rows.ts';
import type { Db } from '../db.ts';
import { unsignedDriftUpTo } from '../erp-comparison.ts';
import { accrueLocked } from './accrue-month.ts';
import { audit, type By } from './audit.ts';
import { Refused } from './refusal.ts';

export type PeriodOutcome = { readonly state: PeriodState; readonly waitsForSecond: boolean; readonly connections: readonly string[] };

/**
 * Soft-closes, closes or reopens an accounting period. Closing makes what is left of its accrual first, under the same lock, so that nothing is
 * posted in between; a soft-closed month takes accruals alone. What an ERP holds otherwise keeps a month from closing until somebody has mended or signed it; a document that waits for the ERP's number, until it is booked. Reopening a closed one takes two persons: the first call asks, another person's does it. Refused with the reason otherwise.
 */
export async function setPeriodState(db: Db, input: { readonly entityId: string; readonly month: string; readonly action: PeriodAction; readonly reason: string }, by: By): Promise<PeriodOutcome> {
  const { entityId, month, action, reason } = input;
  const period = await lockPeriod(db, entityId, month);
  const step = periodStep(period, action, by.actor);
  if ('refused' in step) throw new Refused('wrongState', `${month} of ${entityId}: ${step.refused}`);
  const waits = 'waitsForSecond' in step;
  if (waits && period.askedBy === by.actor) throw new Refused('forbidden', `you asked for ${month} to be reopened: somebody else has to do it`);
  const awaited = action === 'reopen' ? [] : await awaitedUpTo(db, entityId, month);
  if (awaited.length > 0)
    throw new Refused(
      'wrongState',
      `${month} of ${entityId}: ${awaited.length} documents dated into it or before wait for the number of the ERP, ${awaited.slice(0, 3).join(', ')}: they are booked once it is read back`,
    );
  const drifted = action === 'close' ? await unsignedDriftUpTo(db, entityId, month) : [];
  if (drifted.length > 0)
    throw new Refused(
      'wrongState',
      `${month} of ${entityId}: ${drifted.length} otherwise in the ERP than they were sent, ${drifted.slice(0, 3).join(', ')}: mend them there and compare again, or sign them`,
    );
  const accrued = action === 'close' ? await accrueLocked(db, entityId, period, reason, by) : undefined;
  const note = (what: string) => db.query('INSERT INTO accounting_period_event (entity_id, month, action, actor, reason) VALUES ($1, $2, $3, $4, $5)', [entityId, month, what, by.actor, reason]);
  await note(waits ? 'askReopen' : action);
  const state = waits ? period.state : step.to;
  if (!waits)
    await db.query('INSERT INTO accounting_period (entity_id, month, state) VALUES ($1, $2, $3) ON CONFLICT (entity_id, month) DO UPDATE SET state = excluded.state', [entityId, month, state]);
  await audit(db, by, { action: `period.${waits ? 'reopenAsked' : action}`, subject: `${entityId}/${month}`, reason, after: { state } });
  return { state, waitsForSecond: waits, connections: accrued?.connections ?? [] };
}
