import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filesErp } from '../../src/adapters/erp/files.ts';
import { type ApiUnderTest, startApi } from '../support/api.ts';
import { processAll, session, storeLines } from '../support/intake.ts';

let api: ApiUnderTest;
const call = (user: string, method: string, route: string, body?: unknown) => api.call(user, method, route, body);
const dear = { id: 'fleet-flat', currency: 'SEK', elements: [{ price_components: [{ type: 'ENERGY', price: '4.00', vat: '25', step_size: 1 }] }] };
const propose = (tariff: object, validFrom = '2019-12-10T00:00:00Z', user = 'preparer') => call(user, 'POST', '/v1/tariff-proposals', { tariff, validFrom, reason: 'prices of the grid went up' });
const decide = (id: string, decision = 'publish', user = 'approver') => call(user, 'POST', `/v1/tariff-proposals/${id}/decision`, { decision, comment: 'checked against the board minutes' });
const assign = (body: object) => call('approver', 'POST', '/v1/price-assignments', { entityId: 'ent_se', tariffId: 'fleet-flat', segment: 'fleet', ...body });
const net = async (id: number) =>
  (await call('auditor', 'GET', `/v1/trace?record=${encodeURIComponent(`csms/se*wlt*${id}`)}`)).body.items.filter((r: { role: string }) => r.role === 'fleetSale').map((r: { net: string }) => r.net);
const fleet = (id: number, start: string, end: string) => session(id, { user: 'NR1-3', kWh: '10', start, end });

beforeAll(async () => {
  api = await startApi(async () => filesErp('/nonexistent'));
});
afterAll(() => api.stop());

describe('the life of a price', () => {
  it('refuses a tariff with the place of what is wrong, and says what looks wrong in one that may pass', async () => {
    const wrong = { ...dear, elements: [{ price_components: [{ type: 'ENERGY', price: 'dear', step_size: 1 }] }] };
    expect((await propose(wrong)).body).toMatchObject({ status: 422, errors: [{ path: 'tariff.elements.0.price_components.0.price' }] });
    const shadowed = { ...dear, elements: [...dear.elements, ...dear.elements] };
    const { status, body } = await propose(shadowed, '2019-12-09T00:00:00Z');
    expect([status, body.findings.map((f: { code: string }) => f.code)]).toEqual([201, ['shadowedElement']]);
    expect((await decide(body.proposalId, 'refuse')).body).toEqual({ tariffVersionId: null });
    expect((await decide(body.proposalId)).body).toMatchObject({ status: 409, detail: expect.stringContaining('refused') });
  });
  it('is published by a second person, and prices sessions from its start on; earlier ones keep the version before', async () => {
    const first = await propose(dear);
    expect((await propose(dear)).body.proposalId).toBe(first.body.proposalId);
    expect((await decide(first.body.proposalId, 'publish', 'preparer')).status).toBe(403);
    const own = await propose({ ...dear, elements: [{ price_components: [{ type: 'ENERGY', price: '9', vat: '25', step_size: 1 }] }] }, '2020-12-10T00:00:00Z', 'both');
    expect((await decide(own.body.proposalId, 'publish', 'both')).body).toMatchObject({ status: 403, code: 'forbidden', detail: expect.stringContaining('your own') });
    expect((await decide(first.body.proposalId)).body).toEqual({ tariffVersionId: 'fleet-flat/2' });
    await storeLines(api.store, [fleet(1, '09.12.2019 10:00', '09.12.2019 12:00'), fleet(2, '10.12.2019 10:00', '10.12.2019 12:00'), fleet(3, '09.12.2019 23:30', '10.12.2019 02:00')]);
    await processAll(api.store);
    // 10 kWh at 2.234, then at 4.00; the version of the start counts, in UTC: 23:30 local is 22:30 before the new one.
    expect([await net(1), await net(2), await net(3)]).toEqual([['22.34'], ['40.00'], ['22.34']]);
    const late = await propose(dear, '2019-12-01T00:00:00Z');
    expect((await decide(late.body.proposalId)).body).toMatchObject({ status: 409, detail: expect.stringContaining('has to begin later') });
    expect((await call('auditor', 'GET', '/v1/tariff-proposals?state=published')).body.items).toMatchObject([{ tariffVersionId: 'fleet-flat/2', decidedBy: 'approver' }]);
    await expect(api.store.pool.query("UPDATE tariff_version SET currency = 'EUR'")).rejects.toMatchObject({ code: /WL001|42501/ });
  });
  it('matches exactly one assignment: an overlapping one is refused with the one in its way, a site’s own goes before', async () => {
    expect((await assign({})).body).toMatchObject({ status: 409, detail: expect.stringContaining('pa_fleet (fleet-flat)') });
    expect((await assign({ tariffId: 'none' })).status).toBe(404);
    expect((await assign({ siteId: 'site_none' })).status).toBe(404);
    const site = (await call('auditor', 'GET', '/v1/sites?limit=200')).body.items.find((s: { name: string }) => s.name.endsWith('Bl2')).id;
    expect((await assign({ siteId: site, validFrom: '2019-12-20T00:00:00Z', validTo: '2019-12-01T00:00:00Z' })).status).toBe(422);
    const made = await assign({ tariffId: 'roaming', siteId: site });
    expect(made.status).toBe(201);
    expect((await assign({ tariffId: 'roaming', siteId: site })).body).toEqual(made.body);
    await storeLines(api.store, [fleet(10, '11.12.2019 10:00', '11.12.2019 12:00')]);
    await processAll(api.store);
    // FLAT 4.00, 10 kWh at 2.95, two hours at 0.10.
    expect((await net(10)).sort()).toEqual(['0.20', '29.50', '4.00']);
    // Ended, it is not said to hold again, as long as nobody says from when.
    await call('approver', 'POST', `/v1/price-assignments/${made.body.id}/end`, { at: '2019-12-20T00:00:00Z' });
    expect((await assign({ tariffId: 'roaming', siteId: site })).body).toMatchObject({ status: 409, detail: expect.stringContaining('was ended') });
    expect((await assign({ tariffId: 'roaming', siteId: site, validFrom: '2019-12-24T00:00:00Z' })).status).toBe(201);
  });
  it('holds sessions whose price has ended, with the candidates, and lets them go when one is assigned', async () => {
    expect((await call('approver', 'POST', '/v1/price-assignments/pa_driver/end', { at: '2019-12-15T00:00:00Z' })).body).toEqual({ ok: true });
    expect((await call('approver', 'POST', '/v1/price-assignments/pa_driver/end', { at: '2019-12-15T00:00:00Z' })).status).toBe(404);
    await storeLines(api.store, [session(20, { start: '16.12.2019 10:00', end: '16.12.2019 12:00' })]);
    await processAll(api.store);
    const state = async () => (await call('auditor', 'GET', `/v1/records/${encodeURIComponent('csms/se*wlt*20')}`)).body;
    expect(await state()).toMatchObject({ state: 'quarantined', waitingFor: 'set-up', issues: [{ code: 'missingTariff' }] });
    await assign({ tariffId: 'driver-day-night', segment: 'driver', validFrom: '2019-12-15T00:00:00Z' });
    await expect.poll(async () => (await state()).state, { timeout: 20_000 }).toBe('booked');
  });
});

