import type { Tariff } from '../../contracts/tariff.ts';
import { invariant } from '../invariant.ts';
import type { Issue } from '../issues.ts';
import type { Exact } from '../money.ts';
import type { Decimal } from './decimal.ts';
import { type OcpiVersion, type PriceLimit, readTariff, type TariffReading } from './read-tariff.ts';
import { orRefusal } from './reading.ts';
import { type CompiledRestrictions, compileRestrictions, failingRestriction, type Moment, type Reservation } from './restrictions.ts';

/** What a component prices; of reserved time its own price and its own fee (OCPI 2.2.1 mod_tariffs, ReservationRestrictionType). */
export type ComponentKind = 'FLAT' | 'ENERGY' | 'TIME' | 'PARKING_TIME' | 'RESERVATION_FLAT' | 'RESERVATION_TIME';

/** The order in which a period's dimensions are priced and listed. */
const componentKinds = ['FLAT', 'ENERGY', 'TIME', 'PARKING_TIME'] as const satisfies readonly ComponentKind[];

/** An exact price of one millionth: of a Wh, of a second, or of one fee. */
export type UnitPrice = Exact;

export type CompiledComponent = {
  readonly kind: ComponentKind;
  readonly elementIndex: number;
  /** As the tariff writes it, a plain decimal. */
  readonly price: string;
  /** Null: no VAT applicable, which is not the same as 0 %. */
  readonly vatPercent: string | null;
  /** In µWh or µs; 0 rounds nothing. */
  readonly step: number;
  readonly restrictions: CompiledRestrictions | undefined;
  /** Null: cannot be known from the tariff. */
  readonly excl: UnitPrice | null;
  readonly incl: UnitPrice | null;
};

/** A limit of the session's total; null where the tariff gives none. */
export type CompiledLimit = { readonly excl: Exact | null; readonly incl: Exact | null };

/** A tariff ready to price many sessions: per dimension its components in the order of their elements. */
export type CompiledTariff = {
  readonly id: string;
  readonly currency: string;
  readonly version: OcpiVersion;
  readonly byKind: Readonly<Record<ComponentKind, readonly CompiledComponent[]>>;
  /** For a reservation that lapsed: its own components first, then those of a used one that it lacks. */
  readonly ofLapsed: { readonly RESERVATION_FLAT: readonly CompiledComponent[]; readonly RESERVATION_TIME: readonly CompiledComponent[] };
  readonly restricted: readonly CompiledRestrictions[];
  /** Dimensions whose price may change while a period runs. */
  readonly moving: Readonly<Record<ComponentKind, boolean>>;
  readonly min: CompiledLimit | undefined;
  readonly max: CompiledLimit | undefined;
  readonly warnings: readonly Issue[];
};

const compiledTariffs = new WeakMap<Tariff, CompiledTariff>();

/** Compiles a tariff once per object. Takes one that passed `tariffSchema`; one that did not is a defect and throws. */
export function compileTariff(tariff: Tariff): CompiledTariff {
  const known = compiledTariffs.get(tariff);
  if (known !== undefined) return known;
  const read = orRefusal(() => readTariff(tariff, '2.2.1', '$.tariff'));
  invariant(read.ok, 'a tariff was validated at entry');
  const compiled = compileReading(read.value);
  compiledTariffs.set(tariff, compiled);
  return compiled;
}

// The least common multiple of the µWh of a kWh and the µs of an hour: over it, all prices of a tariff have one denominator.
const microPerUnit = 18_000_000_000n;
const weightOf: Record<ComponentKind, bigint> = { ENERGY: 18n, TIME: 5n, PARKING_TIME: 5n, RESERVATION_TIME: 5n, FLAT: microPerUnit, RESERVATION_FLAT: microPerUnit };

