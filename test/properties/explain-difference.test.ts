import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type AccountPreview, addCauses, type Causes, type Cell, causes, explainDifference, noCauses, payableOf } from '../../src/core/cycle/explain-difference.ts';

const amount = fc.bigInt(-(10n ** 9n), 10n ** 9n);
const cell: fc.Arbitrary<Cell> = fc.record({
  nature: fc.constantFrom('sale', 'sale', 'sale', 'late', 'correction', 'period', 'manual'),
  excluded: fc.boolean(),
  role: fc.constantFrom('driverSale', 'fleetSale'),
  component: fc.constantFrom('ENERGY/0', 'ENERGY/1', 'TIME/0'),
  unitPrice: fc.constantFrom('1.85', '2.65', '2.85'),
  quantity: fc.oneof(amount, fc.constant(0n)),
  netMinor: amount,
  energyWh: amount,
});
const sum = (values: readonly bigint[]) => values.reduce((a, b) => a + b, 0n);
/** Whose document is the sum of its charges that are not excluded, with any VAT and rounding. */
const preview: fc.Arbitrary<AccountPreview> = fc.tuple(fc.array(cell, { maxLength: 12 }), amount, fc.bigInt(-50n, 50n)).map(([cells, vatMinor, roundingMinor]) => {
  const billed = cells.filter((c) => !c.excluded);
  return { cells, vatMinor, roundingMinor, netMinor: sum(billed.map((c) => c.netMinor)), energyWh: sum(billed.map((c) => c.energyWh)) };
});
const total = (found: Causes) => ({ minor: sum(causes.map((c) => found[c].minor)), energyWh: sum(causes.map((c) => found[c].energyWh)) });

it('the causes of a difference sum to it, to the minor unit and the Wh, and leave nothing unnamed', () => {
  fc.assert(
    fc.property(preview, preview, (before, after) => {
      const found = explainDifference(before, after);
      expect(total(found)).toEqual({ minor: payableOf(after) - payableOf(before), energyWh: after.energyWh - before.energyWh });
      expect(found.other).toEqual({ minor: 0n, energyWh: 0n });
    }),
  );
});

it('the causes of many accounts sum to the difference of their totals', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(preview, preview), { maxLength: 8 }), (pairs) => {
      const all = pairs.map(([before, after]) => explainDifference(before, after)).reduce(addCauses, noCauses);
      expect(total(all).minor).toBe(sum(pairs.map(([before, after]) => payableOf(after) - payableOf(before))));
    }),
  );
});

it('the order of the charges and what is told apart needlessly change nothing', () => {
  fc.assert(
    fc.property(preview, preview, (before, after) => {
      const shuffled = {
        ...after,
        cells: [...after.cells].reverse().flatMap((c) => [
          { ...c, netMinor: c.netMinor - 1n, quantity: 0n, energyWh: 0n },
          { ...c, netMinor: 1n },
        ]),
      };
      expect(explainDifference(before, shuffled)).toEqual(explainDifference(before, after));
    }),
  );
});
