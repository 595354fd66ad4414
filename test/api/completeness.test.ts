import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiUnderTest, startApi } from '../support/api.ts';
import { processAll, retryAll, storeCdrs } from '../support/intake.ts';

let api: ApiUnderTest;
const template = JSON.parse(readFileSync(new URL('../../data/ocpi/cdrs.ndjson', import.meta.url), 'utf8').split('\n')[0] ?? '');

/** A CDR of the peer on a day of December 2019 that names its price. */
function cdr(id: string, day: number, cost: number, uid = 'AURORA-1'): string {
  const at = (hour: number) => `2019-12-${String(day).padStart(2, '0')}T${hour}:00:00Z`;
  const times = { start_date_time: at(12), end_date_time: at(13), total_energy: 7, charging_periods: [{ start_date_time: at(12), dimensions: [{ type: 'ENERGY', volume: 7 }] }] };
  return JSON.stringify({ ...template, ...times, id, session_id: `S-${id}`, cdr_token: { uid }, cdr_location: { id: 'Bl2' }, last_updated: at(14), total_cost: { excl_vat: cost }, currency: 'SEK' });
}

beforeAll(async () => {
  api = await startApi();
  await storeCdrs(api.store, [cdr('C1', 5, 17.255), cdr('C2', 5, 20.1), cdr('C3', 6, 30, 'nobody')]);
  await processAll(api.store);
});
afterAll(() => api.stop());

const at = '/v1/sources/ocpi-peer';
const december = async () => (await api.call('auditor', 'GET', `${at}/completeness?month=2019-12`)).body;

