import { describe, expect, it } from 'vitest';
import { type AccountPreview, type Cause, type Cell, emptyPreview, explainDifference } from '../../src/core/cycle/explain-difference.ts';

const energy = (more: Partial<Cell> & { readonly wh?: bigint } = {}): Cell => {
  const { wh = 100_000n, ...rest } = more;
  return { nature: 'sale', excluded: false, role: 'driverSale', component: 'ENERGY/0', unitPrice: '2.00', quantity: wh, netMinor: (wh * 2n) / 10n, energyWh: wh, ...rest };
};
/** A preview whose document holds what is not excluded, with VAT of a quarter. */
const of = (...cells: Cell[]): AccountPreview => {
  const billed = cells.filter((c) => !c.excluded);
  const netMinor = billed.reduce((sum, c) => sum + c.netMinor, 0n);
  return { netMinor, vatMinor: netMinor / 4n, roundingMinor: 0n, energyWh: billed.reduce((sum, c) => sum + c.energyWh, 0n), cells };
};
/** Causes that are not nothing, as [minor, Wh]. */
const explained = (before: AccountPreview, after: AccountPreview) =>
  Object.fromEntries(
    Object.entries(explainDifference(before, after))
      .filter(([, part]) => part.minor !== 0n || part.energyWh !== 0n)
      .map(([cause, part]) => [cause, [part.minor, part.energyWh]]),
  ) as Partial<Record<Cause, [bigint, bigint]>>;

describe('the difference of two previews', () => {
  it('is nothing between equal ones', () => {
    expect(explained(of(energy()), of(energy()))).toEqual({});
  });

  it('is volume where more is sold at the same price', () => {
    // 100 kWh at 2.00 = 200.00, 130 kWh = 260.00: 60.00 more, and VAT of 65.00 - 50.00 = 15.00.
    expect(explained(of(energy()), of(energy({ wh: 130_000n })))).toEqual({ volume: [6_000n, 30_000n], vatAndRounding: [1_500n, 0n] });
  });

  it('is price where the same is sold at another', () => {
    // 100 kWh at 2.00, then at 2.10: 10.00; VAT 2.50.
    expect(explained(of(energy()), of(energy({ unitPrice: '2.10', netMinor: 21_000n })))).toEqual({ price: [1_000n, 0n], vatAndRounding: [250n, 0n] });
  });

  it('is volume at the former price, and price at the present quantity, where both moved', () => {
    // 100 kWh at 2.00 = 200.00; 130 kWh at 2.10 = 273.00. Volume: 30 × 2.00 = 60.00. Price: 130 × 0.10 = 13.00. VAT: 68.25 - 50.00.
    const after = of(energy({ wh: 130_000n, unitPrice: '2.10', netMinor: 27_300n }));
    expect(explained(of(energy()), after)).toEqual({ volume: [6_000n, 30_000n], price: [1_300n, 0n], vatAndRounding: [1_825n, 0n] });
  });

  it('gives the odd minor unit to the larger remainder', () => {
    // 3 kWh for 1.00, then 4 kWh for 2.00: volume 1 × 100/3 = 33.33, price 66.67; together 100.
    const before = of(energy({ wh: 3_000n, unitPrice: '0.33', netMinor: 100n }));
    const after = of(energy({ wh: 4_000n, unitPrice: '0.50', netMinor: 200n }));
    expect(explained(before, after)).toMatchObject({ volume: [33n, 1_000n], price: [67n, 0n] });
  });

  it('takes a change of price within the month as price, by the former average', () => {
    // 100 kWh at 2.00 before; 60 kWh at 2.00 and 40 kWh at 2.50 after: 120.00 + 100.00 = 220.00; no kWh more, 20.00 by price.
    const after = of(energy({ wh: 60_000n }), energy({ wh: 40_000n, unitPrice: '2.50', netMinor: 10_000n }));
    expect(explained(of(energy()), after)).toEqual({ price: [2_000n, 0n], vatAndRounding: [500n, 0n] });
  });

  it('takes charging by night instead of by day as volume of both, not as price', () => {
    // Two elements of one tariff, both at their own price as before: 50 kWh moved from 2.00 to 1.50: -100.00 + 75.00.
    const night = (wh: bigint) => energy({ component: 'ENERGY/1', unitPrice: '1.50', wh, netMinor: (wh * 15n) / 100n });
    expect(explained(of(energy(), night(10_000n)), of(energy({ wh: 50_000n }), night(60_000n)))).toEqual({ volume: [-2_500n, 0n], vatAndRounding: [-625n, 0n] });
  });

  it('is a customer that came or went where one side has nothing in the set', () => {
    expect(explained(emptyPreview, of(energy()))).toEqual({ newCustomer: [20_000n, 100_000n], vatAndRounding: [5_000n, 0n] });
    expect(explained(of(energy()), emptyPreview)).toEqual({ customerGone: [-20_000n, -100_000n], vatAndRounding: [-5_000n, 0n] });
  });

  it('keeps a customer who pays a fee and did not charge, and lets one go whose corrections are all that is left', () => {
    const fee = energy({ nature: 'period', role: 'subscriptionFee', component: 'fee', wh: 0n, netMinor: 4_000n });
    expect(explained(of(energy(), fee), of(fee))).toMatchObject({ volume: [-20_000n, -100_000n] });
    const credit = energy({ nature: 'correction', wh: -10_000n });
    expect(explained(of(energy()), of(credit))).toMatchObject({ customerGone: [-20_000n, -100_000n], correction: [-2_000n, -10_000n] });
  });

  it.each(['late', 'correction', 'period', 'manual'] as const)('names what is %s by itself, also for a new customer', (nature) => {
    // 10.00 of that nature beside the sales: 1,000 and 250 of VAT.
    const extra = energy({ nature, wh: 5_000n });
    expect(explained(of(energy()), of(energy(), extra))).toEqual({ [nature]: [1_000n, 5_000n], vatAndRounding: [250n, 0n] });
    expect(explained(emptyPreview, of(energy(), extra))).toMatchObject({ newCustomer: [20_000n, 100_000n], [nature]: [1_000n, 5_000n] });
  });

  it('counts what is excluded as if it were billed, and takes it off as exclusion', () => {
    // 100 kWh before; 130 kWh after, of which 50 kWh are carried: volume +60.00 and +30 kWh, exclusion -100.00 and -50 kWh. VAT: 40.00 - 50.00.
    const after = of(energy({ wh: 80_000n }), energy({ wh: 50_000n, excluded: true }));
    expect(explained(of(energy()), after)).toEqual({ volume: [6_000n, 30_000n], exclusion: [-10_000n, -50_000n], vatAndRounding: [-1_000n, 0n] });
  });

  it('keeps rounding to whole kronor with VAT', () => {
    expect(explained(of(energy()), { ...of(energy()), roundingMinor: 37n })).toEqual({ vatAndRounding: [37n, 0n] });
  });

  it('shows as other what a document does not have of its charges', () => {
    const before = of(energy());
    expect(explained(before, { ...before, netMinor: before.netMinor + 5n, energyWh: before.energyWh - 1n })).toEqual({ other: [5n, -1n] });
  });
});
