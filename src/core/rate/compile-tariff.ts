import type { PriceComponent, Tariff } from '../../contracts/tariff.ts';
import { type Exact, exactFromDecimal } from '../money.ts';
import { type CompiledRestrictions, compileRestrictions, type Moment, restrictionsHold } from './restrictions.ts';

export type ComponentKind = PriceComponent['type'];

/** The order in which a period's dimensions are priced and listed. */
export const componentKinds = ['FLAT', 'ENERGY', 'TIME', 'PARKING_TIME'] as const satisfies readonly ComponentKind[];

export type CompiledComponent = {
  readonly kind: ComponentKind;
  readonly elementIndex: number;
  readonly price: string;
  readonly priceExact: Exact;
  readonly vatPercent: string | null;
  readonly stepSize: number;
  readonly restrictions: CompiledRestrictions | undefined;
};

/** A tariff ready to price many sessions: per dimension its components in the order of their elements. Prices excl. VAT, major units. */
export type CompiledTariff = {
  readonly id: string;
  readonly currency: string;
  readonly byKind: Readonly<Record<ComponentKind, readonly CompiledComponent[]>>;
  readonly restricted: readonly CompiledRestrictions[];
  readonly minExcl: Exact | undefined;
  readonly maxExcl: Exact | undefined;
};

const compiledTariffs = new WeakMap<Tariff, CompiledTariff>();

/** Compiles a tariff once per object. Takes one that passed `tariffSchema`; a malformed price is a defect and throws RangeError. */
export function compileTariff(tariff: Tariff): CompiledTariff {
  const known = compiledTariffs.get(tariff);
  if (known !== undefined) return known;
  const byKind: Record<ComponentKind, CompiledComponent[]> = { FLAT: [], ENERGY: [], TIME: [], PARKING_TIME: [] };
  const restricted: CompiledRestrictions[] = [];
  tariff.elements.forEach((element, elementIndex) => {
    const restrictions = compileRestrictions(element.restrictions);
    if (restrictions !== undefined) restricted.push(restrictions);
    for (const c of element.price_components) {
      // Two components of one dimension in one element: the first counts (rating.md, 2).
      if (byKind[c.type].at(-1)?.elementIndex === elementIndex) continue;
      byKind[c.type].push({ kind: c.type, elementIndex, price: c.price, priceExact: exactFromDecimal(c.price), vatPercent: c.vat ?? null, stepSize: c.step_size, restrictions });
    }
  });
  const limit = (price: Tariff['min_price']) => (price === undefined ? undefined : exactFromDecimal(price.excl_vat));
  const compiled: CompiledTariff = { id: tariff.id, currency: tariff.currency, byKind, restricted, minExcl: limit(tariff.min_price), maxExcl: limit(tariff.max_price) };
  compiledTariffs.set(tariff, compiled);
  return compiled;
}

/** The component that prices a dimension at a moment: the first in element order whose restrictions hold; none means free. */
export function activeComponent(tariff: CompiledTariff, kind: ComponentKind, at: Moment, zone: string): CompiledComponent | undefined {
  return tariff.byKind[kind].find((c) => restrictionsHold(c.restrictions, at, zone));
}

/** Whether the same components price all dimensions at two moments. */
export function samePrices(tariff: CompiledTariff, a: Moment, b: Moment, zone: string): boolean {
  return tariff.restricted.length === 0 || componentKinds.every((kind) => activeComponent(tariff, kind, a, zone) === activeComponent(tariff, kind, b, zone));
}
