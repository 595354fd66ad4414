import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filesErp } from '../../src/adapters/erp/files.ts';
import { type ApiUnderTest, startApi } from '../support/api.ts';
import { processAll, session, storeLines } from '../support/intake.ts';

let api: ApiUnderTest;
const reason = 'signed by both on paper';
const call = async (user: string, method: string, route: string, body?: unknown) => {
  const answer = await api.call(user, method, route, body);
  return { status: answer.status, ...answer.body };
};
const propose = (contract: string, agreement: object, validFrom = '2026-01-01T00:00:00Z', user = 'preparer') =>
  call(user, 'POST', `/v1/contracts/${contract}/proposals`, { validFrom, agreement, reason });
const decide = (id: string, decision = 'publish', user = 'approver') => call(user, 'POST', `/v1/set-up/proposals/${id}/decision`, { decision, comment: 'compared with the paper' });
const contract = (id: string, body: object, user = 'preparer') => call(user, 'PUT', `/v1/contracts/${id}`, { reason, ...body });
const rows = async (sql: string) => (await api.store.pool.query(sql)).rows;
const supply = (...clauses: object[]) => ({ kind: 'supply', status: 'active', clauses });
const shares = (percent: string) => ({ kind: 'revenueShare', status: 'active', supplyModel: 'siteAccess', clauses: [{ kind: 'netShare', id: 'share', percent }] });

beforeAll(async () => {
  api = await startApi(async () => filesErp('/nonexistent'));
  await call('preparer', 'PUT', '/v1/parties/pty_pilot', { name: 'Pilot', country: 'SE', reason });
  for (const [id, category] of [
    ['acc_pilot', 'driver'],
    ['acc_pilot_owner', 'siteOwner'],
  ])
    await call('preparer', 'PUT', `/v1/accounts/${id}`, { entityId: 'ent_se', partyId: 'pty_pilot', category, currency: 'SEK', reason });
});
afterAll(() => api.stop());

describe('a contract', () => {
  it('is opened once for an account and kind, and with an account of a category it is for', async () => {
    expect(await contract('ctr_pilot', { accountId: 'acc_pilot', kind: 'supply' })).toMatchObject({ outcome: 'created' });
    expect(await contract('ctr_pilot', { accountId: 'acc_pilot', kind: 'supply' })).toMatchObject({ outcome: 'unchanged' });
    expect(await contract('ctr_other', { accountId: 'acc_pilot', kind: 'supply' })).toMatchObject({ status: 409, detail: expect.stringContaining('ctr_pilot') });
    expect(await contract('ctr_other', { accountId: 'acc_pilot', kind: 'revenueShare' })).toMatchObject({ status: 422, detail: expect.stringContaining('siteOwner') });
    expect(await contract('ctr_other', { accountId: 'acc_nobody', kind: 'supply' })).toMatchObject({ status: 404 });
    expect(await contract('ctr_fleet_taxi', { accountId: 'acc_pilot', kind: 'homeCharging' })).toMatchObject({ status: 409, detail: expect.stringContaining('published versions') });
    expect(await propose('ctr_nothing', supply())).toMatchObject({ status: 404 });
  });
});

