import { type CalendarSpec, type Client, ScheduleAlreadyRunning, type ScheduleOptions, ScheduleOverlapPolicy } from '@temporalio/client';
import { workflowNames } from '../workflows/messages.ts';

export type ScheduledEntity = { readonly id: string; readonly timeZone: string; readonly paused: boolean };

/** Ensures what runs by itself, now and, for entities that are set up later or get another zone, by whichever way, within a minute. */
export async function keepSchedules(client: Client, taskQueue: string, entities: () => Promise<readonly ScheduledEntity[]>, everyMs = 60_000): Promise<{ stop(): Promise<void> }> {
  const zones = new Map<string, string>();
  const ensure = async (all: readonly ScheduledEntity[]) => {
    await ensureSchedules(client, taskQueue, all);
    for (const { id, timeZone } of all) zones.set(id, timeZone);
  };
  await ensure(await entities());
  let looking: Promise<void> = Promise.resolve();
  const look = async () => {
    const changed = (await entities()).filter(({ id, timeZone }) => zones.get(id) !== timeZone);
    if (changed.length > 0) await ensure(changed);
  };
  const timer = setInterval(() => {
    // A server that is away is there again at one of the next looks.
    looking = looking.then(look).catch(() => undefined);
  }, everyMs);
  return {
    stop() {
      clearInterval(timer);
      return looking;
    },
  };
}

/**
 * Creates what runs by itself, where it is not there yet: the sweep of arrivals each minute, the block sealer all the time, partitions
 * each hour, the rounds over OCPI peers and over what is left for ERPs each minute, retention and a look at the ERPs in the night, and for each entity an opener at 02:00 of the first day of the month, and of each Monday, and the month-end accrual on the first working day, in its zone. What ops changed of an existing schedule stays, but its zone is always the entity’s: an hour of another one may lie before the month has ended.
 */
export async function ensureSchedules(client: Client, taskQueue: string, entities: readonly ScheduledEntity[]): Promise<void> {
  const start = (workflowType: string, workflowId: string, args: unknown[]) => ({ type: 'startWorkflow' as const, workflowType, workflowId, taskQueue, args });
  const wanted: ScheduleOptions[] = [
    {
      scheduleId: 'sweep',
      spec: { intervals: [{ every: '1 minute' }] },
      action: start(workflowNames.intakeSweep, 'sweep/arrivals', [{ olderThanMs: 60_000 }]),
      policies: { overlap: ScheduleOverlapPolicy.SKIP },
    },
    {
      scheduleId: 'sealer',
      spec: { intervals: [{ every: '1 minute' }] },
      action: start(workflowNames.blockSealer, 'sealer', [{ forMs: 60_000 }]),
      // The next one waits for the end of this one's minute and follows at once.
      policies: { overlap: ScheduleOverlapPolicy.BUFFER_ONE },
    },
    { scheduleId: 'partitions', spec: { intervals: [{ every: '1 hour' }] }, action: start(workflowNames.partitionKeeper, 'partitions', []), policies: { overlap: ScheduleOverlapPolicy.SKIP } },
    { scheduleId: 'ocpi', spec: { intervals: [{ every: '1 minute' }] }, action: start(workflowNames.ocpiRounds, 'ocpi', []), policies: { overlap: ScheduleOverlapPolicy.SKIP } },
    { scheduleId: 'erp', spec: { intervals: [{ every: '1 minute' }] }, action: start(workflowNames.erpRounds, 'erp', []), policies: { overlap: ScheduleOverlapPolicy.SKIP } },
    {
      scheduleId: 'retention',
      spec: { calendars: [{ hour: 3, minute: 30, comment: 'what is past its time goes' }] },
      action: start(workflowNames.retentionKeeper, 'retention', [{ actor: 'retention-keeper' }]),
      policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1 day' },
    },
    {
      scheduleId: 'erp-compare',
      spec: { calendars: [{ hour: 4, minute: 30, comment: 'what the ERPs hold, and what is paid' }] },
      action: start(workflowNames.erpCompare, 'erp-compare', [{}]),
      policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1 day' },
    },
    ...entities.flatMap(({ id, timeZone, paused }): ScheduleOptions[] => {
      const opener = (scheduleId: string, workflowId: string, calendar: CalendarSpec): ScheduleOptions => ({
        scheduleId,
        spec: { calendars: [calendar], timezone: timeZone },
        action: start(workflowNames.runOpener, workflowId, [{ entityId: id }]),
        // A run may wait for weeks: the next period opens beside it.
        policies: { overlap: ScheduleOverlapPolicy.ALLOW_ALL, catchupWindow: '31 days' },
        state: { paused, ...(paused ? { note: 'sample entity: unpause it to open periods by themselves' } : {}) },
      });
      return [
        opener(`opener-${id}`, `opener/${id}`, { dayOfMonth: 1, hour: 2, comment: 'opens the month, and the quarter, that has ended' }),
        // Also where no calendar is weekly yet: one may be added any day.
        opener(`opener-weekly-${id}`, `opener/${id}/weekly`, { dayOfWeek: 'MONDAY', hour: 2, comment: 'opens the week that has ended' }),
      ];
    }),
    ...entities.map(
      ({ id, timeZone, paused }): ScheduleOptions => ({
        scheduleId: `accrual-${id}`,
        // The first weekday of the month, also where it is a holiday.
        spec: {
          calendars: [
            { dayOfMonth: 1, dayOfWeek: { start: 'MONDAY', end: 'FRIDAY' }, hour: 6, comment: 'what has ended goes into the ERP' },
            { dayOfMonth: { start: 2, end: 3 }, dayOfWeek: 'MONDAY', hour: 6 },
          ],
          timezone: timeZone,
        },
        action: start(workflowNames.monthAccrual, `accrual/${id}`, [{ entityId: id }]),
        policies: { overlap: ScheduleOverlapPolicy.BUFFER_ONE, catchupWindow: '31 days' },
        state: { paused, ...(paused ? { note: 'sample entity: unpause it to accrue months by themselves' } : {}) },
      }),
    ),
  ];
  for (const options of wanted) {
    try {
      const handle = await client.schedule.create(options);
      // Of itself a Schedule starts at the next full minute; the SDK's triggerImmediately would run beside it.
      if (options.scheduleId === 'sealer') await handle.trigger(ScheduleOverlapPolicy.BUFFER_ONE);
    } catch (error) {
      if (!(error instanceof ScheduleAlreadyRunning)) throw error;
      await keepZone(client, options);
    }
  }
}

async function keepZone(client: Client, { scheduleId, spec: { timezone } }: ScheduleOptions): Promise<void> {
  if (timezone === undefined) return;
  const handle = client.schedule.getHandle(scheduleId);
  if ((await handle.describe()).spec.timezone === timezone) return;
  await handle.update((before) => ({ ...before, spec: { ...before.spec, timezone } }));
}
