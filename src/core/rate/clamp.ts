import { compare, type Exact } from '../money.ts';
import type { CompiledTariff } from './compile-tariff.ts';
import type { Cost } from './price-periods.ts';

export type Clamping = { readonly bound: 'min_price' | 'max_price'; readonly side: 'excl' | 'incl'; readonly from: Exact; readonly to: Exact };
const zero: Exact = { n: 0n, d: 1n };

/**
 * OCPI 2.2.1 mod_tariffs, min_price and max_price: the amounts without and with tax are bound independently, the maximum last. A session that
 * nothing priced still costs the minimum. Raising the net above an unbound gross makes the gross unknown. Parts are never touched.
 */
export function clampTotal(tariff: CompiledTariff, sum: Cost | null): { readonly total: Cost | null; readonly clampings: readonly Clamping[] } {
  const { min, max } = tariff;
  if (min === undefined && max === undefined) return { total: sum, clampings: [] };
  if (sum === null && min === undefined) return { total: null, clampings: [] };
  const clampings: Clamping[] = [];
  let { excl, incl } = sum ?? { excl: zero, incl: zero };
  excl = bound(excl, min?.excl, 'min_price', 'excl', clampings);
  if (min !== undefined && min.incl !== null) incl = bound(incl, min.incl, 'min_price', 'incl', clampings);
  else if (clampings.length > 0 && excl !== null && incl !== null && compare(excl, incl) > 0) incl = null;
  excl = bound(excl, max?.excl, 'max_price', 'excl', clampings);
  incl = bound(incl, max?.incl, 'max_price', 'incl', clampings);
  return { total: { excl, incl }, clampings };
}

function bound(value: Exact | null, limit: Exact | null | undefined, name: Clamping['bound'], side: Clamping['side'], clampings: Clamping[]): Exact | null {
  if (value === null || limit === null || limit === undefined) return value;
  const order = compare(value, limit);
  if (name === 'min_price' ? order >= 0 : order <= 0) return value;
  clampings.push({ bound: name, side, from: value, to: limit });
  return limit;
}
