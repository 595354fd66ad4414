import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiUnderTest, startApi } from '../support/api.ts';
import { processAll, session, storeLines } from '../support/intake.ts';

let api: ApiUnderTest;
const get = (path: string, user = 'auditor') => api.call(user, 'GET', path);

beforeAll(async () => {
  api = await startApi();
  // A driver's 10 kWh by day at 2.65: 26.50 net.
  await storeLines(api.store, [session(1, { user: 'Bl2-1', kWh: '10', start: '05.12.2019 10:00', end: '05.12.2019 12:00' }), session(2, { user: 'Nobody', kWh: '4' })]);
  await processAll(api.store);
}, 60_000);
afterAll(() => api.stop());

describe('the ledger over HTTP', () => {
  it('answers a trial balance whose sums are zero', async () => {
    const { status, body } = await get('/v1/ledger/trial-balance');
    expect(status).toBe(200);
    expect(body.rest).toEqual([
      { unit: 'SEK', amount: '0.00' },
      { unit: 'Wh', amount: '0' },
      { unit: 'books in SEK', amount: '0.00' },
    ]);
    expect(body.items).toContainEqual({ entityId: 'ent_se', ledgerAccount: 'energyUnbilled', unit: 'Wh', amount: '10000', book: '0.00', books: 'SEK' });
    expect((await get('/v1/ledger/trial-balance?until=2019-12-04')).body.items).toEqual([]);
  });

  it('tells what each account of the chart holds, and the entries it is made of', async () => {
    const { body } = await get('/v1/ledger/balances?by=glAccount&ledgerAccount=revenue');
    expect(body.items).toEqual([
      { entityId: 'ent_se', ledgerAccount: 'revenue', unit: 'SEK', amount: expect.stringMatching(/^-\d+\.\d\d$/), book: body.items[0].amount, books: 'SEK', value: '3001', entries: '1' },
    ]);
    const entries = await get('/v1/ledger/entries?ledgerAccount=revenue&glAccount=3001');
    expect(entries.body.items).toMatchObject([
      { kind: 'rated', amount: body.items[0].amount, effectiveOn: '2019-12-05', dimensions: { glAccount: '3001', site: 'site_bl2', serviceMonth: '2019-12', source: 'csms' } },
    ]);
    const first = await get('/v1/ledger/entries?limit=1');
    const second = await get(`/v1/ledger/entries?limit=1&cursor=${first.body.nextCursor}`);
    expect(Number(second.body.items[0].entryId)).toBeGreaterThan(Number(first.body.items[0].entryId));
  });

  it('answers the energy balance per source and site, with a difference of zero', async () => {
    const { body } = await get('/v1/energy-balance?month=2019-12&sourceId=csms&siteId=site_bl2');
    expect(body.items).toContainEqual(expect.objectContaining({ month: '2019-12', sourceId: 'csms', siteId: 'site_bl2', kind: 'own', open: '10000', free: '0', difference: '0' }));
    const all = await get('/v1/energy-balance');
    expect(all.body.items.reduce((sum: bigint, row: { received: string }) => sum + BigInt(row.received), 0n)).toBe(14_000n);
    expect(all.body.items.filter((row: { difference: string }) => row.difference !== '0')).toEqual([]);
  });

  it('answers the energy balance of the months, and as it stood before anything came', async () => {
    const { body } = await get('/v1/energy-balance/months');
    expect(body.items).toContainEqual(expect.objectContaining({ month: '2019-12', received: '14000', difference: '0' }));
    expect((await get('/v1/energy-balance/months?asOf=2019-01-01T00:00:00Z')).body.items).toEqual([]);
    expect((await get('/v1/energy-balance?asOf=2019-01-01T00:00:00%2B01:00')).body.items).toEqual([]);
    expect((await get('/v1/energy-balance?asOf=yesterday')).status).toBe(422);
  });

  it('refuses partners, an unknown dimension, and a cursor of another list', async () => {
    for (const path of ['trial-balance', 'balances?by=account', 'entries']) expect((await get(`/v1/ledger/${path}`, 'partner')).status).toBe(403);
    expect((await get('/v1/energy-balance', 'partner')).status).toBe(403);
    expect((await get('/v1/ledger/balances?by=colour')).status).toBe(422);
    // There is no such month: an empty page would say that nothing was booked in it.
    expect((await get('/v1/ledger/entries?serviceMonth=2019-13')).status).toBe(422);
    expect((await get('/v1/ledger/entries?serviceMonth=2019-12')).body.items.length).toBeGreaterThan(0);
    const { nextCursor } = (await get('/v1/ledger/entries?limit=1')).body;
    expect((await get(`/v1/ledger/trial-balance?cursor=${nextCursor}`)).status).toBe(422);
  });
});
