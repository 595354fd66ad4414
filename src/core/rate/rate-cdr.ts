import { type Issue, issue } from '../issues.ts';
import { toDecimal4HalfEven } from '../money.ts';
import { formatInstant, isValidZone } from '../time.ts';
import { type Clamping, clampTotal } from './clamp.ts';
import { type CompiledTariff, type ComponentKind, compileReading } from './compile-tariff.ts';
import { zoneOfCountry } from './country-zones.ts';
import { addCosts, type Cost, type MeteredPeriod, type PricedPart, type Pricing, partsOf, pricePeriods, type StepRule } from './price-periods.ts';
import { type CdrReading, readCdr } from './read-cdr.ts';
import { type OcpiVersion, readTariff } from './read-tariff.ts';
import { instantAt, isAbsent, isObject, listAt, objectAt, orRefusal, refuse, shortText, textAt } from './reading.ts';
import { missingReadings } from './restrictions.ts';

/** A tariff that may price a CDR. It is compiled when first needed, and kept: offer the same one again to price many CDRs. */
export type OfferedTariff = { readonly raw: unknown; readonly path: string; readonly version: OcpiVersion; compiled: CompiledTariff | undefined };

export function offerTariff(raw: unknown, version: OcpiVersion, path: string): OfferedTariff {
  return { raw, path, version, compiled: undefined };
}

export type CdrCosts = {
  readonly total: Cost | null;
  readonly energy: Cost | null;
  readonly time: Cost | null;
  readonly parking: Cost | null;
  readonly fixed: Cost | null;
  readonly reservation: Cost | null;
};

/** Energy in µWh, times in µs; null where no period states the dimension. */
export type CdrQuantities = {
  readonly energy: number | null;
  readonly charging: number | null;
  readonly parking: number | null;
  readonly reserved: number | null;
  readonly billedEnergy: number | null;
  readonly billedCharging: number | null;
  readonly billedParking: number | null;
  readonly billedReserved: number | null;
  /** From the first period's start to the CDR's end, in ms. */
  readonly totalMs: number;
};

export type CdrRating = {
  readonly ok: true;
  /** The tariff at the session's start; `index` counts in the list offered. */
  readonly tariff: { readonly index: number; readonly id: string; readonly currency: string };
  readonly zone: string;
  readonly costs: CdrCosts;
  readonly quantities: CdrQuantities;
  readonly parts: readonly PricedPart[];
  readonly periods: readonly MeteredPeriod[];
  readonly pricing: Pricing;
  readonly clampings: readonly Clamping[];
  /** The total of a credit CDR is negated, its parts are not (OCPI 2.2.1 mod_cdrs, credit). */
  readonly credit: boolean;
  /** The driver is reimbursed: rated alike, booked the other way (OCPI 2.2.1 mod_cdrs, home_charging_compensation). */
  readonly homeChargingCompensation: boolean;
  readonly warnings: readonly Issue[];
};

/** `subject` is the JSONPath of the offending value. */
export type CdrRefusal = { readonly ok: false; readonly issue: Issue };

/**
 * Prices one OCPI CDR, exactly: nothing is rounded to money. `request` is `{ocpi_version, cdr, tariff?, timezone?}` as parsed JSON; without
 * `tariff` the CDR's own `tariffs`. Restrictions hold in `timezone`, else the location's, else the country's only zone. Costs are in major units
 * of the tariff's currency. Never throws: what cannot be rated is refused with its path. The decisions are in docs/INTERPRETATIONS.md.
 */
export function rateRequest(request: unknown): CdrRating | CdrRefusal {
  const rated = orRefusal(() => {
    const raw = objectAt(request, '$');
    const version = versionAt(raw['ocpi_version']);
    return rate({ version, cdr: raw['cdr'], timezone: raw['timezone'], offers: offersOf(raw, version) });
  });
  return rated.ok ? rated.value : rated;
}

/** `rateRequest` with tariffs prepared by `offerTariff`, for many CDRs under the same ones. */
export function rateCdr(input: RatingInput): CdrRating | CdrRefusal {
  const rated = orRefusal(() => rate(input));
  return rated.ok ? rated.value : rated;
}

export type RatingInput = {
  readonly version: OcpiVersion;
  readonly cdr: unknown;
  readonly timezone: unknown;
  readonly offers: readonly OfferedTariff[];
  readonly steps?: StepRule;
};

function versionAt(value: unknown): OcpiVersion {
  if (value === '2.1.1' || value === '2.2.1' || value === '2.3.0') return value;
  return refuse(isAbsent(value) ? 'missingField' : 'unknownVersion', '$.ocpi_version', { field: 'ocpi_version', value: shortText(value) });
}

