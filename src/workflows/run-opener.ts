import { proxyActivities, startChild, upsertSearchAttributes } from '@temporalio/workflow';
import type { createCycleActivities } from '../activities/cycle.ts';
import { billingCycle } from './billing-cycle.ts';
import { searchAttributes } from './search-attributes.ts';
import { isStarted, standingOnce } from './stand-alone.ts';

const { openPeriods } = proxyActivities<ReturnType<typeof createCycleActivities>>({
  startToCloseTimeout: '5 minutes',
  retry: { initialInterval: '1 second', maximumInterval: '5 minutes', maximumAttempts: 20 },
});

/**
 * Opens what the ended periods of an entity's calendars lack, and starts every planned run whose workflow never began. Runs on a Schedule in the
 * entity's zone; small, so that a run still waiting for approval never keeps the next period from opening.
 */
export async function runOpener(input: { readonly entityId: string }): Promise<{ started: readonly string[] }> {
  upsertSearchAttributes([{ key: searchAttributes.kind, value: 'runOpener' }]);
  const started: string[] = [];
  for (const { runId, workflowId, period, kind, cutOffAtMs } of await openPeriods(input)) {
    const order = { runId, period, cutOffAtMs, ...(kind === 'live' ? {} : { kind }) };
    if (await isStarted(startChild(billingCycle, { workflowId, args: [order], ...standingOnce }))) started.push(workflowId);
  }
  return { started };
}
