import { type Issue, issue } from '../issues.ts';
import { dayNumberOfDate } from '../time.ts';
import { type Decimal, microOf, plainTextOf } from './decimal.ts';
import { decimalAt, isAbsent, type JsonObject, listAt, objectAt, refuse, shortText, textAt, wholeOf } from './reading.ts';
import type { Reservation, RestrictionValues } from './restrictions.ts';

export type OcpiVersion = '2.1.1' | '2.2.1' | '2.3.0';

type ComponentReading = {
  readonly type: 'FLAT' | 'ENERGY' | 'TIME' | 'PARKING_TIME';
  readonly price: Decimal;
  readonly priceText: string;
  readonly vat: Decimal | null;
  readonly vatText: string | null;
  readonly stepSize: number;
};

export type ElementReading = {
  readonly index: number;
  readonly components: readonly ComponentReading[];
  readonly reservation: Reservation | undefined;
  readonly restrictions: RestrictionValues | undefined;
};

export type PriceLimit = { readonly excl: Decimal | null; readonly incl: Decimal | null };

/** A tariff as read: prices in major units, as the tariff writes them. */
export type TariffReading = {
  readonly version: OcpiVersion;
  readonly id: string;
  readonly currency: string;
  /** What `price` says of tax: it is added, included, does not apply, or (2.1.1) nothing is known of it. */
  readonly tax: 'added' | 'included' | 'none' | 'unknown';
  readonly elements: readonly ElementReading[];
  readonly min: PriceLimit | undefined;
  readonly max: PriceLimit | undefined;
  readonly warnings: readonly Issue[];
};

/** 2^50 µs and µWh: a longer step has no meaning, and sums stay exact. */
const maxStepSize = 1_000_000_000;

let currencies: ReadonlySet<string> | undefined;

function isCurrency(code: string): boolean {
  currencies ??= new Set(Intl.supportedValuesOf('currency'));
  return currencies.has(code);
}

/**
 * Reads the parts of an OCPI tariff that price a session (mod_tariffs of 2.1.1, 2.2.1 and 2.3.0); numbers may come as text, null is absent.
 * Throws the refusal that `orRefusal` catches.
 */
export function readTariff(value: unknown, version: OcpiVersion, path: string): TariffReading {
  const raw = objectAt(value, path);
  const id = textAt(raw['id'], `${path}.id`);
  const currency = textAt(raw['currency'], `${path}.currency`).toUpperCase();
  if (!isCurrency(currency)) refuse('unknownCurrency', `${path}.currency`, { value: shortText(currency) });
  const list = listAt(raw['elements'], `${path}.elements`);
  if (list.length === 0) refuse('missingField', `${path}.elements`, { field: 'elements' });
  const warnings: Issue[] = [];
  const tax = taxOf(raw, version, path);
  const elements = list.map((element, index) => readElement(element, index, { version, tax, warnings }, `${path}.elements[${index}]`));
  const limits = version !== '2.1.1';
  if (!limits) warnOfLater(raw, ['min_price', 'max_price'], path, warnings);
  const min = limits ? readLimit(raw['min_price'], version, `${path}.min_price`) : undefined;
  const max = limits ? readLimit(raw['max_price'], version, `${path}.max_price`) : undefined;
  return { version, id, currency, tax, elements, min, max, warnings };
}

/** OCPI 2.3.0 mod_tariffs, tax_included; before it prices were net, and 2.1.1 knew no VAT. */
function taxOf(raw: JsonObject, version: OcpiVersion, path: string): TariffReading['tax'] {
  if (version === '2.1.1') return 'unknown';
  if (version === '2.2.1') return 'added';
  const included = textAt(raw['tax_included'], `${path}.tax_included`).toUpperCase();
  if (included === 'YES') return 'included';
  if (included === 'NO') return 'added';
  return included === 'N/A' ? 'none' : refuse('badRestriction', `${path}.tax_included`, { field: 'tax_included', value: shortText(included), expected: 'YES, NO or N/A' });
}