describe('a version of a contract', () => {
  it('is refused with the place, or with every finding that blocks and its remedy, and nothing is kept', async () => {
    expect(await propose('ctr_pilot', { kind: 'supply', status: 'active', clauses: [{ kind: 'fee', id: 'fee', amount: 'much' }] })).toMatchObject({
      status: 422,
      errors: [{ path: 'agreement.clauses.0.amount' }],
    });
    const answer = await propose('ctr_pilot', supply({ kind: 'discount', id: 'loyal' }, { kind: 'priceList', id: 'own', tariffId: 'no-such' }));
    expect(answer).toMatchObject({ status: 422, code: 'clauseSaysNothing', errors: [{ code: 'clauseSaysNothing' }, { code: 'unknownReference' }] });
    expect(answer.detail).toContain('own names tariff "no-such", which does not exist. Set it up first');
    expect(await rows("SELECT FROM contract_version WHERE contract_id = 'ctr_pilot'")).toEqual([]);
  });

  it('lets the records go on that waited for it', async () => {
    expect((await call('ops', 'POST', '/v1/mappings', { sourceId: 'csms', kind: 'token', externalKey: 'Pilot-1', internalId: 'acc_pilot' })).status).toBe(201);
    await storeLines(api.store, [session(1, { user: 'Pilot-1' })]);
    await processAll(api.store);
    const state = async () => (await call('auditor', 'GET', `/v1/records/${encodeURIComponent('csms/se*wlt*1')}`)).state;
    expect(await state()).toBe('quarantined');
    expect(await rows("SELECT issues->0->>'code' AS code FROM record_head WHERE cdr_id = '1'")).toEqual([{ code: 'missingContract' }]);
    expect(await propose('ctr_pilot', supply(), '2019-01-01T00:00:00Z')).toMatchObject({ status: 201, outcome: 'published', version: 1, proposalId: null });
    await expect.poll(state, { timeout: 20_000 }).toBe('booked');
  });

  it('is published at once by one person with a reason, begins after the one before, and the same again changes nothing', async () => {
    const agreed = supply({ kind: 'priceList', id: 'own', tariffId: 'driver-day-night' }, { kind: 'fee', id: 'fee', amount: '49' });
    expect(await propose('ctr_pilot', agreed)).toMatchObject({ outcome: 'published', version: 2 });
    expect(await propose('ctr_pilot', agreed)).toMatchObject({ outcome: 'unchanged', version: 2 });
    expect(await propose('ctr_pilot', supply())).toMatchObject({ status: 409, detail: expect.stringContaining('has to begin later') });
    expect((await call('auditor', 'GET', '/v1/contracts/ctr_pilot')).versions).toMatchObject([
      { version: 1, author: 'preparer', secondPerson: null, reason },
      { version: 2, validFrom: '2026-01-01T00:00:00.000Z', clauses: { clauses: [{ id: 'own' }, { id: 'fee', amount: '49' }] } },
    ]);
    await expect(api.store.pool.query("UPDATE contract_version SET author = 'x'")).rejects.toMatchObject({ code: '42501' });
    expect(await propose('ctr_pilot', { ...supply(), status: 'ended' }, '2026-06-01T00:00:00Z')).toMatchObject({ version: 3, findings: [] });
    expect(await propose('ctr_pilot', supply(), '2026-08-01T00:00:00Z')).toMatchObject({ version: 4, findings: [{ code: 'contractGap', severity: 'warns' }] });
  });

  it('follows one that holds without beginning', async () => {
    expect(await propose('ctr_driver_02', supply({ kind: 'fee', id: 'fee', amount: '9' }))).toMatchObject({ outcome: 'published', version: 2 });
  });

  it('leaves what was booked as it is, and says so when it begins before that', async () => {
    await storeLines(api.store, [session(2)]);
    await processAll(api.store);
    const booked = await rows("SELECT contract_id, contract_version, net_minor::text FROM rated_charge WHERE payer_account_id = 'acc_driver_16' ORDER BY charge_id");
    expect(booked.length).toBeGreaterThan(0);
    expect(await propose('ctr_driver_16', supply({ kind: 'fee', id: 'fee', amount: '9' }), '2019-12-01T00:00:00Z')).toMatchObject({
      outcome: 'published',
      findings: [{ code: 'chargesKeepVersion', severity: 'warns', text: expect.stringContaining('since 2019-12-05') }],
    });
    expect(await rows("SELECT contract_id, contract_version, net_minor::text FROM rated_charge WHERE payer_account_id = 'acc_driver_16' ORDER BY charge_id")).toEqual(booked);
  });

  it('that shares revenue is published by a second person, once, and by nobody who proposed it', async () => {
    expect(await contract('ctr_pilot_owner', { accountId: 'acc_pilot_owner', kind: 'revenueShare' })).toMatchObject({ outcome: 'created' });
    const proposed = await propose('ctr_pilot_owner', shares('12.5'), '2026-01-01T00:00:00Z', 'both');
    expect(proposed).toMatchObject({ status: 201, outcome: 'proposed', version: null });
    expect((await propose('ctr_pilot_owner', shares('12.5'), '2026-01-01T00:00:00Z', 'both')).proposalId).toBe(proposed.proposalId);
    expect(await rows("SELECT FROM contract_version WHERE contract_id = 'ctr_pilot_owner'")).toEqual([]);
    expect(await decide(proposed.proposalId, 'publish', 'preparer')).toMatchObject({ status: 403 });
    expect(await decide(proposed.proposalId, 'publish', 'both')).toMatchObject({ status: 403, detail: expect.stringContaining('your own') });
    expect(await decide(proposed.proposalId)).toMatchObject({ status: 200, publishedAs: 'ctr_pilot_owner/1' });
    expect(await decide(proposed.proposalId)).toMatchObject({ status: 409, detail: expect.stringContaining('published') });
    expect(await rows("SELECT author, second_person, reason FROM contract_version WHERE contract_id = 'ctr_pilot_owner'")).toEqual([{ author: 'both', second_person: 'approver', reason }]);
    // A refused one may be proposed again, under an id of its own.
    const dear = await propose('ctr_pilot_owner', shares('90'), '2026-02-01T00:00:00Z');
    expect(await decide(dear.proposalId, 'refuse')).toMatchObject({ publishedAs: null });
    const again = await propose('ctr_pilot_owner', shares('90'), '2026-02-01T00:00:00Z');
    expect(again.proposalId).not.toBe(dear.proposalId);
    expect((await call('auditor', 'GET', '/v1/set-up/proposals?kind=contract&subjectId=ctr_pilot_owner')).items.map((p: { state: string }) => p.state).sort()).toEqual([
      'proposed',
      'published',
      'refused',
    ]);
  });

  it('that was proposed before another one was published is refused when it would begin too early', async () => {
    const early = await propose('ctr_brf_north', shares('10'), '2026-03-01T00:00:00Z');
    const late = await propose('ctr_brf_north', shares('11'), '2026-04-01T00:00:00Z');
    expect(await decide(late.proposalId)).toMatchObject({ publishedAs: 'ctr_brf_north/2' });
    expect(await decide(early.proposalId)).toMatchObject({ status: 409, detail: expect.stringContaining('has to begin later') });
  });
});

