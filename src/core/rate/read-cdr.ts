import { type Issue, issue } from '../issues.ts';
import { formatInstant } from '../time.ts';
import { hasExcessDecimals } from './decimal.ts';
import type { OcpiVersion } from './read-tariff.ts';
import { instantAt, isAbsent, isObject, type JsonObject, listAt, microAt, objectAt, refuse, shortText } from './reading.ts';

const microPerKwh = 1_000_000_000;
const microPerHour = 3_600_000_000;

/** A charging period as read; energy in µWh, times in µs, readings in kW and A. Filled field by field, since every CDR passes here. */
export type PeriodReading = {
  startMs: number;
  endMs: number;
  energy: number | undefined;
  charging: number | undefined;
  parking: number | undefined;
  reserved: number | undefined;
  minPower: number | undefined;
  maxPower: number | undefined;
  minCurrent: number | undefined;
  maxCurrent: number | undefined;
  tariffId: string | undefined;
  path: string;
};

/** What rating reads of a CDR. Claimed totals are not here: they are for comparing, never for rating. */
export type CdrReading = {
  readonly startMs: number;
  readonly endMs: number;
  /** ISO 4217, upper case; undefined where the CDR does not say. */
  readonly currency: string | undefined;
  readonly country: string | undefined;
  readonly zone: string | undefined;
  /** In the order of their start; each ends where the next starts, the last at the CDR's end. */
  readonly periods: readonly PeriodReading[];
  readonly credit: boolean;
  readonly homeChargingCompensation: boolean;
  readonly warnings: Issue[];
};

/**
 * Reads the parts of an OCPI CDR that are rated (mod_cdrs of 2.1.1, 2.2.1 and 2.3.0); numbers may come as text, null is absent.
 * Throws the refusal that `orRefusal` catches.
 */
export function readCdr(value: unknown, version: OcpiVersion, path: string): CdrReading {
  const raw = objectAt(value, path);
  const warnings: Issue[] = [];
  const endField = version === '2.1.1' ? 'stop_date_time' : 'end_date_time';
  const startMs = instantAt(raw['start_date_time'], `${path}.start_date_time`);
  const endMs = instantAt(raw[endField], `${path}.${endField}`);
  for (const field of claimedTotals) if (isAbsent(raw[field])) refuse('missingField', `${path}.${field}`, { field });
  const location = locationOf(raw, version, path, warnings);
  if (version !== '2.1.1' && isAbsent(raw['country_code'])) warnings.push(issue('missingField', 'warns', `${path}.country_code`, { field: 'country_code' }));
  const periods = readPeriods(raw['charging_periods'], startMs, endMs, `${path}.charging_periods`, warnings);
  if (endMs < startMs) warnings.push(issue('endBeforeStart', 'warns', `${path}.${endField}`));
  return {
    startMs,
    endMs,
    currency: currencyOf(raw, path, warnings),
    ...location,
    periods,
    credit: version !== '2.1.1' && raw['credit'] === true,
    homeChargingCompensation: version !== '2.1.1' && raw['home_charging_compensation'] === true,
    warnings,
  };
}

const claimedTotals = ['total_cost', 'total_energy', 'total_time'];

function currencyOf(raw: JsonObject, path: string, warnings: Issue[]): string | undefined {
  const currency = raw['currency'];
  if (typeof currency === 'string') return currency.toUpperCase();
  if (!isAbsent(currency)) return refuse('unknownCurrency', `${path}.currency`, { value: shortText(currency) });
  warnings.push(issue('missingField', 'warns', `${path}.currency`, { field: 'currency' }));
  return undefined;
}

function locationOf(raw: JsonObject, version: OcpiVersion, path: string, warnings: Issue[]): { readonly country: string | undefined; readonly zone: string | undefined } {
  const field = version === '2.1.1' ? 'location' : 'cdr_location';
  const location = raw[field];
  if (!isObject(location)) {
    warnings.push(issue('missingField', 'warns', `${path}.${field}`, { field }));
    return { country: undefined, zone: undefined };
  }
  const [country, zone] = [location['country'], location['time_zone']];
  return { country: typeof country === 'string' ? country.toUpperCase() : undefined, zone: typeof zone === 'string' ? zone : undefined };
}

function readPeriods(value: unknown, startMs: number, endMs: number, path: string, warnings: Issue[]): PeriodReading[] {
  const list = listAt(value, path);
  if (list.length === 0) refuse('noPeriods', path);
  const periods: PeriodReading[] = [];
  let sorted = true;
  for (let i = 0; i < list.length; i += 1) {
    const period = readPeriod(list[i], path, i, warnings);
    if (i > 0 && (periods[i - 1]?.startMs ?? 0) > period.startMs) sorted = false;
    periods.push(period);
  }
  if (!sorted) {
    warnings.push(issue('periodsOutOfOrder', 'warns', path));
    periods.sort((a, b) => a.startMs - b.startMs);
  }
  let outside = false;
  for (let i = 0; i < periods.length; i += 1) {
    const period = periods[i];
    if (period === undefined) continue;
    period.endMs = periods[i + 1]?.startMs ?? endMs;
    takeOwnLength(period);
    outside ||= period.startMs < startMs || period.startMs > endMs;
  }
  if (outside) warnings.push(issue('periodOutsideSession', 'warns', path, { start: formatInstant(startMs) }));
  refuseHugeSums(periods, path);
  return periods;
}

