import { describe, expect, it } from 'vitest';
import { type Tariff, tariffSchema } from '../../src/contracts/tariff.ts';
import { describeIssue } from '../../src/core/issues.ts';
import { roundToMoney } from '../../src/core/money.ts';
import { rateSession } from '../../src/core/rate/rate-session.ts';
import { type RatingPeriod, splitSession } from '../../src/core/rate/split-session.ts';
import { parseInstant } from '../../src/core/time.ts';

const zone = 'Europe/Stockholm';
const at = (text: string) => parseInstant(text) ?? Number.NaN;
const minute = 60_000;
type Element = { price_components: unknown[]; restrictions?: unknown };
const tariffOf = (elements: Element[], rest: object = {}): Tariff => tariffSchema.parse({ id: 'T1', currency: 'SEK', elements, ...rest });
const component = (type: string, price: string | number, step_size = 1) => ({ type, price, vat: '25', step_size });
const energy = (price: string | number, step = 1) => component('ENERGY', price, step);

/** Periods one after the other from 08:00 UTC: [minutes, Wh, charging or parking]. */
function periodsOf(...list: [minutes: number, energyWh: number, kind: 'charging' | 'parking'][]): RatingPeriod[] {
  let startMs = at('2019-12-02T08:00:00Z');
  return list.map(([minutes, energyWh, kind]) => {
    const length = minutes * minute;
    const period = { startMs, endMs: startMs + length, energyWh, chargingMs: kind === 'charging' ? length : 0, parkingMs: kind === 'parking' ? length : 0 };
    startMs += length;
    return period;
  });
}

const rate = (tariff: Tariff, periods: RatingPeriod[]) => rateSession({ tariff, periods, startMs: periods[0]?.startMs ?? 0, endMs: periods.at(-1)?.endMs ?? 0, zone });
const billed = (tariff: Tariff, periods: RatingPeriod[]) => rate(tariff, periods).components.map((c) => [c.kind, c.elementIndex, c.quantity.stated, c.quantity.billed]);

