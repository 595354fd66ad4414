import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Tariff, tariffSchema } from '../../src/contracts/tariff.ts';
import { compare } from '../../src/core/money.ts';
import { rateSession } from '../../src/core/rate/rate-session.ts';
import { type RatingPeriod, splitSession } from '../../src/core/rate/split-session.ts';

const zone = 'Europe/Stockholm';
const clock = fc.tuple(fc.integer({ min: 0, max: 23 }), fc.constantFrom('00', '15', '30')).map(([h, m]) => `${String(h).padStart(2, '0')}:${m}`);
const weekday = fc.constantFrom('MONDAY', 'FRIDAY', 'SATURDAY', 'SUNDAY');
const restrictions = fc.record(
  {
    start_time: clock,
    end_time: clock,
    day_of_week: fc.array(weekday),
    end_date: fc.constant('2019-10-28'),
    max_kwh: fc.constantFrom('0.5', '10', '12.3456'),
    min_duration: fc.integer({ min: 0, max: 40_000 }),
  },
  { requiredKeys: [] },
);
const price = fc.integer({ min: 0, max: 99_999 }).map((n) => (n / 10_000).toFixed(4));
const componentOf = (step: fc.Arbitrary<number>) => fc.record({ type: fc.constantFrom('ENERGY', 'TIME', 'PARKING_TIME', 'FLAT'), price, step_size: step });
const tariffWith = (step: fc.Arbitrary<number>): fc.Arbitrary<Tariff> =>
  fc
    .array(fc.record({ price_components: fc.array(componentOf(step), { minLength: 1, maxLength: 4 }), restrictions }), { minLength: 1, maxLength: 4 })
    .map((elements) => tariffSchema.parse({ id: 'T', currency: 'SEK', elements }));
const tariff = tariffWith(fc.constantFrom(0, 1, 300, 1000));

// Starts within two days of the autumn and the spring change, up to 30 hours long.
const session = fc.record({
  startMs: fc.tuple(fc.constantFrom(Date.UTC(2019, 9, 25), Date.UTC(2019, 2, 29)), fc.integer({ min: 0, max: 3000 })).map(([day, m]) => day + m * 60_000),
  lengthMs: fc.integer({ min: 1, max: 1_800 }).map((m) => m * 60_000),
  chargingShare: fc.integer({ min: 0, max: 100 }),
  energyWh: fc.integer({ min: 0, max: 90_000 }),
});
const inputOf = (s: { startMs: number; lengthMs: number; chargingShare: number; energyWh: number }) => ({
  startMs: s.startMs,
  endMs: s.startMs + s.lengthMs,
  chargingEndMs: s.startMs + Math.floor((s.lengthMs * s.chargingShare) / 100),
  energyWh: s.energyWh,
  zone,
});
const sum = (list: readonly number[]) => list.reduce((a, b) => a + b, 0);

it('splitting keeps every Wh and ms and tiles the session', () => {
  fc.assert(
    fc.property(tariff, session, (t, s) => {
      const input = inputOf(s);
      const periods = splitSession({ tariff: t, ...input });
      expect(sum(periods.map((p) => p.energyWh))).toBe(s.energyWh);
      expect(sum(periods.map((p) => p.chargingMs))).toBe(input.chargingEndMs - s.startMs);
      expect(sum(periods.map((p) => p.chargingMs + p.parkingMs))).toBe(s.lengthMs);
      expect([periods[0]?.startMs, periods.at(-1)?.endMs]).toEqual([input.startMs, input.endMs]);
      periods.forEach((p, i) => {
        if (i > 0) expect(p.startMs).toBe(periods[i - 1]?.endMs);
      });
    }),
    { numRuns: 1000 },
  );
});

it('with meter values too, none is lost and no period overruns, however wrong they are', () => {
  const values = fc.array(fc.record({ share: fc.integer({ min: -10, max: 110 }), wh: fc.integer({ min: -10, max: 95_000 }) }), { maxLength: 6 });
  fc.assert(
    fc.property(tariff, session, values, (t, s, list) => {
      const input = { ...inputOf(s), meterValues: list.map(({ share, wh }) => ({ atMs: s.startMs + Math.floor((s.lengthMs * share) / 100), energyWh: wh })) };
      const periods = splitSession({ tariff: t, ...input });
      expect([sum(periods.map((p) => p.energyWh)), sum(periods.map((p) => p.chargingMs + p.parkingMs))]).toEqual([s.energyWh, s.lengthMs]);
      expect(periods.every((p, i) => p.startMs === (periods[i - 1]?.endMs ?? s.startMs) && p.energyWh >= 0)).toBe(true);
      expect(rateSession({ tariff: t, periods, ...input }).issues).toEqual([]);
    }),
    { numRuns: 1000 },
  );
});

it('no period of a split session overruns a change of price', () => {
  fc.assert(
    fc.property(tariff, session, (t, s) => {
      const input = inputOf(s);
      expect(rateSession({ tariff: t, periods: splitSession({ tariff: t, ...input }), ...input }).issues).toEqual([]);
    }),
    { numRuns: 1000 },
  );
});

it('extra splits of periods change no price', () => {
  const cut = ([p, share]: [RatingPeriod, number]): RatingPeriod[] => {
    const part = (n: number) => Math.floor((n * share) / 100);
    const at = p.startMs + part(p.endMs - p.startMs);
    const head = { startMs: p.startMs, endMs: at, energyWh: part(p.energyWh), chargingMs: part(p.chargingMs), parkingMs: part(p.parkingMs) };
    return [head, { startMs: at, endMs: p.endMs, energyWh: p.energyWh - head.energyWh, chargingMs: p.chargingMs - head.chargingMs, parkingMs: p.parkingMs - head.parkingMs }];
  };
  fc.assert(
    fc.property(tariff, session, fc.array(fc.integer({ min: 1, max: 99 }), { minLength: 50, maxLength: 50 }), (t, s, shares) => {
      const input = inputOf(s);
      const periods = splitSession({ tariff: t, ...input });
      const finer = periods.flatMap((p, i) => cut([p, shares[i % shares.length] ?? 50]));
      const [once, twice] = [rateSession({ tariff: t, periods, ...input }), rateSession({ tariff: t, periods: finer, ...input })];
      expect(compare(once.totalExact, twice.totalExact)).toBe(0);
    }),
    { numRuns: 1000 },
  );
});

it('the order in which periods arrive does not matter', () => {
  fc.assert(
    fc.property(tariff, session, (t, s) => {
      const input = inputOf(s);
      const periods = splitSession({ tariff: t, ...input }).filter((p) => p.endMs > p.startMs);
      if (periods.length === 0) return;
      expect(rateSession({ tariff: t, periods: [...periods].reverse(), ...input })).toEqual(rateSession({ tariff: t, periods, ...input }));
    }),
  );
});
