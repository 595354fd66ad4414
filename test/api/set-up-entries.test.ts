import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filesErp } from '../../src/adapters/erp/files.ts';
import { type ApiUnderTest, startApi } from '../support/api.ts';
import { closeSet, issueRun } from '../support/bill.ts';
import { processAll, session, storeLines } from '../support/intake.ts';

let api: ApiUnderTest;
const reason = 'as the order form says';
const call = (method: string, route: string, body?: unknown, user = 'preparer') => api.call(user, method, route, body);
const put = async (route: string, body: object, user = 'preparer') => {
  const answer = await call('PUT', route, { reason, ...body }, user);
  return { status: answer.status, ...answer.body };
};
const versions = async (route: string) => (await call('GET', `${route}/versions`)).body.items;
const rows = async (sql: string) => (await api.store.pool.query(sql)).rows;

beforeAll(async () => {
  api = await startApi(async () => filesErp('/nonexistent'));
});
afterAll(() => api.stop());

describe('parties, accounts and sites', () => {
  it('are created, changed and left alone, each change a version with who and why', async () => {
    expect(await put('/v1/parties/pty_north', { name: 'North Logistics', country: 'SE', orgNumber: '556000-0002', address: { street: 'Storgatan 1', city: 'Kiruna' } })).toMatchObject({
      outcome: 'created',
      version: 1,
    });
    const account = { entityId: 'ent_se', partyId: 'pty_north', category: 'fleet', currency: 'SEK' };
    expect(await put('/v1/accounts/acc_north', account)).toMatchObject({ outcome: 'created', version: 1, findings: [] });
    // One party in two roles.
    expect(await put('/v1/accounts/acc_north_owner', { ...account, category: 'siteOwner' })).toMatchObject({ outcome: 'created' });
    expect((await call('GET', '/v1/accounts/acc_north')).body).toMatchObject({ strategy: 'fleetInvoice', roundingMode: 'netFirst', paymentTermsDays: 30, releaseGroup: 'all', version: 1 });
    expect((await call('GET', '/v1/parties/pty_north')).body).toMatchObject({ accountIds: ['acc_north', 'acc_north_owner'], email: null, erased: false });
    expect(await put('/v1/accounts/acc_north', account)).toMatchObject({ outcome: 'unchanged', version: 1, changed: [] });
    expect(await put('/v1/accounts/acc_north', { paymentTermsDays: 20 }, 'admin')).toMatchObject({ outcome: 'changed', version: 2, changed: ['paymentTermsDays'] });
    expect(await versions('/v1/accounts/acc_north')).toMatchObject([
      { version: 2, body: { paymentTermsDays: 20, category: 'fleet' }, changed: ['paymentTermsDays'], author: 'admin', reason },
      { version: 1, body: { paymentTermsDays: 30 }, author: 'preparer' },
    ]);
    const { items, nextCursor } = (await call('GET', '/v1/accounts/acc_north/versions?limit=1')).body;
    expect([items.length, (await call('GET', `/v1/accounts/acc_north/versions?limit=1&cursor=${nextCursor}`)).body]).toMatchObject([1, { items: [{ version: 1 }], nextCursor: null }]);
    expect(
      await put('/v1/sites/site_north', {
        entityId: 'ent_se',
        name: 'Depot',
        country: 'SE',
        timeZone: 'Europe/Stockholm',
        costCenter: '900',
        connectorPowerW: 50_000,
        ownerAccountId: 'acc_north_owner',
      }),
    ).toMatchObject({ outcome: 'created' });
    expect((await call('GET', '/v1/sites/site_north')).body).toMatchObject({ kind: 'own', version: 1, connectorPowerW: '50000' });
  });

  it('keep how they stood before the first change, and what names people beside the version and in no audit event', async () => {
    expect(await put('/v1/parties/pty_driver_01', { name: 'Ragnhild Öberg', email: 'r.oberg@example.org' })).toMatchObject({ outcome: 'changed', changed: ['name', 'email'] });
    const [newest, first] = await versions('/v1/parties/pty_driver_01');
    expect(newest).toMatchObject({ version: 2, body: { country: 'SE' }, words: { name: 'Ragnhild Öberg', email: 'r.oberg@example.org' } });
    expect(first).toMatchObject({ version: 1, author: 'set-up', words: { name: 'Driver 01', email: null } });
    expect(JSON.stringify(newest.body)).not.toContain('Öberg');
    expect(await rows("SELECT FROM audit_event WHERE after::text LIKE '%Öberg%' OR reason LIKE '%Öberg%'")).toEqual([]);
    expect(await put('/v1/parties/pty_driver_01', { name: 'Ragnhild Berg', reason: 'Ragnhild Berg has married' })).toMatchObject({
      status: 422,
      detail: expect.stringContaining('it names the driver'),
    });
    expect(await put('/v1/parties/pty_driver_01', { email: null })).toMatchObject({ outcome: 'changed', changed: ['email'] });
  });

  it.each<[string, string, object, number, string]>([
    ['a reference that is not there', '/v1/accounts/acc_x', { entityId: 'ent_se', partyId: 'pty_nobody', category: 'fleet', currency: 'SEK' }, 422, 'rowReference'],
    ['a new account that says too little', '/v1/accounts/acc_x', { entityId: 'ent_se', partyId: 'pty_north' }, 422, 'rowIncomplete'],
    ['a strategy of another category', '/v1/accounts/acc_x', { entityId: 'ent_se', partyId: 'pty_north', category: 'siteOwner', strategy: 'fleetInvoice', currency: 'SEK' }, 422, 'rowDoesNotFit'],
    ['a currency that is none', '/v1/accounts/acc_x', { entityId: 'ent_se', partyId: 'pty_north', category: 'fleet', currency: 'QQQ' }, 422, 'rowDoesNotFit'],
    ['a field that is none', '/v1/accounts/acc_north', { colour: 'blue' }, 422, 'invalid'],
    ['a VAT number of another pattern', '/v1/parties/pty_north', { vatNumber: 'SE55600' }, 422, 'rowValue'],
    ['a zone that is none', '/v1/sites/site_north', { timeZone: 'Europe/Kiruna' }, 422, 'rowDoesNotFit'],
    ['an owner who is a fleet', '/v1/sites/site_north', { ownerAccountId: 'acc_north' }, 422, 'rowDoesNotFit'],
    ['another operator’s site without the operator', '/v1/sites/site_north', { kind: 'foreign' }, 422, 'rowDoesNotFit'],
    ['another entity', '/v1/accounts/acc_north', { entityId: 'ent_no' }, 409, 'rowFixed'],
    ['a version that has moved', '/v1/accounts/acc_north', { paymentTermsDays: 10, expectedVersion: 1 }, 409, 'rowStale'],
    ['an id that is none', '/v1/parties/p%20y', { name: 'x', country: 'SE' }, 422, 'invalid'],
  ])('refuse %s', async (_, route, body, status, code) => {
    const before = await versions(route.replace('%20', ''));
    const answer = await put(route, body);
    expect([answer.status, answer.code, answer.detail]).toEqual([status, code, expect.any(String)]);
    expect(await versions(route.replace('%20', ''))).toEqual(before);
  });

  it('take a change with the version that was looked at', async () => {
    expect(await put('/v1/accounts/acc_north', { paymentTermsDays: 10, expectedVersion: 2 })).toMatchObject({ outcome: 'changed', version: 3 });
    const both = await Promise.all([11, 12].map((days) => put('/v1/accounts/acc_north', { paymentTermsDays: days, expectedVersion: 3 })));
    expect(both.map((answer) => answer.status).sort()).toEqual([200, 409]);
    expect(await put('/v1/parties/pty_new', { name: 'New', country: 'SE', expectedVersion: 1 })).toMatchObject({ status: 409 });
    expect(await put('/v1/parties/pty_new', { name: 'New', country: 'SE', expectedVersion: 0 })).toMatchObject({ outcome: 'created' });
  });

  it('are changed by those who prepare, and by nobody who only looks', async () => {
    for (const user of ['approver', 'auditor', 'ops', 'partner']) expect((await put('/v1/parties/pty_new', { name: 'Other' }, user)).status).toBe(403);
    expect((await call('GET', '/v1/parties', undefined, 'auditor')).status).toBe(200);
  });
});

