import type { AddressInfo } from 'node:net';
import net from 'node:net';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeApi } from '../../src/api/app.ts';
import { ocpiApp } from '../../src/api/ocpi/ocpi.ts';
import type { Orders } from '../../src/api/orders.ts';
import { ocpiVersions } from '../../src/contracts/ocpi.ts';
import { prepareSales } from '../../src/store/ocpi/prepare-sales.ts';
import { findPeer } from '../../src/store/reads/ocpi/peers.ts';
import { type ApiUnderTest, startApi } from '../support/api.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { cdrOfPeer, ocpiCall, peerSetUp } from '../support/ocpi-calls.ts';
import { OcpiPeer } from '../support/ocpi-peer.ts';
import { ocpiSales } from '../support/ocpi-sales.ts';
import { testSecretBox } from '../support/secret-box.ts';

let api: ApiUnderTest;
let port: number;
let recordId: string;
const peers: OcpiPeer[] = [];
/** With which each of two partners calls us, by version. */
const tokens = new Map<string, { readonly mine: string; readonly theirs: string; readonly invited: string }>();
const idOf = (version: string, side: string) => `${side}${version.replaceAll('.', '')}`;
/** Everything that a partner might write: nothing of it may be another after a refused call. */
const everything = async () => {
  const tables = [
    'raw_message',
    'raw_pending',
    'ocpi_tariff',
    'ocpi_session',
    'ocpi_peer',
    'ocpi_token',
    'ocpi_delivery',
    'control_total',
    'source_watermark',
    'expectation',
    'audit_event',
    'record_head',
  ];
  const { rows } = await api.store.pool.query(
    `SELECT jsonb_build_object(${tables.map((t) => `'${t}', (SELECT md5(coalesce(string_agg(x::text, '|' ORDER BY x::text), '')) FROM ${t} x)`).join(', ')}) AS all`,
  );
  return rows[0].all;
};

beforeAll(async () => {
  api = await startApi(undefined, {
    setUp: (seed) => {
      const like = seed.sources.find((s) => s.id === 'ocpi-peer') as (typeof seed.sources)[number];
      const owners = { mine: { ownerCountry: 'NO', ownerParty: 'NRD' }, theirs: { ownerCountry: 'DK', ownerParty: 'OTH' } };
      for (const version of ocpiVersions) for (const side of ['mine', 'theirs'] as const) seed.sources.push({ ...like, ...owners[side], id: `source-${idOf(version, side)}` });
    },
  });
  port = ((await api.listen()).address() as AddressInfo).port;
  for (const version of ocpiVersions) {
    const made: Record<string, string> = {};
    for (const side of ['mine', 'theirs', 'invited'] as const) {
      const peer = await new OcpiPeer(version).start();
      peers.push(peer);
      if (side === 'theirs') peer.party = { country_code: 'DK', party_id: 'OTH' };
      const peerId = idOf(version, side);
      await api.call('ops', 'PUT', `/v1/ocpi/peers/${peerId}`, peerSetUp(peer, side === 'invited' ? {} : { sourceId: `source-${peerId}` }));
      const invitation = (await api.call('ops', 'POST', `/v1/ocpi/peers/${peerId}/invitation`)).body.token;
      made[side] = side === 'invited' ? invitation : (await ocpiCall(api, invitation, 'POST', `/ocpi/${version}/credentials`, peer.credentials(peer.newToken()))).body.data.token;
    }
    tokens.set(version, made as never);
  }
  await storeLines(api.store, [session(1)]);
  await processAll(api.store);
  recordId = String((await api.store.pool.query("SELECT record_id FROM record_head WHERE source_id = 'csms'")).rows[0].record_id);
});
afterAll(async () => {
  await api.stop();
  for (const peer of peers) await peer.stop();
});

describe('a partner’s API key', () => {
  /** What shows one thing by its id: another's is not there for a partner. */
  const byId = new Map([
    ['/v1/records/{id}', 404],
    ['/v1/records/{id}/timeline', 404],
    ['/v1/records/{id}/proof', 404],
    ['/v1/imports/{batchId}', 404],
  ]);
  const operations = Object.entries(JSON.parse(JSON.stringify(describeApi())).paths as Record<string, object>)
    .filter(([path]) => path.startsWith('/v1/'))
    .flatMap(([path, methods]) => Object.keys(methods).map((method) => [method.toUpperCase(), path] as const));

  it('reaches nothing of another source, on any route; without a key there is nothing', { timeout: 120_000 }, async () => {
    const before = await everything();
    expect(operations.length).toBeGreaterThan(150);
    for (const [method, path] of operations) {
      const url = path
        .replace('{sourceId}', 'csms')
        .replace('/records/{id}', `/records/${recordId}`)
        .replace(/\{\w+\}/g, 'x');
      const json = method === 'GET' ? undefined : {};
      const answer = await api.call('partner', method, url, json);
      expect([method, path, answer.status]).toEqual([method, path, byId.get(path) ?? 403]);
      expect([method, path, (await api.call(undefined, method, url, json)).status]).toEqual([method, path, 401]);
    }
    expect(await everything()).toEqual(before);
  });
});

