import { Socket } from 'node:net';
import { Client, Connection } from '@temporalio/client';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createApp } from '../../src/api/app.ts';
import { createOrders } from '../../src/api/orders.ts';
import { putApiKeys } from '../../src/store/commands/api-keys.ts';
import { openStore, type Store } from '../../src/store/db.ts';
import { ensurePartitions } from '../../src/store/migrate.ts';
import { openSetUp } from '../../src/store/prisma.ts';
import { startApi } from '../support/api.ts';
import { testSecretBox } from '../support/secret-box.ts';
import { seeded } from '../support/seeded.ts';
import { wayTo } from '../support/way-to.ts';

let seed: Awaited<ReturnType<typeof seeded>>;
let store: Store;
let setUp: ReturnType<typeof openSetUp>;
let connection: Connection;
let app: ReturnType<typeof createApp>;
let way: Awaited<ReturnType<typeof wayTo>>;

const mapping = { sourceId: 'csms', kind: 'token', externalKey: 'Stranger-1', internalId: 'acc_fleet_taxi' };
const ask = async (method: string, path: string, body?: unknown) => {
  const answer = await app.request(path, {
    method,
    headers: { authorization: 'Bearer token-ops', 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, retryAfter: answer.headers.get('retry-after'), body: await answer.json() };
};

beforeAll(async () => {
  seed = await seeded();
  await seed.store.tx((db) => putApiKeys(db, [{ id: 'ops', actor: 'ops', token: 'token-ops', sample: true, roles: ['ops'], sourceId: null }]));
  way = await wayTo(seed.database.url);
  store = openStore(way.url);
  setUp = openSetUp(way.url);
  // Nobody listens there.
  connection = Connection.lazy({ address: '127.0.0.1:1', connectTimeout: 500 });
  const log = pino({ level: 'silent' });
  app = createApp({ store, setUp: setUp.setUp, orders: createOrders(new Client({ connection }), 'none', log), log, secretBox: testSecretBox() });
});
afterAll(async () => {
  way.reopen();
  await store.close();
  await setUp.close();
  await connection.close();
  await way.close();
  await seed.drop();
});

describe('the API while a server behind it is away', () => {
  it('says so of the database, before and while it is asked, and when to come again; and answers as before when it is back', async () => {
    expect((await ask('GET', '/v1/quarantine')).status).toBe(200);
    expect((await ask('GET', '/v1/accounts')).status).toBe(200);
    const away = { status: 503, retryAfter: '5', body: { code: 'databaseAway' } };
    const other = await seed.store.pool.connect();
    await other.query('BEGIN; LOCK TABLE mapping');
    const underWay = ask('POST', '/v1/mappings', mapping);
    const waits = async () => (await seed.store.pool.query("SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")).rowCount;
    await expect.poll(waits, { timeout: 10_000 }).toBe(1);
    way.shut();
    expect(await underWay).toMatchObject(away);
    await other.query('ROLLBACK');
    other.release();
    for (const path of ['/v1/quarantine', '/v1/accounts', '/v1/runs', '/v1/records']) expect(await ask('GET', path), path).toMatchObject(away);
    way.reopen();
    expect((await ask('GET', '/v1/quarantine')).status).toBe(200);
    expect((await ask('GET', '/v1/accounts')).status).toBe(200);
  });

  it('says so, too, of a database that vanished without a word, and finds gone what it waits for', async () => {
    const alive = vi.spyOn(Socket.prototype, 'setKeepAlive');
    way.silence();
    // Those that were cut are no longer offered.
    await expect.poll(() => store.pool.totalCount).toBe(0);
    const away = { status: 503, retryAfter: '5', body: { code: 'databaseAway' } };
    const partitions = expect(ensurePartitions(way.url)).rejects.toThrow('timeout expired');
    expect(await Promise.all(['/v1/quarantine', '/v1/accounts'].map((path) => ask('GET', path)))).toMatchObject([away, away]);
    await partitions;
    way.reopen();
    expect((await ask('GET', '/v1/quarantine')).status).toBe(200);
    expect((await ask('GET', '/v1/accounts')).status).toBe(200);
    expect(alive.mock.calls.length).toBeGreaterThan(2);
    expect(alive.mock.calls.every(([on, afterMs]) => on === true && (afterMs ?? 0) > 0)).toBe(true);
    alive.mockRestore();
  });

  it('says of Temporal that what was ordered is kept and its work was not told, and when to send it again', async () => {
    expect(await ask('POST', '/v1/mappings', mapping)).toMatchObject({ status: 503, retryAfter: '5', body: { code: 'temporalAway' } });
    expect((await store.pool.query("SELECT count(*)::int AS n FROM mapping WHERE external_key = 'Stranger-1'")).rows[0].n).toBe(1);
  });
});

describe('an order to a run that no worker works on', () => {
  it('is answered in time, with what may still come of it', async () => {
    const api = await startApi(undefined, { answerWithinMs: 2000 });
    try {
      const { runId, workflowId } = (await api.call('preparer', 'POST', '/v1/runs', { entityId: 'ent_se', period: '2019-12', cutOffAt: new Date(Date.now() + 86_400_000).toISOString() })).body;
      for (const [verb, body] of [
        ['pause', { reason: 'the bank is closed' }],
        ['reopen', { reason: 'looked at it again' }],
        ['approval', { contentHash: '0'.repeat(64), decision: 'approve', comment: 'looks well' }],
      ] as const) {
        const answer = await api.call(verb === 'pause' ? 'ops' : 'approver', 'POST', `/v1/runs/${runId}/${verb}`, body);
        expect(answer, verb).toMatchObject({ status: 503, body: { code: 'notAnswered' } });
        expect(answer.headers.get('retry-after')).toBe('5');
        expect(answer.body.detail).toContain('It may still take hold');
      }
      expect((await api.client.workflow.getHandle(workflowId).describe()).status.name).toBe('RUNNING');
    } finally {
      await api.stop();
    }
  }, 30_000);
});
