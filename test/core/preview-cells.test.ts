import { expect, it } from 'vitest';
import { cellsOf, type PreviewCell } from '../../src/core/cycle/preview-cells.ts';

const sale: PreviewCell = {
  nature: 'sale',
  excluded: false,
  role: 'driverSale',
  component: 'ENERGY/day',
  unitPrice: '2.50',
  tariffVersionId: 'tv_1',
  siteId: 'site_1',
  vatCode: 'SE25',
  currency: 'SEK',
  quantity: 4000n,
  netMinor: 800n,
  energyWh: 4000n,
  charges: 3,
  unsharedMinor: 800n,
};

it('sums what nothing tells apart: 800 + 250 öre of 3 + 1 charges, of which 800 are shared with nobody', () => {
  const shared = { ...sale, quantity: 1000n, netMinor: 250n, energyWh: 1000n, charges: 1, unsharedMinor: 0n };
  expect(cellsOf([sale, shared])).toEqual([{ ...sale, quantity: 5000n, netMinor: 1050n, energyWh: 5000n, charges: 4, unsharedMinor: 800n }]);
});

it('keeps apart what is left out, what is late, what has no site, and what is in another currency', () => {
  const cells = [sale, { ...sale, excluded: true }, { ...sale, nature: 'late' as const }, { ...sale, siteId: null }, { ...sale, currency: 'EUR' }];
  expect(cellsOf(cells)).toEqual(cells);
});