describe('VAT status', () => {
  const propose = (body: object, user = 'preparer') => call(user, 'POST', '/v1/accounts/acc_emsp_fjord/vat-status', { reason, ...body });
  const reseller = { status: 'reseller', establishedIn: 'DE', vatNumber: 'DE136695976', evidence: 'VIES WAPIAAAA1', validFrom: '2026-01-01' };

  it('holds from a date on, published by a second person; the one before ends there', async () => {
    const first = await propose({ status: 'business', establishedIn: 'DE', validFrom: '2020-01-01' });
    expect(await decide(first.proposalId)).toMatchObject({ publishedAs: 'acc_emsp_fjord/1' });
    const second = await propose(reseller, 'both');
    expect(await decide(second.proposalId, 'publish', 'both')).toMatchObject({ status: 403 });
    expect(await decide(second.proposalId)).toMatchObject({ publishedAs: 'acc_emsp_fjord/2' });
    expect((await call('auditor', 'GET', '/v1/accounts/acc_emsp_fjord/vat-statuses')).items).toMatchObject([
      { status: 'business', validFrom: '2020-01-01', validTo: '2026-01-01', evidence: null, author: 'preparer', secondPerson: 'approver' },
      { ...reseller, validTo: null, author: 'both', secondPerson: 'approver' },
    ]);
    expect(await propose(reseller)).toMatchObject({ outcome: 'unchanged', proposalId: null });
    expect((await call('auditor', 'GET', '/v1/accounts/acc_emsp_fjord/versions?of=vatStatus')).items).toMatchObject([
      { version: 2, body: { status: 'reseller' }, words: { vatNumber: 'DE136695976' }, secondPerson: 'approver' },
      { version: 1, body: { status: 'business' } },
    ]);
    // What named people in a proposal is gone with its decision.
    expect(await rows("SELECT DISTINCT words FROM set_up_proposal WHERE kind = 'vatStatus'")).toEqual([{ words: {} }]);
  });
  it('is refused with a number of another pattern, and looked at twice with doubtful check digits or no evidence', async () => {
    expect(await propose({ ...reseller, vatNumber: 'DE13669597', validFrom: '2026-05-01' })).toMatchObject({ status: 422, code: 'rowValue' });
    expect(await propose({ status: 'reseller', establishedIn: 'DE', vatNumber: 'DE136695977', validFrom: '2026-05-01' })).toMatchObject({
      outcome: 'proposed',
      findings: [{ code: 'vatNumberDoubtful' }, { code: 'noEvidence' }],
    });
  });
});

