import type { AddressInfo } from 'node:net';
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ocpiPage } from '../../src/adapters/ocpi/client.ts';
import { type ApiUnderTest, startApi } from '../support/api.ts';
import { cdrOfPeer, ocpiCall, peerSetUp } from '../support/ocpi-calls.ts';
import { OcpiPeer } from '../support/ocpi-peer.ts';

let api: ApiUnderTest;
let nordic: OcpiPeer;
let other: OcpiPeer;
let port: number;
/** Tokens with which each peer calls us. */
const tokens: Record<string, string> = {};
const base = '/ocpi/2.2.1';
const count = async (sql: string) => Number((await api.store.pool.query(`SELECT count(*) AS n FROM ${sql}`)).rows[0].n);
const call = (token: string | undefined, method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => ocpiCall(api, token, method, path, body, headers);
const invite = async (peerId: string) => (await api.call('ops', 'POST', `/v1/ocpi/peers/${peerId}/invitation`)).body.token as string;

beforeAll(async () => {
  api = await startApi(undefined, { setUp: (seed) => seed.sources.push({ ...(seed.sources.find((s) => s.id === 'ocpi-peer') as (typeof seed.sources)[number]), id: 'ocpi-other' }) });
  nordic = await new OcpiPeer().start();
  other = await new OcpiPeer().start();
  other.party = { country_code: 'DK', party_id: 'OTH' };
  port = ((await api.listen()).address() as AddressInfo).port;
  for (const [id, peer, sourceId] of [
    ['nordic', nordic, 'ocpi-peer'],
    ['other', other, 'ocpi-other'],
  ] as const) {
    expect((await api.call('ops', 'PUT', `/v1/ocpi/peers/${id}`, peerSetUp(peer, { sourceId }))).status).toBe(200);
  }
});
afterAll(async () => {
  await api.stop();
  await nordic.stop();
  await other.stop();
});

describe('a peer registers here', () => {
  it('is known by its invitation, which opens versions and credentials alone', async () => {
    const token = await invite('nordic');
    expect(await call(undefined, 'GET', '/ocpi/versions')).toMatchObject({ status: 401, body: { status_code: 2000 } });
    expect(await call('a-guess', 'GET', '/ocpi/versions')).toMatchObject({ status: 401 });
    const versions = await call(token, 'GET', '/ocpi/versions');
    expect(versions.body.data.map((v: { version: string }) => v.version)).toEqual(['2.1.1', '2.2.1', '2.3.0']);
    const details = await call(token, 'GET', base);
    expect(details.body.data.endpoints).toContainEqual({ identifier: 'cdrs', role: 'RECEIVER', url: `http://localhost${base}/cdrs/` });
    expect(await call(token, 'GET', `${base}/cdrs`)).toMatchObject({ status: 401 });
    expect(await call(token, 'PUT', `${base}/credentials`, {})).toMatchObject({ status: 405 });
    expect(await call(token, 'DELETE', `${base}/credentials`)).toMatchObject({ status: 405 });
  });

  it('is refused with its cause when its own side does not work, and nothing is kept', async () => {
    const token = await invite('nordic');
    expect(await call(token, 'POST', `${base}/credentials`, { token: 'b' })).toMatchObject({ status: 200, body: { status_code: 2001 } });
    expect(await call(token, 'POST', `${base}/credentials`, nordic.credentials('never-given'))).toMatchObject({ status: 200, body: { status_code: 3001 } });
    expect(await call(token, 'POST', '/ocpi/2.3.0/credentials', nordic.credentials(nordic.newToken()))).toMatchObject({ status: 200, body: { status_code: 3002 } });
    // Credentials of a party that the connection was not set up for.
    nordic.party = { country_code: 'NO', party_id: 'XXX' };
    expect(await call(token, 'POST', `${base}/credentials`, nordic.credentials(nordic.newToken()))).toMatchObject({ status: 200, body: { status_code: 2001 } });
    nordic.party = { country_code: 'NO', party_id: 'NRD' };
    expect((await api.call('ops', 'GET', '/v1/ocpi/peers/nordic')).body).toMatchObject({ state: 'invited', version: null });
  });

  it('has no address with a user or a password, wherever it names one: nothing keeps or quotes it', async () => {
    const secretly = (url: string) => url.replace('://', '://nordic:pa55word@');
    const answers = [await api.call('ops', 'POST', '/v1/ocpi/peers/nordic/registration', { versionsUrl: secretly(`${nordic.url}/versions`), token: 'x' })];
    expect(answers[0]).toMatchObject({ status: 422, body: { detail: expect.stringContaining('it holds a user or a password') } });
    const token = await invite('nordic');
    answers.push(await call(token, 'POST', `${base}/credentials`, { ...nordic.credentials(nordic.newToken()), url: secretly(`${nordic.url}/versions`) }));
    const endpoints = ['credentials', 'cdrs'].map((identifier) => ({ identifier, role: 'RECEIVER', url: secretly(`${nordic.url}/${identifier}`) }));
    for (const [path, data] of [
      ['/versions', [{ version: '2.2.1', url: secretly(`${nordic.url}/details`) }]],
      ['/details', { version: '2.2.1', endpoints }],
    ] as const) {
      nordic.fail = (sent) => (sent.path === path ? { status: 200, body: { status_code: 1000, data } } : undefined);
      answers.push(await call(token, 'POST', `${base}/credentials`, nordic.credentials(nordic.newToken())));
      answers.push(await api.call('ops', 'POST', '/v1/ocpi/peers/nordic/registration', { versionsUrl: `${nordic.url}/versions`, token: nordic.newToken() }));
    }
    nordic.fail = () => undefined;
    expect(answers.map((a) => [a.status, a.body.status_code])).toEqual([
      [422, undefined],
      [200, 2001],
      [200, 3001],
      [502, undefined],
      [200, 3001],
      [502, undefined],
    ]);
    const kept = (await api.store.pool.query('SELECT p::text AS peer, (SELECT array_agg(e::text) FROM audit_event e) AS said FROM ocpi_peer p')).rows;
    expect(JSON.stringify([answers, kept])).not.toContain('pa55word');
    expect((await api.call('ops', 'GET', '/v1/ocpi/peers/nordic')).body).toMatchObject({ version: null, problem: expect.stringContaining('it holds a user or a password') });
    // One that was registered before is not called, nor quoted.
    const failed = await ocpiPage({ token: 'x', coding: 'plain' }, `${secretly(nordic.url)}/cdrs?page=1`).catch((error: Error) => error.message);
    expect(failed).toBe(`GET ${nordic.url}/cdrs: its address holds a user or a password, with which nothing is called: have the peer renew its endpoints without`);
  });

  it('gets a token of its own, once; neither it nor theirs can be read from the database', async () => {
    for (const [id, peer] of [
      ['nordic', nordic],
      ['other', other],
    ] as const) {
      const invited = await invite(id);
      const theirs = peer.newToken();
      const { status, body } = await call(invited, 'POST', `${base}/credentials`, peer.credentials(theirs));
      expect([status, body.status_code]).toEqual([200, 1000]);
      tokens[id] = body.data.token;
      expect(body.data).toMatchObject({ url: 'http://localhost/ocpi/versions', roles: [{ role: 'CPO', country_code: 'SE', party_id: 'WLT' }, { role: 'EMSP' }] });
      expect(await call(invited, 'GET', '/ocpi/versions')).toMatchObject({ status: 401 });
      expect(await call(tokens[id], 'POST', `${base}/credentials`, peer.credentials(theirs))).toMatchObject({ status: 405 });
      const rows = JSON.stringify((await api.store.pool.query('SELECT p::text AS peer, (SELECT array_agg(t::text) FROM ocpi_token t) AS tokens FROM ocpi_peer p')).rows);
      for (const secret of [tokens[id] as string, theirs]) expect([rows.includes(secret), rows.includes(Buffer.from(secret).toString('hex'))]).toEqual([false, false]);
    }
    expect((await api.call('ops', 'GET', '/v1/ocpi/peers/nordic')).body).toMatchObject({ state: 'registered', version: '2.2.1', versionsUrl: `${nordic.url}/versions` });
  });

  it('renews by PUT: the old token is void, the new one in force', async () => {
    const before = tokens['nordic'];
    const { body } = await call(before, 'PUT', `${base}/credentials`, nordic.credentials(nordic.newToken()));
    tokens['nordic'] = body.data.token;
    expect(await call(before, 'GET', '/ocpi/versions')).toMatchObject({ status: 401 });
    expect(await call(tokens['nordic'], 'GET', `${base}/credentials`)).toMatchObject({ status: 200, body: { data: { token: tokens['nordic'] } } });
    expect(await call(tokens['nordic'], 'GET', '/ocpi/2.1.1/cdrs')).toMatchObject({ status: 200, body: { status_code: 3002 } });
  });
});

describe('CDRs from a peer', () => {
  it('are stored as on any route, answered with their place, and known again', async () => {
    const cdr = cdrOfPeer(nordic, 'N-1');
    const first = await call(tokens['nordic'], 'POST', `${base}/cdrs/`, cdr);
    expect(first).toMatchObject({ status: 201, body: { status_code: 1000 } });
    const place = new URL(first.headers.get('location') ?? '');
    expect(place.pathname).toBe(`${base}/cdrs/no*nrd*n-1`);
    const read = await call(tokens['nordic'], 'GET', place.pathname);
    expect(read.body.data).toEqual(cdr);
    expect(await count("raw_message WHERE source_id = 'ocpi-peer' AND record_key = 'no*nrd*n-1'")).toBe(1);
    expect(await call(tokens['nordic'], 'GET', `${base}/cdrs/no*nrd*n-2`)).toMatchObject({ status: 404, body: { status_code: 2000 } });
  });

  it('are read over a byte order mark', async () => {
    const cdr = cdrOfPeer(nordic, 'N-bom');
    expect(await call(tokens['nordic'], 'POST', `${base}/cdrs`, `\uFEFF${JSON.stringify(cdr)}`)).toMatchObject({ status: 201, body: { status_code: 1000 } });
    expect((await call(tokens['nordic'], 'GET', `${base}/cdrs/no*nrd*n-bom`)).body.data).toEqual(cdr);
  });

  it('have no effect when they are malformed, too large, of somebody else, or meant for somebody else', async () => {
    const before = await count('raw_message');
    const cdr = cdrOfPeer(nordic, 'N-3');
    const send = (body: unknown, headers = {}) => call(tokens['nordic'], 'POST', `${base}/cdrs`, body, headers);
    expect(await send('{"id":')).toMatchObject({ status: 400, body: { status_code: 2001 } });
    expect(await send('[1]')).toMatchObject({ status: 200, body: { status_code: 2001 } });
    expect(await send({ ...cdr, id: undefined })).toMatchObject({ status: 200, body: { status_code: 2001 } });
    expect(await send({ ...cdr, party_id: 'OTH' })).toMatchObject({ status: 200, body: { status_code: 2001, status_message: expect.stringContaining('NO*OTH') } });
    expect(await send({ ...cdr, remark: 'x'.repeat(1024 * 1024) })).toMatchObject({ status: 413, body: { status_code: 2000 } });
    expect(await send(cdr, { 'content-encoding': 'gzip' })).toMatchObject({ status: 415, body: { status_code: 2000 } });
    expect(await send(cdr, { 'ocpi-to-country-code': 'SE', 'ocpi-to-party-id': 'ZZZ' })).toMatchObject({ status: 200, body: { status_code: 2001 } });
    expect(await send(cdr, { 'ocpi-from-country-code': 'DK', 'ocpi-from-party-id': 'OTH' })).toMatchObject({ status: 200, body: { status_code: 2001 } });
    expect(await count('raw_message')).toBe(before);
  });

  it('answers 2001 to a CDR that lacks a field, and keeps it for people', async () => {
    const { currency: _gone, ...cdr } = cdrOfPeer(nordic, 'N-4');
    expect(await call(tokens['nordic'], 'POST', `${base}/cdrs`, cdr)).toMatchObject({ status: 200, body: { status_code: 2001, status_message: expect.stringContaining('currency') } });
    expect(await count("raw_message WHERE record_key = 'no*nrd*n-4'")).toBe(1);
  });

  it('are answered on the way they came: routing headers turned round, ids of the request given back', async () => {
    const way = { 'ocpi-from-country-code': 'no', 'ocpi-from-party-id': 'nrd', 'ocpi-to-country-code': 'SE', 'ocpi-to-party-id': 'WLT', 'x-request-id': 'r-1', 'x-correlation-id': 'c-1' };
    const { headers } = await call(tokens['nordic'], 'GET', `${base}/cdrs`, undefined, way);
    const said = ['ocpi-from-country-code', 'ocpi-from-party-id', 'ocpi-to-country-code', 'ocpi-to-party-id', 'x-request-id', 'x-correlation-id'].map((name) => headers.get(name));
    expect(said).toEqual(['SE', 'WLT', 'NO', 'NRD', 'r-1', 'c-1']);
  });

  it('that come too slowly get 408 in OCPI’s format and leave nothing behind', async () => {
    const before = await count('raw_message');
    const body = JSON.stringify(cdrOfPeer(nordic, 'N-5'));
    const authorization = `Token ${Buffer.from(tokens['nordic'] as string).toString('base64')}`;
    const head = `POST ${base}/cdrs HTTP/1.1\r\nhost: localhost\r\nauthorization: ${authorization}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`;
    const said = await new Promise<string>((resolve, reject) => {
      let text = '';
      const socket = net.connect(port, '127.0.0.1', () => socket.write(head + body.slice(0, 100)));
      socket.on('data', (chunk) => {
        text += chunk;
        if (text.includes('status_code')) {
          socket.destroy();
          resolve(text);
        }
      });
      socket.on('error', reject);
    });
    expect(said).toMatch(/^HTTP\/1\.1 408 /);
    expect(said).toContain('"status_code":2000');
    expect(await count('raw_message')).toBe(before);
  });
});

describe('tariffs of a peer', () => {
  it('are kept by version, read back, and taken back', async () => {
    const tariff = {
      country_code: 'NO',
      party_id: 'NRD',
      id: 'T1',
      currency: 'NOK',
      elements: [{ price_components: [{ type: 'ENERGY', price: 3.1, step_size: 1 }] }],
      last_updated: '2026-01-01T00:00:00Z',
    };
    const at = `${base}/tariffs/NO/NRD/T1`;
    expect(await call(tokens['nordic'], 'PUT', at, tariff)).toMatchObject({ status: 201, body: { status_code: 1000 } });
    expect(await call(tokens['nordic'], 'PUT', at, tariff)).toMatchObject({ status: 200 });
    expect(await call(tokens['nordic'], 'PUT', at, { ...tariff, id: 'T2' })).toMatchObject({ status: 200, body: { status_code: 2001 } });
    expect(await call(tokens['nordic'], 'PUT', at, { ...tariff, currency: 'SEK', last_updated: '2026-02-01T00:00:00Z' })).toMatchObject({ status: 200, body: { status_code: 1000 } });
    expect((await call(tokens['nordic'], 'GET', at)).body.data.currency).toBe('SEK');
    expect(await count("ocpi_tariff WHERE tariff_id = 'T1'")).toBe(2);
    expect(await call(tokens['nordic'], 'DELETE', at)).toMatchObject({ status: 200, body: { status_code: 1000 } });
    expect(await call(tokens['nordic'], 'GET', at)).toMatchObject({ status: 404 });
    expect(await call(tokens['nordic'], 'DELETE', at)).toMatchObject({ status: 404 });
  });

  it('stand beside ours, which it may pull in pages', async () => {
    const { body, headers } = await call(tokens['nordic'], 'GET', `${base}/tariffs?limit=1`);
    expect(body.data[0]).toMatchObject({
      country_code: 'SE',
      party_id: 'WLT',
      id: 'roaming',
      elements: [
        {
          price_components: [
            { type: 'FLAT', price: 4 },
            { type: 'ENERGY', price: 2.95, vat: 25 },
            { type: 'TIME', price: 0.1 },
          ],
        },
      ],
    });
    expect([headers.get('x-total-count'), headers.get('x-limit')]).toEqual(['1', '1']);
    expect(await call(tokens['nordic'], 'GET', `${base}/tariffs?limit=none`)).toMatchObject({ status: 200, body: { status_code: 2001 } });
  });
});

describe('what is another’s', () => {
  // Every functional route, called by one peer for what belongs to the other.
  it.each([
    ['GET', '/cdrs/no*nrd*n-1', undefined, 404],
    ['GET', '/tariffs/NO/NRD/T1', undefined, 404],
    ['PUT', '/tariffs/NO/NRD/T1', { id: 'T1', currency: 'SEK', elements: [{}], last_updated: '2026-03-01T00:00:00Z' }, 404],
    ['DELETE', '/tariffs/NO/NRD/T1', undefined, 404],
  ])('cannot be reached: %s %s', async (method, path, body, status) => {
    await call(tokens['nordic'], 'PUT', `${base}/tariffs/NO/NRD/T1`, { id: 'T1', currency: 'NOK', elements: [{}], last_updated: '2026-04-01T00:00:00Z' });
    expect((await call(tokens['other'], method, `${base}${path}`, body)).status).toBe(status);
    expect((await call(tokens['nordic'], 'GET', `${base}/tariffs/NO/NRD/T1`)).body.data.currency).toBe('NOK');
  });
  it('cannot be written either: a CDR of the other’s goes nowhere, and lists hold one’s own alone', async () => {
    expect(await call(tokens['other'], 'POST', `${base}/cdrs`, cdrOfPeer(nordic, 'N-1'))).toMatchObject({ status: 200, body: { status_code: 2001 } });
    expect(await count("raw_message WHERE source_id = 'ocpi-other'")).toBe(0);
    expect((await call(tokens['other'], 'GET', `${base}/cdrs`)).body.data).toEqual([]);
  });
  it.each(['/ocpi/versions', base, `${base}/credentials`, `${base}/cdrs`, `${base}/cdrs/x`, `${base}/tariffs`, `${base}/tariffs/NO/NRD/T1`])(
    'opens to no API key and no unknown token: %s',
    async (path) => {
      for (const header of ['Bearer token-admin', 'Token token-admin', 'Token !', '']) expect((await api.call(undefined, 'GET', path, undefined, { authorization: header })).status).toBe(401);
    },
  );
  it('is not set up by whoever may only look', async () => {
    for (const [method, path] of [
      ['PUT', ''],
      ['POST', '/invitation'],
      ['POST', '/registration'],
      ['DELETE', '/registration'],
      ['POST', '/retry'],
      ['POST', '/agreements'],
    ] as const) {
      for (const user of ['partner', 'auditor'])
        expect((await api.call(user, method, `/v1/ocpi/peers/nordic${path}`, method === 'PUT' ? peerSetUp(nordic, {}) : {})).status, `${method} ${path}`).toBe(403);
    }
    expect((await api.call('partner', 'GET', '/v1/ocpi/peers')).status).toBe(403);
  });
});

it('what sales wait for is named up to twenty things, that of most sales first, and how many there are beside', async () => {
  await api.store.pool.query("INSERT INTO ocpi_sale_pending (peer_id, account_id, record_id, waiting_for) SELECT 'nordic', 'acc_x', n, 'location of s' || least(n, 23) FROM generate_series(1, 24) n");
  const { waitingFor, moreWaitingFor } = (await api.call('ops', 'GET', '/v1/ocpi/peers/nordic')).body;
  expect([waitingFor.length, moreWaitingFor, waitingFor[0], waitingFor[1]]).toEqual([20, 3, { what: 'location of s23', sales: 2 }, { what: 'location of s1', sales: 1 }]);
  expect((await api.call('ops', 'GET', '/v1/ocpi/peers/other')).body).toMatchObject({ waitingFor: [], moreWaitingFor: 0 });
});

describe('the end of a registration', () => {
  it('is a DELETE by the peer: its token is void at once, what it sent stays', async () => {
    expect(await call(tokens['other'], 'DELETE', `${base}/credentials`)).toMatchObject({ status: 200, body: { status_code: 1000 } });
    expect(await call(tokens['other'], 'GET', '/ocpi/versions')).toMatchObject({ status: 401 });
    expect((await api.call('ops', 'GET', '/v1/ocpi/peers/other')).body.state).toBe('unregistered');
  });
});