describe('rateSession', () => {
  it('29.87 kWh at 2.50 ex VAT is 74.675, billed 74.68', () => {
    const result = rate(tariffOf([{ price_components: [energy('2.50')] }]), periodsOf([60, 29_870, 'charging']));
    expect(result.total4).toBe('74.6750');
    expect(roundToMoney(result.totalExact, 'SEK', 'halfAwayFromZero')).toBe(7468n);
    expect(result.components).toMatchObject([{ kind: 'ENERGY', elementIndex: 0, price: '2.50', vatPercent: '25', quantity: { unit: 'Wh', stated: 29_870, billed: 29_870 } }]);
    expect(result.issues).toEqual([]);
  });

  it('1.23495 is billed 1.23: the 4-decimal figure is not used', () => {
    // 1 kWh at 1.23495
    const result = rate(tariffOf([{ price_components: [energy('1.23495')] }]), periodsOf([60, 1000, 'charging']));
    expect([result.total4, roundToMoney(result.totalExact, 'SEK', 'halfAwayFromZero')]).toEqual(['1.2350', 123n]);
  });

  it('takes each dimension from its first matching element; FLAT once', () => {
    // 10 + 5 kWh at 3; 30 min at 12/h = 6; parking 60 min at 6/h = 6; start fee 5: 45 + 6 + 6 + 5
    const tariff = tariffOf([{ price_components: [component('FLAT', 5), energy(3)] }, { price_components: [energy(9), component('TIME', 12), component('PARKING_TIME', 6)] }]);
    const result = rate(tariff, periodsOf([20, 10_000, 'charging'], [10, 5000, 'charging'], [60, 0, 'parking']));
    expect(result.components.map((c) => [c.kind, c.elementIndex])).toEqual([
      ['FLAT', 0],
      ['ENERGY', 0],
      ['TIME', 1],
      ['PARKING_TIME', 1],
    ]);
    expect(result.total4).toBe('62.0000');
  });

  it('of several FLATs only the first active one is charged', () => {
    const tariff = tariffOf([{ price_components: [component('FLAT', 5)], restrictions: { max_duration: 600 } }, { price_components: [component('FLAT', 9)] }]);
    expect(rate(tariff, periodsOf([10, 1, 'charging'], [10, 1, 'charging'])).total4).toBe('5.0000');
  });

  it('vat absent or null is none, not 0 %', () => {
    const tariff = tariffOf([
      {
        price_components: [
          { type: 'ENERGY', price: 1, vat: null, step_size: 1 },
          { type: 'TIME', price: 1, vat: 0, step_size: 1 },
        ],
      },
    ]);
    expect(rate(tariff, periodsOf([60, 1, 'charging'])).components.map((c) => c.vatPercent)).toEqual([null, '0']);
  });

  it('a dimension nobody prices is free', () => {
    expect(rate(tariffOf([{ price_components: [component('TIME', 0)] }]), periodsOf([60, 5000, 'charging'])).components.map((c) => c.kind)).toEqual(['TIME']);
  });

  it('refuses with issues, not exceptions', () => {
    const tariff = tariffOf([{ price_components: [energy(1)] }]);
    expect(rate(tariff, []).issues).toMatchObject([{ code: 'noPeriods', severity: 'blocks' }]);
    expect(rate(tariff, periodsOf([60, 0.5, 'charging'])).issues).toMatchObject([{ code: 'badNumber' }]);
    const [issue] = rateSession({ tariff, periods: periodsOf([1, 1, 'charging']), startMs: 0, endMs: 0, zone: 'Mars/Base' }).issues;
    expect(issue === undefined ? '' : describeIssue(issue)).toBe('T1: "Mars/Base" is not a time zone. Give the site an IANA time zone such as Europe/Stockholm.');
  });

  it('bills a whole overrunning period at its start, and says so', () => {
    const tariff = tariffOf([{ price_components: [energy(1)], restrictions: { end_time: '10:00' } }, { price_components: [energy(2)] }]);
    // 09:00 to 11:00 local
    const result = rate(tariff, periodsOf([120, 1000, 'charging']));
    expect([result.total4, result.issues.map((i) => [i.code, i.severity])]).toEqual(['1.0000', [['periodOverruns', 'warns']]]);
  });

  it('min_price and max_price clamp the total, the maximum last; components stay', () => {
    const elements = [{ price_components: [energy(1)] }];
    const periods = periodsOf([60, 10_000, 'charging']);
    const low = rate(tariffOf(elements, { min_price: { excl_vat: 12 } }), periods);
    expect([low.total4, low.components.length, low.issues[0]?.code]).toEqual(['12.0000', 1, 'priceClamped']);
    expect(rate(tariffOf(elements, { min_price: 12, max_price: { excl_vat: '7.5' } }), periods).total4).toBe('7.5000');
    expect(rate(tariffOf(elements, { min_price: 5, max_price: 20 }), periods).issues).toEqual([]);
  });
});

describe('step_size', () => {
  it('rounds the session total at the last step: 4.3 + 1.1 kWh, step 500, bills 5.5', () => {
    const tariff = tariffOf([{ price_components: [energy(1, 1000)], restrictions: { max_duration: 600 } }, { price_components: [energy(2, 500)] }]);
    // the 100 Wh of rounding fall on the last element: 4.3 × 1 + 1.2 × 2 = 6.7
    const periods = periodsOf([10, 4300, 'charging'], [10, 1100, 'charging']);
    expect(billed(tariff, periods)).toEqual([
      ['ENERGY', 0, 4300, 4300],
      ['ENERGY', 1, 1100, 1200],
    ]);
    expect(rate(tariff, periods).total4).toBe('6.7000');
  });

  it('with priced parking only parking is rounded; without, TIME is', () => {
    const time = component('TIME', 6, 900);
    const periods = periodsOf([20, 1, 'charging'], [20, 0, 'parking']);
    expect(billed(tariffOf([{ price_components: [time, component('PARKING_TIME', 6, 900)] }]), periods)).toEqual([
      ['TIME', 0, 1200, 1200],
      ['PARKING_TIME', 0, 1200, 1800],
    ]);
    expect(billed(tariffOf([{ price_components: [time] }]), periods)).toEqual([['TIME', 0, 1200, 1800]]);
  });

  it('only the priced quantity is rounded (ocpi issue 546)', () => {
    // 8 min priced parking, then 12 min free: 15 min billed
    const tariff = tariffOf([{ price_components: [component('PARKING_TIME', 1, 900)], restrictions: { max_duration: 1200 } }]);
    expect(billed(tariff, periodsOf([12, 1, 'charging'], [8, 0, 'parking'], [12, 0, 'parking']))).toEqual([['PARKING_TIME', 0, 480, 900]]);
  });

  it('step 0 rounds nothing, a negative total is rounded up', () => {
    expect(billed(tariffOf([{ price_components: [energy(1, 0)] }]), periodsOf([60, 1234, 'charging']))).toEqual([['ENERGY', 0, 1234, 1234]]);
    expect(billed(tariffOf([{ price_components: [energy(1, 1000)] }]), periodsOf([60, -3250, 'charging']))).toEqual([['ENERGY', 0, -3250, -3000]]);
  });
});

