import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parserFor } from '../../src/adapters/sources/registry.ts';
import { putSetUp } from '../../src/store/commands/put-set-up.ts';
import { storeRawMessages } from '../../src/store/intake/store-raw.ts';
import { type ApiUnderTest, startApi } from '../support/api.ts';
import { signIn, textOf } from '../support/console.ts';
import { processAll } from '../support/intake.ts';

let api: ApiUnderTest;
const parser = parserFor('ocpi-2-2-1');

/** Ten kWh at 3.00 SEK: 30.00 by the agreement. */
const cdr = (id: string, day: string, claimed: number, more: object = {}) => ({
  country_code: 'SE',
  party_id: 'OTH',
  id,
  start_date_time: `2019-12-${day}T10:00:00Z`,
  end_date_time: `2019-12-${day}T12:00:00Z`,
  cdr_token: { uid: 'Bl2-1', type: 'RFID', contract_id: 'SE-WLT-1' },
  cdr_location: { id: 'Away', evse_id: `SE*OTH*E${id}` },
  currency: 'SEK',
  charging_periods: [
    {
      start_date_time: `2019-12-${day}T10:00:00Z`,
      dimensions: [
        { type: 'ENERGY', volume: 10 },
        { type: 'TIME', volume: 2 },
      ],
    },
  ],
  total_cost: { excl_vat: claimed },
  total_energy: 10,
  last_updated: `2019-12-${day}T13:00:00Z`,
  ...more,
});

const take = async (cdrs: readonly object[]) => {
  const messages = cdrs
    .map((c) => Buffer.from(JSON.stringify(c)))
    .map((bytes) => ({ recordKey: parser.keyOf(bytes, { sourceId: 'ocpi-peer', ownerCountry: 'SE', ownerParty: 'WLT', timeZone: 'Europe/Stockholm' }), bytes, lineNo: null }));
  await api.store.tx((db) => storeRawMessages(db, { sourceId: 'ocpi-peer', batchId: null, receivedAt: new Date(), messages }));
  await processAll(api.store);
};

beforeAll(async () => {
  api = await startApi(undefined, {
    setUp: (seed) => {
      const agreement = { kind: 'roamingPurchase', status: 'active', currency: 'SEK', clauses: [{ kind: 'priceSource', id: 'price', from: 'agreement', tariffId: 'bought', tolerancePercent: '2' }] };
      for (const [id, name, vatNumber] of [
        ['other', 'Other Operator', 'SE556300000101'],
        ['next', 'Next Operator', 'SE556300000201'],
      ])
        seed.operators.push({ id, name, currency: 'SEK', vat: { status: 'reseller', establishedIn: 'SE', vatNumber }, agreement } as never);
      seed.sites.push({ key: 'Away', country: 'SE', operator: 'other', costCenter: '199', connectorPowerW: 22_000 });
      seed.tariffs.push({
        validFrom: '2018-01-01T00:00:00Z',
        body: { id: 'bought', currency: 'SEK', elements: [{ price_components: [{ type: 'ENERGY', price: '3.00', vat: '25', step_size: 1 }] }] },
      } as never);
    },
  });
  await api.store.pool.query(
    "INSERT INTO mapping (source_id, kind, external_key, internal_id, author) SELECT 'ocpi-peer', kind, external_key, internal_id, 'test' FROM mapping WHERE source_id = 'csms' AND external_key = 'Bl2-1' ON CONFLICT DO NOTHING",
  );
  const cdrs = [cdr('A', '02', 30), cdr('B', '03', 30.01), cdr('C', '04', 30.5), cdr('D', '05', 45), cdr('E', '06', 3, { currency: 'EUR' }), cdr('F', '07', 60, { remark: '[?]' })];
  await take(cdrs);
});
afterAll(() => api.stop());