/** Half of the last digit of hours with four decimals: 10 min come as 0.1667 h, which is 600.12 s. */
const roundedHourSlack = 180_000;

/** A time that is the period's own length but for the rounding of its hours is that length (docs/INTERPRETATIONS.md, 10). */
function takeOwnLength(p: PeriodReading): void {
  const length = (p.endMs - p.startMs) * 1000;
  if (length <= 0) return;
  const isLength = (time: number | undefined) => time !== undefined && time !== 0 && Math.abs(time - length) <= roundedHourSlack;
  if (isLength(p.charging)) p.charging = length;
  if (isLength(p.parking)) p.parking = length;
  if (isLength(p.reserved)) p.reserved = length;
}

/** Sums stay below 2^50, where integers in doubles are exact with room for one step. */
function refuseHugeSums(periods: readonly PeriodReading[], path: string): void {
  let [energy, time] = [0, 0];
  for (const p of periods) {
    energy += Math.abs(p.energy ?? 0);
    time += Math.abs(p.charging ?? 0) + Math.abs(p.parking ?? 0) + Math.abs(p.reserved ?? 0);
  }
  const limit = 2 ** 50;
  if (energy > limit || time > limit) refuse('outOfRange', path, { field: energy > limit ? 'energy' : 'time', value: String(Math.max(energy, time)) });
}

function readPeriod(value: unknown, listPath: string, index: number, warnings: Issue[]): PeriodReading {
  if (!isObject(value)) return refuse('badShape', `${listPath}[${index}]`, { detail: 'an object belongs here' });
  const start = value['start_date_time'];
  const tariffId = value['tariff_id'];
  const path = `${listPath}[${index}]`;
  const period: PeriodReading = {
    startMs: instantAt(start, `${path}.start_date_time`),
    endMs: 0,
    energy: undefined,
    charging: undefined,
    parking: undefined,
    reserved: undefined,
    minPower: undefined,
    maxPower: undefined,
    minCurrent: undefined,
    maxCurrent: undefined,
    tariffId: typeof tariffId === 'string' && tariffId !== '' ? tariffId : undefined,
    path,
  };
  const dimensions = listAt(value['dimensions'], `${path}.dimensions`);
  for (let i = 0; i < dimensions.length; i += 1) readDimension(period, dimensions[i], i, warnings);
  return period;
}

/** OCPI 2.2.1 mod_cdrs, CdrDimensionType. Those that only a Session or a person reads are left out silently, unknown ones with a word. */
function readDimension(period: PeriodReading, value: unknown, index: number, warnings: Issue[]): void {
  if (!isObject(value)) refuse('badShape', `${period.path}.dimensions[${index}]`, { detail: 'an object belongs here' });
  const type = value['type'];
  const volume = value['volume'];
  switch (type) {
    case 'ENERGY':
      period.energy = sumOf(period, period.energy, type, volume, microPerKwh, index, warnings);
      return;
    case 'TIME':
      period.charging = sumOf(period, period.charging, type, volume, microPerHour, index, warnings);
      return;
    case 'PARKING_TIME':
      period.parking = sumOf(period, period.parking, type, volume, microPerHour, index, warnings);
      return;
    case 'RESERVATION_TIME':
      period.reserved = sumOf(period, period.reserved, type, volume, microPerHour, index, warnings);
      return;
    case 'MIN_POWER':
      period.minPower = readingOf(period, volume, index);
      return;
    case 'MAX_POWER':
      period.maxPower = readingOf(period, volume, index);
      return;
    case 'MIN_CURRENT':
      period.minCurrent = readingOf(period, volume, index);
      return;
    case 'MAX_CURRENT':
      period.maxCurrent = readingOf(period, volume, index);
      return;
    default:
      readOtherDimension(period, value, index, warnings);
  }
}

const notRated = new Set(['CURRENT', 'ENERGY_EXPORT', 'ENERGY_IMPORT', 'POWER', 'STATE_OF_CHARGE', 'FLAT']);

function readOtherDimension(period: PeriodReading, raw: JsonObject, index: number, warnings: Issue[]): void {
  const { type } = raw;
  const path = `${period.path}.dimensions[${index}].type`;
  if (typeof type !== 'string') refuse(isAbsent(type) ? 'missingField' : 'badShape', path, { field: 'type', detail: 'text belongs here' });
  const upper = type.toUpperCase();
  // Real 2.1.1 data writes them in lower case.
  if (upper !== type) readDimension(period, { type: upper, volume: raw['volume'] }, index, warnings);
  else if (!notRated.has(type)) warnings.push(issue('unknownDimension', 'warns', path, { dimension: shortText(type) }));
}

function sumOf(period: PeriodReading, before: number | undefined, type: string, volume: unknown, perUnit: number, index: number, warnings: Issue[]): number {
  const micro = microAt(volume, perUnit, period.path, index);
  if (hasExcessDecimals(volume)) warnings.push(issue('tooManyDecimals', 'warns', `${period.path}.dimensions[${index}].volume`, { field: type, value: shortText(volume), limit: 4 }));
  if (before === undefined) return micro;
  warnings.push(issue('dimensionRepeated', 'warns', `${period.path}.dimensions[${index}]`, { dimension: type }));
  return before + micro;
}

/** kW or A, only ever compared with the bounds of a restriction. */
function readingOf(period: PeriodReading, volume: unknown, index: number): number {
  return microAt(volume, 1_000_000, period.path, index) / 1_000_000;
}
