import { randomUUID } from 'node:crypto';
import { Client, Connection, ScheduleOverlapPolicy } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { filesErp } from '../../src/adapters/erp/files.ts';
import { ensureSchedules, keepSchedules } from '../../src/stack/schedules.ts';
import { createWorker, registerSearchAttributes } from '../../src/stack/temporal-worker.ts';
import { putEntity } from '../../src/store/commands/put-entity.ts';
import type { Store } from '../../src/store/db.ts';
import { ensurePartitions } from '../../src/store/migrate.ts';
import { enqueue } from '../../src/store/outbox.ts';
import { scheduledEntities } from '../../src/store/reads/entities.ts';
import { workflowNames } from '../../src/workflows/messages.ts';
import type { TestDatabase } from '../support/database.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { testSecretBox } from '../support/secret-box.ts';
import { seeded } from '../support/seeded.ts';

let database: TestDatabase;
let store: Store;
let drop: () => Promise<void>;
let connection: Connection;
let client: Client;
const namespace = `test-${randomUUID()}`;
let stopWorker: () => Promise<void>;
const rows = async (sql: string) => (await store.pool.query(sql)).rows;

beforeAll(async () => {
  ({ store, database, drop } = await seeded());
  const address = inject('temporalAddress');
  connection = await Connection.connect({ address });
  await connection.workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod: { seconds: 86_400 as never } });
  await registerSearchAttributes(address, namespace);
  client = new Client({ connection, namespace });
  const makePartitions = () => ensurePartitions(database.adminUrl);
  const { worker, close } = await createWorker({ address, namespace, taskQueue: namespace, store, erpFor: async () => filesErp('/nonexistent'), makePartitions, secretBox: testSecretBox() });
  const running = worker.run();
  stopWorker = async () => {
    worker.shutdown();
    await running;
    await close();
  };
  await ensureSchedules(client, namespace, await scheduledEntities(store.pool, true));
});
afterAll(async () => {
  await stopWorker();
  await connection.close();
  await drop();
});

