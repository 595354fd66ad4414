import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filesErp } from '../../src/adapters/erp/files.ts';
import { loadConfig } from '../../src/config.ts';
import { workflowNames } from '../../src/workflows/messages.ts';
import { ensurePeer, servePeer } from '../../tools/ocpi-peer/peer.mjs';
import { type ApiUnderTest, startApi } from '../support/api.ts';
import { processAll, session, storeLines } from '../support/intake.ts';

type Json = Record<string, unknown>;
type Store = { invited: string[]; valid: string[]; peers: Record<string, { credentials: { token: string } }>; received: Record<string, Json>; tariffs: Record<string, Json> };

const invitation = 'invitation-of-the-peer';
const location = {
  address: 'Norra vägen 2',
  city: 'Stockholm',
  postal_code: '113 30',
  country: 'SWE',
  coordinates: { latitude: '59.334591', longitude: '18.063240' },
  connector_standard: 'IEC_62196_T2',
  connector_format: 'SOCKET',
  connector_power_type: 'AC_3_PHASE',
};
let python: string;

beforeAll(async () => {
  python = await ensurePeer({ cache: loadConfig().cache, onProgress: (line) => console.log(line) });
}, 300_000);

/** A CDR that the peer has, in the words of a version, at one of our sites by a token of Aurora's. */
function cdrIn(version: string, n: number): Json {
  const day = `2019-12-0${n}`;
  const periods = [
    {
      start_date_time: `${day}T10:00:00Z`,
      dimensions: [
        { type: 'ENERGY', volume: 10.5 },
        { type: 'TIME', volume: 1 },
      ],
    },
  ];
  const shared = {
    id: `X-${n}`,
    start_date_time: `${day}T10:00:00Z`,
    end_date_time: `${day}T11:00:00Z`,
    currency: 'SEK',
    charging_periods: periods,
    total_energy: 10.5,
    total_time: 1,
    last_updated: `${day}T11:05:00Z`,
  };
  const place = { id: 'AdO1', address: 'Vei 1', city: 'Oslo', postal_code: '0001', country: 'NOR', coordinates: location.coordinates };
  const connector = { id: '1', standard: 'IEC_62196_T2', format: 'SOCKET', power_type: 'AC_3_PHASE' };
  // In 2.1.1 it wants a connector's tariff and a location's zone, which the text leaves optional: without them it neither pushes nor takes a CDR.
  if (version === '2.1.1') {
    const at = { last_updated: shared.last_updated };
    const evse = { uid: 'E1', evse_id: 'NO*NRD*E1', status: 'AVAILABLE', connectors: [{ ...connector, voltage: 400, amperage: 32, tariff_id: 'NT-1', ...at }], ...at };
    return { ...shared, auth_id: 'AURORA-1', auth_method: 'WHITELIST', location: { ...place, type: 'UNKNOWN', time_zone: 'Europe/Oslo', evses: [evse], ...at }, total_cost: 31 };
  }
  const { standard, format, power_type } = connector;
  return {
    ...shared,
    country_code: 'NO',
    party_id: 'NRD',
    cdr_token: { country_code: 'NO', party_id: 'AUR', uid: 'AURORA-1', type: 'RFID', contract_id: 'AURORA-1' },
    auth_method: 'WHITELIST',
    cdr_location: { ...place, evse_id: 'NO*NRD*E1', connector_id: '1', connector_standard: standard, connector_format: format, connector_power_type: power_type },
    total_cost: { excl_vat: 31 },
  };
}

function tariffIn(version: string): Json {
  const core = { id: 'NT-1', currency: 'NOK', elements: [{ price_components: [{ type: 'ENERGY', price: 3.1, step_size: 1 }] }], last_updated: '2019-11-01T00:00:00Z' };
  return version === '2.1.1' ? core : { country_code: 'NO', party_id: 'NRD', ...core };
}

