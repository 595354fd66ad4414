import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Client, Connection } from '@temporalio/client';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { filesErp } from '../../src/adapters/erp/files.ts';
import { parserFor } from '../../src/adapters/sources/registry.ts';
import { createOrders } from '../../src/api/orders.ts';
import { createWorker, registerSearchAttributes } from '../../src/stack/temporal-worker.ts';
import { importFile } from '../../src/store/commands/import-file.ts';
import type { Store } from '../../src/store/db.ts';
import { workflowNames } from '../../src/workflows/messages.ts';
import { session } from '../support/intake.ts';
import { testSecretBox } from '../support/secret-box.ts';
import { seeded } from '../support/seeded.ts';

const header = readFileSync(new URL('../../data/trondheim/sessions.csv', import.meta.url), 'latin1').split('\n', 1)[0] ?? '';
const address = inject('temporalAddress');
let store: Store;
let drop: () => Promise<void>;
let connection: Connection;
let client: Client;
let taskQueue: string;
let stopWorker: (() => Promise<void>) | undefined;

beforeAll(async () => {
  ({ store, drop } = await seeded());
  connection = await Connection.connect({ address });
  taskQueue = `test-${randomUUID()}`;
  await connection.workflowService.registerNamespace({ namespace: taskQueue, workflowExecutionRetentionPeriod: { seconds: 86_400 as never } });
  await registerSearchAttributes(address, taskQueue);
  client = new Client({ connection, namespace: taskQueue });
});
afterEach(() => stop());
afterAll(async () => {
  await connection.close();
  await drop();
});

async function start(): Promise<void> {
  const { worker, close } = await createWorker({
    address,
    namespace: taskQueue,
    taskQueue,
    store,
    erpFor: async () => filesErp('/nonexistent'),
    makePartitions: async () => 0,
    secretBox: testSecretBox(),
  });
  const running = worker.run();
  stopWorker = async () => {
    worker.shutdown();
    await running;
    await close();
  };
}

async function stop(): Promise<void> {
  await stopWorker?.();
  stopWorker = undefined;
}

/** Stores a file of sessions from `first` on whose token nobody has set up, beside one that is booked. */
async function fileOf(first: number, waiting: number): Promise<string> {
  const lines = [session(first), ...Array.from({ length: waiting }, (_, i) => session(first + 1 + i, { user: `Stranger-${first + i}` }))];
  const bytes = Buffer.from(`${[header, ...lines].join('\n')}\n`);
  const stored = await store.tx((db) => importFile(db, { sourceId: 'csms', fileName: `${first}.csv`, bytes, by: { actor: 'ops' }, receivedAt: new Date() }, parserFor));
  if (!stored.ok) throw new Error(JSON.stringify(stored.issues));
  return stored.batchId;
}

const importOf = (batchId: string, pageSize: number) => ({ taskQueue, workflowId: `import/csms/${batchId}`, args: [{ sourceId: 'csms', batchId, pageSize }] as const });

/** How many executions each `cdr/…` workflow from `first` on has, by its id; each waits. */
async function lifecycles(first: number, waiting: number): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (let id = first + 1; id <= first + waiting; id += 1) {
    const workflowId = `cdr/csms/se*wlt*${id}`;
    for await (const { status } of client.workflow.list({ query: `WorkflowId = '${workflowId}'` })) {
      expect(status.name).toBe('RUNNING');
      found.set(workflowId, (found.get(workflowId) ?? 0) + 1);
    }
  }
  return found;
}

/** All of them, once each; the list of a server is some moments behind. */
async function expectOnceEach(first: number, waiting: number): Promise<void> {
  const once = new Map(Array.from({ length: waiting }, (_, i) => [`cdr/csms/se*wlt*${first + 1 + i}`, 1]));
  await expect.poll(() => lifecycles(first, waiting), { timeout: 20_000 }).toEqual(once);
}

/** How many of the `cdr/…` workflows from `first` on have looked at their record: one that has not may release it by itself. */
async function looked(first: number, waiting: number): Promise<number> {
  const histories = await Promise.all(Array.from({ length: waiting }, (_, i) => client.workflow.getHandle(`cdr/csms/se*wlt*${first + 1 + i}`).fetchHistory()));
  return histories.filter(({ events }) => events?.some((e) => e.upsertWorkflowSearchAttributesEventAttributes)).length;
}