describe('what runs by itself', () => {
  it('is there once, however often a worker starts, and keeps what ops changed', async () => {
    await client.schedule.getHandle('sweep').pause('maintenance');
    await ensureSchedules(client, 'elsewhere', await scheduledEntities(store.pool, true));
    const schedules = [];
    for await (const schedule of client.schedule.list()) schedules.push(schedule.scheduleId);
    expect(schedules.sort()).toEqual(['accrual-ent_se', 'erp', 'erp-compare', 'ocpi', 'opener-ent_se', 'opener-weekly-ent_se', 'partitions', 'retention', 'sealer', 'sweep']);
    expect((await client.schedule.getHandle('sweep').describe()).state).toMatchObject({ paused: true, note: 'maintenance' });
  });
  it('comes for an entity that is set up while workers run', async () => {
    const kept = await keepSchedules(client, namespace, () => scheduledEntities(store.pool, true), 100);
    try {
      await store.pool.query(
        "INSERT INTO legal_entity SELECT (jsonb_populate_record(e, jsonb_build_object('id', 'ent_no', 'name', 'Beside', 'time_zone', 'Europe/Oslo'))).* FROM legal_entity e WHERE id = 'ent_se'",
      );
      const zoneOf = async (scheduleId: string) =>
        (
          await client.schedule
            .getHandle(scheduleId)
            .describe()
            .catch(() => undefined)
        )?.spec.timezone;
      for (const scheduleId of ['opener-ent_no', 'opener-weekly-ent_no', 'accrual-ent_no']) await expect.poll(() => zoneOf(scheduleId), { timeout: 10_000 }).toBe('Europe/Oslo');
    } finally {
      await kept.stop();
    }
  });
  it('goes by the zone of an entity that got another one, while workers run and when one starts, and is else as ops left it', async () => {
    const described = async (scheduleId: string) => {
      const { spec, state, action } = await client.schedule.getHandle(scheduleId).describe();
      return [spec.timezone, spec.calendars?.[0]?.hour?.[0]?.start, state.paused, action.args];
    };
    const move = (zone: string) => store.pool.query("UPDATE legal_entity SET time_zone = $1 WHERE id = 'ent_no'", [zone]);
    await client.schedule.getHandle('accrual-ent_no').unpause();
    const kept = await keepSchedules(client, namespace, () => scheduledEntities(store.pool, true), 100);
    try {
      await move('Pacific/Auckland');
      // At two in the night of the first in Auckland it is the last day of the month in Oslo.
      for (const [scheduleId, hour, paused] of [
        ['opener-ent_no', 2, true],
        ['opener-weekly-ent_no', 2, true],
        ['accrual-ent_no', 6, false],
      ] as const)
        await expect.poll(() => described(scheduleId), { timeout: 10_000 }).toEqual(['Pacific/Auckland', hour, paused, [{ entityId: 'ent_no' }]]);
    } finally {
      await kept.stop();
    }
    await move('Europe/Oslo');
    await ensureSchedules(client, 'elsewhere', await scheduledEntities(store.pool, true));
    expect(await described('opener-ent_no')).toEqual(['Europe/Oslo', 2, true, [{ entityId: 'ent_no' }]]);
    const local = new Intl.DateTimeFormat('sv-SE', { timeZone: 'Europe/Oslo', day: 'numeric', hour: 'numeric', minute: 'numeric' });
    for (const at of (await client.schedule.getHandle('opener-ent_no').describe()).info.nextActionTimes) expect(local.format(at)).toMatch(/^1\D+02:00$/);
  });
  it('puts what is sealed into a block within seconds, by one sealer that follows itself without a gap', async () => {
    await storeLines(store, [session(7001)]);
    await processAll(store);
    await expect
      .poll(async () => rows("SELECT FROM record_block_member m JOIN charge_record r USING (record_id, revision) WHERE r.session_key = 'csms/se*wlt*7001'"), { timeout: 8000 })
      .toHaveLength(1);
    const { policies, info } = await client.schedule.getHandle('sealer').describe();
    expect([policies.overlap, info.runningActions.length]).toEqual([ScheduleOverlapPolicy.BUFFER_ONE, 1]);
  });
  it('opens months at two in the night of the entity’s own zone, whatever its offset, and is paused beside sample data', async () => {
    const { state, info, policies } = await client.schedule.getHandle('opener-ent_se').describe();
    expect(state.paused).toBe(true);
    expect(policies).toMatchObject({ overlap: 'ALLOW_ALL', catchupWindow: 31 * 86_400_000 });
    const local = new Intl.DateTimeFormat('sv-SE', { timeZone: 'Europe/Stockholm', day: 'numeric', hour: 'numeric', minute: 'numeric' });
    expect(info.nextActionTimes.length).toBeGreaterThan(5);
    for (const at of info.nextActionTimes) expect(local.format(at)).toMatch(/^1\D+02:00$/);
    // Both offsets of the year are among them.
    expect(new Set(info.nextActionTimes.map((at) => at.getUTCHours()))).toEqual(new Set([0, 1]));
  });
  it('opens the latest ended month that has open charges, with a workflow, and only once', async () => {
    await storeLines(store, [session(1, { start: '05.11.2019 10:00', end: '05.11.2019 12:00' }), session(2)]);
    await processAll(store);
    const opener = client.schedule.getHandle('opener-ent_se');
    await opener.trigger();
    await expect.poll(() => rows('SELECT id, state, author FROM billing_run'), { timeout: 20_000 }).toMatchObject([{ id: 'run_ent_se_2019-12_live', author: 'run-opener' }]);
    const started = async () =>
      (
        await client.workflow
          .getHandle('run/ent_se/2019-12/live')
          .describe()
          .catch(() => undefined)
      )?.status.name;
    await expect.poll(started, { timeout: 20_000 }).toBe('RUNNING');
    await expect.poll(async () => (await rows('SELECT state FROM billing_run'))[0].state, { timeout: 20_000 }).not.toBe('planned');
    expect(await client.workflow.execute(workflowNames.runOpener, { taskQueue: client.options.namespace, workflowId: 'opener/again', args: [{ entityId: 'ent_se' }] })).toEqual({ started: [] });
    expect(await rows('SELECT count(*)::int AS n FROM billing_run')).toEqual([{ n: 1 }]);
  });
  it('accrues the month that has ended on the first weekday of each month, and hands it over', async () => {
    const handle = client.schedule.getHandle('accrual-ent_se');
    const { info, policies } = await handle.describe();
    expect(policies).toMatchObject({ overlap: 'BUFFER_ONE', catchupWindow: 31 * 86_400_000 });
    const local = new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/Stockholm', weekday: 'short', day: 'numeric', hour: 'numeric', minute: 'numeric' });
    expect(info.nextActionTimes.length).toBeGreaterThan(5);
    for (const at of info.nextActionTimes) expect(local.format(at)).toMatch(/^((Mon|Tue|Wed|Thu|Fri)\D+1|Mon\D+[23])\D+06:00$/);
    await handle.trigger();
    const ended = "to_char(date_trunc('month', now() AT TIME ZONE 'Europe/Stockholm') - interval '1 month', 'YYYY-MM')";
    await expect.poll(() => rows(`SELECT author FROM accrual WHERE month = ${ended}`), { timeout: 20_000 }).toEqual([{ author: 'month-accrual' }]);
    await expect.poll(() => rows("SELECT count(*)::int AS n FROM erp_posting WHERE key LIKE 'accrual/%' AND state <> 'queued'"), { timeout: 20_000 }).toEqual([{ n: 2 }]);
  });
  it('hands over what is left in an outbox that nobody woke a writer for', async () => {
    const writer = client.workflow.getHandle('erp/erp_files');
    // That of the accrual waits for more, unless it has ended.
    await writer.terminate('a machine that died').catch(() => undefined);
    const lines = ['100', '-100'].map((amountMinor) => ({ glAccount: '1510', costCenter: null, vatCode: null, amountMinor }));
    const left = { key: 'left', kind: 'journal', runId: null, legalNumber: null, accountId: null, currency: 'SEK', postedOn: '2020-01-06', lines, documentId: null, controlMinor: 100n };
    await store.tx((db) => enqueue(db, 'erp_files', [left]));
    await client.schedule.getHandle('erp').trigger();
    await expect.poll(() => rows("SELECT state FROM erp_posting WHERE key = 'left' AND attempt = 1"), { timeout: 20_000 }).toHaveLength(1);
    expect((await writer.describe()).status.name).toBe('RUNNING');
  });
  it('opens weeks on Mondays, for those who are billed by weeks', async () => {
    const put = await store.tx((db) => putEntity(db, 'ent_se', { calendars: [{ id: 'cal_weekly', cadence: 'weekly', strategies: ['fleetInvoice'] }] }, undefined, 'as agreed', { actor: 'admin' }));
    expect(put.errors).toEqual([]);
    await storeLines(store, [session(3, { user: 'NR1-3', start: '10.12.2019 10:00', end: '10.12.2019 12:00' })]);
    await processAll(store);
    const opener = client.schedule.getHandle('opener-weekly-ent_se');
    const local = new Intl.DateTimeFormat('sv-SE', { timeZone: 'Europe/Stockholm', weekday: 'long', hour: 'numeric', minute: 'numeric' });
    for (const at of (await opener.describe()).info.nextActionTimes) expect(local.format(at)).toMatch(/^måndag\D+02:00$/);
    await opener.trigger();
    await expect
      .poll(() => rows("SELECT id, label, state <> 'planned' AS begun FROM billing_run WHERE calendar_id = 'cal_weekly'"), { timeout: 20_000 })
      .toEqual([{ id: 'run_ent_se_2019-W50_live', label: '2019-W50', begun: true }]);
    expect((await client.workflow.getHandle('run/ent_se/2019-W50/live').describe()).status.name).toBe('RUNNING');
  });
  it('makes partitions ahead as the owner', async () => {
    const handle = client.schedule.getHandle('partitions');
    await handle.trigger();
    await expect
      .poll(
        async () => {
          const [action] = (await handle.describe()).info.recentActions;
          return action?.action.type === 'startWorkflow' ? (await client.workflow.getHandle(action.action.workflow.workflowId).describe()).status.name : 'none';
        },
        { timeout: 20_000 },
      )
      .toBe('COMPLETED');
  });
});
