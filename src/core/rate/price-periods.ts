import { add, type Exact } from '../money.ts';
import { activeComponent, type CompiledComponent, type CompiledTariff, type ComponentKind } from './compile-tariff.ts';
import { type Moment, momentAt, type Readings } from './restrictions.ts';

/**
 * A stretch of a session as the engine prices it. Energy in µWh, times in µs, all integers below 2^50; undefined is *not stated*,
 * which differs from 0 in what a CDR shows, never in price.
 */
export type MeteredPeriod = {
  readonly startMs: number;
  readonly endMs: number;
  readonly energy: number | undefined;
  readonly charging: number | undefined;
  readonly parking: number | undefined;
  readonly reserved: number | undefined;
  readonly readings: Readings;
  readonly tariff: CompiledTariff;
};

/** One dimension of one period with the component that prices it. Quantities in µWh or µs; a fee has 1. */
export type PricedLine = {
  readonly period: number;
  readonly tariff: CompiledTariff;
  readonly component: CompiledComponent;
  readonly stated: number;
  /** With the rounding by step_size, which falls on the dimension's last priced period. */
  billed: number;
};

export type StepRounding = { readonly kind: ComponentKind; readonly total: number; readonly billed: number; readonly step: number };

export type Pricing = {
  readonly lines: readonly PricedLine[];
  readonly roundings: readonly StepRounding[];
  /** Periods that run past a change of their price: flagged, never re-split, which is the operator's duty (OCPI 2.2.1 mod_cdrs, ChargingPeriod). */
  readonly overruns: readonly number[];
  /** Where every period was tested; for the trace. */
  readonly origins: Origins;
};

/** `once` is the text's; the others tell how a partner came to another price. OCPI 3.0 drops step_size, which is `none`. */
export type StepRule = 'once' | 'none' | 'everyPeriod';

/** From where min_duration and max_duration count: the first period of the session, and of the reservation before it (docs/INTERPRETATIONS.md, 6 and 8). */
export type Origins = { readonly sessionMs: number; readonly reservationMs: number; readonly lapsed: boolean };

/**
 * Prices periods, which come in the order of their start: per period and dimension the first element that has the dimension and holds
 * at the period's start (OCPI 2.2.1 mod_tariffs, TariffElement); FLAT once; step_size once (mod_cdrs, step_size). Nothing is rounded to
 * money. `zone` is the location's, and known; no other error is possible.
 */
export function pricePeriods(periods: readonly MeteredPeriod[], zone: string, steps: StepRule = 'once'): Pricing {
  const lines: PricedLine[] = [];
  const overruns: number[] = [];
  const origins = originsOf(periods);
  let energyBefore = 0;
  let [flatTaken, reservationFlatTaken] = [false, false];
  for (let i = 0; i < periods.length; i += 1) {
    const period = periods[i];
    if (period === undefined) continue;
    const before = lines.length;
    if (!isReservationOnly(period)) {
      const at = sessionMoment(period, origins, energyBefore, zone);
      if (!flatTaken) flatTaken = take(lines, i, period.tariff, period.tariff.byKind.FLAT, 1, at);
      take(lines, i, period.tariff, period.tariff.byKind.ENERGY, period.energy, at);
      take(lines, i, period.tariff, period.tariff.byKind.TIME, period.charging, at);
      take(lines, i, period.tariff, period.tariff.byKind.PARKING_TIME, period.parking, at);
    }
    if (period.reserved !== undefined && period.reserved > 0) {
      const at = reservationMoment(period, origins, zone);
      const list = origins.lapsed ? period.tariff.ofLapsed : period.tariff.byKind;
      if (!reservationFlatTaken) reservationFlatTaken = take(lines, i, period.tariff, list.RESERVATION_FLAT, 1, at);
      take(lines, i, period.tariff, list.RESERVATION_TIME, period.reserved, at);
    }
    if (overrunsPrice(period, lines, before, origins, energyBefore, zone)) overruns.push(i);
    energyBefore += period.energy ?? 0;
  }
  return { lines, roundings: steps === 'once' ? roundToSteps(lines) : steps === 'everyPeriod' ? roundEveryLine(lines) : [], overruns, origins };
}

function take(lines: PricedLine[], period: number, tariff: CompiledTariff, list: readonly CompiledComponent[], quantity: number | undefined, at: Moment): boolean {
  if (quantity === undefined || list.length === 0) return false;
  const component = activeComponent(list, at);
  if (component === undefined) return false;
  lines.push({ period, tariff, component, stated: quantity, billed: quantity });
  return true;
}

/** Reserved time and nothing else: the session's own fee and prices do not apply to it (OCPI 2.2.1 mod_tariffs, ReservationRestrictionType). */
export function isReservationOnly(p: MeteredPeriod): boolean {
  return p.reserved !== undefined && p.reserved > 0 && !p.energy && !p.charging && !p.parking;
}

function originsOf(periods: readonly MeteredPeriod[]): Origins {
  const first = periods[0]?.startMs ?? 0;
  const session = periods.find((p) => !isReservationOnly(p));
  const used = periods.some((p) => p.energy || p.charging || p.parking);
  return { sessionMs: session?.startMs ?? first, reservationMs: first, lapsed: !used && periods.some(isReservationOnly) };
}

/** The moment at which a period's own dimensions are tested: its start. */
export function sessionMoment(p: MeteredPeriod, origins: Origins, energyBefore: number, zone: string): Moment {
  return momentAt(p.startMs, zone, p.startMs - origins.sessionMs, energyBefore, p.readings);
}