describe('the VAT table', () => {
  const row = (id: string, when: object, decides: object = { vat: 'ofCharger' }) => ({ id, when: { direction: 'sale', ...when }, decides, basis: 'ML 6 kap.' });
  const propose = (table: object[], validFrom = '2026-01-01') => call('preparer', 'POST', '/v1/entities/ent_se/vat-tables', { validFrom, rows: table, reason });

  it('is linted, and published by a second person as a version that never changes', async () => {
    expect(await propose([row('all', {}), row('same', { party: ['reseller'] }), row('all', {}, { vat: 'code', code: 'NONE' })])).toMatchObject({
      status: 422,
      errors: [{ code: 'vatRowUnreachable' }, { code: 'vatRowRepeated' }, { code: 'vatRowUnreachable' }, { code: 'vatRowUnknownCode' }],
    });
    const before = (await call('auditor', 'GET', '/v1/entities/ent_se/vat-tables')).items.length;
    const proposed = await propose([row('all-sales', {})]);
    expect(await decide(proposed.proposalId)).toMatchObject({ publishedAs: `ent_se/${before + 1}` });
    expect(await propose([row('all-sales', {})])).toMatchObject({ outcome: 'unchanged' });
    expect((await call('auditor', 'GET', '/v1/entities/ent_se/vat-tables')).items.at(-1)).toMatchObject({
      validFrom: '2026-01-01',
      author: 'preparer',
      secondPerson: 'approver',
      rows: [{ id: 'all-sales' }],
    });
    const early = await propose([row('all-but-one', { party: ['consumer'] })], '2025-01-01');
    expect(await decide(early.proposalId)).toMatchObject({ status: 409 });
  });
});

describe('where a payee is paid', () => {
  const propose = (number: string, scheme = 'bankgiro', user = 'preparer') => call(user, 'PUT', '/v1/accounts/acc_brf_north/payee-bank-account', { scheme, number, reason });

  it('is published by a second person, and shown to nobody beyond the last four digits', async () => {
    expect(await propose('5050-1056')).toMatchObject({ status: 422, detail: expect.stringContaining('check digit') });
    const first = await propose('5050-1055');
    expect(await decide(first.proposalId)).toMatchObject({ publishedAs: 'acc_brf_north/1' });
    expect(await propose('50501055')).toMatchObject({ outcome: 'unchanged' });
    const second = await propose('SE45 5000 0000 0583 9825 7466', 'iban', 'both');
    expect(await decide(second.proposalId, 'publish', 'both')).toMatchObject({ status: 403 });
    expect((await call('auditor', 'GET', '/v1/set-up/proposals?kind=payeeBankAccount')).items.every((p: object) => !JSON.stringify(p).includes('058398257466'))).toBe(true);
    await decide(second.proposalId);
    expect((await call('auditor', 'GET', '/v1/accounts/acc_brf_north/payee-bank-accounts')).items).toMatchObject([
      { version: 1, lastFour: '1055' },
      { version: 2, scheme: 'iban', lastFour: '7466', secondPerson: 'approver' },
    ]);
    for (const table of ['audit_event', 'set_up_version', 'set_up_words', 'set_up_proposal', 'idempotency_key']) {
      expect(await rows(`SELECT FROM ${table} t WHERE t::text LIKE '%058398257466%' OR t::text LIKE '%50501055%'`), table).toEqual([]);
    }
  });
});