describe.each([...ocpiVersions])('the OCPI token of a partner, in %s', (version) => {
  const at = (path: string) => `/ocpi/${version}${path}`;
  const call = (token: string | undefined, method: string, path: string, body?: unknown) => ocpiCall(api, token, method, at(path), body);
  const of = () => tokens.get(version) as { mine: string; theirs: string; invited: string };
  const tariff = { id: 'T1', currency: 'NOK', elements: [{}], last_updated: '2026-01-01T00:00:00Z' };
  const started = version === '2.1.1' ? { start_datetime: '2019-12-03T10:00:00Z', auth_id: 'AURORA-1', location: { id: 'AdO1' } } : { start_date_time: '2019-12-03T10:00:00Z', location_id: 'AdO1' };
  const theSession = { id: 'S1', kwh: 1, currency: 'SEK', status: 'ACTIVE', last_updated: '2019-12-03T10:01:00Z', ...started };
  const cdr = () => {
    const { cdr_token, cdr_location, country_code, party_id, end_date_time, total_cost, ...rest } = cdrOfPeer(peers[0] as OcpiPeer, 'N-1');
    const location = { id: 'AdO1', evses: [{ uid: 'E1', evse_id: 'SE*WLT*E1', connectors: [{ id: '1' }] }] };
    return version === '2.1.1' ? { ...rest, stop_date_time: end_date_time, auth_id: 'AURORA-1', location, total_cost: 31 } : cdrOfPeer(peers[0] as OcpiPeer, 'N-1');
  };
  /** Every route of the modules, as it reaches what one partner sent: method, pattern, path, body; what the other one is answered. */
  const routes = (): readonly (readonly [method: string, pattern: string, path: string, body: unknown, status: number])[] => [
    ['POST', '/cdrs', '/cdrs', cdr(), version === '2.1.1' ? 201 : 200],
    ['GET', '/cdrs/:key', '/cdrs/no*nrd*n-1', undefined, 404],
    ['GET', '/cdrs', '/cdrs', undefined, 200],
    ['GET', '/sessions/:countryCode/:partyId/:sessionId', '/sessions/NO/NRD/S1', undefined, 404],
    ['PUT', '/sessions/:countryCode/:partyId/:sessionId', '/sessions/NO/NRD/S1', { ...theSession, status: 'INVALID', last_updated: '2020-01-01T00:00:00Z' }, 404],
    ['PATCH', '/sessions/:countryCode/:partyId/:sessionId', '/sessions/NO/NRD/S1', { status: 'INVALID', last_updated: '2020-01-01T00:00:00Z' }, 404],
    ['GET', '/tariffs', '/tariffs', undefined, 200],
    ['GET', '/tariffs/:countryCode/:partyId/:tariffId', '/tariffs/NO/NRD/T1', undefined, 404],
    ['PUT', '/tariffs/:countryCode/:partyId/:tariffId', '/tariffs/NO/NRD/T1', { ...tariff, currency: 'SEK', last_updated: '2026-02-01T00:00:00Z' }, 404],
    ['PATCH', '/tariffs/:countryCode/:partyId/:tariffId', '/tariffs/NO/NRD/T1', { currency: 'SEK', last_updated: '2026-02-01T00:00:00Z' }, 404],
    ['DELETE', '/tariffs/:countryCode/:partyId/:tariffId', '/tariffs/NO/NRD/T1', undefined, 404],
  ];
  const writes = () => routes().filter(([method, , , body]) => method !== 'GET' && body !== undefined && !(method === 'PATCH' && version !== '2.1.1'));

  it('is tried on every route there is', () => {
    const app = ocpiApp({ store: api.store, orders: {} as Orders, log: pino({ level: 'silent' }), secretBox: testSecretBox() });
    const modules = app.routes.filter((r) => r.method !== 'ALL' && r.path.startsWith(at('/')) && !r.path.startsWith(at('/credentials'))).map((r) => `${r.method} ${r.path.slice(at('').length)}`);
    // A middleware of a path stands beside its handler.
    expect([...new Set(modules)].sort()).toEqual(
      routes()
        .map(([method, pattern]) => `${method} ${pattern}`)
        .sort(),
    );
  });

  it('neither reads nor writes what is another’s', async () => {
    const { mine, theirs } = of();
    expect((await call(mine, 'PUT', '/tariffs/NO/NRD/T1', tariff)).status).toBe(201);
    expect((await call(mine, 'PUT', '/sessions/NO/NRD/S1', theSession)).status).toBe(201);
    expect((await call(mine, 'POST', '/cdrs', cdr())).status).toBe(201);
    const source = `source-${idOf(version, 'mine')}`;
    const own = async () =>
      JSON.stringify(
        (
          await api.store.pool.query(
            'SELECT (SELECT array_agg(m::text) FROM raw_message m WHERE source_id = $1) AS m, (SELECT array_agg(t::text) FROM ocpi_tariff t WHERE peer_id = $2) AS t, (SELECT array_agg(s::text) FROM ocpi_session s WHERE peer_id = $2) AS s',
            [source, idOf(version, 'mine')],
          )
        ).rows,
      );
    const before = await own();
    for (const [method, pattern, path, body, status] of routes()) {
      const answer = await call(theirs, method, path, body);
      expect([method, pattern, answer.status, typeof answer.body.status_code]).toEqual([method, pattern, status, 'number']);
      // A CDR names no owner in 2.1.1: it is that of whoever sends it, in the source of its own.
      if (pattern === '/cdrs' && method === 'POST' && version !== '2.1.1') expect(answer.body.status_code).toBe(2001);
      if (method === 'GET' && status === 200) expect(JSON.stringify(answer.body.data)).not.toContain('NRD');
    }
    expect(await own()).toBe(before);
    const { rows } = await api.store.pool.query('SELECT record_key FROM raw_message WHERE source_id = $1', [`source-${idOf(version, 'theirs')}`]);
    expect(rows.map((r) => r.record_key)).toEqual(version === '2.1.1' ? ['dk*oth*n-1'] : []);
  });

  it('is wanted on every route: an invitation, another version’s, an API key, a guess or none open none, and change nothing', async () => {
    const { invited } = of();
    const elsewhere = tokens.get(version === '2.1.1' ? '2.2.1' : '2.1.1')?.mine;
    const before = await everything();
    for (const [method, pattern, path, body] of routes()) {
      for (const token of [invited, 'a-guess', 'token-admin', undefined]) expect([method, pattern, token, (await call(token, method, path, body)).status]).toEqual([method, pattern, token, 401]);
      expect([method, pattern, (await call(elsewhere, method, path, body)).body.status_code]).toEqual([method, pattern, 3002]);
    }
    for (const method of ['PUT', 'DELETE']) expect((await call(invited, method, '/credentials', {})).status).toBe(405);
    expect(await everything()).toEqual(before);
  });

  it('has what is malformed or too large answered in OCPI’s terms on every route that takes something, with no effect', async () => {
    const { mine } = of();
    const before = await everything();
    for (const [method, pattern, path, body] of [...writes(), ['PUT', '/credentials', '/credentials', {}, 0] as const]) {
      const status = async (sent: unknown) => {
        const { status: http, body: said } = await call(mine, method, path, sent);
        return [method, pattern, http, said.status_code, typeof said.timestamp];
      };
      expect(await status('{"id":')).toEqual([method, pattern, 400, 2001, 'string']);
      expect(await status('[1]')).toEqual([method, pattern, 200, 2001, 'string']);
      expect(await status({ ...(body as object), remark: 'x'.repeat(1024 * 1024) })).toEqual([method, pattern, 413, 2000, 'string']);
    }
    expect(await everything()).toEqual(before);
  });

  it('has what comes too slowly answered 408 on every route that takes something, with no effect', async () => {
    const { mine } = of();
    const before = await everything();
    const token = version === '2.1.1' ? mine : Buffer.from(mine).toString('base64');
    const slow = ([method, , path, body]: ReturnType<typeof routes>[number]) =>
      new Promise<string>((resolve, reject) => {
        const text = JSON.stringify(body);
        const head = `${method} ${at(path)} HTTP/1.1\r\nhost: localhost\r\nauthorization: Token ${token}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n`;
        let said = '';
        const socket = net.connect(port, '127.0.0.1', () => socket.write(head + text.slice(0, 10)));
        socket.on('data', (chunk) => {
          said += chunk;
          if (!said.includes('status_code')) return;
          socket.destroy();
          resolve(said);
        });
        socket.on('error', reject);
      });
    for (const said of await Promise.all(writes().map(slow))) {
      expect(said).toMatch(/^HTTP\/1\.1 408 /);
      expect(said).toContain('"status_code":2000');
    }
    expect(await everything()).toEqual(before);
  });
});

