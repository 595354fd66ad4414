import { type Client, ScheduleAlreadyRunning, ScheduleNotFoundError, type ScheduleOptions, ScheduleOverlapPolicy } from '@temporalio/client';
import type { SourceConnection } from '../contracts/source-connection.ts';
import { workflowNames } from '../workflows/messages.ts';

/** Has a source looked at as its connection says: its CDRs, and of an OCPI peer how many it has of each day. With `keep` an existing Schedule stays as ops left it. */
export async function putSourceSchedules(client: Client, taskQueue: string, sourceId: string, connection: SourceConnection, { keep = false } = {}): Promise<void> {
  const action = (workflowType: string, name: string) => ({ type: 'startWorkflow' as const, workflowType, workflowId: `${name}/${sourceId}`, taskQueue, args: [{ sourceId }] });
  // What one look left open the next takes up, since it begins where the last full one ended.
  const sweep: Look = { spec: { intervals: [{ every: `${connection.everyMinutes} minutes` }] }, action: action(workflowNames.sourceSweep, 'sweep'), catchupWindow: '10 minutes' };
  await put(client, `sweep-${sourceId}`, sweep, connection.paused, keep);
  const countsId = `count-${sourceId}`;
  if (connection.kind === 'ocpi' && connection.countDays > 0) {
    // By night, when the days before are over everywhere; not all peers at once.
    const counts: Look = { spec: { intervals: [{ every: '1 day', offset: '3 hours' }], jitter: '1 hour' }, action: action(workflowNames.peerCounts, 'count'), catchupWindow: '1 day' };
    await put(client, countsId, counts, connection.paused, keep);
  } else {
    await client.schedule
      .getHandle(countsId)
      .delete()
      .catch((error: unknown) => (error instanceof ScheduleNotFoundError ? undefined : Promise.reject(error)));
  }
}

type Look = Pick<ScheduleOptions, 'spec' | 'action'> & { readonly catchupWindow: '10 minutes' | '1 day' };

async function put(client: Client, scheduleId: string, { spec, action, catchupWindow }: Look, paused: boolean, keep: boolean): Promise<void> {
  try {
    await client.schedule.create({ scheduleId, spec, action, policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow }, state: { paused } });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    if (!keep) await client.schedule.getHandle(scheduleId).update((before) => ({ ...before, spec, state: { ...before.state, paused } }));
  }
}