describe('what a partner charges us', () => {
  const at = '/v1/partner-claims/acc_other';
  it('is set beside our own rating, by kind of difference', async () => {
    expect((await api.call('auditor', 'GET', '/v1/partner-claims?month=2019-12')).body.items).toEqual([{ accountId: 'acc_other', records: 6 }]);
    const { body } = await api.call('auditor', 'GET', `${at}?month=2019-12`);
    // Each is booked at 30.00, whatever is claimed; a claim of another currency, or one that is not significant, counts for nothing here.
    expect(body.totals.map((t: Record<string, unknown>) => [t['class'], t['records'], t['energyWh'], t['claimed'], t['booked'], t['difference']])).toEqual([
      ['equal', 1, '10000', '30.00', '30.00', '0.00'],
      ['rounding', 1, '10000', '30.01', '30.00', '0.01'],
      ['tolerated', 1, '10000', '30.50', '30.00', '0.50'],
      ['differs', 1, '10000', '45.00', '30.00', '15.00'],
      ['otherCurrency', 1, '10000', '0.00', '30.00', '-30.00'],
      ['notSignificant', 1, '10000', '0.00', '30.00', '-30.00'],
    ]);
    expect(body.held).toEqual({ records: 0, energyWh: '0' });
  });
  it('is listed session by session, also of one kind alone, with the cause where one is known', async () => {
    const all = await api.call('auditor', 'GET', `${at}/sessions?month=2019-12&limit=4`);
    expect(all.body.items).toHaveLength(4);
    const rest = await api.call('auditor', 'GET', `${at}/sessions?month=2019-12&limit=4&cursor=${all.body.nextCursor}`);
    expect([rest.body.items.length, rest.body.nextCursor]).toEqual([2, null]);
    const { body } = await api.call('auditor', 'GET', `${at}/sessions?month=2019-12&class=differs&limit=1`);
    expect(body.items).toMatchObject([{ cdrId: 'd', claimed: '45', booked: '30.00', difference: '15.00', cause: expect.any(String) }]);
    expect(body.nextCursor).toBeNull();
  });
  it('goes to the partner as CSV, a line a session', async () => {
    const { body, headers } = await api.call('auditor', 'GET', `${at}/sessions.csv?month=2019-12`);
    expect(headers.get('content-type')).toBe('text/csv; charset=utf-8');
    const lines = body.trim().split('\r\n');
    expect([lines.length, lines[0].split(',').slice(0, 3), lines[1].split(',').slice(2, 8)]).toEqual([
      7,
      ['recordId', 'sourceId', 'cdrId'],
      ['f', 'site_away', '2019-12-07T12:00:00.000Z', '10000', 'notSignificant', '60'],
    ]);
  });
  it('is a page of the console', async () => {
    const person = await signIn(api, 'auditor');
    const page = textOf((await person.get('/partners?month=2019-12&account=acc_other')).body);
    expect(page).toContain('not significant 1 10.000 0.00 30.00 -30.00 SEK');
    expect(page).toContain('acc_other : 6 sessions');
    expect((await person.get('/partners/sessions.csv?month=2019-12&account=acc_other')).body).toContain('recordId,sourceId');
  });
  it('is of whoever operated the site when its session began', async () => {
    const held = { siteId: 'site_away', validFrom: '2020-01-11T00:00:00Z', operatorAccountId: 'acc_next', ownerAccountId: null };
    await api.store.tx((db) => putSetUp(db, 'siteHolders', held, 'the chargers were sold', { actor: 'test' }));
    const times = (day: string) => ({
      cdr_token: { uid: 'Nobody-1', type: 'RFID', contract_id: 'SE-WLT-9' },
      start_date_time: `2020-01-${day}T10:00:00Z`,
      end_date_time: `2020-01-${day}T12:00:00Z`,
      charging_periods: [{ start_date_time: `2020-01-${day}T10:00:00Z`, dimensions: [{ type: 'ENERGY', volume: 10 }] }],
    });
    await take([cdr('J', '08', 30, times('08')), cdr('K', '12', 30, times('12')), cdr('L', '13', 30, times('13'))]);
    expect((await api.call('auditor', 'GET', '/v1/partner-claims?month=2020-01')).body.items).toEqual([
      { accountId: 'acc_next', records: 2 },
      { accountId: 'acc_other', records: 1 },
    ]);
    expect((await api.call('auditor', 'GET', `${at}?month=2020-01`)).body.held).toEqual({ records: 1, energyWh: '10000' });
    expect((await api.call('auditor', 'GET', '/v1/partner-claims/acc_next?month=2020-01')).body.held).toEqual({ records: 2, energyWh: '20000' });
  });
  it('is asked for a partner and a month that are there', async () => {
    expect((await api.call('auditor', 'GET', '/v1/partner-claims/acc_nobody?month=2019-12')).status).toBe(404);
    expect((await api.call('auditor', 'GET', `${at}?month=2019-13`)).status).toBe(422);
    expect((await api.call('partner', 'GET', `${at}?month=2019-12`)).status).toBe(403);
  });
});

describe('what a partner refuses', () => {
  const at = '/v1/accounts/acc_emsp_aurora/partner-rules';
  it('is kept in versions, for partners alone, and a CDR is checked against it', async () => {
    expect((await api.call('ops', 'GET', at)).body).toEqual({ version: 0, rules: { zeroCost: 'takes', credits: 'takes', needs: [], evseIdForm: 'any' } });
    const set = (rules: object, user = 'ops', where = at) => api.call(user, 'PUT', where, { rules, reason: 'their answer of May' });
    expect((await set({ maxAgeDays: 30 }, 'preparer')).status).toBe(403);
    expect((await set({ maxAgeDays: -1 })).status).toBe(422);
    expect((await set({ maxAgeDays: 30 }, 'ops', '/v1/accounts/acc_fleet_taxi/partner-rules')).body.code).toBe('invalid');
    expect((await set({ maxAgeDays: 30, needs: ['sessionId'] })).body).toEqual({ version: 1 });
    expect((await set({ maxAgeDays: 60, needs: ['sessionId'] })).body).toEqual({ version: 2 });
    const old = { cdrId: 'X', startAt: '2019-12-05T10:00:00Z', endAt: '2019-12-05T12:00:00Z', location: { evseId: 'SE*WLT*E1' }, currency: 'SEK', energyWh: 1000, cost: { total: { net: '3.00' } } };
    const { body } = await api.call('ops', 'POST', `${at}/checks`, old);
    expect([body.version, body.issues.map((i: { code: string }) => i.code)]).toEqual([2, ['partnerRefuses', 'partnerRefuses']]);
  });
});
