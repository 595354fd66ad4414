import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiUnderTest, startApi } from '../support/api.ts';
import { processAll } from '../support/intake.ts';
import { cdrOfPeer } from '../support/ocpi-calls.ts';
import { OcpiPeer } from '../support/ocpi-peer.ts';

let api: ApiUnderTest;
const source = { entityId: 'ent_se', name: 'A new hub', route: 'ocpiHub', format: 'ocpi-2-2-1', ownerCountry: 'NO', ownerParty: 'NRD', timeZone: 'Europe/Oslo' };
const put = (body: object, role = 'ops', id = 'new-hub') => api.call(role as 'ops', 'PUT', `/v1/sources/${id}`, body);

beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());

describe('a source', () => {
  it('is created by the API and takes CDRs at once', async () => {
    expect((await put({ ...source, reason: 'joined in March' })).body).toMatchObject({ id: 'new-hub', outcome: 'created', version: 1 });
    expect((await put({ ...source, reason: 'joined in March' })).body).toMatchObject({ outcome: 'unchanged', version: 1 });
    expect((await api.call('auditor', 'GET', '/v1/sources/new-hub')).body).toMatchObject({ id: 'new-hub', route: 'ocpiHub', repeatProfile: 'conflict', correctionChannel: 'none' });
    expect((await api.call('ops', 'POST', '/v1/sources/new-hub/cdrs', cdrOfPeer(new OcpiPeer(), 'N-1'))).status).toBe(202);
    await processAll(api.store);
    const { rows } = await api.store.pool.query("SELECT state, waiting_for FROM record_head WHERE source_id = 'new-hub'");
    expect(rows).toMatchObject([{ state: 'quarantined' }]);
  });

  it('changes with who and why; every version is kept', async () => {
    expect((await put({ correctionChannel: 'byDocument', expectedVersion: 1, reason: 'it ignores credits' })).body).toMatchObject({ outcome: 'changed', version: 2, changed: ['correctionChannel'] });
    expect((await put({ name: 'Other', expectedVersion: 1, reason: 'renamed' })).status).toBe(409);
    const { items } = (await api.call('auditor', 'GET', '/v1/sources/new-hub/versions')).body;
    expect(items).toMatchObject([
      { version: 2, changed: ['correctionChannel'], reason: 'it ignores credits', body: { correctionChannel: 'byDocument', name: 'A new hub' } },
      { version: 1, reason: 'joined in March', body: { correctionChannel: 'none' } },
    ]);
    // One of the first set-up is kept as it stood before its first change.
    expect((await put({ name: 'Our CSMS', reason: 'a name that people know' }, 'ops', 'csms')).body).toMatchObject({ outcome: 'changed', version: 2, changed: ['name'] });
    expect((await api.call('auditor', 'GET', '/v1/sources/csms/versions')).body.items).toMatchObject([{ version: 2 }, { version: 1, author: 'set-up' }]);
  });

  it.each([
    ['an entity that is not there', 'wrong-1', { ...source, entityId: 'ent_no' }, 422, 'entityId'],
    ['a format nobody wrote', 'wrong-2', { ...source, format: 'fax' }, 422, 'format'],
    ['a zone that is none', 'wrong-3', { ...source, timeZone: 'Mars/Olympus' }, 422, 'timeZone'],
    ['a new one without its owner', 'wrong-4', { entityId: 'ent_se', name: 'x', route: 'file', format: 'json-csms', timeZone: 'Europe/Oslo' }, 422, 'ownerCountry'],
    ['an owner that its messages’ keys rest on', 'new-hub', { ownerParty: 'XXX' }, 409, 'ownerParty'],
    ['a field that there is not', 'new-hub', { colour: 'red' }, 422, 'colour'],
  ])('is refused with %s, and nothing changes', async (_, id, body, status, named) => {
    const refused = await put({ ...body, reason: 'to be refused' }, 'ops', id);
    expect(refused.status).toBe(status);
    expect(JSON.stringify(refused.body)).toContain(named);
    if (id !== 'new-hub') expect((await api.call('auditor', 'GET', `/v1/sources/${id}`)).status).toBe(404);
  });

  it('is changed by ops and admin alone', async () => {
    expect((await put({ name: 'x', reason: 'not mine' }, 'auditor')).status).toBe(403);
    expect((await put({ name: 'x', reason: 'not mine' }, 'preparer')).status).toBe(403);
  });
});
