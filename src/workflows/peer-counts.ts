import { ActivityFailure, ApplicationFailure, isCancellation, proxyActivities, setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import type { Counted, CountOrder, createPeerCountActivities } from '../activities/peer-counts.ts';
import { ocpiActivityOptions } from './activity-options.ts';
import { searchAttributes } from './search-attributes.ts';
import { wakeRun } from './wake-run.ts';

type Activities = ReturnType<typeof createPeerCountActivities>;
const { daysToCount, failCounts } = proxyActivities<Activities>({ startToCloseTimeout: '1 minute', retry: { initialInterval: '1 second', maximumInterval: '1 minute', maximumAttempts: 10 } });
const { askCounts } = proxyActivities<Activities>(ocpiActivityOptions);

/** Asks an OCPI peer how many CDRs it has of each closed day, `count/{sourceId}`: the control totals of these days. Runs on a Schedule each night; what a look could not ask, the next one asks. */
export async function peerCounts(order: CountOrder): Promise<Omit<Counted, 'concerned'>> {
  upsertSearchAttributes([
    { key: searchAttributes.kind, value: 'peerCounts' },
    { key: searchAttributes.partner, value: order.sourceId },
  ]);
  const days = await daysToCount(order);
  if (days === null || days.length === 0) {
    const why = days === null ? `no OCPI peer is pulled into ${order.sourceId}` : 'no day of these is over';
    if (days !== null) await failCounts({ sourceId: order.sourceId, days, problem: why });
    setCurrentDetails(`Nothing done: ${why}`);
    return { days: 0, stated: 0, changed: 0 };
  }
  try {
    const { concerned, ...counted } = await askCounts({ sourceId: order.sourceId, days, byNight: order.window === undefined });
    for (const workflowId of concerned) await wakeRun(workflowId);
    setCurrentDetails(`${counted.days} days asked of, ${counted.stated === 0 ? '**it sends no X-Total-Count**' : `${counted.stated} counted, ${counted.changed} of them new or changed`}`);
    return counted;
  } catch (error) {
    if (isCancellation(error)) throw error;
    const cause = error instanceof ActivityFailure ? error.cause : error;
    const problem = cause instanceof Error ? cause.message : String(cause);
    await failCounts({ sourceId: order.sourceId, days, problem });
    upsertSearchAttributes([{ key: searchAttributes.exception, value: cause instanceof ApplicationFailure ? (cause.type ?? 'failed') : 'failed' }]);
    setCurrentDetails(`**failed**: ${problem}\n\nThe next look asks of these days again.`);
    throw ApplicationFailure.nonRetryable(problem, 'CountsFailed');
  }
}