describe('unsplit sessions', () => {
  const night = tariffOf([{ price_components: [energy(1)], restrictions: { start_time: '22:00', end_time: '06:00' } }, { price_components: [energy(3)] }]);
  const split = (tariff: Tariff, start: string, end: string, energyWh: number, chargingEnd?: string) =>
    splitSession({ tariff, startMs: at(start), endMs: at(end), energyWh, zone, ...(chargingEnd === undefined ? {} : { chargingEndMs: at(chargingEnd) }) });

  it('night tariff 22-06 across midnight: two cuts, none at midnight', () => {
    // 21:00 to 07:00 local (CET), 10 h at 1 kW: 1 h day, 8 h night, 1 h day
    const periods = split(night, '2019-12-02T20:00:00Z', '2019-12-03T06:00:00Z', 10_000);
    expect(periods.map((p) => p.energyWh)).toEqual([1000, 8000, 1000]);
    // 8 × 1 + 2 × 3
    expect(rate(night, periods)).toMatchObject({ total4: '14.0000', issues: [] });
  });

  it('the autumn night lasts nine hours, the spring night seven', () => {
    // 22:00 CEST = 20:00Z, 06:00 CET = 05:00Z
    const autumn = split(night, '2019-10-26T19:00:00Z', '2019-10-27T06:00:00Z', 11_000);
    expect(autumn.map((p) => p.energyWh)).toEqual([1000, 9000, 1000]);
    // 22:00 CET = 21:00Z, 06:00 CEST = 04:00Z
    const spring = split(night, '2019-03-30T20:00:00Z', '2019-03-31T05:00:00Z', 9000);
    expect(spring.map((p) => p.energyWh)).toEqual([1000, 7000, 1000]);
  });

  it('a window inside the fold holds in both passes, one inside the gap never', () => {
    const window = tariffOf([{ price_components: [energy(1)], restrictions: { start_time: '02:00', end_time: '02:30' } }, { price_components: [energy(3)] }]);
    // 01:00 CEST to 04:00 CET: 4 h; half hours at the low price: 02:00-02:30 twice
    const fold = split(window, '2019-10-26T23:00:00Z', '2019-10-27T03:00:00Z', 4000);
    expect(fold.map((p) => p.energyWh)).toEqual([1000, 500, 500, 500, 1500]);
    expect(rate(window, fold).total4).toBe('10.0000');
    expect(split(window, '2019-03-31T00:00:00Z', '2019-03-31T03:00:00Z', 3000)).toHaveLength(1);
  });

  it('cuts at weekday and date boundaries of the local day', () => {
    const weekend = tariffOf([
      { price_components: [energy(1)], restrictions: { day_of_week: ['SATURDAY'] } },
      { price_components: [energy(2)], restrictions: { end_date: '2019-12-09' } },
      { price_components: [energy(3)] },
    ]);
    // Friday 6 Dec 23:00 local to Monday 9 Dec 01:00 local: 1 h, 24 h, 24 h, 1 h
    const periods = split(weekend, '2019-12-06T22:00:00Z', '2019-12-09T00:00:00Z', 50_000);
    expect(periods.map((p) => p.energyWh)).toEqual([1000, 24_000, 24_000, 1000]);
    expect(rate(weekend, periods)).toMatchObject({ total4: '77.0000', issues: [] });
  });

  it('cuts where energy passes a limit, to the Wh', () => {
    const tiers = tariffOf([{ price_components: [energy(1)], restrictions: { max_kwh: 10 } }, { price_components: [energy(2)] }]);
    const periods = split(tiers, '2019-12-02T08:00:00Z', '2019-12-02T08:59:59Z', 29_871);
    expect(periods.map((p) => p.energyWh)).toEqual([10_000, 19_871]);
    expect(rate(tiers, periods)).toMatchObject({ total4: '49.7420', issues: [] });
  });

  it('follows the meter where there are values, linearly between them', () => {
    const byClock = tariffOf([{ price_components: [energy(1)], restrictions: { end_time: '10:00' } }, { price_components: [energy(3)] }]);
    // 09:00 to 11:00 local: 8 kWh until 09:30, 2 kWh until 10:30, nothing after
    const meterValues = [
      { atMs: at('2019-12-02T08:30:00Z'), energyWh: 8000 },
      { atMs: at('2019-12-02T08:45:00Z'), energyWh: 7000 },
      { atMs: at('2019-12-02T09:30:00Z'), energyWh: 10_000 },
    ];
    const periods = splitSession({ tariff: byClock, startMs: at('2019-12-02T08:00:00Z'), endMs: at('2019-12-02T10:00:00Z'), energyWh: 10_000, meterValues, zone });
    expect(periods.map((p) => [p.energyWh, p.chargingMs / minute, p.parkingMs / minute])).toEqual([
      [8000, 30, 0],
      [1000, 30, 0],
      [1000, 30, 0],
      [0, 0, 30],
    ]);
    // 9 × 1 + 1 × 3, against 5 × 1 + 5 × 3 without the meter
    expect(rate(byClock, periods)).toMatchObject({ total4: '12.0000', issues: [] });
    expect(rate(byClock, split(byClock, '2019-12-02T08:00:00Z', '2019-12-02T10:00:00Z', 10_000)).total4).toBe('20.0000');
  });

  it('stands without energy after charging ended', () => {
    const parking = tariffOf([{ price_components: [energy(1), component('PARKING_TIME', 60)] }]);
    const periods = split(parking, '2019-12-02T08:00:00Z', '2019-12-02T10:00:00Z', 5000, '2019-12-02T09:30:00Z');
    expect(periods.map((p) => [p.energyWh, p.chargingMs / minute, p.parkingMs / minute])).toEqual([
      [5000, 90, 0],
      [0, 0, 30],
    ]);
    expect(rate(parking, periods).total4).toBe('35.0000');
  });
});

