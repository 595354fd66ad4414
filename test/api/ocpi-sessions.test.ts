import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ocpiVersions } from '../../src/contracts/ocpi.ts';
import { matchExpectations } from '../../src/store/cycle/match-expectations.ts';
import { type ApiUnderTest, startApi } from '../support/api.ts';
import { processAll } from '../support/intake.ts';
import { cdrOfPeer, ocpiCall, peerSetUp } from '../support/ocpi-calls.ts';
import { OcpiPeer } from '../support/ocpi-peer.ts';

let api: ApiUnderTest;
const peers: Record<string, OcpiPeer> = {};
const tokens: Record<string, string> = {};
const idOf = (version: string) => `p${version.replaceAll('.', '')}`;
const sourceOf = (version: string) => `source-${idOf(version)}`;
const call = (version: string, method: string, path: string, body?: unknown) => ocpiCall(api, tokens[version], method, `/ocpi/${version}${path}`, body);
const expectations = async (version: string) => (await api.call('ops', 'GET', `/v1/sources/${sourceOf(version)}/expectations`)).body.items;

beforeAll(async () => {
  api = await startApi(undefined, {
    setUp: (seed) => {
      const like = seed.sources.find((s) => s.id === 'ocpi-peer') as (typeof seed.sources)[number];
      seed.sources.push(...ocpiVersions.map((version) => ({ ...like, id: sourceOf(version), ownerCountry: 'NO', ownerParty: 'NRD' })));
    },
  });
  for (const version of ocpiVersions) {
    const peer = await new OcpiPeer(version).start();
    peers[version] = peer;
    await api.call('ops', 'PUT', `/v1/ocpi/peers/${idOf(version)}`, peerSetUp(peer, { sourceId: sourceOf(version) }));
    const invitation = (await api.call('ops', 'POST', `/v1/ocpi/peers/${idOf(version)}/invitation`)).body.token;
    tokens[version] = (await ocpiCall(api, invitation, 'POST', `/ocpi/${version}/credentials`, peer.credentials(peer.newToken()))).body.data.token;
  }
});
afterAll(async () => {
  await api.stop();
  for (const peer of Object.values(peers)) await peer.stop();
});

/** A session that has begun, in the words of a version. */
function sessionOf(version: string, id: string, more: object = {}): Record<string, unknown> {
  const common = { id, kwh: 0, auth_method: 'WHITELIST', currency: 'SEK', status: 'ACTIVE', last_updated: '2019-12-03T10:01:00Z' };
  if (version === '2.1.1') {
    const evses = [{ uid: 'E1', evse_id: `SE*WLT*E${id}`, status: 'CHARGING', connectors: [], last_updated: '2019-12-01T00:00:00Z' }];
    return { ...common, start_datetime: '2019-12-03T10:00:00Z', auth_id: 'AURORA-1', location: { id: 'AdO1', evses }, ...more };
  }
  const cdr_token = { country_code: 'NO', party_id: 'NRD', uid: 'AURORA-1', type: 'RFID', contract_id: 'AURORA-1' };
  return { ...common, country_code: 'NO', party_id: 'NRD', start_date_time: '2019-12-03T10:00:00Z', cdr_token, location_id: 'AdO1', evse_uid: 'E1', connector_id: '1', ...more };
}