export function compileReading(reading: TariffReading): CompiledTariff {
  const byKind: Record<ComponentKind, CompiledComponent[]> = { FLAT: [], ENERGY: [], TIME: [], PARKING_TIME: [], RESERVATION_FLAT: [], RESERVATION_TIME: [] };
  const lapsed: Record<'RESERVATION_FLAT' | 'RESERVATION_TIME', CompiledComponent[]> = { RESERVATION_FLAT: [], RESERVATION_TIME: [] };
  const restricted: CompiledRestrictions[] = [];
  const priceOf = unitPrices(reading);
  for (const element of reading.elements) {
    const restrictions = element.restrictions === undefined ? undefined : compileRestrictions(element.restrictions);
    if (restrictions !== undefined) restricted.push(restrictions);
    for (const c of element.components) {
      const kind = kindFor(c.type, element.reservation);
      if (kind === undefined) continue;
      const list = element.reservation === 'RESERVATION_EXPIRES' && (kind === 'RESERVATION_FLAT' || kind === 'RESERVATION_TIME') ? lapsed[kind] : byKind[kind];
      // Two components of one dimension in one element: the first counts (docs/INTERPRETATIONS.md, 2).
      if (list.at(-1)?.elementIndex === element.index) continue;
      const { excl, incl } = priceOf(c.price, c.vat, weightOf[kind]);
      list.push({ kind, elementIndex: element.index, price: c.priceText, vatPercent: c.vatText, step: c.stepSize * 1_000_000, restrictions, excl, incl });
    }
  }
  return {
    id: reading.id,
    currency: reading.currency,
    version: reading.version,
    byKind,
    ofLapsed: { RESERVATION_FLAT: [...lapsed.RESERVATION_FLAT, ...byKind.RESERVATION_FLAT], RESERVATION_TIME: [...lapsed.RESERVATION_TIME, ...byKind.RESERVATION_TIME] },
    restricted,
    moving: movingKinds(byKind),
    min: compileLimit(reading.min),
    max: compileLimit(reading.max),
    warnings: reading.warnings,
  };
}

/** A reservation element prices reserved time and a fee, nothing else (OCPI 2.2.1 mod_tariffs, ReservationRestrictionType). */
function kindFor(type: 'FLAT' | 'ENERGY' | 'TIME' | 'PARKING_TIME', reservation: Reservation | undefined): ComponentKind | undefined {
  if (reservation === undefined) return type;
  return type === 'FLAT' ? 'RESERVATION_FLAT' : type === 'TIME' ? 'RESERVATION_TIME' : undefined;
}

function movingKinds(byKind: Readonly<Record<ComponentKind, readonly CompiledComponent[]>>): Record<ComponentKind, boolean> {
  const moves = (kind: ComponentKind) => byKind[kind].some((c) => c.restrictions?.moves === true);
  return {
    FLAT: moves('FLAT'),
    ENERGY: moves('ENERGY'),
    TIME: moves('TIME'),
    PARKING_TIME: moves('PARKING_TIME'),
    RESERVATION_FLAT: moves('RESERVATION_FLAT'),
    RESERVATION_TIME: moves('RESERVATION_TIME'),
  };
}

/** Prices per millionth without and with tax, over as few denominators as possible, so that sums stay cheap. Where no VAT applies both are one object. */
function unitPrices(reading: TariffReading): (price: Decimal, vat: Decimal | null, weight: bigint) => { readonly excl: UnitPrice | null; readonly incl: UnitPrice | null } {
  let [priceDecimals, vatDecimals] = [0, 0];
  for (const { components } of reading.elements) {
    for (const c of components) {
      priceDecimals = Math.max(priceDecimals, c.price.decimals);
      vatDecimals = Math.max(vatDecimals, c.vat?.decimals ?? 0);
    }
  }
  const denominator = tenTo(priceDecimals) * microPerUnit;
  const whole = tenTo(vatDecimals + 2);
  const grossDenominator = denominator * whole;
  const { tax } = reading;
  return (price, vat, weight) => {
    const n = price.n * tenTo(priceDecimals - price.decimals) * weight;
    const stated = { n, d: denominator };
    if (tax === 'unknown') return { excl: stated, incl: null };
    if (vat === null) return { excl: tax === 'included' ? null : stated, incl: stated };
    const factor = whole + vat.n * tenTo(vatDecimals - vat.decimals);
    return tax === 'added' ? { excl: stated, incl: { n: n * factor, d: grossDenominator } } : { excl: { n: n * whole, d: denominator * factor }, incl: stated };
  };
}

function compileLimit(limit: PriceLimit | undefined): CompiledLimit | undefined {
  if (limit === undefined) return undefined;
  const exact = (d: Decimal | null) => (d === null ? null : { n: d.n, d: tenTo(d.decimals) });
  return { excl: exact(limit.excl), incl: exact(limit.incl) };
}

const powers = Array.from({ length: 64 }, (_, i) => 10n ** BigInt(i));

function tenTo(exponent: number): bigint {
  return powers[exponent] ?? 10n ** BigInt(exponent);
}

/** The component that prices a dimension at a moment: the first in element order whose restrictions hold; none means free. */
export function activeComponent(list: readonly CompiledComponent[], at: Moment): CompiledComponent | undefined {
  for (const c of list) if (failingRestriction(c.restrictions, at) === undefined) return c;
  return undefined;
}

/** Whether the same components price all dimensions at two moments. */
export function samePrices(tariff: CompiledTariff, a: Moment, b: Moment): boolean {
  return tariff.restricted.length === 0 || componentKinds.every((kind) => activeComponent(tariff.byKind[kind], a) === activeComponent(tariff.byKind[kind], b));
}