describe('partners behind one hub', () => {
  const hub = new OcpiPeer();
  let token: string;
  const way = (party: string) => {
    const [country = '', id = ''] = party.split('*');
    return { 'ocpi-from-country-code': country, 'ocpi-from-party-id': id, 'ocpi-to-country-code': 'SE', 'ocpi-to-party-id': 'WLT' };
  };
  const call = (party: string, method: string, path: string, body?: unknown) => ocpiCall(api, token, method, `/ocpi/2.2.1${path}`, body, way(party));
  const reached = async () =>
    (
      await api.store.pool.query(
        "SELECT s.body #>> '{to,partyId}' AS party, d.seen_at IS NOT NULL AS seen, d.hub_acknowledged_at IS NOT NULL AS acknowledged FROM ocpi_delivery d JOIN ocpi_sale s ON s.id = d.sale_id WHERE s.peer_id = 'hub' ORDER BY 1",
      )
    ).rows;

  beforeAll(async () => {
    hub.party = { country_code: 'FR', party_id: 'GIR' };
    peers.push(await hub.start());
    const partners = [
      { accountId: 'acc_emsp_fjord', countryCode: 'NO', partyId: 'FJO', sendFrom: '2019-12-01' },
      { accountId: 'acc_emsp_polar', countryCode: 'NO', partyId: 'POL', sendFrom: '2019-12-01' },
    ];
    await api.call('ops', 'PUT', '/v1/ocpi/peers/hub', peerSetUp(hub, { kind: 'hub', sourceId: 'ocpi-peer', partners, push: false }));
    const invitation = (await api.call('ops', 'POST', '/v1/ocpi/peers/hub/invitation')).body.token;
    token = (await ocpiCall(api, invitation, 'POST', '/ocpi/2.2.1/credentials', hub.credentials(hub.newToken()))).body.data.token;
    const sales = ocpiSales(api);
    await sales.locateSites();
    await sales.sell(701, 'Share-11');
    await sales.sell(702, 'Share-12');
    const peer = await findPeer(api.store.pool, 'hub');
    if (peer === undefined) throw new Error('the hub is not set up');
    await api.store.tx((db) => prepareSales(db, peer, () => new Date()));
  });

  it('each pull their own CDRs alone, and have then seen them; the hub itself pulls all', async () => {
    const fjord = await call('NO*FJO', 'GET', '/cdrs');
    expect([fjord.headers.get('x-total-count'), fjord.body.data.map((c: { cdr_token: { uid: string } }) => c.cdr_token.uid)]).toEqual(['1', ['Share-11']]);
    expect(await reached()).toEqual([
      { party: 'FJO', seen: true, acknowledged: false },
      { party: 'POL', seen: false, acknowledged: false },
    ]);
    expect((await call('NO*NIX', 'GET', '/cdrs')).body.data).toEqual([]);
    expect((await call('FR*GIR', 'GET', '/cdrs')).body.data).toHaveLength(2);
    expect(await reached()).toEqual([
      { party: 'FJO', seen: true, acknowledged: true },
      { party: 'POL', seen: false, acknowledged: true },
    ]);
  });

  it('send and read back what is theirs alone', async () => {
    const own = { country_code: 'NO', party_id: 'FJO' };
    const cdr = { ...cdrOfPeer(hub, 'H-1'), ...own };
    const tariff = { ...own, id: 'T1', currency: 'NOK', elements: [{}], last_updated: '2026-01-01T00:00:00Z' };
    const theSession = { ...own, id: 'S1', kwh: 1, currency: 'SEK', status: 'ACTIVE', start_date_time: '2019-12-03T10:00:00Z', location_id: 'AdO1', last_updated: '2019-12-03T10:01:00Z' };
    expect((await call('NO*POL', 'POST', '/cdrs', cdr)).body.status_code).toBe(2001);
    expect((await call('NO*FJO', 'POST', '/cdrs', cdr)).status).toBe(201);
    for (const [path, body] of [
      ['/tariffs/NO/FJO/T1', tariff],
      ['/sessions/NO/FJO/S1', theSession],
    ] as const) {
      expect((await call('NO*POL', 'PUT', path, body)).status).toBe(404);
      expect((await call('NO*FJO', 'PUT', path, body)).status).toBe(201);
    }
    for (const path of ['/cdrs/no*fjo*h-1', '/tariffs/NO/FJO/T1', '/sessions/NO/FJO/S1'])
      expect([path, (await call('NO*POL', 'GET', path)).status, (await call('NO*FJO', 'GET', path)).status, (await call('FR*GIR', 'GET', path)).status]).toEqual([path, 404, 200, 200]);
    expect((await call('NO*POL', 'DELETE', '/tariffs/NO/FJO/T1')).status).toBe(404);
    expect((await call('NO*POL', 'PATCH', '/sessions/NO/FJO/S1', { status: 'INVALID', last_updated: '2020-01-01T00:00:00Z' })).status).toBe(404);
    expect((await call('NO*FJO', 'GET', '/sessions/NO/FJO/S1')).body.data.status).toBe('ACTIVE');
  });
});