describe('what a partner says of its own completeness', () => {
  it('is taken from the key of that source alone, and from ops', async () => {
    const watermark = { completeUntil: '2019-12-20T00:00:00Z' };
    expect((await api.call('partner', 'PUT', `${at}/watermark`, watermark)).body).toEqual({ completeUntil: '2019-12-20T00:00:00.000Z', changed: true });
    expect((await api.call('partner', 'PUT', '/v1/sources/csms/watermark', watermark)).status).toBe(403);
    expect((await api.call('preparer', 'PUT', `${at}/watermark`, watermark)).status).toBe(403);
    expect((await api.call('ops', 'PUT', `${at}/watermark`, { completeUntil: '2019-12-10T00:00:00Z' })).body).toMatchObject({ status: 422, detail: expect.stringContaining('only with a reason') });
    expect((await api.call('ops', 'PUT', '/v1/sources/none/watermark', watermark)).status).toBe(404);
    expect((await api.call('partner', 'GET', `${at}/watermarks`)).body.items).toMatchObject([{ origin: 'partner', author: 'partner', completeUntil: '2019-12-20T00:00:00.000Z' }]);
  });
  it('is paged by the cursors it gave out, though a key is as long as keys may be', async () => {
    const keys = ['1', '2', '3'].map((n) => `${'Ö'.repeat(199)}${n}`);
    const opened = await api.call(
      'partner',
      'POST',
      `${at}/expectations`,
      keys.map((key) => ({ key, openedAt: '2019-11-05T10:00:00Z' })),
    );
    expect(opened.status).toBe(200);
    const first = (await api.call('partner', 'GET', `${at}/expectations?limit=1`)).body;
    expect(await api.call('partner', 'GET', `${at}/expectations?limit=1&cursor=${first.nextCursor}`)).toMatchObject({ status: 200, body: { items: [{ key: keys[1] }] } });
    await api.call('ops', 'POST', `${at}/expectations/cancellations`, { keys, reason: 'they never began' });
  });
  it('is listed to the first word it said, however often it says more, and by no cursor of another source', async () => {
    await api.store.pool.query(
      "INSERT INTO source_watermark (source_id, complete_until, origin, author, stated_at) SELECT 'ocpi-peer', timestamptz '2019-12-20' + n * interval '1 minute', 'partner', 'partner', now() FROM generate_series(1, 250) n",
    );
    const first = (await api.call('partner', 'GET', `${at}/watermarks?limit=200`)).body;
    const rest = (await api.call('partner', 'GET', `${at}/watermarks?limit=200&cursor=${first.nextCursor}`)).body;
    expect([first.items.length, rest.items.length, rest.nextCursor]).toEqual([200, 51, null]);
    expect([first.items[0].completeUntil, rest.items.at(-1).completeUntil]).toEqual(['2019-12-20T04:10:00.000Z', '2019-12-20T00:00:00.000Z']);
    expect((await api.call('auditor', 'GET', `/v1/sources/csms/watermarks?cursor=${first.nextCursor}`)).status).toBe(422);
  });
  it('holds amounts against what the CDRs say they cost; while one waits, its day has no amount', async () => {
    // 17.255 + 20.10 = 37.355 SEK on the 5th; C3 of the 6th waits for its token, so that its cost is not known yet.
    const lines = [
      { on: '2019-12-05', count: 2, energyWh: 14_000, amount: '37.355', currency: 'SEK' },
      { on: '2019-12-06', count: 1, energyWh: 7_000, amount: '30', currency: 'SEK' },
      { on: '2019-12-07', count: -1, energyWh: 0 },
    ];
    const stated = await api.call('partner', 'POST', `${at}/control-totals`, lines.map((l) => JSON.stringify(l)).join('\n'), { 'content-type': 'application/x-ndjson' });
    expect(stated.body).toMatchObject({ items: [{ status: 'stated' }, { status: 'stated' }], refused: [{ line: 3 }] });
    expect((await december()).days).toMatchObject([
      { on: '2019-12-05', status: 'equal', difference: { count: 0, energyWh: '0', amount: '0.0000' }, unpriced: 0 },
      { on: '2019-12-06', status: 'equal', received: { count: 1, amount: null }, unpriced: 1 },
    ]);
    await api.call('partner', 'POST', `${at}/control-totals`, { ...lines[0], amount: '37.36' });
    expect((await december()).days[0]).toMatchObject({ status: 'differs', version: 2, difference: { count: 0, energyWh: '0', amount: '-0.0050' } });
    expect((await api.call('auditor', 'GET', `${at}/control-totals?month=2019-12`)).body.items).toHaveLength(3);
    expect((await api.call('partner', 'POST', `${at}/control-totals`, 'x', { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await api.call('partner', 'POST', `${at}/control-totals/acceptances`, { on: '2019-12-05', reason: 'as agreed' })).status).toBe(403);
    expect((await api.call('preparer', 'POST', `${at}/control-totals/acceptances`, { on: '2019-12-05', reason: 'as agreed' })).body).toEqual({ status: 'accepted' });
    expect((await december()).days[0]).toMatchObject({ status: 'accepted' });
  });
  it('takes what is null for no number, and not for zero', async () => {
    const total = { on: '2019-12-30', count: 0, energyWh: 0 };
    for (const [field, value] of [
      ['count', null],
      ['energyWh', null],
      ['energyWh', ''],
      ['count', false],
    ] as const) {
      const { status, body } = await api.call('partner', 'POST', `${at}/control-totals`, { ...total, [field]: value });
      expect([status, body.items, body.refused]).toEqual([200, [], [{ line: 1, errors: [expect.stringMatching(new RegExp(`^${field}: .*expected number`))] }]]);
    }
    const session = { key: 'S-C0', openedAt: '2019-12-30T12:00:00Z', estimatedWh: null };
    expect((await api.call('partner', 'POST', `${at}/expectations`, session)).body).toMatchObject({ items: [], refused: [{ line: 1 }] });
    const csv = await api.call('partner', 'POST', `${at}/control-totals`, 'on,count,energyWh\n2019-12-31, 0 ,0\n', { 'content-type': 'text/csv' });
    expect(csv.body).toMatchObject({ items: [{ status: 'stated' }], refused: [] });
  });
  it('lists what is to come page by page, resolves it by the session’s id, and cancels it for ops and finance', async () => {
    const opened = await api.call('partner', 'POST', `${at}/expectations`, [
      { key: 'S-C1', openedAt: '2019-12-05T12:00:00Z', evseId: 'SE*WLT*E9' },
      { key: 'S-C8', openedAt: '2019-12-08T12:00:00Z' },
      { key: 'S-C9', openedAt: '2019-12-09T12:00:00Z', amount: '12', currency: 'EUR' },
    ]);
    expect(opened.body.items.map((i: { status: string }) => i.status)).toEqual(['resolved', 'opened', 'opened']);
    const first = (await api.call('partner', 'GET', `${at}/expectations?state=open&limit=1`)).body;
    expect(first.items).toMatchObject([{ key: 'S-C8', energyWh: '7000', state: 'open', atRisk: { currency: 'SEK' } }]);
    const second = (await api.call('partner', 'GET', `${at}/expectations?state=open&limit=1&cursor=${encodeURIComponent(first.nextCursor)}`)).body;
    expect([second.items[0].key, second.items[0].atRisk, second.nextCursor]).toEqual(['S-C9', { amount: '12.00', currency: 'EUR' }, null]);
    expect((await api.call('partner', 'POST', `${at}/expectations/cancellations`, { keys: ['S-C8'], reason: 'lost' })).status).toBe(403);
    expect((await api.call('ops', 'POST', `${at}/expectations/cancellations`, { keys: ['S-C8'], reason: 'the charger lost it' })).body).toEqual({ cancelled: 1 });
    expect((await december()).missing).toMatchObject({ open: 1, atRisk: [{ currency: 'EUR', amount: '12.00' }] });
    expect((await api.call('auditor', 'GET', '/v1/runs/none/collecting')).status).toBe(404);
  });
});

describe('a difference that is signed', () => {
  it('is signed again once the amount changes beside the same count and energy', async () => {
    // They state two CDRs of 30 SEK on the 8th; one came, and waits for its token.
    await storeCdrs(api.store, [cdr('C8', 8, 30, 'latecomer')]);
    await processAll(api.store);
    await api.call('partner', 'POST', `${at}/control-totals`, { on: '2019-12-08', count: 2, energyWh: 14_000, amount: '60', currency: 'SEK' });
    const eighth = async () => (await december()).days.find((d: { on: string }) => d.on === '2019-12-08');
    const sign = () => api.call('preparer', 'POST', `${at}/control-totals/acceptances`, { on: '2019-12-08', reason: 'they counted a test' });
    expect(await eighth()).toMatchObject({ status: 'differs', received: { count: 1, energyWh: '7000', amount: null } });
    expect((await sign()).status).toBe(200);
    expect(await eighth()).toMatchObject({ status: 'accepted' });
    // Its token is known: what it costs is, and was not signed.
    expect((await api.call('ops', 'POST', '/v1/mappings', { sourceId: 'ocpi-peer', kind: 'token', externalKey: 'latecomer', internalId: 'acc_driver_16' })).status).toBe(201);
    await retryAll(api.store);
    expect(await eighth()).toMatchObject({ status: 'differs', received: { count: 1, energyWh: '7000', amount: '30' } });
    expect((await sign()).status).toBe(200);
    expect(await eighth()).toMatchObject({ status: 'accepted' });
  });
});
