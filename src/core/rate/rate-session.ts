import type { Tariff } from '../../contracts/tariff.ts';
import { type Issue, issue } from '../issues.ts';
import { add, compare, divInt, type Exact, exactFromInt, mul, toDecimal4HalfEven } from '../money.ts';
import { formatInstant, isValidZone } from '../time.ts';
import { activeComponent, type CompiledComponent, type CompiledTariff, type ComponentKind, compileTariff, componentKinds, samePrices } from './compile-tariff.ts';
import type { RatingPeriod } from './split-session.ts';

export type RatedComponent = {
  readonly kind: ComponentKind;
  readonly elementIndex: number;
  /** Per kWh, hour or session, in major units of the tariff's currency, excluding VAT. */
  readonly price: string;
  /** Null: no VAT applicable, which is not the same as 0 %. */
  readonly vatPercent: string | null;
  /** Whole Wh or seconds, for people: seconds are cut when stated, raised when billed; the cost counts the ms. */
  readonly quantity: { readonly unit: 'Wh' | 's' | 'session'; readonly stated: number; readonly billed: number };
  /** Net cost in major units, exact. */
  readonly exact: Exact;
};

export type RatingResult = {
  readonly components: readonly RatedComponent[];
  /** Net total after min_price and max_price; where these bite, the components do not add up to it (OCPI clamps the total only). */
  readonly totalExact: Exact;
  /** `totalExact` to 4 decimals half-even: OCPI information, never billed (D01). */
  readonly total4: string;
  /** With one that blocks, nothing may be billed from this result. */
  readonly issues: readonly Issue[];
  readonly explanation: readonly string[];
};

type Priced = { readonly component: CompiledComponent; stated: number; lastAt: number };

const zero = exactFromInt(0);

/**
 * Prices a session under one OCPI tariff, exactly; no rounding to money. Per period and dimension the first element that
 * has the dimension and holds at the period's start (OCPI 2.2.1 mod_tariffs, TariffElement), in the location's zone; FLAT
 * once a session; step_size once, on the session's priced quantity, at the last priced period's step (mod_cdrs, step_size).
 * Bad input comes back as an issue that blocks. `tariff` must have passed `tariffSchema`.
 */
export function rateSession(input: { readonly tariff: Tariff; readonly periods: readonly RatingPeriod[]; readonly startMs: number; readonly endMs: number; readonly zone: string }): RatingResult {
  const tariff = compileTariff(input.tariff);
  const refusal = refuse(tariff.id, input.periods, input.zone);
  if (refusal !== undefined) return { components: [], totalExact: zero, total4: toDecimal4HalfEven(zero), issues: [refusal], explanation: [] };
  const explanation: string[] = [];
  const issues: Issue[] = [];
  const priced = pricePeriods(tariff, inOrder(input.periods), input.zone, explanation, issues);
  const billed = applySteps(priced, explanation);
  const components = priced.map((entry, i) => costOf(entry, billed[i] ?? entry.stated));
  const sum = components.reduce((total, c) => add(total, c.exact), zero);
  const totalExact = clamp(tariff, sum, explanation, issues);
  return { components, totalExact, total4: toDecimal4HalfEven(totalExact), issues, explanation };
}

function refuse(subject: string, periods: readonly RatingPeriod[], zone: string): Issue | undefined {
  if (!isValidZone(zone)) return issue('unknownZone', 'blocks', subject, { zone });
  if (periods.length === 0) return issue('noPeriods', 'blocks', subject);
  for (const [i, period] of periods.entries()) {
    for (const [field, value] of Object.entries(period)) {
      if (!Number.isSafeInteger(value)) return issue('badNumber', 'blocks', subject, { field: `period ${i + 1} ${field}`, value: String(value) });
    }
  }
  return undefined;
}

function inOrder(periods: readonly RatingPeriod[]): readonly RatingPeriod[] {
  const sorted = periods.every((p, i) => i === 0 || (periods[i - 1]?.startMs ?? 0) <= p.startMs);
  return sorted ? periods : [...periods].sort((a, b) => a.startMs - b.startMs);
}