describe('what charges were booked with', () => {
  it('stays: category, currency and party of an account, country of a site, country and currency of the entity', async () => {
    await storeLines(api.store, [session(1, { user: 'NR1-3' })]);
    await processAll(api.store);
    const fleet = '/v1/accounts/acc_fleet_home_care';
    expect(await put(fleet, { currency: 'EUR' })).toMatchObject({ status: 409, code: 'rowFixed', detail: expect.stringContaining('charges were booked with it') });
    expect(await put(fleet, { category: 'eMSP', strategy: 'emspSettlement' })).toMatchObject({ status: 409 });
    expect(await put(fleet, { partyId: 'pty_north' })).toMatchObject({ status: 409 });
    expect(await put(fleet, { paymentTermsDays: 15 })).toMatchObject({ outcome: 'changed' });
    expect(await put('/v1/sites/site_bl2', { country: 'NO' })).toMatchObject({ status: 409 });
    expect(await put('/v1/entities/ent_se', { currency: 'EUR' })).toMatchObject({ status: 409, code: 'rowFixed' });
    // Nothing was charged to this one.
    expect(await put('/v1/accounts/acc_north', { currency: 'EUR' })).toMatchObject({ outcome: 'changed' });
  });
});

describe('a legal entity', () => {
  it('gets no logo that cannot be drawn', async () => {
    const broken = Buffer.from('\x89PNG\r\n\x1a\nbroken', 'latin1').toString('base64');
    expect(await put('/v1/entities/ent_se', { letterhead: { logo: broken } })).toMatchObject({
      status: 422,
      errors: [{ path: 'letterhead.logo', message: 'the picture is cut off: export it again as PNG or JPEG' }],
    });
  });

  it('is told how an IBAN is written that came as it stands on paper', async () => {
    expect(await put('/v1/entities/ent_se', { letterhead: { iban: 'SE45 5000 0000 0583 9825 7466' } })).toMatchObject({
      status: 422,
      errors: [{ path: 'letterhead.iban', message: 'must be an IBAN without spaces' }],
    });
  });

  it('gets registrations and calendars added and ended; those that are not named stay', async () => {
    const norway = { country: 'NO', number: 'NO123456785MVA', validFrom: '2026-01-01' };
    expect(await put('/v1/entities/ent_se', { vatRegistrations: [norway], calendars: [{ id: 'cal_quarter', cadence: 'quarterly' }], fxSource: 'Riksbank' })).toMatchObject({
      outcome: 'changed',
      version: 2,
      changed: ['fxSource', 'vatRegistrations', 'calendars'],
    });
    expect(await put('/v1/entities/ent_se', { vatRegistrations: [{ ...norway, validTo: '2027-01-01' }] })).toMatchObject({ outcome: 'changed', version: 3 });
    expect((await call('GET', '/v1/entities/ent_se')).body).toMatchObject({
      fxSource: 'Riksbank',
      vatRegistrations: [
        { country: 'NO', validTo: '2027-01-01' },
        { country: 'SE', validFrom: '2018-01-01', validTo: null },
      ],
      calendars: [{ id: 'cal_monthly' }, { id: 'cal_quarter' }],
    });
    expect(await put('/v1/entities/ent_se', { vatRegistrations: [{ ...norway, validTo: '2027-01-01' }] })).toMatchObject({ outcome: 'unchanged' });
    expect((await versions('/v1/entities/ent_se')).map((v: { version: number }) => v.version)).toEqual([3, 2, 1]);
    expect(await put('/v1/entities/ent_se', { vatRegistrations: [{ ...norway, validFrom: '2026-06-01' }] })).toMatchObject({ status: 422, detail: expect.stringContaining('overlap in NO') });
    expect(await put('/v1/entities/ent_no', { name: 'Norge AS', country: 'NO' })).toMatchObject({ status: 422, code: 'rowIncomplete' });
    expect(await put('/v1/entities/ent_no', { name: 'Norge AS', country: 'NO', currency: 'NOK', timeZone: 'Europe/Oslo', orgNumber: '123456785' })).toMatchObject({ outcome: 'created' });
  });
});

