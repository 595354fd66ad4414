import fc from 'fast-check';
import { expect, it } from 'vitest';
import { compare, type Exact, toDecimal4HalfEven } from '../../src/core/money.ts';
import { addCosts, type Cost } from '../../src/core/rate/price-periods.ts';
import { type CdrRating, rateRequest } from '../../src/core/rate/rate-cdr.ts';
import { cdrOf, type OcpiTariff, type Piece, periodsOf, piecesOf, type Request, requestOf, restrictions, type Session, session, tariffOf, tariffWith, timeRestrictions } from '../support/ocpi.ts';

const tariff = tariffWith(restrictions);
const runs = { numRuns: Number(process.env['FUZZ_RUNS'] ?? 500) };

function rated(request: unknown): CdrRating {
  const rating = rateRequest(request);
  if (!rating.ok) throw new Error(JSON.stringify(rating.issue));
  return rating;
}

const cdrFrom = (pieces: readonly Piece[], s: Session) => cdrOf(s.startMs, s.startMs + s.lengthMs, periodsOf(pieces));
const requestFrom = (t: OcpiTariff, s: Session) => requestOf(cdrFrom(piecesOf(t, s), s), t);
const same = (a: Exact | null, b: Exact | null) => (a === null || b === null ? a === b : compare(a, b) === 0);
const sameCost = (a: Cost | null, b: Cost | null) => (a === null || b === null ? a === b : same(a.excl, b.excl) && same(a.incl, b.incl));
/** Every cost, exactly, and every quantity. */
function expectSame(a: CdrRating, b: CdrRating) {
  for (const field of ['total', 'energy', 'time', 'parking', 'fixed', 'reservation'] as const) expect([field, sameCost(a.costs[field], b.costs[field])]).toEqual([field, true]);
  expect(a.quantities).toEqual(b.quantities);
}

it('a split that meets no boundary of the tariff changes no cost and no quantity', () => {
  const cut = (p: Piece, share: number): Piece[] => {
    const minutes = Math.floor((p.endMs - p.startMs) / 60_000);
    const at = Math.max(1, Math.floor((minutes * share) / 100)) * 60_000;
    // Hours of four decimals write less than 0.18 s as 0, which stays 0.
    if (p.endMs - p.startMs - at < 1000) return [p];
    const energyWh = Math.floor((p.energyWh * share) / 100);
    const part = (ms: number, length: number) => (ms === 0 ? 0 : length);
    const rest = p.endMs - p.startMs - at;
    return [
      { startMs: p.startMs, endMs: p.startMs + at, energyWh, chargingMs: part(p.chargingMs, at), parkingMs: part(p.parkingMs, at) },
      { startMs: p.startMs + at, endMs: p.endMs, energyWh: p.energyWh - energyWh, chargingMs: part(p.chargingMs, rest), parkingMs: part(p.parkingMs, rest) },
    ];
  };
  fc.assert(
    fc.property(tariff, session, fc.array(fc.integer({ min: 1, max: 99 }), { minLength: 20, maxLength: 20 }), (t, s, shares) => {
      const pieces = piecesOf(t, s);
      const finer = pieces.flatMap((p, i) => cut(p, shares[i % shares.length] ?? 50));
      expectSame(rated(requestOf(cdrFrom(finer, s), t)), rated(requestOf(cdrFrom(pieces, s), t)));
    }),
    runs,
  );
});

it('the order of the periods in the array changes nothing', () => {
  fc.assert(
    fc.property(tariff, session, fc.infiniteStream(fc.nat()), (t, s, random) => {
      const request = requestFrom(t, s);
      const keyed = request.cdr.charging_periods.map((period) => ({ period, key: random.next().value ?? 0 }));
      const starts = new Set(request.cdr.charging_periods.map((p) => p.start_date_time));
      fc.pre(starts.size === keyed.length);
      const shuffled = keyed.sort((a, b) => a.key - b.key).map(({ period }) => period);
      expectSame(rated({ ...request, cdr: { ...request.cdr, charging_periods: shuffled } }), rated(request));
    }),
    runs,
  );
});

it('an element that repeats an earlier one changes nothing', () => {
  fc.assert(
    fc.property(tariff, session, fc.nat(), fc.nat(), (t, s, which, where) => {
      const request = requestFrom(t, s);
      const index = which % t.elements.length;
      const element = t.elements[index];
      if (element === undefined) return;
      const at = index + 1 + (where % (t.elements.length - index));
      const elements = [...t.elements.slice(0, at), element, ...t.elements.slice(at)];
      expectSame(rated({ ...request, tariff: { ...t, elements } }), rated(request));
    }),
    runs,
  );
});

it('numbers written as text change nothing', () => {
  const textual = (request: Request): unknown => JSON.parse(JSON.stringify(request, (_key, value) => (typeof value === 'number' ? String(value) : value)));
  fc.assert(
    fc.property(tariff, session, (t, s) => {
      const request = requestFrom(t, s);
      expectSame(rated(textual(request)), rated(request));
    }),
    runs,
  );
});