function offersOf(raw: { readonly [key: string]: unknown }, version: OcpiVersion): readonly OfferedTariff[] {
  if (!isAbsent(raw['tariff'])) return [offerTariff(raw['tariff'], version, '$.tariff')];
  const cdr = raw['cdr'];
  if (!isObject(cdr) || isAbsent(cdr['tariffs'])) return [];
  return listAt(cdr['tariffs'], '$.cdr.tariffs').map((tariff, i) => offerTariff(tariff, version, `$.cdr.tariffs[${i}]`));
}

function rate({ version, cdr: raw, timezone, offers, steps }: RatingInput): CdrRating {
  const cdr = readCdr(raw, version, '$.cdr');
  const zone = zoneOf(cdr, timezone);
  const index = activeIndex(offers, cdr.startMs);
  const active = compiledAt(offers, index, cdr);
  const periods = cdr.periods.map((p): MeteredPeriod => {
    const { startMs, endMs, energy, charging, parking, reserved } = p;
    return { startMs, endMs, energy, charging, parking, reserved, readings: p, tariff: tariffOf(p.tariffId, p.path, active, offers, cdr) };
  });
  const pricing = pricePeriods(periods, zone, steps);
  const parts = partsOf(pricing.lines);
  const { costs, clampings } = costsOf(parts, periods[0]?.tariff ?? active, cdr.credit);
  const { id, currency } = active;
  const { credit, homeChargingCompensation } = cdr;
  const quantities = quantitiesOf(cdr, pricing);
  const warnings = warningsOf(cdr, periods, pricing, parts, clampings);
  return { ok: true, tariff: { index, id, currency }, zone, costs, quantities, parts, periods, pricing, clampings, credit, homeChargingCompensation, warnings };
}

function zoneOf(cdr: CdrReading, timezone: unknown): string {
  const given = isAbsent(timezone) ? (cdr.zone ?? zoneOfCountry(cdr.country ?? '')) : timezone;
  const path = isAbsent(timezone) ? '$.cdr' : '$.timezone';
  if (given === undefined) return refuse('missingZone', '$.timezone', { country: cdr.country ?? '' });
  return typeof given === 'string' && isValidZone(given) ? given : refuse('unknownZone', path, { zone: shortText(given) });
}

/** The first tariff valid at the session's start, which then holds to its end (OCPI 2.2.1 mod_tariffs, start_date_time and end_date_time). */
function activeIndex(offers: readonly OfferedTariff[], startMs: number): number {
  const index = offers.findIndex(({ raw, path }) => {
    const tariff = objectAt(raw, path);
    const [from, to] = [tariff['start_date_time'], tariff['end_date_time']];
    if (!isAbsent(from) && instantAt(from, `${path}.start_date_time`) > startMs) return false;
    return isAbsent(to) || instantAt(to, `${path}.end_date_time`) > startMs;
  });
  return index >= 0 ? index : refuse('noActiveTariff', offers[0]?.path ?? '$.cdr.tariffs');
}

function compiledAt(offers: readonly OfferedTariff[], index: number, cdr: CdrReading): CompiledTariff {
  const offer = offers[index];
  if (offer === undefined) return refuse('noActiveTariff', '$.cdr.tariffs');
  offer.compiled ??= compileOffer(offer);
  const { currency } = offer.compiled;
  if (cdr.currency !== undefined && cdr.currency !== currency) refuse('cdrCurrencyMismatch', `${offer.path}.currency`, { cdr: shortText(cdr.currency), tariff: currency });
  return offer.compiled;
}

function compileOffer({ raw, version, path }: OfferedTariff): CompiledTariff {
  const tariff = objectAt(raw, path);
  // Not used to price, but a tariff without its owner is not one (OCPI 2.2.1 mod_tariffs, Tariff; 2.1.1 had none).
  if (version !== '2.1.1') for (const field of ['country_code', 'party_id']) textAt(tariff[field], `${path}.${field}`);
  return compileReading(readTariff(tariff, version, path));
}

/** The tariff a period names, else the one at the session's start (docs/INTERPRETATIONS.md, 12). */
function tariffOf(id: string | undefined, path: string, active: CompiledTariff, offers: readonly OfferedTariff[], cdr: CdrReading): CompiledTariff {
  if (id === undefined || sameId(id, active.id)) return active;
  const index = offers.findIndex(({ raw }) => isObject(raw) && typeof raw['id'] === 'string' && sameId(raw['id'], id));
  if (index >= 0) {
    const named = compiledAt(offers, index, cdr);
    if (named.currency !== active.currency) refuse('cdrCurrencyMismatch', `${path}.tariff_id`, { cdr: active.currency, tariff: named.currency });
    return named;
  }
  // Whoever hands a tariff over asks for its price; among the CDR's own, a missing one cannot be replaced by another.
  if (offers.length !== 1 || offers[0]?.path !== '$.tariff') refuse('unknownTariff', `${path}.tariff_id`, { id: shortText(id) });
  cdr.warnings.push(issue('tariffDiffers', 'warns', `${path}.tariff_id`, { id: shortText(id), used: active.id }));
  return active;
}

