import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toDecimal4HalfEven } from '../../src/core/money.ts';
import { deliveredEnergyOf } from '../../src/core/share/delivered-energy.ts';
import { energyCostOf } from '../../src/core/share/energy-cost.ts';
import { loadPricePoints } from '../../src/store/price-points.ts';
import { type ApiUnderTest, startApi } from '../support/api.ts';

let api: ApiUnderTest;
const se3 = { id: 'se3', zone: 'SE3', currency: 'SEK', unit: 'MWh' };
const add = (series: object, user = 'preparer') => api.call(user, 'POST', '/v1/price-series', series);
const load = (body: unknown, headers: Record<string, string> = {}, path = '/v1/price-series/se3/points') => api.call('preparer', 'POST', path, body, headers);
const csv = (text: string, query = '') => load(text, { 'content-type': 'text/csv' }, `/v1/price-series/se3/points${query}`);
const get = (path: string) => api.call('auditor', 'GET', `/v1/price-series${path}`);

beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());

describe('a price series', () => {
  it('is added once, never changed, and by whom it concerns', async () => {
    expect((await add(se3)).status).toBe(201);
    expect((await add(se3)).status).toBe(201);
    expect((await add({ ...se3, unit: 'kWh' })).body).toMatchObject({ status: 409, detail: expect.stringContaining('another price series') });
    expect((await add({ ...se3, id: 'se4', marketZone: 'Nowhere' })).status).toBe(422);
    expect((await add({ ...se3, id: 'se4' }, 'partner')).status).toBe(403);
    expect((await get('')).body.items).toEqual([{ ...se3, marketZone: 'Europe/Brussels', points: 0, from: null, to: null }]);
    const audited = await api.store.pool.query("SELECT actor FROM audit_event WHERE action = 'priceSeries.add'");
    expect(audited.rows).toEqual([{ actor: 'preparer' }]);
  });

  it('takes points as CSV, hours before October 2025 and quarters after, and stores the text', async () => {
    const text = 'start,price\n2025-09-30T20:00:00Z,400\n2025-09-30T21:00:00Z,500.50\n2025-09-30T22:00:00Z,600\n2025-09-30T22:15:00Z,-10\n2025-09-30T23:00:00Z,700\n';
    const { status, body } = await csv(text, '?reason=first%20load');
    expect([status, body]).toEqual([
      201,
      {
        loadId: '1',
        added: 5,
        corrected: 0,
        repeated: 0,
        issues: [expect.objectContaining({ code: 'pricePointGap', text: expect.stringContaining('from 2025-09-30T22:30:00Z to 2025-09-30T23:00:00Z') })],
      },
    ]);
    expect((await api.store.pool.query('SELECT body, reason, author FROM price_load')).rows).toEqual([{ body: text, reason: 'first load', author: 'preparer' }]);
    expect((await csv(text)).body).toMatchObject({ loadId: null, added: 0, repeated: 5 });
    expect((await get('/se3/gaps')).body.items).toEqual([{ from: '2025-09-30T22:30:00.000Z', to: '2025-09-30T23:00:00.000Z' }]);
    expect((await get('/se3/gaps?from=2025-09-30T19:30:00Z&to=2025-09-30T23:30:00Z')).body.items).toEqual([
      { from: '2025-09-30T19:30:00.000Z', to: '2025-09-30T20:00:00.000Z' },
      { from: '2025-09-30T22:30:00.000Z', to: '2025-09-30T23:00:00.000Z' },
      { from: '2025-09-30T23:15:00.000Z', to: '2025-09-30T23:30:00.000Z' },
    ]);
    expect((await get('/se3/gaps?from=2025-09-30T20:30:00Z&to=2025-09-30T21:45:00Z')).body.items).toEqual([]);
  });

  it('corrects a price by a newer version, as JSON, and lists page by page', async () => {
    expect(
      (
        await load({
          reason: 'the market corrected it',
          points: [
            { start: '2025-09-30T23:00:00+02:00', price: '555' },
            { start: '2025-09-30T22:30:00Z', price: '650' },
          ],
        })
      ).body,
    ).toMatchObject({
      added: 1,
      corrected: 1,
      repeated: 0,
    });
    const walked: unknown[] = [];
    let cursor: string | null = '';
    do {
      const page = (await get(`/se3/points?limit=2${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor ?? '')}`}`)).body as {
        items: { start: string; version: number; price: string }[];
        nextCursor: string | null;
      };
      walked.push(...page.items.map((p) => [p.start.slice(11, 16), p.version, p.price]));
      cursor = page.nextCursor;
    } while (cursor !== null);
    expect(walked).toEqual([
      ['20:00', 1, '400'],
      ['21:00', 2, '555'],
      ['22:00', 1, '600'],
      ['22:15', 1, '-10'],
      ['22:30', 1, '650'],
      ['23:00', 1, '700'],
    ]);
    expect((await get('/se3/points?versions=all&from=2025-09-30T21:00:00Z&to=2025-09-30T22:00:00Z')).body.items).toMatchObject([
      { version: 1, price: '500.5', loadId: '1' },
      { version: 2, price: '555', loadId: '2' },
    ]);
    expect((await get('')).body.items[0]).toMatchObject({ points: 6, from: '2025-09-30T20:00:00.000Z', to: '2025-09-30T23:15:00.000Z' });
    expect((await get('/se3/points?cursor=nonsense')).status).toBe(422);
  });

  it('keeps nothing of a load with a wrong row, and names each', async () => {
    const { status, body } = await csv('start,seconds,price\n2026-01-01T00:00:00Z,,1\n2026-01-01T00:15:00,,2\n2026-01-01T00:30:00Z,600,3\n');
    expect([status, body.code, body.issues.map((i: { subject: string; code: string }) => `${i.subject} ${i.code}`)]).toEqual([422, 'wrongPrices', ['row 2 badTimestamp', 'row 3 pricePointLength']]);
    expect((await csv('start,seconds,price\n2025-09-30T20:30:00Z,1800,1\n')).body.issues).toMatchObject([{ subject: 'row 1', code: 'pricePointOverlaps' }]);
    expect((await csv('when,price\n')).status).toBe(422);
    expect((await load({ points: [] })).status).toBe(422);
    expect((await load('{', { 'content-type': 'application/json' })).status).toBe(422);
    expect((await load('x', { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await load({ points: [{ start: '2026-01-01T00:00:00Z', price: '1' }] }, {}, '/v1/price-series/none/points')).status).toBe(404);
    expect((await get('/none/points')).status).toBe(404);
    expect((await get('/none/gaps')).status).toBe(404);
    expect((await api.store.pool.query("SELECT count(*) AS n FROM price_point WHERE start_at >= '2026-01-01'")).rows).toEqual([{ n: 0n }]);
  });

  it('gives two loads at once of the same interval two versions, and loses neither', async () => {
    const at = (price: string) => load({ points: [{ start: '2026-02-01T00:00:00Z', price }] });
    const answers = await Promise.all([at('1'), at('2'), at('3')]);
    expect(answers.map((a) => a.status)).toEqual([201, 201, 201]);
    const { rows } = await api.store.pool.query("SELECT version FROM price_point WHERE start_at = '2026-02-01' ORDER BY 1");
    expect(rows).toEqual([{ version: 1 }, { version: 2 }, { version: 3 }]);
  });
});

describe('prices for sessions', () => {
  it('come for many spans in one query: the newest versions, each once, the interval that a span begins in too', async () => {
    const ms = (text: string) => Date.parse(`2025-09-30T${text}:00Z`);
    const book = await loadPricePoints(api.store.pool, [
      { seriesId: 'se3', fromMs: ms('22:20'), toMs: ms('22:40') },
      { seriesId: 'se3', fromMs: ms('20:30'), toMs: ms('21:30') },
      { seriesId: 'se3', fromMs: ms('21:10'), toMs: ms('21:10') },
      { seriesId: 'none', fromMs: ms('20:30'), toMs: ms('21:30') },
    ]);
    expect([...book.keys()]).toEqual(['se3']);
    expect(book.get('se3')).toMatchObject({ zone: 'SE3', currency: 'SEK', unit: 'MWh' });
    expect(book.get('se3')?.points.map((p) => [new Date(p.startMs).toISOString().slice(11, 16), p.version])).toEqual([
      ['20:00', 1],
      ['21:00', 2],
      ['22:00', 1],
      ['22:15', 1],
      ['22:30', 1],
    ]);
    // 4 kWh at 2 kW: half an hour at 400, an hour at 555, a quarter at 600 and one at −10.
    const session = deliveredEnergyOf({ startAt: '2025-09-30T20:30:00Z', endAt: '2025-09-30T22:30:00Z', energyWh: 4000, periods: 'unsplit' });
    const cost = energyCostOf({ by: 'series', seriesId: 'se3', addPerKwh: '0.10' }, session, 'SEK', book, 'cdr');
    // 1 × 0.4 + 2 × 0.555 + 0.5 × 0.6 − 0.5 × 0.01 = 1.805, plus 4 × 0.10.
    expect('exact' in cost && [toDecimal4HalfEven(cost.exact), cost.pinned]).toEqual([
      '2.2050',
      'SE3 2025-09-30T20:00Z..21:00Z v1, SE3 2025-09-30T21:00Z..22:00Z v2, SE3 2025-09-30T22:00Z..22:30Z v1',
    ]);
    expect(await loadPricePoints(api.store.pool, [])).toEqual(new Map());
  });
});
