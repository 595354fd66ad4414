import type { Tariff } from '../../contracts/tariff.ts';
import { type Issue, issue } from '../issues.ts';
import { type Exact, exactFromInt, toDecimal4HalfEven } from '../money.ts';
import { formatInstant, isValidZone } from '../time.ts';
import { type Clamping, clampTotal } from './clamp.ts';
import { type CompiledTariff, type ComponentKind, compileTariff } from './compile-tariff.ts';
import { maxMicro } from './decimal.ts';
import { describeClamping, describePart, describeRounding } from './explain.ts';
import { addCosts, type Cost, type MeteredPeriod, type PricedPart, type Pricing, partsOf, pricePeriods } from './price-periods.ts';
import { missingReadings, noReadings } from './restrictions.ts';
import type { RatingPeriod } from './split-session.ts';

export type RatedComponent = {
  readonly kind: ComponentKind;
  readonly elementIndex: number;
  /** Per kWh, hour or session, in major units of the tariff's currency, excluding VAT. */
  readonly price: string;
  /** Null: no VAT applicable, which is not the same as 0 %. */
  readonly vatPercent: string | null;
  /** Whole Wh or seconds, for people: seconds are cut when stated, raised when billed; the cost counts the µs. */
  readonly quantity: { readonly unit: 'Wh' | 's' | 'session'; readonly stated: number; readonly billed: number };
  /** Net cost in major units, exact. */
  readonly exact: Exact;
};

/** The totals a limit leads to, exact in major units; `incl` is null where the limit says nothing with tax: it follows from `excl`. */
export type PriceLimit = { readonly bound: 'min_price' | 'max_price'; readonly excl: Exact; readonly incl: Exact | null };

export type RatingResult = {
  readonly components: readonly RatedComponent[];
  /** Net total after min_price and max_price; where these bite, the components do not add up to it (OCPI clamps the total only). */
  readonly totalExact: Exact;
  /** What min_price or max_price make of the session; null where neither bites. */
  readonly limited: PriceLimit | null;
  /** `totalExact` to 4 decimals half-even: OCPI information, never billed (D01). */
  readonly total4: string;
  /** With one that blocks, nothing may be billed from this result. */
  readonly issues: readonly Issue[];
  readonly explanation: readonly string[];
};

const zero = exactFromInt(0);

/**
 * Prices a session under one OCPI tariff, exactly; no rounding to money. The rules are those of `pricePeriods`; prices are net, in major units
 * of the tariff's currency; `zone` is the location's. Bad input comes back as an issue that blocks. `tariff` must have passed `tariffSchema`.
 */
export function rateSession(input: { readonly tariff: Tariff; readonly periods: readonly RatingPeriod[]; readonly startMs: number; readonly endMs: number; readonly zone: string }): RatingResult {
  const tariff = compileTariff(input.tariff);
  const refusal = refuse(tariff.id, input.periods, input.zone);
  if (refusal !== undefined) return { components: [], totalExact: zero, limited: null, total4: toDecimal4HalfEven(zero), issues: [refusal], explanation: [] };
  const periods = inOrder(input.periods).map((p) => meteredPeriod(p, tariff));
  const pricing = pricePeriods(periods, input.zone);
  const parts = partsOf(pricing.lines);
  const sum = parts.reduce<Cost | null>(addCosts, null) ?? { excl: zero, incl: zero };
  const { total, clampings } = clampTotal(tariff, sum);
  const totalExact = total?.excl ?? zero;
  const issues = issuesOf(tariff, periods, pricing);
  const limited = limitOf(tariff, sum, total ?? sum, clampings);
  if (limited !== null) issues.push(issue('priceClamped', 'info', tariff.id, { total: toDecimal4HalfEven(sum.excl ?? zero), bound: limited.bound, limit: toDecimal4HalfEven(limited.excl) }));
  const explanation = [...parts.map((part) => describePart(part)), ...pricing.roundings.map(describeRounding), ...clampings.map((c) => describeClamping(c, tariff.currency))];
  return { components: parts.map(ratedComponent), totalExact, limited, total4: toDecimal4HalfEven(totalExact), issues, explanation };
}