it('the total is the sum of its parts, and of the costs by dimension, before any limit', () => {
  fc.assert(
    fc.property(tariff, session, (t, s) => {
      const { costs, parts } = rated(requestFrom(t, s));
      const sum = parts.reduce<Cost | null>(addCosts, null);
      const byDimension = [costs.energy, costs.time, costs.parking, costs.fixed, costs.reservation].reduce<Cost | null>((total, cost) => (cost === null ? total : addCosts(total, cost)), null);
      expect([sameCost(costs.total, sum), sameCost(costs.total, byDimension)]).toEqual([true, true]);
    }),
    runs,
  );
});

/** Whether every total of a session is at least that of the same session with less energy in one period. */
function expectNoLess(t: OcpiTariff, s: Session, pieces: readonly Piece[], index: number, moreWh: number) {
  const more = pieces.map((p, i) => (i === index ? { ...p, energyWh: p.energyWh + moreWh } : p));
  const [less, greater] = [rated(requestOf(cdrFrom(pieces, s), t)), rated(requestOf(cdrFrom(more, s), t))];
  const zero = { n: 0n, d: 1n };
  for (const side of ['excl', 'incl'] as const) expect(compare(greater.costs.total?.[side] ?? zero, less.costs.total?.[side] ?? zero)).toBeGreaterThanOrEqual(0);
}

it('more energy in any period never costs less where prices are not negative and energy, power and current restrict nothing, nor is energy rounded', () => {
  const wholeWh = (t: OcpiTariff): OcpiTariff => ({
    ...t,
    elements: t.elements.map((e) => ({ ...e, price_components: e.price_components.map((c) => (c.type === 'ENERGY' ? { ...c, step_size: 1 } : c)) })),
  });
  fc.assert(
    fc.property(tariffWith(timeRestrictions), session, fc.nat(), fc.integer({ min: 1, max: 50_000 }), (t, s, which, moreWh) => {
      const pieces = piecesOf(t, s);
      expectNoLess(wholeWh(t), s, pieces, which % pieces.length, moreWh);
    }),
    runs,
  );
});

// The rounding falls on the last price: more energy before it, at a lower price, may leave less to round up at the higher one.
it('with rounding, more energy in the last period that has any never costs less', () => {
  fc.assert(
    fc.property(tariffWith(timeRestrictions), session, fc.integer({ min: 1, max: 50_000 }), (t, s, moreWh) => {
      const pieces = piecesOf(t, s);
      const index = pieces.findLastIndex((p) => p.energyWh > 0);
      fc.pre(index >= 0);
      expectNoLess(t, s, pieces, index, moreWh);
    }),
    runs,
  );
});

it('with rounding, more energy at a low price may cost less in all, as the text of step_size has it', () => {
  const elements = [{ price_components: [{ type: 'ENERGY', price: 0, step_size: 1000 }], restrictions: { max_duration: 3600 } }, { price_components: [{ type: 'ENERGY', price: 9, step_size: 1000 }] }];
  const total = (first: number) => {
    const pieces = [first, 600].map((energyWh, i) => ({ startMs: i * 3_600_000, endMs: (i + 1) * 3_600_000, energyWh, chargingMs: 3_600_000, parkingMs: 0 }));
    return rated(requestOf(cdrOf(0, 7_200_000, periodsOf(pieces)), tariffOf(elements))).costs.total?.excl;
  };
  // 0.5 + 0.6 kWh are raised to 2, 1.5 of it at 9; 0.9 + 0.6 kWh too, but 1.1 of it at 9
  const [little, much] = [total(500), total(900)].map((exact) => (exact === undefined || exact === null ? '' : toDecimal4HalfEven(exact)));
  expect([little, much]).toEqual(['13.5000', '9.9000']);
});

it('a limit leaves every part alone and holds on both sides, the maximum over the minimum', () => {
  const bound = fc.integer({ min: 0, max: 2000 }).map((n) => n / 100);
  fc.assert(
    fc.property(tariff, session, bound, bound, (t, s, min, max) => {
      const limits = { min_price: { excl_vat: min, incl_vat: min }, max_price: { excl_vat: max, incl_vat: max } };
      const request = requestFrom(t, s);
      const [free, limited] = [rated(request), rated({ ...request, tariff: { ...t, ...limits } })];
      expect(limited.parts.length).toBe(free.parts.length);
      const value = (exact: Exact | null | undefined) => (exact === null || exact === undefined ? 0 : Number(exact.n) / Number(exact.d));
      for (const side of ['excl', 'incl'] as const) expect(value(limited.costs.total?.[side])).toBeCloseTo(Math.min(Math.max(value(free.costs.total?.[side]), min), max), 9);
    }),
    runs,
  );
});

it('a credit is the exact mirror of its CDR in the total alone', () => {
  fc.assert(
    fc.property(tariff, session, (t, s) => {
      const request = requestFrom(t, s);
      const [plain, credit] = [rated(request), rated({ ...request, cdr: { ...request.cdr, credit: true } })];
      expect(credit.costs.total?.excl?.n).toBe(plain.costs.total?.excl === undefined || plain.costs.total.excl === null ? undefined : -plain.costs.total.excl.n);
      expect([sameCost(credit.costs.energy, plain.costs.energy), sameCost(credit.costs.fixed, plain.costs.fixed)]).toEqual([true, true]);
    }),
    runs,
  );
});