/** The same for its reserved time, which counts duration from the reservation's start and no energy. */
export function reservationMoment(p: MeteredPeriod, origins: Origins, zone: string): Moment {
  return momentAt(p.startMs, zone, p.startMs - origins.reservationMs, 0, p.readings);
}

const lastWh = 1_000_000;

/** Whether another component would price the period just before its end; to the ms and the Wh, as meters read no finer. */
function overrunsPrice(p: MeteredPeriod, lines: readonly PricedLine[], from: number, origins: Origins, energyBefore: number, zone: string): boolean {
  if (p.endMs <= p.startMs || isReservationOnly(p)) return false;
  const { moving, byKind } = p.tariff;
  if (!moving.ENERGY && !moving.TIME && !moving.PARKING_TIME) return false;
  const lastMs = p.endMs - 1;
  const last = momentAt(lastMs, zone, lastMs - origins.sessionMs, energyBefore + Math.max((p.energy ?? 0) - lastWh, 0), p.readings);
  const changes = (kind: 'ENERGY' | 'TIME' | 'PARKING_TIME', quantity: number | undefined) => {
    if (!quantity || !moving[kind]) return false;
    let first: CompiledComponent | undefined;
    for (let i = from; i < lines.length; i += 1) if (lines[i]?.component.kind === kind) first = lines[i]?.component;
    return activeComponent(byKind[kind], last) !== first;
  };
  return changes('ENERGY', p.energy) || changes('TIME', p.charging) || changes('PARKING_TIME', p.parking);
}

/**
 * OCPI 2.2.1 mod_cdrs, step_size: once for energy and once for time. Any priced parking takes the time's rounding; TIME is then billed
 * exactly. Only priced quantities count (docs/INTERPRETATIONS.md, 9).
 */
function roundToSteps(lines: readonly PricedLine[]): StepRounding[] {
  const has = (kind: ComponentKind) => lines.some((line) => line.component.kind === kind && line.stated !== 0);
  const roundings: StepRounding[] = [];
  roundKind(lines, 'ENERGY', roundings);
  roundKind(lines, has('PARKING_TIME') ? 'PARKING_TIME' : 'TIME', roundings);
  roundKind(lines, 'RESERVATION_TIME', roundings);
  return roundings;
}

/** Rounds up what the last priced period's tariff priced, at that period's step; a tariff left before is not rounded. */
function roundKind(lines: readonly PricedLine[], kind: ComponentKind, roundings: StepRounding[]): void {
  let last: PricedLine | undefined;
  for (const line of lines) if (line.component.kind === kind && line.stated !== 0) last = line;
  if (last === undefined || last.component.step === 0) return;
  const { step } = last.component;
  let total = 0;
  for (const line of lines) if (line.component.kind === kind && line.tariff === last.tariff) total += line.stated;
  const billed = roundedUp(total, step, kind);
  if (billed === total) return;
  last.billed += billed - total;
  roundings.push({ kind, total, billed, step });
}

function roundEveryLine(lines: readonly PricedLine[]): StepRounding[] {
  return lines.flatMap((line) => {
    const { kind, step } = line.component;
    if (step === 0 || kind === 'FLAT' || kind === 'RESERVATION_FLAT') return [];
    line.billed = roundedUp(line.stated, step, kind);
    return line.billed === line.stated ? [] : [{ kind, total: line.stated, billed: line.billed, step }];
  });
}

function roundedUp(total: number, step: number, kind: ComponentKind): number {
  // Times count in whole ms: what lies below comes from hours written in decimals.
  const whole = kind === 'ENERGY' ? total : total - (total % 1000);
  const rest = whole % step;
  return rest === 0 ? whole : rest > 0 ? whole - rest + step : whole - rest;
}

/** What one component priced in a whole session, and its exact cost; null where the tariff does not tell. */
export type PricedPart = {
  readonly component: CompiledComponent;
  readonly tariff: CompiledTariff;
  readonly stated: number;
  readonly billed: number;
  readonly excl: Exact | null;
  readonly incl: Exact | null;
};

/** Sums lines per component, in the order of their first period, and prices each sum once (OCPI 2.2.1 mod_cdrs, ChargingPeriod: cost). */
export function partsOf(lines: readonly PricedLine[]): PricedPart[] {
  const sums: { component: CompiledComponent; tariff: CompiledTariff; stated: number; billed: number }[] = [];
  for (const { component, tariff, stated, billed } of lines) {
    const sum = sums.find((s) => s.component === component);
    if (sum === undefined) sums.push({ component, tariff, stated, billed });
    else {
      sum.stated += stated;
      sum.billed += billed;
    }
  }
  return sums.map(({ component, tariff, stated, billed }) => {
    const amount = BigInt(billed);
    return { component, tariff, stated, billed, excl: costOf(component.excl, amount), incl: costOf(component.incl, amount) };
  });
}

/** Cost of a quantity in µWh, µs or fees, exact, in major units. */
export function costOf(price: Exact | null, quantity: bigint): Exact | null {
  return price === null ? null : { n: price.n * quantity, d: price.d };
}

/** A cost without and with tax; null is not known, and what is not known makes the sum unknown. */
export type Cost = { readonly excl: Exact | null; readonly incl: Exact | null };

export function addCosts(a: Cost | null, b: Cost): Cost {
  if (a === null) return b;
  return { excl: a.excl === null || b.excl === null ? null : add(a.excl, b.excl), incl: a.incl === null || b.incl === null ? null : add(a.incl, b.incl) };
}