describe.each([...ocpiVersions])('a session of a peer in %s', (version) => {
  const path = (id: string) => `/sessions/NO/NRD/${id}`;

  it('is announced as a module that is received', async () => {
    const { body } = await call(version, 'GET', '');
    const role = version === '2.1.1' ? {} : { role: 'RECEIVER' };
    expect(body.data.endpoints).toContainEqual({ identifier: 'sessions', ...role, url: `http://localhost/ocpi/${version}/sessions/` });
  });

  it('has its CDR expected once it has begun; what it is told later is known', async () => {
    expect((await call(version, 'PUT', path('S1'), sessionOf(version, 'S1', { status: 'PENDING' }))).status).toBe(201);
    expect(await expectations(version)).toEqual([]);
    expect((await call(version, 'PUT', path('S1'), sessionOf(version, 'S1'))).status).toBe(200);
    expect(await expectations(version)).toMatchObject([{ key: 'no*nrd*s1', kind: 'session', sessionId: 'S1', state: 'open', openedAt: '2019-12-03T10:00:00.000Z' }]);
    const patch = { kwh: 10.5, status: 'COMPLETED', last_updated: '2019-12-03T11:00:00Z' };
    expect(await call(version, 'PATCH', path('S1'), patch)).toMatchObject({ status: 200, body: { status_code: 1000 } });
    // An older word comes late.
    expect((await call(version, 'PUT', path('S1'), sessionOf(version, 'S1'))).status).toBe(200);
    expect((await call(version, 'GET', path('S1'))).body.data).toMatchObject({ id: 'S1', kwh: 10.5, status: 'COMPLETED', last_updated: '2019-12-03T11:00:00Z' });
    expect(await expectations(version)).toMatchObject([{ energyWh: '10500', state: 'open' }]);
  });

  it('is resolved when its CDR arrives, by its id or by who charged and when', async () => {
    const cdr = cdrOfPeer(peers[version] as OcpiPeer, 'C1', version === '2.1.1' ? {} : { session_id: 'S1' });
    const location = { id: 'AdO1', evses: [{ uid: 'E1', evse_id: 'SE*WLT*ES1', connectors: [{ id: '1' }] }] };
    const { cdr_token, cdr_location, country_code, party_id, end_date_time, total_cost, ...rest } = cdr;
    const sent = version === '2.1.1' ? { ...rest, stop_date_time: end_date_time, auth_id: 'AURORA-1', location, total_cost: 31 } : cdr;
    expect((await call(version, 'POST', '/cdrs', sent)).status).toBe(201);
    // Another one that never had a session id, at an EVSE that the session did not name.
    const at = { start_date_time: '2019-12-05T10:02:00Z', end_date_time: '2019-12-05T11:00:00Z' };
    const periods = [{ start_date_time: at.start_date_time, dimensions: [{ type: 'ENERGY', volume: 10.5 }] }];
    if (version !== '2.1.1') {
      await call(version, 'PUT', path('S2'), sessionOf(version, 'S2', { start_date_time: '2019-12-05T10:00:00Z' }));
      expect((await call(version, 'POST', '/cdrs', cdrOfPeer(peers[version] as OcpiPeer, 'C2', { ...at, charging_periods: periods, total_time: 0.9667 }))).status).toBe(201);
    }
    await processAll(api.store);
    // As each sweep of arrivals does, and each look of a run.
    await api.store.tx((db) => matchExpectations(db));
    expect((await expectations(version)).map((e: { key: string; state: string }) => [e.key, e.state])).toEqual([['no*nrd*s1', 'matched'], ...(version === '2.1.1' ? [] : [['no*nrd*s2', 'matched']])]);
  });

  it('that is invalid is expected no longer', async () => {
    await call(version, 'PUT', path('S3'), sessionOf(version, 'S3', { start_date_time: '2019-12-07T10:00:00Z', start_datetime: '2019-12-07T10:00:00Z' }));
    expect((await call(version, 'PATCH', path('S3'), { status: 'INVALID', last_updated: '2019-12-07T10:05:00Z' })).status).toBe(200);
    expect((await expectations(version)).at(-1)).toMatchObject({ key: 'no*nrd*s3', state: 'cancelled', resolved: { reason: expect.stringContaining('invalid') } });
  });

  it('is refused in OCPI’s terms when it is unknown, malformed or another’s, and nothing is kept', async () => {
    expect(await call(version, 'PATCH', path('S9'), { status: 'COMPLETED', last_updated: '2019-12-07T10:05:00Z' })).toMatchObject({ status: 404, body: { status_code: 2000 } });
    expect(await call(version, 'GET', path('S9'))).toMatchObject({ status: 404 });
    expect(await call(version, 'PUT', path('S9'), sessionOf(version, 'S8'))).toMatchObject({ status: 200, body: { status_code: 2001 } });
    expect(await call(version, 'PUT', path('S9'), sessionOf(version, 'S9', { start_date_time: 'soon', start_datetime: 'soon' }))).toMatchObject({ status: 200, body: { status_code: 2001 } });
    expect(await call(version, 'PUT', '/sessions/DK/OTH/S9', sessionOf(version, 'S9'))).toMatchObject({ status: 404 });
    expect((await api.store.pool.query("SELECT FROM ocpi_session WHERE session_id = 's9'")).rowCount).toBe(0);
  });

  it('is kept without who charged', async () => {
    const { rows } = await api.store.pool.query('SELECT s::text AS text FROM ocpi_session s WHERE peer_id = $1', [idOf(version)]);
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.some((r: { text: string }) => r.text.includes('AURORA-1'))).toBe(false);
  });
});
