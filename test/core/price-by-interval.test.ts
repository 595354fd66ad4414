import { describe, expect, it } from 'vitest';
import { toDecimal4HalfEven } from '../../src/core/money.ts';
import { deliveredEnergyOf } from '../../src/core/share/delivered-energy.ts';
import { energyCostOf } from '../../src/core/share/energy-cost.ts';
import { type PriceSeries, priceByInterval } from '../../src/core/share/price-by-interval.ts';
import { energy, noPrices, se3 } from '../support/share.ts';

const series = (...args: Parameters<typeof se3>): PriceSeries => {
  const found = se3(...args).get('se3');
  if (found === undefined) throw new Error('no series');
  return found;
};
const session = (startAt: string, endAt: string, energyWh: number, rest: Partial<Parameters<typeof deliveredEnergyOf>[0]> = {}) =>
  deliveredEnergyOf({ startAt, endAt, energyWh, periods: 'unsplit', ...rest });
const priced = (...args: Parameters<typeof priceByInterval>) => {
  const result = priceByInterval(...args);
  if (!('exact' in result)) throw new Error(JSON.stringify(result));
  return { exact: toDecimal4HalfEven(result.exact), wh: result.intervals.map((i) => i.energyWh), pinned: result.pinned };
};

describe('energy priced by the interval in which it was delivered', () => {
  it('takes half of an hour’s session from each of the two hours it runs through', () => {
    // 10:30 to 11:30, 10 kWh at constant power: 5 kWh at 1000/MWh = 5.00, 5 kWh at 400/MWh = 2.00.
    expect(priced(series('2025-09-01T10:00:00Z', ['1000', '400']), session('2025-09-01T10:30:00Z', '2025-09-01T11:30:00Z', 10_000), 'a')).toEqual({
      exact: '7.0000',
      wh: [5000n, 5000n],
      pinned: 'SE3 2025-09-01T10:00Z..12:00Z v1',
    });
  });

  it('splits whole Wh by largest remainder, so that none is lost', () => {
    // 100 Wh over three quarters: 33.3 each, the odd one to the first.
    const { wh, pinned } = priced(series('2026-03-02T10:00:00Z', ['1', '2', '3'], 900), session('2026-03-02T10:00:00Z', '2026-03-02T10:45:00Z', 100), 'a');
    expect(wh).toEqual([34n, 33n, 33n]);
    expect(pinned).toBe('SE3 2026-03-02T10:00Z..10:45Z v1');
  });

  it('passes from hours to quarters at the Nordic change of 1 October 2025, midnight of the market', () => {
    const hour = { startMs: Date.parse('2025-09-30T21:00:00Z'), seconds: 3600, version: 1, price: '100' };
    const quarter = (minute: string, price: string) => ({ startMs: Date.parse(`2025-09-30T22:${minute}:00Z`), seconds: 900, version: 1, price });
    const both: PriceSeries = { ...series('2025-09-30T21:00:00Z', []), points: [hour, quarter('00', '200'), quarter('15', '400')] };
    // 23:30 to 00:30 local, 4 kWh: half an hour of the hour (2 kWh × 0.1), then 1 kWh × 0.2 and 1 kWh × 0.4: 0.2 + 0.2 + 0.4.
    expect(priced(both, session('2025-09-30T21:30:00Z', '2025-09-30T22:30:00Z', 4000), 'a')).toMatchObject({ exact: '0.8000', wh: [2000n, 1000n, 1000n] });
  });

  it.each([
    // Clocks go forward at 01:00Z: 01:30 local to 03:30 local is one hour. Back at 01:00Z: 02:30 to 02:30 again is one hour too.
    ['spring', '2026-03-29T00:30:00Z', '2026-03-29T01:30:00Z'],
    ['autumn', '2026-10-25T00:30:00Z', '2026-10-25T01:30:00Z'],
  ])('counts time that passed across the change of clocks in %s', (_, from, to) => {
    expect(priced(series(`${from.slice(0, 11)}00:00:00Z`, ['100', '300']), session(from, to, 2000), 'a')).toMatchObject({ exact: '0.4000', wh: [1000n, 1000n] });
  });

  it('follows the charging periods where there are some, and leaves standing time out', () => {
    // 9 kWh in the first hour; 1 kWh in half an hour of charging from 11:00, then idle until 14:00, where no price is needed.
    const periods = [
      { startAt: '2026-03-02T10:00:00Z', energyWh: 9000, chargingSeconds: 3600, parkingSeconds: 0 },
      { startAt: '2026-03-02T11:00:00Z', energyWh: 1000, chargingSeconds: 1800, parkingSeconds: 9000 },
    ];
    expect(priced(series('2026-03-02T10:00:00Z', ['100', '1000']), session('2026-03-02T10:00:00Z', '2026-03-02T14:00:00Z', 10_000, { periods }), 'a')).toMatchObject({
      // 9 × 0.1 + 1 × 1.0
      exact: '1.9000',
      wh: [9000n, 1000n],
    });
  });

  it('ends with the charging, not with the plug, where that is told', () => {
    const delivered = session('2026-03-02T10:00:00Z', '2026-03-02T18:00:00Z', 6000, { chargingEndAt: '2026-03-02T11:00:00Z' });
    expect(priced(series('2026-03-02T10:00:00Z', ['-50']), delivered, 'a').exact).toBe('-0.3000');
  });

  it('takes only the interval it begins with, on the stroke of it, also without any duration', () => {
    const two = series('2026-03-02T10:00:00Z', ['100', '300', '500']);
    expect(priced(two, session('2026-03-02T11:00:00Z', '2026-03-02T12:00:00Z', 1000), 'a')).toEqual({ exact: '0.3000', wh: [1000n], pinned: 'SE3 2026-03-02T11:00Z..12:00Z v1' });
    expect(priced(two, session('2026-03-02T11:00:00Z', '2026-03-02T11:00:00Z', 1000), 'a').exact).toBe('0.3000');
  });

  it('lets periods share the energy of a session that they do not sum to, and charge no longer than until the next one', () => {
    // 6 and 3 of 10 kWh: 6.667 and 3.333. The first says it charged for two hours and lasts one.
    const periods = [
      { startAt: '2026-03-02T10:00:00Z', energyWh: 6000, chargingSeconds: 7200, parkingSeconds: 0 },
      { startAt: '2026-03-02T11:00:00Z', energyWh: 3000, chargingSeconds: 0, parkingSeconds: 0 },
    ];
    const delivered = session('2026-03-02T10:00:00Z', '2026-03-02T12:00:00Z', 10_000, { periods });
    expect(delivered.stretches.map((x) => [x.energyWh, x.endMs - x.startMs])).toEqual([
      [6667n, 3_600_000],
      [3333n, 3_600_000],
    ]);
  });

  it('names each version it used, in spans', () => {
    const both = series('2026-03-02T10:00:00Z', ['1', '2', '3']);
    const corrected: PriceSeries = { ...both, points: both.points.map((p, i) => (i === 1 ? { ...p, version: 2 } : p)) };
    expect(priced(corrected, session('2026-03-02T10:00:00Z', '2026-03-02T13:00:00Z', 3000), 'a').pinned).toBe(
      'SE3 2026-03-02T10:00Z..11:00Z v1, SE3 2026-03-02T11:00Z..12:00Z v2, SE3 2026-03-02T12:00Z..13:00Z v1',
    );
    expect(priced(series('2026-03-02T23:00:00Z', ['1', '2']), session('2026-03-02T23:30:00Z', '2026-03-03T00:30:00Z', 2), 'a').pinned).toBe('SE3 2026-03-02T23:00Z..2026-03-03T01:00Z v1');
  });

  it('blocks, and names the time, where an interval with energy has no price', () => {
    const gap = series('2026-03-02T10:00:00Z', ['1', '2']);
    expect(priceByInterval(gap, session('2026-03-02T11:30:00Z', '2026-03-02T12:30:00Z', 10), 'cdr 7')).toMatchObject([
      { code: 'missingPricePoint', severity: 'blocks', params: { series: 'se3', at: '2026-03-02T12:00:00Z', until: '2026-03-02T12:30:00Z' } },
    ]);
  });
});

describe('what energy costs', () => {
  it('adds what comes on top per kWh, and tells the average price', () => {
    // 7.00 as in the first case, plus 10 × 0.25 = 9.50; a kWh comes to 0.95.
    const delivered = session('2025-09-01T10:30:00Z', '2025-09-01T11:30:00Z', 10_000);
    const cost = energyCostOf({ by: 'series', seriesId: 'se3', addPerKwh: '0.25' }, delivered, 'SEK', se3('2025-09-01T10:00:00Z', ['1000', '400']), 'a');
    expect('exact' in cost && [toDecimal4HalfEven(cost.exact), cost.unitPrice]).toEqual(['9.5000', '0.9500']);
  });

  it('blocks on a series that is unknown or in another currency', () => {
    const price = { by: 'series', seriesId: 'se3', addPerKwh: '0' } as const;
    expect(energyCostOf(price, energy(1), 'SEK', noPrices, 'a')).toMatchObject([{ code: 'unknownPriceSeries' }]);
    expect(energyCostOf(price, energy(1), 'EUR', se3('2026-03-02T10:00:00Z', ['1']), 'a')).toMatchObject([{ code: 'priceSeriesCurrency' }]);
  });
});