/** OCPI ids are CiStrings. */
function sameId(a: string, b: string): boolean {
  return a === b || a.toLowerCase() === b.toLowerCase();
}

const costFieldOf: Readonly<Record<ComponentKind, Exclude<keyof CdrCosts, 'total'>>> = {
  ENERGY: 'energy',
  TIME: 'time',
  PARKING_TIME: 'parking',
  FLAT: 'fixed',
  RESERVATION_TIME: 'reservation',
  RESERVATION_FLAT: 'reservation',
};

function costsOf(parts: readonly PricedPart[], limits: CompiledTariff, credit: boolean): { readonly costs: CdrCosts; readonly clampings: readonly Clamping[] } {
  const costs: { -readonly [K in keyof CdrCosts]: CdrCosts[K] } = { total: null, energy: null, time: null, parking: null, fixed: null, reservation: null };
  for (const part of parts) {
    const field = costFieldOf[part.component.kind];
    costs[field] = addCosts(costs[field], part);
    costs.total = addCosts(costs.total, part);
  }
  const { total, clampings } = clampTotal(limits, costs.total);
  costs.total = credit && total !== null ? negated(total) : total;
  return { costs, clampings };
}

function negated({ excl, incl }: Cost): Cost {
  return { excl: excl === null ? null : { n: -excl.n, d: excl.d }, incl: incl === null ? null : { n: -incl.n, d: incl.d } };
}

function quantitiesOf(cdr: CdrReading, pricing: Pricing): CdrQuantities {
  const { periods } = cdr;
  let [energy, charging, parking, reserved]: (number | null)[] = [null, null, null, null];
  for (const p of periods) {
    if (p.energy !== undefined) energy = (energy ?? 0) + p.energy;
    if (p.charging !== undefined) charging = (charging ?? 0) + p.charging;
    if (p.parking !== undefined) parking = (parking ?? 0) + p.parking;
    if (p.reserved !== undefined) reserved = (reserved ?? 0) + p.reserved;
  }
  const billed = (total: number | null | undefined, kind: ComponentKind) => {
    if (total === null || total === undefined) return null;
    let added = 0;
    for (const r of pricing.roundings) if (r.kind === kind) added += r.billed - r.total;
    return total + added;
  };
  return {
    energy: energy ?? null,
    charging: charging ?? null,
    parking: parking ?? null,
    reserved: reserved ?? null,
    billedEnergy: billed(energy, 'ENERGY'),
    billedCharging: billed(charging, 'TIME'),
    billedParking: billed(parking, 'PARKING_TIME'),
    billedReserved: billed(reserved, 'RESERVATION_TIME'),
    totalMs: cdr.endMs - (periods[0]?.startMs ?? cdr.startMs),
  };
}

function warningsOf(cdr: CdrReading, periods: readonly MeteredPeriod[], pricing: Pricing, parts: readonly PricedPart[], clampings: readonly Clamping[]): Issue[] {
  const warnings = [...cdr.warnings];
  const tariffs = periods.length === 1 ? [periods[0]?.tariff] : new Set(periods.map((p) => p.tariff));
  // One by one: there may be more than a call takes as arguments.
  for (const tariff of tariffs) for (const warning of tariff?.warnings ?? []) warnings.push(warning);
  const pathOf = (i: number) => cdr.periods[i]?.path ?? '$.cdr.charging_periods';
  const startOf = (i: number) => formatInstant(periods[i]?.startMs ?? 0);
  for (const i of pricing.overruns) warnings.push(issue('periodOverruns', 'warns', pathOf(i), { at: startOf(i) }));
  for (const { component, period } of pricing.lines) {
    if (component.restrictions?.usesReadings !== true) continue;
    const readings = periods[period]?.readings;
    if (readings === undefined) continue;
    for (const restriction of missingReadings(component.restrictions, readings)) warnings.push(issue('readingMissing', 'warns', pathOf(period), { at: startOf(period), restriction }));
  }
  if (parts.some((part) => part.excl === null)) warnings.push(issue('netUnknown', 'warns', '$.tariff'));
  if (pricesTime(periods[0]?.tariff) && periods.every((p) => p.charging === undefined && p.parking === undefined && p.reserved === undefined)) {
    warnings.push(issue('noTimeStated', 'warns', '$.cdr.charging_periods'));
  }
  for (const { bound, from, to } of clampings) warnings.push(issue('priceClamped', 'info', '$.cdr.total_cost', { total: toDecimal4HalfEven(from), bound, limit: toDecimal4HalfEven(to) }));
  return warnings;
}

function pricesTime(tariff: CompiledTariff | undefined): boolean {
  return tariff !== undefined && (tariff.byKind.TIME.length > 0 || tariff.byKind.PARKING_TIME.length > 0);
}