function pricePeriods(tariff: CompiledTariff, periods: readonly RatingPeriod[], zone: string, explanation: string[], issues: Issue[]): Priced[] {
  const priced = new Map<CompiledComponent, Priced>();
  // min_duration counts from the first period's start, not the CDR's (rating.md, decisions).
  const originMs = periods[0]?.startMs ?? 0;
  let energyWh = 0;
  let flatTaken = false;
  for (const [at, period] of periods.entries()) {
    const quantities: Record<ComponentKind, number> = { FLAT: flatTaken ? 0 : 1, ENERGY: period.energyWh, TIME: period.chargingMs, PARKING_TIME: period.parkingMs };
    const start = { ms: period.startMs, elapsedMs: period.startMs - originMs, energyWh };
    for (const kind of componentKinds) {
      const quantity = quantities[kind];
      if (quantity === 0) continue;
      const component = activeComponent(tariff, kind, start, zone);
      if (component === undefined) continue;
      if (kind === 'FLAT') flatTaken = true;
      const entry = priced.get(component) ?? { component, stated: 0, lastAt: at };
      entry.stated += quantity;
      entry.lastAt = at;
      priced.set(component, entry);
      explanation.push(`${formatInstant(period.startMs)} ${kind} by element ${component.elementIndex + 1} at ${component.price} ${tariff.currency}`);
    }
    if (period.endMs > period.startMs) {
      const last = { ms: period.endMs - 1, elapsedMs: period.endMs - 1 - originMs, energyWh: energyWh + Math.max(period.energyWh - 1, 0) };
      // Flagged, never re-split: splitting is the operator's duty (OCPI 2.2.1 mod_cdrs, ChargingPeriod).
      if (!samePrices(tariff, start, last, zone)) issues.push(issue('periodOverruns', 'warns', tariff.id, { at: formatInstant(period.startMs) }));
    }
    energyWh += period.energyWh;
  }
  return [...priced.values()];
}

/** Billed quantity of each entry in Wh or ms. Any priced parking takes the time rounding; TIME is then billed exactly. */
function applySteps(list: readonly Priced[], explanation: string[]): number[] {
  const result = list.map((entry) => entry.stated);
  const hasParking = list.some((e) => e.component.kind === 'PARKING_TIME');
  for (const kind of ['ENERGY', hasParking ? 'PARKING_TIME' : 'TIME'] as const) {
    let last = -1;
    let total = 0;
    for (const [i, entry] of list.entries()) {
      if (entry.component.kind !== kind) continue;
      total += entry.stated;
      if (last < 0 || entry.lastAt > (list[last]?.lastAt ?? 0)) last = i;
    }
    const step = (list[last]?.component.stepSize ?? 0) * (kind === 'ENERGY' ? 1 : 1000);
    if (step === 0) continue;
    const rounded = Math.ceil(total / step) * step;
    if (rounded === total) continue;
    result[last] = (result[last] ?? 0) + rounded - total;
    explanation.push(`${kind} of ${total} ${kind === 'ENERGY' ? 'Wh' : 'ms'} billed as ${rounded}, in steps of ${step}`);
  }
  return result;
}

function costOf({ component, stated }: Priced, amount: number): RatedComponent {
  const { kind, elementIndex, price, priceExact, vatPercent } = component;
  const common = { kind, elementIndex, price, vatPercent };
  if (kind === 'FLAT') return { ...common, quantity: { unit: 'session', stated: 1, billed: 1 }, exact: priceExact };
  const cost = mul(priceExact, exactFromInt(amount));
  if (kind === 'ENERGY') return { ...common, quantity: { unit: 'Wh', stated, billed: amount }, exact: divInt(cost, 1000n) };
  return { ...common, quantity: { unit: 's', stated: Math.floor(stated / 1000), billed: Math.ceil(amount / 1000) }, exact: divInt(cost, 3_600_000n) };
}

/** OCPI 2.2.1 mod_tariffs, min_price and max_price, excluding VAT; the maximum wins over a larger minimum. */
function clamp(tariff: CompiledTariff, sum: Exact, explanation: string[], issues: Issue[]): Exact {
  const { minExcl, maxExcl } = tariff;
  let total = sum;
  let bound: 'min_price' | 'max_price' | undefined;
  if (minExcl !== undefined && compare(total, minExcl) < 0) [total, bound] = [minExcl, 'min_price'];
  if (maxExcl !== undefined && compare(total, maxExcl) > 0) [total, bound] = [maxExcl, 'max_price'];
  if (bound === undefined || compare(total, sum) === 0) return total;
  explanation.push(`total ${toDecimal4HalfEven(sum)} set to ${bound} ${toDecimal4HalfEven(total)} ${tariff.currency}`);
  // Blocks until core/allocate books the difference as a line of its own (D12): billed as is, it would ignore the bound.
  issues.push(issue('priceClamped', 'blocks', tariff.id, { total: toDecimal4HalfEven(sum), bound, limit: toDecimal4HalfEven(total) }));
  return total;
}