describe('the nearest assignment', () => {
  it('is the EVSE’s own, before its site’s and the general one', async () => {
    const template = JSON.parse(readFileSync(new URL('../../data/ocpi/cdrs.ndjson', import.meta.url), 'utf8').split('\n', 1)[0] ?? '');
    const fast = { id: 'fast', currency: 'SEK', elements: [{ price_components: [{ type: 'ENERGY', price: '10', vat: '25', step_size: 1 }] }] };
    const { body } = await propose(fast, '2018-01-01T00:00:00Z');
    await decide(body.proposalId);
    expect((await assign({ tariffId: 'fast', segment: 'eMSP', evseId: 'SE*WLT*EFAST', siteId: 'x' })).status).toBe(422);
    expect((await assign({ tariffId: 'fast', segment: 'eMSP', evseId: 'SE*WLT*EFAST' })).status).toBe(201);
    expect((await assign({ tariffId: 'roaming', segment: 'eMSP', evseId: 'se*wlt*efast' })).status).toBe(409);
    const priced = async (id: string, evseId: string) => {
      const cdr = { ...template, id, cdr_location: { ...template.cdr_location, evse_id: evseId } };
      await api.call('partner', 'POST', '/v1/sources/ocpi-peer/cdrs', JSON.stringify(cdr), { 'content-type': 'application/json' });
      const trace = async () => (await call('auditor', 'GET', `/v1/trace?record=${encodeURIComponent(`ocpi-peer/se*wlt*${id}`)}`)).body.items ?? [];
      await expect.poll(async () => (await trace()).length, { timeout: 20_000 }).toBeGreaterThan(0);
      return (await trace()).filter((r: { role: string }) => r.role === 'emspSale').map((r: { net: string }) => r.net);
    };
    // 80.86 kWh at 10; or 4.00, 80.86 kWh at 2.95 and 926 minutes at 0.10 an hour.
    expect(await priced('evse-1', 'SE*WLT*EFAST')).toEqual(['808.60']);
    // The sender writes its ids in the other case.
    expect(await priced('evse-3', 'se*wlt*eFast')).toEqual(['808.60']);
    expect((await priced('evse-2', 'SE*WLT*EUT9')).sort()).toEqual(['1.54', '238.54', '4.00']);
  });
});

describe('a partner’s claim', () => {
  it('stands beside our own price, with the cause of the difference', async () => {
    const cdr = JSON.parse(readFileSync(new URL('../../data/ocpi/cdrs.ndjson', import.meta.url), 'utf8').split('\n', 1)[0] ?? '');
    const findings = async (change: object) => {
      const { body } = await api.call('partner', 'POST', '/v1/sources/ocpi-peer/cdrs', JSON.stringify({ ...cdr, ...change }), { 'content-type': 'application/json' });
      const [item] = body.items;
      await expect.poll(async () => (await api.call('partner', 'GET', item.timeline)).body.state, { timeout: 20_000 }).toBe('booked');
      return (await api.call('partner', 'GET', item.timeline)).body.events.filter((e: { event: string }) => e.event === 'checked').map((e: { text: string }) => e.text)[0];
    };
    // 4.00 + 80.86 kWh at 2.95 + 926 minutes at 0.10 an hour = 244.0803.
    expect(await findings({ id: 'claim-1' })).not.toContain('claims');
    expect(await findings({ id: 'claim-2', total_cost: { excl_vat: 244.08 } })).toContain('the partner claims 244.08 SEK, our price is 244.0803: rounding (the total)');
    expect(await findings({ id: 'claim-3', total_cost: { excl_vat: 305.1 } })).toContain('VAT (the net claimed is our gross)');
    expect(await findings({ id: 'claim-4', total_cost: { excl_vat: 999 } })).toContain('our price is 244.0803: unknown');
  });
});