describe.each(['2.1.1', '2.2.1'])('an OCPI implementation of others, in %s', (version) => {
  let api: ApiUnderTest;
  let peer: Awaited<ReturnType<typeof servePeer>>;
  let ours: string;
  /** What the peer learned when it registered: where our details lie, and our credentials. */
  let registered: { details_url: string; answer: { status_code: number; data: { token: string } } };
  const storeOf = async () => (await (await fetch(`${peer.url}/test/store`)).json()) as Store;
  const setStore = (store: Json) => fetch(`${peer.url}/test/store`, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify(store) });
  const ops = (method: string, path: string, body?: unknown) => api.call('ops', method, `/v1/ocpi/peers/nordic${path}`, body);
  const rows = async (sql: string) => (await api.store.pool.query(sql)).rows;
  const authorization = (token: string) => `Token ${version === '2.1.1' ? token : Buffer.from(token).toString('base64')}`;
  /** Has the peer push an object of its own to us, with its own client. */
  const pushFrom = async (moduleId: string, objectId: string, token = registered.answer.data.token) => {
    const [valid = ''] = (await storeOf()).valid;
    const answer = await fetch(`${peer.url}/push/${version}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: authorization(valid) },
      body: JSON.stringify({ module_id: moduleId, object_id: objectId, receivers: [{ endpoints_url: registered.details_url, auth_token: token }] }),
    });
    return ((await answer.json()) as { receiver_responses?: { status_code: number; response: Record<string, unknown> }[] }).receiver_responses?.[0];
  };

  beforeAll(async () => {
    api = await startApi(async () => filesErp('/nonexistent'));
    const { port } = (await api.listen()).address() as AddressInfo;
    ours = `http://127.0.0.1:${port}`;
    peer = await servePeer({ python, invitation });
    const party = { countryCode: 'NO', partyId: 'NRD' };
    const partners = [{ accountId: 'acc_emsp_aurora', ...party, sendFrom: '2019-12-01' }];
    const set = { entityId: 'ent_se', name: 'Nordic', kind: 'peer', us: { countryCode: 'SE', partyId: 'WLT' }, them: party, sourceId: 'ocpi-peer', partners };
    expect((await ops('PUT', '', set)).status).toBe(200);
    // A CDR of 2.1.1 names no owner: it is that of its source.
    const owner = { ownerCountry: party.countryCode, ownerParty: party.partyId, reason: 'whose CDRs they are' };
    expect((await api.call('ops', 'PUT', '/v1/sources/ocpi-peer', owner)).status).toBe(200);
    // It writes ids in capitals, as OCPI's case-insensitive texts allow.
    const [{ internal_id: internalId }] = await rows("SELECT internal_id FROM mapping WHERE source_id = 'ocpi-peer' AND kind = 'site' AND external_key = 'AdO1'");
    expect((await api.call('ops', 'POST', '/v1/mappings', { sourceId: 'ocpi-peer', kind: 'site', externalKey: 'ADO1', internalId })).status).toBe(201);
  }, 120_000);
  afterAll(async () => {
    await api.stop();
    await peer.stop();
  });

  it('registers here by our invitation, and each side can use the other', async () => {
    const { body } = await ops('POST', '/invitation');
    const answer = await fetch(`${peer.url}/test/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ url: `${ours}/ocpi/versions`, token: body.token, version }),
    });
    registered = (await answer.json()) as typeof registered;
    expect(registered.answer.status_code).toBe(1000);
    expect((await ops('GET', '')).body).toMatchObject({ state: 'registered', version });
  });

  it('pushes a CDR and a tariff, which are here then; a repeat is known, a wrong token and a wrong owner are refused', async () => {
    await setStore({ sold: [cdrIn(version, 1), { ...cdrIn(version, 2), party_id: 'OTH' }], priced: [tariffIn(version)] });
    const first = await pushFrom('cdrs', 'X-1');
    expect(first?.status_code).toBe(201);
    expect((await fetch(String(first?.response['location']), { headers: { authorization: authorization(registered.answer.data.token) } })).status).toBe(200);
    await expect.poll(() => rows("SELECT state FROM record_head WHERE cdr_id = 'x-1'"), { timeout: 20_000 }).toEqual([{ state: 'booked' }]);
    expect((await pushFrom('cdrs', 'X-1'))?.status_code).toBe(200);
    expect((await pushFrom('tariffs', 'NT-1'))?.status_code).toBe(201);
    expect(await rows('SELECT country_code, party_id, tariff_id FROM ocpi_tariff')).toEqual([{ country_code: 'NO', party_id: 'NRD', tariff_id: 'NT-1' }]);
    if (version === '2.2.1') {
      expect((await pushFrom('cdrs', 'X-2'))?.status_code).toBe(200);
      expect(await rows("SELECT record_key FROM raw_message WHERE record_key LIKE '%x-2'")).toEqual([]);
    }
    expect(await pushFrom('cdrs', 'X-1', 'no-such-token')).toBeUndefined();
  });

  it('is pulled page by page, CDRs and tariffs, by our client', async () => {
    await setStore({ sold: [1, 2, 3, 4, 5].map((n) => cdrIn(version, n)) });
    const settings = { kind: 'ocpi', from: '2019-01-01T00:00:00Z', everyMinutes: 1440 };
    expect((await api.call('admin', 'PUT', '/v1/sources/ocpi-peer/connection', { settings, reason: 'a peer to pull from' })).status).toBe(200);
    const { body } = await api.call('ops', 'POST', '/v1/sources/ocpi-peer/sweeps', {});
    // Of five on three pages the first was pushed before.
    expect(await api.client.workflow.getHandle(body.workflowId).result()).toMatchObject({ pulled: 5, fresh: 4, problem: null });
    expect((await ops('GET', '')).body.sweep.last).toMatchObject({ stated: 5, pulled: 5 });
    expect(await rows("SELECT state, count(*)::integer AS n FROM record_head WHERE source_id = 'ocpi-peer' GROUP BY 1")).toEqual([{ state: 'booked', n: 5 }]);
    await api.client.workflow.execute(workflowNames.ocpiTariffs, { taskQueue: api.taskQueue, workflowId: 'tariffs/once', args: [{ peerId: 'nordic' }] });
    expect((await rows('SELECT DISTINCT tariff_id FROM ocpi_tariff')).map((r) => r.tariff_id)).toEqual(['NT-1']);
  });

  it('takes our sales, priced as they were booked, and reads every field', async () => {
    await storeLines(api.store, [session(301, { garage: 'AdO1', user: 'Share-1', kWh: '10' })]);
    await processAll(api.store);
    for (const { id } of await rows("SELECT id FROM site WHERE kind = 'own'")) await api.call('ops', 'PUT', `/v1/ocpi/locations/${id}`, location);
    const { body } = await ops('POST', '/retry', { reason: 'send what waits' });
    // Five sessions of the peer's, which Aurora's token drove, and one of ours.
    expect(await api.client.workflow.getHandle(body.workflowId).result()).toEqual({ sent: 6, refused: 0 });
    const received = Object.values((await storeOf()).received);
    const [sold] = await rows("SELECT sum(net_minor)::integer AS net FROM rated_charge c JOIN record_head h USING (record_id) WHERE h.cdr_id = '301' AND c.role = 'emspSale'");
    const uidOf = (c: Json) => String(version === '2.1.1' ? c['auth_id'] : (c['cdr_token'] as Json)['uid']).toLowerCase();
    const costOf = (c: Json) => (version === '2.1.1' ? c['total_cost'] : (c['total_cost'] as Json)['excl_vat']);
    expect(received.filter((c) => uidOf(c) === 'share-1').map(costOf)).toEqual([sold.net / 100]);
    expect((await ops('GET', '')).body.deliveries).toMatchObject({ queued: 0, sent: 6, seen: 6 });
  });

  it('unregisters, and its token is void', async () => {
    const token = registered.answer.data.token;
    const answer = await fetch(`${ours}/ocpi/${version}/credentials`, { method: 'DELETE', headers: { authorization: authorization(token) } });
    expect(((await answer.json()) as Json)['status_code']).toBe(1000);
    expect((await fetch(registered.details_url, { headers: { authorization: authorization(token) } })).status).toBe(401);
  });

  it('is registered at by us with its invitation, in the newest version that both speak; we renew, and unregister there', async () => {
    // Over the socket, so that the peer can look us up where we say we are.
    const call = async (method: string, body?: Json) => {
      const answer = await fetch(`${ours}/v1/ocpi/peers/nordic/registration`, {
        method,
        headers: { authorization: 'Bearer token-ops', 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return { status: answer.status, body: (await answer.json()) as Json };
    };
    const versionsUrl = `${peer.url}/ocpi/versions`;
    expect(await call('POST', { versionsUrl, token: 'wrong' })).toMatchObject({ status: 502, body: { code: 'peerFailed' } });
    expect((await call('POST', { versionsUrl, token: invitation })).body).toEqual({ version: '2.2.1' });
    const before = Object.values((await storeOf()).peers).at(-1)?.credentials.token;
    expect((await call('POST', {})).body).toEqual({ version: '2.2.1' });
    const after = Object.values((await storeOf()).peers).at(-1)?.credentials.token;
    expect([typeof after, after === before]).toEqual(['string', false]);
    const status = async (token: string) => (await fetch(`${ours}/ocpi/versions`, { headers: { authorization: `Token ${Buffer.from(token).toString('base64')}` } })).status;
    expect([await status(String(before)), await status(String(after))]).toEqual([401, 200]);
    expect((await call('DELETE')).body).toEqual({ told: true });
    expect((await storeOf()).valid.length).toBeLessThanOrEqual(1);
  });
});