type Context = { readonly version: OcpiVersion; readonly tax: TariffReading['tax']; readonly warnings: Issue[] };

function readElement(value: unknown, index: number, context: Context, path: string): ElementReading {
  const raw = objectAt(value, path);
  const components: ComponentReading[] = [];
  const list = listAt(raw['price_components'], `${path}.price_components`);
  for (let i = 0; i < list.length; i += 1) {
    const component = readComponent(list[i], context, `${path}.price_components[${i}]`);
    if (component !== undefined) components.push(component);
  }
  const { restrictions, reservation } = isAbsent(raw['restrictions'])
    ? { restrictions: undefined, reservation: undefined }
    : readRestrictions(objectAt(raw['restrictions'], `${path}.restrictions`), context.version, `${path}.restrictions`, components.length > 0 ? context.warnings : []);
  return { index, components, reservation, restrictions };
}

function readComponent(value: unknown, { version, tax, warnings }: Context, path: string): ComponentReading | undefined {
  const raw = objectAt(value, path);
  const type = textAt(raw['type'], `${path}.type`).toUpperCase();
  const price = decimalAt(raw['price'], `${path}.price`);
  const step = raw['step_size'];
  const stepSize = wholeOf(step);
  if (stepSize === undefined || stepSize > maxStepSize) {
    if (isAbsent(step)) refuse('missingField', `${path}.step_size`, { field: 'step_size' });
    return refuse('badStepSize', `${path}.step_size`, { value: shortText(step) });
  }
  if (type !== 'FLAT' && type !== 'ENERGY' && type !== 'TIME' && type !== 'PARKING_TIME') {
    warnings.push(issue('unknownDimension', 'warns', `${path}.type`, { dimension: shortText(type) }));
    return undefined;
  }
  if (version === '2.1.1') warnOfLater(raw, ['vat'], path, warnings);
  const rawVat = version === '2.1.1' || tax === 'none' ? undefined : raw['vat'];
  const vat = isAbsent(rawVat) ? null : decimalAt(rawVat, `${path}.vat`);
  if (vat !== null && vat.n < 0n) refuse('badNumber', `${path}.vat`, { field: 'vat', value: shortText(rawVat) });
  return { type, price, priceText: plainTextOf(raw['price'], price), vat, vatText: vat === null ? null : plainTextOf(rawVat, vat), stepSize };
}

/** OCPI 2.2.1 types, Price, or 2.3.0 mod_tariffs, PriceLimit; a bare number is taken as the figure without tax. */
function readLimit(value: unknown, version: OcpiVersion, path: string): PriceLimit | undefined {
  if (isAbsent(value)) return undefined;
  if (typeof value === 'number' || typeof value === 'string') return { excl: decimalAt(value, path), incl: null };
  const raw = objectAt(value, path);
  const [net, gross] = version === '2.3.0' ? ['before_taxes', 'after_taxes'] : ['excl_vat', 'incl_vat'];
  return { excl: decimalAt(raw[net ?? ''], `${path}.${net}`), incl: isAbsent(raw[gross ?? '']) ? null : decimalAt(raw[gross ?? ''], `${path}.${gross}`) };
}

const weekdays = ['MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY', 'SUNDAY'];
const afterV211 = new Set(['min_current', 'max_current', 'reservation']);

function readRestrictions(raw: JsonObject, version: OcpiVersion, path: string, warnings: Issue[]): { restrictions: RestrictionValues; reservation: Reservation | undefined } {
  const values: { -readonly [K in keyof RestrictionValues]: RestrictionValues[K] } = {};
  let reservation: Reservation | undefined;
  for (const field of Object.keys(raw)) {
    const value = raw[field];
    if (isAbsent(value)) continue;
    if (version === '2.1.1' && afterV211.has(field)) {
      warnOfLater(raw, [field], path, warnings);
    } else if (field === 'reservation') {
      reservation = reservationOf(value, `${path}.reservation`);
    } else {
      const read = readers[field];
      if (read === undefined) warnings.push(issue('unknownRestriction', 'warns', path, { field: shortText(field) }));
      else read(values, value, `${path}.${field}`, field);
    }
  }
  return { restrictions: values, reservation };
}