describe('the books', () => {
  it('map GL keys in whole versions, and keep what open charges need', async () => {
    const put = (keys: object, more: object = {}) => call('preparer', 'POST', '/v1/entities/ent_se/gl-mappings', { keys, reason, ...more });
    const { items } = await call('auditor', 'GET', '/v1/entities/ent_se/gl-mappings');
    expect(items).toHaveLength(1);
    const [{ version, keys }] = items;
    expect(await put({ 'revenue.valet': '3003', 'revenue.driverSale': keys['revenue.driverSale'] })).toMatchObject({ outcome: 'changed', version: version + 1, changed: ['revenue.valet'] });
    expect(await put({ 'revenue.valet': '3003' })).toMatchObject({ outcome: 'unchanged', version: version + 1 });
    // The pilot's session is open: its revenue account, its VAT code and what every posting needs stay.
    for (const key of ['revenue.driverSale', 'outputVat.SE25', 'receivable']) expect(await put({ [key]: null }), key).toMatchObject({ status: 409, detail: expect.stringContaining(key) });
    expect(await put({ 'revenue.valet': null, 'revenue.driverSale': '3009' }, { expectedVersion: version })).toMatchObject({ status: 409 });
    expect(await put({ 'revenue.valet': null, 'revenue.driverSale': '3009' }, { expectedVersion: version + 1 })).toMatchObject({ version: version + 2 });
    const newest = (await call('auditor', 'GET', '/v1/entities/ent_se/gl-mappings')).items.at(-1);
    expect(newest).toMatchObject({ version: version + 2, author: 'preparer', reason, keys: { ...keys, 'revenue.driverSale': '3009' } });
    expect(newest.keys).not.toHaveProperty(['revenue.valet']);
    expect((await call('auditor', 'GET', '/v1/entities/ent_se/versions?of=glMapping')).items[0].body).toEqual({
      before: { 'revenue.valet': '3003', 'revenue.driverSale': '3001' },
      after: { 'revenue.valet': null, 'revenue.driverSale': '3009' },
    });
  });

  it('take rates of exchange as CSV or JSON; another rate for a day is a new version', async () => {
    const load = (body: unknown) => call('preparer', 'POST', '/v1/fx-rates', body);
    const csv = '\ufeffsource;on;currency;into;rate\r\nTEST;2026-01-02;EUR;SEK;11.2030\r\nTEST;2026-01-05;EUR;SEK;11.1985\r\n';
    expect(await load(csv)).toMatchObject({ status: 200, created: 2, changed: 0, unchanged: 0 });
    expect(
      await load([
        { source: 'TEST', on: '2026-01-02', currency: 'EUR', into: 'SEK', rate: '11.203' },
        { source: 'TEST', on: '2026-01-05', currency: 'EUR', into: 'SEK', rate: '11.1990' },
      ]),
    ).toMatchObject({ created: 0, changed: 1, unchanged: 1 });
    expect((await call('auditor', 'GET', '/v1/fx-rates?source=TEST&on=2026-01-05')).items).toMatchObject([
      { version: 1, rate: '11.1985' },
      { version: 2, rate: '11.199', author: 'preparer' },
    ]);
    expect(await load('source,on,currency,into,rate\nTEST,2026-01-06,EUR,SEK,11.2\nTEST,2026-01-06,EUR,SEK,11.3\n')).toMatchObject({ status: 422, detail: expect.stringContaining('line 3') });
    expect(await load('source,on,currency,into,rate\nTEST,2026-01-06,EUR,SEK,0.00\n')).toMatchObject({ status: 422, detail: expect.stringContaining('line 2: rate: must be above 0') });
    expect((await api.call('auditor', 'POST', '/v1/fx-rates', csv)).status).toBe(403);
  });
});
