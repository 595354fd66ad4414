import { once } from 'node:events';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApiServer } from '../../src/stack/api-server.ts';
import { testSecretBox } from '../support/secret-box.ts';
import { seeded } from '../support/seeded.ts';

const hasIPv6 = Object.values(networkInterfaces()).some((addresses) => addresses?.some((a) => a.address === '::1'));
let seed: Awaited<ReturnType<typeof seeded>>;
/** Serves the API on a free port; Temporal is not there. */
const start = (options: { readonly host?: string; readonly endWithinMs?: number } = {}) =>
  startApiServer({
    store: seed.store,
    databaseUrl: seed.database.url,
    temporalAddress: '127.0.0.1:1',
    temporalNamespace: 'default',
    secretBox: testSecretBox(),
    port: 0,
    host: '127.0.0.1',
    logLevel: 'silent',
    ...options,
  });

beforeAll(async () => {
  seed = await seeded();
});
afterAll(() => seed.drop());

describe('the server of the API', () => {
  it('closes at once beside a connection that was opened ahead, as by a browser, and sent nothing', async () => {
    const api = await start();
    const ahead = connect(Number(new URL(api.url).port), '127.0.0.1');
    await once(ahead, 'connect');
    // The server has taken it when one that came later is answered.
    expect((await fetch(new URL('/healthz', api.url))).status).toBe(200);
    const begun = Date.now();
    await api.close();
    expect(Date.now() - begun).toBeLessThan(10_000);
  });

  it('lets a running request end before it closes', async () => {
    const api = await start();
    const other = await seed.store.pool.connect();
    await other.query('BEGIN; LOCK TABLE api_key');
    const running = fetch(new URL('/v1/runs', api.url), { headers: { authorization: 'Bearer nobody' } });
    const waits = async () => (await seed.store.pool.query("SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")).rowCount;
    await expect.poll(waits, { timeout: 10_000 }).toBe(1);
    const closed = api.close();
    await other.query('ROLLBACK');
    other.release();
    expect((await running).status).toBe(401);
    await closed;
  });

  it('closes after a while though somebody does not send the rest of a request', async () => {
    const api = await start({ endWithinMs: 500 });
    const slow = connect(Number(new URL(api.url).port), '127.0.0.1');
    slow.on('error', () => undefined).write('POST /v1/sources/csms/cdrs HTTP/1.1\r\nhost: h\r\nauthorization: Bearer nobody\r\ncontent-length: 10\r\n\r\n{');
    await once(slow, 'data');
    await api.close();
  });

  it.each(['127.0.0.1', '0.0.0.0', 'localhost', ...(hasIPv6 ? ['::1', '::'] : [])])('says where it is when it listens on %s', async (host) => {
    const api = await start({ host });
    expect((await fetch(new URL('/healthz', api.url))).status).toBe(200);
    await api.close();
  });
});
