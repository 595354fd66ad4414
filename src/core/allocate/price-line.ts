import type { SessionRole } from '../../contracts/charge-record.ts';
import { type Exact, exactFromInt, toDecimal4HalfEven } from '../money.ts';
import type { PriceLimit, RatedComponent, RatingResult } from '../rate/rate-session.ts';

/** One part of what a session costs, before rounding: net in major units, exact. */
export type PriceLine = {
  readonly role: SessionRole;
  readonly component: string;
  /** The clause of the contract that makes it. */
  readonly clause: string;
  readonly exact: Exact;
  readonly unitPrice: string;
  readonly quantity: bigint;
  readonly unit: string;
  readonly energyWh: bigint;
};

/** What a session is sold for: the lines of its tariff with the limit that bites, and what clauses add or take away. */
export type SalePrice = {
  readonly role: SessionRole;
  readonly currency: string;
  readonly tariffVersionId: string | null;
  readonly lines: readonly PriceLine[];
  readonly limited: PriceLimit | null;
  readonly extras: readonly PriceLine[];
  /** What the tariff states: of several none can be chosen, and where none is stated the charger’s country has to have just one. */
  readonly vatPercents: readonly (string | null)[];
  readonly explanation: readonly string[];
};

/** Rated components plus, where some energy was not priced, a zero line that carries its Wh: every kWh has a bearer. */
export function linesOfRating(rating: RatingResult, energyWh: bigint, role: SessionRole, clause: string): PriceLine[] {
  const lines = rating.components.map((c): PriceLine => ({ role, component: `${c.kind}/${c.elementIndex}`, clause, exact: c.exact, unitPrice: c.price, ...quantityOf(c) }));
  const unpriced = energyWh - lines.reduce((sum, line) => sum + line.energyWh, 0n);
  if (unpriced === 0n && lines.length > 0) return lines;
  return [...lines, { role, component: 'ENERGY/free', clause, exact: exactFromInt(0), unitPrice: '0', quantity: unpriced, unit: 'Wh', energyWh: unpriced }];
}

function quantityOf({ kind, quantity }: RatedComponent): Pick<PriceLine, 'quantity' | 'unit' | 'energyWh'> {
  return { quantity: BigInt(quantity.billed), unit: quantity.unit, energyWh: kind === 'ENERGY' ? BigInt(quantity.stated) : 0n };
}

/** One sentence on a line that a clause made. */
export function describeLine({ clause, component, quantity, unit, unitPrice, exact }: PriceLine, currency: string): string {
  const price =
    unit === '%'
      ? `${unitPrice} % of the energy’s price`
      : `${unitPrice} ${currency} for ${unit === 'Wh' ? `each of ${wholeKwh(quantity)} kWh` : unit === 'session' ? 'the session' : `each of ${quantity} ${unit}`}`;
  return `${component} by clause ${clause}: ${price}, ${toDecimal4HalfEven(exact)} ${currency}`;
}

/** kWh of whole Wh, without trailing zeros. */
export function wholeKwh(wh: bigint): string {
  const sign = wh < 0n ? '-' : '';
  const digits = (wh < 0n ? -wh : wh).toString().padStart(4, '0');
  return `${sign}${digits.slice(0, -3)}.${digits.slice(-3)}`.replace(/\.?0+$/, '');
}
