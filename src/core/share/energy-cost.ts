import type { EnergyPrice } from '../../contracts/agreement.ts';
import { type Issue, issue } from '../issues.ts';
import { add, divInt, type Exact, exactFromDecimal, exactFromInt, mul, toDecimal4HalfEven } from '../money.ts';
import type { DeliveredEnergy } from './delivered-energy.ts';
import { type PriceBook, priceByInterval } from './price-by-interval.ts';

export type EnergyCost = {
  /** Major units, exact. */
  readonly exact: Exact;
  /** Per kWh: as agreed, or what the intervals come to on average, to four places. */
  readonly unitPrice: string;
  /** The price points it came from; null for a fixed price. */
  readonly pinned: string | null;
};

/** What delivered energy costs by an agreed price: fixed, or by a price series plus what comes on top per kWh. Issues block. */
export function energyCostOf(price: EnergyPrice, delivered: DeliveredEnergy, currency: string, book: PriceBook, subject: string): EnergyCost | readonly Issue[] {
  const kWh: Exact = { n: delivered.energyWh, d: 1000n };
  if (price.by === 'fixed') return { exact: mul(exactFromDecimal(price.perKwh), kWh), unitPrice: price.perKwh, pinned: null };
  const series = book.get(price.seriesId);
  if (series === undefined) return [issue('unknownPriceSeries', 'blocks', subject, { series: price.seriesId })];
  if (series.currency !== currency) return [issue('priceSeriesCurrency', 'blocks', subject, { series: price.seriesId, currency: series.currency, contract: currency })];
  const priced = priceByInterval(series, delivered, subject);
  if (!('exact' in priced)) return priced;
  const exact = add(priced.exact, mul(exactFromDecimal(price.addPerKwh), kWh));
  const wh = delivered.energyWh < 0n ? -delivered.energyWh : delivered.energyWh;
  const sign = delivered.energyWh < 0n ? exactFromInt(-1000) : exactFromInt(1000);
  return { exact, unitPrice: wh === 0n ? price.addPerKwh : toDecimal4HalfEven(divInt(mul(exact, sign), wh)), pinned: priced.pinned };
}
