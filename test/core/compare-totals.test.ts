import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareTotals, type Tolerance, type Totals } from '../../src/core/completeness/compare-totals.ts';

const exact: Tolerance = { count: 0, energyWh: 0, minor: 0 };
const totals = (count: number, energyWh: number, amount: string | null = null): Totals => ({ count, energyWh: BigInt(energyWh), amount });

describe('received against stated', () => {
  it('of which only the count is told compares that alone', () => {
    const counted = (count: number): Totals => ({ count, energyWh: null, amount: null });
    expect(compareTotals(counted(7), counted(5), exact)).toEqual({ difference: { count: -2, energyWh: null, amount: null }, status: 'differs' });
    expect(compareTotals(counted(7), totals(7, 100), exact)).toEqual({ difference: { count: 0, energyWh: null, amount: null }, status: 'equal' });
    expect(compareTotals(counted(7), counted(6), { ...exact, count: 1 }).status).toBe('tolerated');
  });
  it('is received − stated, to the Wh and to four decimals', () => {
    expect(compareTotals(totals(3, 21_750, '100'), totals(2, 20_000, '99.9995'), exact)).toEqual({ difference: { count: -1, energyWh: -1_750n, amount: '-0.0005' }, status: 'differs' });
    expect(compareTotals(totals(3, 21_750, '100.0000'), totals(3, 21_750, '100'), exact).status).toBe('equal');
  });
  it('leaves an amount out that one side does not tell', () => {
    expect(compareTotals(totals(1, 5, '7'), totals(1, 5), exact)).toEqual({ difference: { count: 0, energyWh: 0n, amount: null }, status: 'equal' });
  });
  it('tolerates up to the limit and not beyond; a minor unit is a hundredth', () => {
    const some: Tolerance = { count: 1, energyWh: 10, minor: 5 };
    expect(compareTotals(totals(5, 100, '1'), totals(4, 90, '1.05'), some).status).toBe('tolerated');
    expect(compareTotals(totals(5, 100, '1'), totals(4, 90, '1.0501'), some).status).toBe('differs');
    expect(compareTotals(totals(5, 100), totals(3, 100), some).status).toBe('differs');
    expect(compareTotals(totals(5, 100), totals(5, 111), some).status).toBe('differs');
  });
  it('turned round has the opposite difference and the same status', () => {
    const any = fc.record({ count: fc.nat({ max: 9 }), energyWh: fc.bigInt(-50n, 50n), amount: fc.option(fc.integer({ min: -500, max: 500 }).map((n) => (n / 100).toFixed(2))) });
    const tolerance = fc.record({ count: fc.nat({ max: 3 }), energyWh: fc.nat({ max: 20 }), minor: fc.nat({ max: 100 }) });
    fc.assert(
      fc.property(any, any, tolerance, (a, b, allowed) => {
        const [there, back] = [compareTotals(a, b, allowed), compareTotals(b, a, allowed)];
        expect(back.status).toBe(there.status);
        expect([back.difference.count, back.difference.energyWh, Number(back.difference.amount)].map(Number)).toEqual(
          [-there.difference.count, -(there.difference.energyWh ?? 0n), -Number(there.difference.amount)].map((n) => Number(n) + 0),
        );
      }),
    );
  });
});