function limitOf(tariff: CompiledTariff, sum: Cost, total: Cost, clampings: readonly Clamping[]): PriceLimit | null {
  const last = clampings.at(-1);
  if (last === undefined) return null;
  const withTax = clampings.some((c) => c.side === 'incl');
  const saysTax = (last.bound === 'min_price' ? tariff.min : tariff.max)?.incl != null;
  return { bound: last.bound, excl: total.excl ?? zero, incl: withTax ? total.incl : saysTax ? sum.incl : null };
}

function refuse(subject: string, periods: readonly RatingPeriod[], zone: string): Issue | undefined {
  if (!isValidZone(zone)) return issue('unknownZone', 'blocks', subject, { zone });
  if (periods.length === 0) return issue('noPeriods', 'blocks', subject);
  const limits = { startMs: 8.64e15, endMs: 8.64e15, energyWh: maxMicro / 1_000_000, chargingMs: maxMicro / 1000, parkingMs: maxMicro / 1000, reservedMs: maxMicro / 1000 };
  for (const [i, period] of periods.entries()) {
    for (const field of ['startMs', 'endMs', 'energyWh', 'chargingMs', 'parkingMs', 'reservedMs'] as const) {
      const value = period[field] ?? 0;
      if (!Number.isSafeInteger(value) || Math.abs(value) > limits[field]) return issue('badNumber', 'blocks', subject, { field: `period ${i + 1} ${field}`, value: String(value) });
    }
  }
  return undefined;
}

function inOrder(periods: readonly RatingPeriod[]): readonly RatingPeriod[] {
  const sorted = periods.every((p, i) => i === 0 || (periods[i - 1]?.startMs ?? 0) <= p.startMs);
  return sorted ? periods : [...periods].sort((a, b) => a.startMs - b.startMs);
}

/** Our own periods state every dimension, so that 0 means there was none. */
function meteredPeriod(p: RatingPeriod, tariff: CompiledTariff): MeteredPeriod {
  const stated = (quantity: number, factor: number) => (quantity === 0 ? undefined : quantity * factor);
  const { startMs, endMs, reservedMs = 0 } = p;
  return {
    startMs,
    endMs,
    energy: stated(p.energyWh, 1_000_000),
    charging: stated(p.chargingMs, 1000),
    parking: stated(p.parkingMs, 1000),
    reserved: stated(reservedMs, 1000),
    readings: p.readings === undefined ? noReadings : { ...noReadings, ...p.readings },
    tariff,
  };
}

function issuesOf(tariff: CompiledTariff, periods: readonly MeteredPeriod[], pricing: Pricing): Issue[] {
  const at = (i: number) => formatInstant(periods[i]?.startMs ?? 0);
  const issues = pricing.overruns.map((i) => issue('periodOverruns', 'warns', tariff.id, { at: at(i) }));
  for (const { component, period } of pricing.lines) {
    for (const restriction of missingReadings(component.restrictions, periods[period]?.readings ?? noReadings))
      issues.push(issue('readingMissing', 'warns', tariff.id, { at: at(period), restriction }));
  }
  return issues;
}

function ratedComponent({ component, stated, billed, excl }: PricedPart): RatedComponent {
  const { kind, elementIndex, price, vatPercent } = component;
  const common = { kind, elementIndex, price, vatPercent, exact: excl ?? zero };
  if (kind === 'FLAT' || kind === 'RESERVATION_FLAT') return { ...common, quantity: { unit: 'session', stated: 1, billed: 1 } };
  const [unit, raise] = kind === 'ENERGY' ? (['Wh', Math.round] as const) : (['s', Math.ceil] as const);
  return { ...common, quantity: { unit, stated: Math.floor(stated / 1_000_000), billed: raise(billed / 1_000_000) } };
}