const runsOf = async (workflowId: string): Promise<string[]> => {
  const states: string[] = [];
  for await (const { status } of client.workflow.list({ query: `WorkflowId = '${workflowId}'` })) states.push(status.name);
  return states.sort();
};
const attended = async (): Promise<number> => (await store.pool.query('SELECT count(*)::int AS n FROM record_head WHERE workflow_since = waiting_since')).rows[0].n;
const unattended = async (): Promise<number> =>
  (await store.pool.query('SELECT count(*)::int AS n FROM record_head WHERE waiting_raw_id IS NOT NULL AND workflow_since IS DISTINCT FROM waiting_since')).rows[0].n;

describe('a piece of set-up that more waits for than a page holds', () => {
  it('releases each, page by page and over a continue-as-new, and ends their workflows', async () => {
    await start();
    const batchId = await fileOf(500, 10);
    await client.workflow.execute(workflowNames.importBatch, importOf(batchId, 20));
    await expectOnceEach(500, 10);
    await expect.poll(() => looked(500, 10), { timeout: 20_000 }).toBe(10);
    await store.pool.query(
      "INSERT INTO mapping (source_id, kind, external_key, internal_id, author) SELECT 'csms', 'token', 'Stranger-' || n, 'acc_fleet_taxi', 'test' FROM generate_series(500, 509) n",
    );
    const workflowId = 'retry/csms/unknownToken/all';
    const totals = await client.workflow.execute(workflowNames.retryWaiting, { taskQueue, workflowId, args: [{ sourceId: 'csms', code: 'unknownToken', key: '*', pageSize: 2 }] });
    expect(totals).toEqual({ tried: 10, released: 10 });
    expect((await store.pool.query("SELECT count(*)::int AS n FROM record_head WHERE cdr_id ~ '^5\\d\\d$' AND state = 'booked'")).rows[0].n).toBe(11);
    // Five pages of 2 and one of none: four pages a run.
    await expect.poll(() => runsOf(workflowId), { timeout: 20_000 }).toEqual(['COMPLETED', 'CONTINUED_AS_NEW']);
    for (let id = 501; id <= 510; id += 1) await client.workflow.getHandle(`cdr/csms/se*wlt*${id}`).result();
  }, 60_000);

  it('is looked for from the beginning once more when more of it came while it was tried, and else once', async () => {
    await start();
    const orders = createOrders(client, taskQueue, pino({ level: 'silent' }));
    await client.workflow.execute(workflowNames.importBatch, importOf(await fileOf(700, 2), 20));
    await expect.poll(() => looked(700, 2), { timeout: 20_000 }).toBe(2);
    const order = { sourceId: 'csms', code: 'unknownToken', key: '*' };
    const { rows } = await store.pool.query("SELECT cdr_id AS id FROM record_head WHERE cdr_id IN ('701', '702') ORDER BY record_id");
    const [passed, next] = rows.map((r) => Number(r.id));
    const stateOf = async (id: number | undefined) => (await store.pool.query('SELECT state FROM record_head WHERE cdr_id = $1', [`${id}`])).rows[0].state;
    const other = await store.pool.connect();
    await other.query(`BEGIN; SELECT FROM record_head WHERE cdr_id = '${next}' FOR UPDATE`);
    const workflowId = 'retry/csms/unknownToken/*';
    const handle = await client.workflow.start(workflowNames.retryWaiting, { taskQueue, workflowId, args: [{ ...order, pageSize: 1 }] });
    const pagesDone = async () => (await handle.fetchHistory()).events?.filter((e) => e.activityTaskCompletedEventAttributes).length;
    await expect.poll(pagesDone, { timeout: 20_000 }).toBe(1);
    // It has passed the first, and is held at the second.
    await store.pool.query("INSERT INTO mapping (source_id, kind, external_key, internal_id, author) VALUES ('csms', 'token', $1, 'acc_fleet_taxi', 'test')", [`Stranger-${(passed ?? 0) - 1}`]);
    expect(await orders.setupAdded(order)).toBe(workflowId);
    await other.query('ROLLBACK');
    other.release();
    await expect.poll(() => stateOf(passed), { timeout: 20_000 }).toBe('booked');
    expect(await stateOf(next)).toBe('quarantined');
    await expect.poll(() => runsOf(workflowId), { timeout: 20_000 }).toEqual(['COMPLETED', 'CONTINUED_AS_NEW']);
    // Nobody told it anything meanwhile.
    const alone = await orders.setupAdded({ ...order, key: 'Stranger-700' });
    await client.workflow.getHandle(alone).result();
    await expect.poll(() => runsOf(alone), { timeout: 20_000 }).toEqual(['COMPLETED']);
  }, 60_000);
});