describe('restrictions', () => {
  const holdsAt = (restrictions: object, text: string) => {
    const startMs = at(text);
    return rate(tariffOf([{ price_components: [energy(1)], restrictions }]), [{ startMs, endMs: startMs, energyWh: 1, chargingMs: 0, parkingMs: 0 }]).components.length === 1;
  };
  // Local time is one hour ahead of UTC in December; 6 Dec 2019 is a Friday.
  it.each([
    [{}, '2019-12-06T12:00:00Z', true],
    [{ start_time: null, day_of_week: [] }, '2019-12-06T12:00:00Z', true],
    [{ start_time: '10:00', end_time: '10:00' }, '2019-12-06T09:00:00Z', false],
    [{ start_time: '00:00', end_time: '00:00' }, '2019-12-06T09:00:00Z', true],
    [{ end_time: '06:00' }, '2019-12-06T04:59:59Z', true],
    [{ end_time: '06:00' }, '2019-12-06T05:00:00Z', false],
    [{ start_time: '22:00', end_time: '00:00' }, '2019-12-06T22:59:59Z', true],
    [{ start_time: '22:00', end_time: '06:00', day_of_week: ['FRIDAY'] }, '2019-12-06T21:00:00Z', true],
    [{ start_time: '22:00', end_time: '06:00', day_of_week: ['FRIDAY'] }, '2019-12-06T23:00:00Z', false],
    [{ start_date: '2019-12-07' }, '2019-12-06T23:00:00Z', true],
    [{ end_date: '2019-12-07' }, '2019-12-06T23:00:00Z', false],
    [{ min_kwh: 1 }, '2019-12-06T12:00:00Z', false],
    [{ min_kwh: '0.0005' }, '2019-12-06T12:00:00Z', false],
    [{ min_duration: 0, max_duration: 1 }, '2019-12-06T12:00:00Z', true],
  ])('%j at %s: %s', (restrictions, text, expected) => {
    expect(holdsAt(restrictions, text)).toBe(expected);
  });

  it.each([{ min_soc: 16 }, { reservation: 'MAYBE' }, { min_power: 'much' }, { start_time: '24:00' }, { start_date: '2019-02-30' }, { min_duration: 1.5 }])('refused at entry: %j', (restrictions) => {
    expect(() => tariffOf([{ price_components: [energy(1)], restrictions }])).toThrow();
  });
});
