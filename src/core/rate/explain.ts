import { toDecimal4HalfEven } from '../money.ts';
import type { Clamping } from './clamp.ts';
import type { CompiledComponent, CompiledTariff, ComponentKind } from './compile-tariff.ts';
import { microText } from './decimal.ts';
import { isReservationOnly, type MeteredPeriod, type Origins, type PricedLine, type PricedPart, type Pricing, reservationMoment, type StepRounding, sessionMoment } from './price-periods.ts';
import { failingRestriction, type Moment, type RestrictionName } from './restrictions.ts';

const nameOf: Readonly<Record<ComponentKind, string>> = {
  FLAT: 'Fee',
  ENERGY: 'Energy',
  TIME: 'Charging time',
  PARKING_TIME: 'Parking time',
  RESERVATION_FLAT: 'Reservation fee',
  RESERVATION_TIME: 'Reserved time',
};

/** `1.5 kWh`, `90 s` or `1 session`. */
function quantityText(kind: ComponentKind, micro: number): string {
  if (kind === 'FLAT' || kind === 'RESERVATION_FLAT') return 'once';
  return kind === 'ENERGY' ? `${microText(micro, 9)} kWh` : `${microText(micro, 6)} s`;
}

/** One sentence a driver understands on what a component priced: quantity, price, VAT, element. Amounts excluding VAT, to 4 decimals. */
export function describePart({ component: c, tariff, billed, excl }: PricedPart): string {
  const unit = c.kind === 'ENERGY' ? ' per kWh' : c.kind.endsWith('TIME') ? ' per hour' : '';
  const vat = c.vatPercent === null ? 'no VAT applies' : `${c.vatPercent} % VAT`;
  const amount = excl === null ? 'an amount that is only known with tax' : `${toDecimal4HalfEven(excl)} ${tariff.currency}`;
  return `${nameOf[c.kind]}, ${quantityText(c.kind, billed)}, at ${c.price} ${tariff.currency}${unit}: ${amount} (${vat}; element ${c.elementIndex + 1} of tariff ${tariff.id})`;
}

/** One sentence on a rounding by step_size. */
export function describeRounding({ kind, total, billed, step }: StepRounding): string {
  return `${nameOf[kind]} of ${quantityText(kind, total)} is billed as ${quantityText(kind, billed)}, in steps of ${microText(step, 6)} ${kind === 'ENERGY' ? 'Wh' : 's'}`;
}

/** One sentence on a total set to min_price or max_price. */
export function describeClamping({ bound, side, from, to }: Clamping, currency: string): string {
  return `The total ${side === 'excl' ? 'excluding' : 'including'} VAT of ${toDecimal4HalfEven(from)} ${currency} is set to the ${bound} of ${toDecimal4HalfEven(to)} ${currency}`;
}

/** Why an element does not price a dimension of a period; elements count from 1, as people do. */
export type Rejection = { readonly element: number; readonly because: RestrictionName | 'an earlier element holds' | 'charged once' };

export type TraceEntry = {
  readonly period: number;
  readonly dimension: ComponentKind;
  /** Null: free. */
  readonly element: number | null;
  readonly price: string | null;
  readonly not: readonly Rejection[];
};

/** Which element prices each dimension of each period, and why the others do not; tested again with the engine's own rules. */
export function traceOf(periods: readonly MeteredPeriod[], pricing: Pricing, zone: string): TraceEntry[] {
  let energyBefore = 0;
  let from = 0;
  return periods.flatMap((p, i) => {
    let to = from;
    while (pricing.lines[to]?.period === i) to += 1;
    const lines = pricing.lines.slice(from, to);
    from = to;
    const entries = traceOfPeriod(p, i, lines, pricing.origins, energyBefore, zone);
    energyBefore += p.energy ?? 0;
    return entries;
  });
}

function traceOfPeriod(p: MeteredPeriod, period: number, lines: readonly PricedLine[], origins: Origins, energyBefore: number, zone: string): TraceEntry[] {
  const at = sessionMoment(p, origins, energyBefore, zone);
  const entry = (kind: ComponentKind, list: readonly CompiledComponent[], moment: Moment, stated: boolean): TraceEntry[] => {
    if (!stated || (list.length === 0 && kind.endsWith('FLAT'))) return [];
    const chosen = lines.find((line) => line.component.kind === kind)?.component;
    const not = list
      .filter((c) => c !== chosen)
      .map((c): Rejection => ({ element: c.elementIndex + 1, because: failingRestriction(c.restrictions, moment) ?? (chosen === undefined ? 'charged once' : 'an earlier element holds') }));
    return [{ period, dimension: kind, element: chosen === undefined ? null : chosen.elementIndex + 1, price: chosen?.price ?? null, not }];
  };
  const session = !isReservationOnly(p);
  const { byKind }: CompiledTariff = p.tariff;
  const reserved = origins.lapsed ? p.tariff.ofLapsed : byKind;
  const reservedAt = reservationMoment(p, origins, zone);
  const hasReserved = p.reserved !== undefined && p.reserved > 0;
  return [
    ...entry('FLAT', byKind.FLAT, at, session),
    ...entry('ENERGY', byKind.ENERGY, at, session && p.energy !== undefined),
    ...entry('TIME', byKind.TIME, at, session && p.charging !== undefined),
    ...entry('PARKING_TIME', byKind.PARKING_TIME, at, session && p.parking !== undefined),
    ...entry('RESERVATION_FLAT', reserved.RESERVATION_FLAT, reservedAt, hasReserved),
    ...entry('RESERVATION_TIME', reserved.RESERVATION_TIME, reservedAt, hasReserved),
  ];
}