describe('an import of which more waits than a page holds', () => {
  it('has a workflow started for each, page by page and over a continue-as-new, and tells of them by their number alone', async () => {
    await start();
    const batchId = await fileOf(1000, 10);
    const totals = await client.workflow.execute(workflowNames.importBatch, importOf(batchId, 3));
    expect(totals).toEqual({ processed: 11, accepted: 1, duplicates: 0, conflicts: 0, waiting: 10 });
    await expectOnceEach(1000, 10);
    expect(await unattended()).toBe(0);
    // Pages of 3, 3 | 3, 1 | none.
    await expect.poll(() => runsOf(`waiting/batch/${batchId}`), { timeout: 20_000 }).toEqual(['COMPLETED', 'CONTINUED_AS_NEW', 'CONTINUED_AS_NEW']);
    const { events } = await client.workflow.getHandle(`import/csms/${batchId}`).fetchHistory();
    expect(JSON.stringify(events)).not.toContain('se*wlt*');
  }, 60_000);

  it('is taken up by the next worker where the last one ended, and starts none twice', async () => {
    await start();
    const before = await attended();
    const batchId = await fileOf(2000, 60);
    const handle = await client.workflow.start(workflowNames.importBatch, importOf(batchId, 2));
    await expect.poll(attended, { timeout: 20_000, interval: 5 }).toBeGreaterThan(before);
    await stop();
    const left = await unattended();
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(60);
    await start();
    expect(await handle.result()).toMatchObject({ waiting: 60 });
    await expectOnceEach(2000, 60);
    expect(await unattended()).toBe(0);
  }, 240_000);

  it('leaves what it did not come to when it is ended to the sweep, which starts the rest and none twice', async () => {
    await start();
    const before = await attended();
    const batchId = await fileOf(3000, 60);
    const handle = await client.workflow.start(workflowNames.importBatch, importOf(batchId, 2));
    await expect.poll(attended, { timeout: 20_000, interval: 5 }).toBeGreaterThan(before);
    await stop();
    await handle.terminate('ended by somebody');
    await client.workflow
      .getHandle(`waiting/batch/${batchId}`)
      .terminate('ended by somebody')
      .catch(() => undefined);
    expect(await unattended()).toBeGreaterThan(0);
    await start();
    await client.workflow.execute(workflowNames.intakeSweep, { taskQueue, workflowId: 'sweep/test', args: [{ olderThanMs: 0 }] });
    await client.workflow.getHandle('waiting/rest').result();
    await expectOnceEach(3000, 60);
    expect(await unattended()).toBe(0);
  }, 240_000);

  it('gives a record that comes to wait anew a workflow anew', async () => {
    await start();
    const batchId = await fileOf(4000, 1);
    await client.workflow.execute(workflowNames.importBatch, importOf(batchId, 3));
    // What waits since another instant waits without a workflow, whatever was started for it before.
    await store.pool.query("UPDATE record_head SET waiting_since = waiting_since + interval '1 microsecond' WHERE cdr_id = '4001'");
    expect(await unattended()).toBe(1);
    await client.workflow.getHandle('cdr/csms/se*wlt*4001').terminate('as if it were over');
    await client.workflow.execute(workflowNames.waitingWorkflows, { taskQueue, workflowId: 'waiting/test', args: [{ scope: { sourceId: 'csms' } }] });
    expect((await client.workflow.getHandle('cdr/csms/se*wlt*4001').describe()).status.name).toBe('RUNNING');
    expect(await unattended()).toBe(0);
  }, 60_000);
});
