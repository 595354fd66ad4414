import { type Client, ScheduleAlreadyRunning, type ScheduleOptions, ScheduleOverlapPolicy } from '@temporalio/client';
import type { SourceConnection } from '../contracts/source-connection.ts';
import { workflowNames } from '../workflows/messages.ts';

type Timing = Pick<SourceConnection, 'everyMinutes' | 'paused'>;
const scheduleIdOf = (sourceId: string) => `sweep-${sourceId}`;

/** Has a source swept as its connection says. With `keep` an existing Schedule stays as ops left it. */
export async function putSweepSchedule(client: Client, taskQueue: string, sourceId: string, { everyMinutes, paused }: Timing, { keep = false } = {}): Promise<void> {
  const options = {
    scheduleId: scheduleIdOf(sourceId),
    spec: { intervals: [{ every: `${everyMinutes} minutes` }] },
    action: { type: 'startWorkflow', workflowType: workflowNames.sourceSweep, workflowId: `sweep/${sourceId}`, taskQueue, args: [{ sourceId }] },
    // What one look left open the next takes up, since it begins where the last full one ended.
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '10 minutes' },
    state: { paused },
  } satisfies ScheduleOptions;
  try {
    await client.schedule.create(options);
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    if (!keep) await client.schedule.getHandle(options.scheduleId).update((before) => ({ ...before, spec: options.spec, state: { ...before.state, paused } }));
  }
}