type Reader = (into: { -readonly [K in keyof RestrictionValues]: RestrictionValues[K] }, value: unknown, path: string, field: string) => void;

/** OCPI 2.2.1 mod_tariffs, TariffRestrictions, field by field. */
const readers: { readonly [field: string]: Reader | undefined } = {
  __proto__: null as never,
  start_time: (into, ...at) => (into.startSecond = secondOf(...at)),
  end_time: (into, ...at) => (into.endSecond = secondOf(...at)),
  start_date: (into, ...at) => (into.startDay = dayOf(...at)),
  end_date: (into, ...at) => (into.endDay = dayOf(...at)),
  min_kwh: (into, ...at) => (into.minMicroWh = amountOf(1_000_000_000, ...at)),
  max_kwh: (into, ...at) => (into.maxMicroWh = amountOf(1_000_000_000, ...at)),
  min_power: (into, ...at) => (into.minPower = amountOf(1, ...at)),
  max_power: (into, ...at) => (into.maxPower = amountOf(1, ...at)),
  min_current: (into, ...at) => (into.minCurrent = amountOf(1, ...at)),
  max_current: (into, ...at) => (into.maxCurrent = amountOf(1, ...at)),
  min_duration: (into, ...at) => (into.minMs = durationOf(...at)),
  max_duration: (into, ...at) => (into.maxMs = durationOf(...at)),
  day_of_week: (into, value, path) => (into.weekdays = weekdaysOf(value, path)),
};

function secondOf(value: unknown, path: string, field: string): number {
  const match = typeof value === 'string' ? /^([01]\d|2[0-3]):([0-5]\d)$/.exec(value) : null;
  if (match === null) return refuse('badRestriction', path, { field, value: shortText(value), expected: 'a time of day such as 09:30' });
  return Number(match[1]) * 3600 + Number(match[2]) * 60;
}

function dayOf(value: unknown, path: string, field: string): number {
  return (typeof value === 'string' ? dayNumberOfDate(value) : undefined) ?? refuse('badRestriction', path, { field, value: shortText(value), expected: 'a date such as 2019-12-31' });
}

/** kWh in µWh; kW and A as they are, which are only ever compared. */
function amountOf(perUnit: number, value: unknown, path: string, field: string): number {
  const micro = microOf(value, perUnit);
  if (micro === undefined) return refuse('badNumber', path, { field, value: shortText(value) });
  return perUnit === 1 ? Number(value) : micro;
}

function durationOf(value: unknown, path: string, field: string): number {
  const seconds = wholeOf(value);
  if (seconds === undefined || seconds > maxStepSize) return refuse('badRestriction', path, { field, value: shortText(value), expected: 'a whole number of seconds' });
  return seconds * 1000;
}

function weekdaysOf(value: unknown, path: string): number[] {
  return listAt(value, path).map((day, i) => {
    const index = typeof day === 'string' ? weekdays.indexOf(day.toUpperCase()) : -1;
    return index >= 0 ? index + 1 : refuse('badRestriction', `${path}[${i}]`, { field: 'day_of_week', value: shortText(day), expected: 'a weekday such as MONDAY' });
  });
}

function reservationOf(value: unknown, path: string): Reservation {
  const text = typeof value === 'string' ? value.toUpperCase() : value;
  if (text === 'RESERVATION' || text === 'RESERVATION_EXPIRES') return text;
  return refuse('badRestriction', path, { field: 'reservation', value: shortText(value), expected: 'RESERVATION or RESERVATION_EXPIRES' });
}

function warnOfLater(raw: JsonObject, fields: readonly string[], path: string, warnings: Issue[]): void {
  for (const field of fields) if (!isAbsent(raw[field])) warnings.push(issue('fieldNotInVersion', 'warns', path, { field: shortText(field), version: '2.1.1' }));
}