describe('a fleet’s units', () => {
  const unit = '/v1/fleet-units/van_1';
  const assign = async (costCenter: string, validFrom?: string) => {
    const answer = await call('POST', `${unit}/assignments`, { costCenter, reason, ...(validFrom === undefined ? {} : { validFrom }) });
    return { status: answer.status, ...answer.body };
  };
  const chain = async () => (await call('GET', unit)).body.assignments.map((a: { costCenter: string; validFrom: string | null; validTo: string | null }) => [a.costCenter, a.validFrom, a.validTo]);

  it('belong to a fleet, and are put under cost centers by date', async () => {
    expect(await put(unit, { accountId: 'acc_driver_01', kind: 'vehicle', label: 'ABC 123' })).toMatchObject({ status: 422, code: 'rowDoesNotFit' });
    expect(await put(unit, { accountId: 'acc_fleet_home_care', kind: 'vehicle', label: 'ABC 123' })).toMatchObject({ outcome: 'created' });
    expect(await assign('HO1')).toMatchObject({ outcome: 'created' });
    expect(await assign('HO1')).toMatchObject({ outcome: 'unchanged' });
    expect(await assign('HO2')).toMatchObject({ status: 409, code: 'rowNeedsDate' });
    expect(await assign('HO2', '2026-03-01T00:00:00+01:00')).toMatchObject({ outcome: 'changed' });
    expect(await assign('HO3', '2026-02-01T00:00:00Z')).toMatchObject({ outcome: 'changed' });
    expect(await chain()).toEqual([
      ['HO1', null, '2026-02-01T00:00:00.000Z'],
      ['HO3', '2026-02-01T00:00:00.000Z', '2026-02-28T23:00:00.000Z'],
      ['HO2', '2026-02-28T23:00:00.000Z', null],
    ]);
    expect((await call('GET', `${unit}/versions?of=fleetAssignment`)).body.items.map((v: { body: { costCenter: string } }) => v.body.costCenter)).toEqual(['HO3', 'HO2', 'HO1']);
    expect((await call('GET', '/v1/fleet-units?accountId=acc_fleet_home_care')).body.items).toHaveLength(1);
  });

  it('is mapped to one at a time: until one that begins later, and not to the same with another cost center', async () => {
    const map = async (more: object) => (await call('POST', '/v1/mappings', { sourceId: 'csms', kind: 'token', externalKey: 'Card-1', internalId: 'acc_driver_16', ...more }, 'ops')).body;
    expect(await map({ validFrom: '2020-06-01T00:00:00Z', internalId: 'acc_fleet_home_care', costCenter: 'A' })).toMatchObject({ made: true });
    expect(await map({ validFrom: '2020-06-01T00:00:00Z', internalId: 'acc_fleet_home_care', costCenter: 'A' })).toMatchObject({ made: false });
    expect(await map({ validFrom: '2020-07-01T00:00:00Z', internalId: 'acc_fleet_home_care', costCenter: 'B' })).toMatchObject({ status: 409, detail: expect.stringContaining('another cost center') });
    expect(await map({ validFrom: '2020-01-01T00:00:00Z' })).toMatchObject({ made: true });
    expect(await map({ internalId: 'acc_driver_17' })).toMatchObject({ made: true });
    expect(await rows("SELECT internal_id, valid_from::text AS since, valid_to::text AS until FROM mapping WHERE external_key = 'Card-1' ORDER BY valid_from")).toEqual([
      { internal_id: 'acc_driver_17', since: '-infinity', until: '2020-01-01 00:00:00+00' },
      { internal_id: 'acc_driver_16', since: '2020-01-01 00:00:00+00', until: '2020-06-01 00:00:00+00' },
      { internal_id: 'acc_fleet_home_care', since: '2020-06-01 00:00:00+00', until: 'infinity' },
    ]);
  });

  it('are what a token of their own fleet is mapped to', async () => {
    const map = (internalId: string) => call('POST', '/v1/mappings', { sourceId: 'csms', kind: 'token', externalKey: 'Van-1', internalId, unitId: 'van_1' }, 'ops');
    expect((await map('acc_fleet_taxi')).body).toMatchObject({ status: 404, detail: expect.stringContaining('has no fleet unit "van_1"') });
    expect((await map('acc_fleet_home_care')).status).toBe(201);
    expect((await call('GET', '/v1/mappings?limit=200')).body.items.find((m: { externalKey: string }) => m.externalKey === 'Van-1')).toMatchObject({ unitId: 'van_1' });
  });

  it('keep how they were assigned before the first change, when it takes the place of an assignment', async () => {
    await put('/v1/fleet-units/van_3', { accountId: 'acc_fleet_craft', kind: 'vehicle', label: 'GHI 789' });
    await api.store.pool.query("INSERT INTO fleet_assignment (unit_id, cost_center, valid_from, author) VALUES ('van_3', 'CR1', '2026-01-01', 'seed')");
    const answer = await call('POST', '/v1/fleet-units/van_3/assignments', { costCenter: 'CR2', validFrom: '2026-01-01T00:00:00Z', expectedVersion: 1, reason });
    expect(answer.body).toMatchObject({ outcome: 'changed', version: 2, changed: ['costCenter', 'validFrom'] });
    expect((await call('GET', '/v1/fleet-units/van_3/versions?of=fleetAssignment')).body.items).toMatchObject([
      { version: 2, body: { costCenter: 'CR2' } },
      { version: 1, author: 'set-up', body: { spans: [{ costCenter: 'CR1', validFrom: '2026-01-01T00:00:00.000Z', validTo: 'infinity' }] } },
    ]);
  });

  it('keep the cost center of what is issued', async () => {
    expect(await put('/v1/fleet-units/van_2', { accountId: 'acc_fleet_taxi', kind: 'vehicle', label: 'DEF 456' })).toMatchObject({ outcome: 'created' });
    const taxi = (costCenter: string, validFrom: string) => call('POST', '/v1/fleet-units/van_2/assignments', { costCenter, validFrom, reason });
    await taxi('TA1', '2019-01-01T00:00:00Z');
    // As if the token were mapped with its unit: the session began 2019-12-05 18:00 local, 17:00 UTC.
    await api.store.pool.query("UPDATE mapping SET unit_id = 'van_2' WHERE external_key = 'AdA6-1' AND source_id = 'csms'");
    await storeLines(api.store, [session(2, { user: 'AdA6-1' })]);
    await processAll(api.store);
    expect(await rows("SELECT DISTINCT unit_id FROM rated_charge WHERE payer_account_id = 'acc_fleet_taxi'")).toEqual([{ unit_id: 'van_2' }]);
    // Booked and not issued: it may still be put elsewhere, and what is booked stays.
    expect((await taxi('TA2', '2019-12-05T17:00:00Z')).body).toMatchObject({ outcome: 'changed' });
    await issueRun(api.store, await closeSet(api.store, '2019-12'), '2020-01-06');
    expect((await taxi('TA3', '2019-12-05T17:00:00Z')).body).toMatchObject({ status: 409, code: 'rowPastIssued', detail: expect.stringContaining('2019-12-05T17:00:00.000Z') });
    expect((await taxi('TA3', '2019-06-01T00:00:00Z')).body).toMatchObject({ outcome: 'changed' });
    expect((await taxi('TA4', '2019-12-05T17:00:01Z')).body).toMatchObject({ outcome: 'changed' });
  });
});
