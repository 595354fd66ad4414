import { type ChargePeriod, recordKeyOf, type SourceFacts } from '../../contracts/charge-record.ts';
import { readingNames } from '../../contracts/ocpi.ts';
import { type Issue, issue } from '../../core/issues.ts';
import { add, apportion, type Exact, exactFromDecimal, exactFromInt, mul, roundToMoney } from '../../core/money.ts';
import { decimalOf, plainTextOf } from '../../core/rate/decimal.ts';
import { formatInstant, parseInstant } from '../../core/time.ts';
import { readJson } from './discreet.ts';
import { splitJsonFile } from './ndjson.ts';
import type { ParseFailure, ParseResult, SourceContext, SourceParser } from './port.ts';
import { unkeyedKey } from './unkeyed.ts';

const known: ReadonlySet<string> = new Set(['ENERGY', 'TIME', 'PARKING_TIME', 'RESERVATION_TIME', ...readingNames.keys()]);
const decimalPattern = /^-?\d+(\.\d+)?$/;
type JsonObject = { readonly [field: string]: unknown };
/** What may be absent is set afterwards: a spread for each costs more than reading the field. */
type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Reads fields one by one, much faster than a schema, and notes each that is not as it should be; what stands in its place is never used. */
class FieldReader {
  readonly problems: string[] = [];

  text(parent: JsonObject, field: string, path: string, min = 1, max = Number.POSITIVE_INFINITY): string {
    const value = parent[field];
    if (typeof value === 'string' && value.length >= min && value.length <= max) return value;
    return this.#note(`${path}${field}: must be text${max === Number.POSITIVE_INFINITY ? '' : ` of ${min === max ? '' : `${min} to `}${max} characters`}`, '');
  }

  /** ISO 3166-1 alpha-2, in either case. */
  country(parent: JsonObject, field: string): string {
    const text = this.text(parent, field, '', 2, 2);
    return text === '' || /^[A-Za-z]{2}$/.test(text) ? text : this.#note(`${field}: must be two letters`, '');
  }

  /** Of ASCII without an asterisk, which parts the key of a record: it could not be found again by that. */
  party(parent: JsonObject, field: string, max: number): string {
    const text = this.text(parent, field, '', 1, max);
    return text === '' || /^[!-)+-~]+$/.test(text) ? text : this.#note(`${field}: must be letters and digits`, '');
  }

  /** ISO 4217. */
  currency(parent: JsonObject, field: string): string {
    const text = this.text(parent, field, '', 3, 3);
    return text === '' || /^[A-Z]{3}$/.test(text) ? text : this.#note(`${field}: must be three capital letters`, '');
  }

  optionalText(parent: JsonObject, field: string, path: string): string | undefined {
    return isAbsent(parent[field]) ? undefined : this.text(parent, field, path, 0);
  }

  /** Text or number, as plain decimal text; also what adding doubles up leaves, such as 5.6e-17. */
  decimal(parent: JsonObject, field: string, path: string): string {
    const value = parent[field];
    const text = typeof value === 'number' ? String(value) : value;
    if (typeof text === 'string' && decimalPattern.test(text)) return text;
    const read = decimalOf(value);
    if (read !== undefined) return plainTextOf(value, read);
    return this.#note(`${path}${field}: must be a decimal number`, '0');
  }

  /** Epoch ms. */
  instant(parent: JsonObject, field: string, path: string): number {
    const value = parent[field];
    const ms = typeof value === 'string' ? parseInstant(value) : undefined;
    return ms ?? this.#note(`${path}${field}: must be an RFC 3339 time`, 0);
  }

  object(parent: JsonObject, field: string): JsonObject {
    const value = parent[field];
    return isObject(value) ? value : this.#note(`${field}: must be an object`, {});
  }

  /** Reads each object of a list by `each`, which is told the path of its fields. */
  objects<T>(parent: JsonObject, field: string, path: string, each: (item: JsonObject, path: string) => T): T[] {
    const value = parent[field];
    if (!Array.isArray(value)) return this.#note(`${path}${field}: must be a list`, []);
    const read: T[] = [];
    for (const [i, item] of (value as unknown[]).entries()) read.push(each(isObject(item) ? item : this.#note(`${path}${field}.${i}: must be an object`, {}), `${path}${field}.${i}.`));
    return read;
  }

  #note<T>(problem: string, instead: T): T {
    this.problems.push(problem);
    return instead;
  }
}

/** Some write null for what they leave out. */
function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Owner, place, token, end and cost as 2.1.1 mod_cdrs writes them: a CDR names no owner, so it is the connection's. */
function readIn211(cdr: JsonObject, read: FieldReader, context: SourceContext) {
  const location = read.object(cdr, 'location');
  const [evse] = Array.isArray(location['evses']) ? location['evses'].filter(isObject) : [];
  const [connector] = Array.isArray(evse?.['connectors']) ? evse['connectors'].filter(isObject) : [];
  return {
    countryCode: context.ownerCountry,
    partyId: context.ownerParty,
    endMs: read.instant(cdr, isAbsent(cdr['stop_date_time']) ? 'end_date_time' : 'stop_date_time', ''),
    tokenUid: read.text(cdr, 'auth_id', ''),
    locationId: read.text(location, 'id', 'location.'),
    evseId: evse === undefined ? undefined : read.optionalText(evse, 'evse_id', 'location.evses.0.'),
    connectorId: connector === undefined ? undefined : read.optionalText(connector, 'id', 'location.evses.0.connectors.0.'),
    totalCost: read.decimal(cdr, 'total_cost', ''),
  };
}

/** The same in 2.2.1 and 2.3.0, which differ in how they write a price. */
function readIn22(cdr: JsonObject, read: FieldReader) {
  const location = read.object(cdr, 'cdr_location');
  const cost = read.object(cdr, 'total_cost');
  return {
    countryCode: read.country(cdr, 'country_code'),
    partyId: read.party(cdr, 'party_id', 3),
    endMs: read.instant(cdr, 'end_date_time', ''),
    tokenUid: read.text(read.object(cdr, 'cdr_token'), 'uid', 'cdr_token.'),
    locationId: read.text(location, 'id', 'cdr_location.'),
    evseId: read.optionalText(location, 'evse_id', 'cdr_location.'),
    connectorId: read.optionalText(location, 'connector_id', 'cdr_location.'),
    totalCost: read.decimal(cost, isAbsent(cost['before_taxes']) ? 'excl_vat' : 'before_taxes', 'total_cost.'),
  };
}

/** A CDR of 2.1.1 is known by its shape, so that a connection that moves to another version needs no change here. */
function isOf211(cdr: JsonObject): boolean {
  return isAbsent(cdr['cdr_location']) && isAbsent(cdr['cdr_token']) && !isAbsent(cdr['location']) && !isAbsent(cdr['auth_id']);
}

/** mod_cdrs, CDR object: the fields that intake needs; the rest stays in the raw message. */
function readCdr(cdr: JsonObject, read: FieldReader, context: SourceContext) {
  const creditOf = readCredit(cdr, read);
  // Some negate every figure of a credit, where the standard negates the cost alone: it says of which session it is, and no energy was below nothing.
  const amount = (parent: JsonObject, field: string, path: string) => (creditOf === undefined ? read.decimal(parent, field, path) : read.decimal(parent, field, path).replace(/^-/, ''));
  const periods = read.objects(cdr, 'charging_periods', '', (item, path) => ({
    startMs: read.instant(item, 'start_date_time', path),
    dimensions: read.objects(item, 'dimensions', path, (d, at) => ({ type: read.text(d, 'type', at, 0).toUpperCase(), volume: amount(d, 'volume', at) })),
  }));
  if (periods.length === 0) read.problems.push('charging_periods: must hold a period');
  const byVersion = isOf211(cdr) ? readIn211(cdr, read, context) : readIn22(cdr, read);
  return {
    ...byVersion,
    id: read.text(cdr, 'id', '', 1, 39),
    startMs: read.instant(cdr, 'start_date_time', ''),
    sessionId: read.optionalText(cdr, 'session_id', ''),
    currency: read.currency(cdr, 'currency'),
    periods,
    totalEnergy: amount(cdr, 'total_energy', ''),
    updatedAt: isAbsent(cdr['last_updated']) ? undefined : read.instant(cdr, 'last_updated', ''),
    creditOf,
    authorizationId: read.optionalText(cdr, 'authorization_reference', ''),
    origin: priceOriginOf(cdr['remark']),
  };
}

/** 2.2.1 mod_cdrs, Credit CDRs: it has an id of its own and names the CDR that it takes back. */
function readCredit(cdr: JsonObject, read: FieldReader): string | undefined {
  if (cdr['credit'] !== true) return undefined;
  // Without it nobody could tell which of the two is newer.
  if (isAbsent(cdr['last_updated'])) read.problems.push('last_updated: a credit CDR must say when it was made');
  return read.text(cdr, 'credit_reference_id', '', 1, 39);
}

/** A hub that sets or only guesses the price says so in the remark, as Gireve does: `[*]` it computed it, `[?]` it is not significant. */
function priceOriginOf(remark: unknown): 'partner' | 'hub' | 'notSignificant' {
  if (typeof remark !== 'string') return 'partner';
  if (remark.includes('[?]')) return 'notSignificant';
  return remark.includes('[*]') ? 'hub' : 'partner';
}

/** A decimal times a factor of at most 3,600, rounded once to a whole number, half away from zero. */
function scaled(text: string, factor: number): number {
  // Eleven digits and a factor fit a double exactly, and so does twice their product; more take the exact way.
  if (text.length > 12) return whole(mul(exactFromDecimal(text), exactFromInt(factor)));
  const point = text.indexOf('.');
  const divisor = point < 0 ? 1 : 10 ** (text.length - point - 1);
  const product = Number(point < 0 ? text : text.slice(0, point) + text.slice(point + 1)) * factor;
  const size = Math.floor((Math.abs(product) * 2 + divisor) / (divisor * 2));
  return product < 0 ? 0 - size : size;
}

type Volumes = readonly { readonly type: string; readonly volume: string }[];

function volumesOf(dimensions: Volumes, type: string): Volumes {
  return dimensions.filter((d) => d.type === type);
}

/** Power in kW and current in A, of which the last counts (docs/INTERPRETATIONS.md, 11); undefined where none is told. */
function readingsOf(dimensions: Volumes): ChargePeriod['readings'] {
  const found: Writable<NonNullable<ChargePeriod['readings']>> = {};
  for (const { type, volume } of dimensions) {
    const name = readingNames.get(type);
    if (name !== undefined) found[name] = Number(volume);
  }
  return Object.keys(found).length === 0 ? undefined : found;
}

/** What a period holds of a dimension; one that comes twice is added up, as rating does (docs/INTERPRETATIONS.md, 11). */
function scaledSum(volumes: Volumes, factor: number): number {
  const [only] = volumes;
  if (volumes.length > 1) return whole(exactSum(volumes, factor));
  return only === undefined ? 0 : scaled(only.volume, factor);
}

function exactSum(volumes: Volumes, factor: number): Exact {
  return mul(volumes.map((v) => exactFromDecimal(v.volume)).reduce(add, exactFromInt(0)), exactFromInt(factor));
}

/** Half away from zero. */
function whole(exact: Exact): number {
  return Number(roundToMoney(exact, 'JPY', 'halfAwayFromZero'));
}

/** What cannot be read, with the energy it states all the same; a credit CDR takes energy back and adds none. */
function held(json: unknown, issues: readonly Issue[]): ParseFailure {
  if (!isObject(json) || json['credit'] === true) return { ok: false, issues };
  const read = new FieldReader();
  const statedWh = scaled(read.decimal(json, 'total_energy', ''), 1000);
  return { ok: false, issues, ...(read.problems.length > 0 ? {} : { statedWh }) };
}

/** CDRs of OCPI 2.1.1, 2.2.1 and 2.3.0: one per line (NDJSON) or message. */
const ocpi: Omit<SourceParser, 'format'> = {
  splitFile: splitJsonFile,

  keyOf(bytes, context) {
    try {
      const cdr: unknown = JSON.parse(bytes.toString('utf8'));
      const read = new FieldReader();
      if (isObject(cdr)) {
        const owner = isOf211(cdr)
          ? { ownerCountry: context.ownerCountry, ownerParty: context.ownerParty }
          : { ownerCountry: read.country(cdr, 'country_code'), ownerParty: read.party(cdr, 'party_id', Number.POSITIVE_INFINITY) };
        const key = { ...owner, cdrId: read.text(cdr, cdr['credit'] === true ? 'credit_reference_id' : 'id', '') };
        if (read.problems.length === 0) return recordKeyOf(key);
      }
    } catch {
      // Not JSON.
    }
    return unkeyedKey(bytes);
  },

  parse(bytes, context): ParseResult {
    const message = readJson(bytes);
    if (!message.ok) return message;
    const { json } = message;
    const read = new FieldReader();
    if (!isObject(json)) read.problems.push('message: must be an object');
    const cdr = readCdr(isObject(json) ? json : {}, read, context);
    if (read.problems.length > 0)
      return held(
        json,
        read.problems.map((detail): Issue => issue('badShape', 'blocks', 'message', { detail })),
      );
    const issues: Issue[] = [];
    // As rating reads them (docs/INTERPRETATIONS.md, 14): each goes on until the next begins.
    if (cdr.periods.some((p, i, list) => p.startMs < (list[i - 1]?.startMs ?? p.startMs))) {
      issues.push(issue('periodsOutOfOrder', 'warns', cdr.id));
      cdr.periods.sort((a, b) => a.startMs - b.startMs);
    }
    // Volumes are kWh and hours; Wh and seconds are exact to a thousandth, rounded once.
    const periods = cdr.periods.map(({ startMs, dimensions }) => {
      const held = (dimension: string, factor: number) => {
        const volumes = volumesOf(dimensions, dimension);
        if (volumes.length > 1) issues.push(issue('dimensionRepeated', 'warns', cdr.id, { dimension }));
        return scaledSum(volumes, factor);
      };
      for (const d of dimensions) if (!known.has(d.type)) issues.push(issue('unknownDimension', 'info', cdr.id, { dimension: d.type }));
      const period: Writable<ChargePeriod> = { startAt: formatInstant(startMs), energyWh: held('ENERGY', 1000), chargingSeconds: held('TIME', 3600), parkingSeconds: held('PARKING_TIME', 3600) };
      const reservedSeconds = held('RESERVATION_TIME', 3600);
      if (reservedSeconds !== 0) period.reservedSeconds = reservedSeconds;
      const read = readingsOf(dimensions);
      if (read !== undefined) period.readings = read;
      // No number holds it, and none is sealed.
      if (Object.values(read ?? {}).some((value) => !Number.isFinite(value))) issues.push(issue('badShape', 'blocks', cdr.id, { detail: 'a power or a current is beyond any number' }));
      return period;
    });
    const energyWh = scaled(cdr.totalEnergy, 1000);
    if (periods.reduce((sum, p) => sum + p.energyWh, 0) !== energyWh) {
      // Of volumes finer than a Wh each was rounded by itself: it is what they come to that counts, and its Wh go by largest remainder (D29).
      const exact = cdr.periods.map((p) => exactSum(volumesOf(p.dimensions, 'ENERGY'), 1000));
      const inPeriods = whole(exact.reduce(add));
      const charged = exact.flatMap((wh, i) => (wh.n === 0n ? [] : [{ wh, period: periods[i] as { energyWh: number } }]));
      // What is told in whole Wh was rounded or cut period by period, by less than a Wh each: the total counts.
      const rounded = charged.filter(({ wh }) => wh.n % wh.d === 0n).length;
      if (Math.abs(inPeriods - energyWh) < Math.max(1, rounded))
        for (const [i, own] of apportion(
          BigInt(energyWh),
          charged.map(({ wh }) => wh),
          'JPY',
        ).entries())
          (charged[i] as (typeof charged)[number]).period.energyWh = Number(own);
      else issues.push(issue('badShape', 'blocks', cdr.id, { detail: `the periods hold ${inPeriods} Wh, total_energy says ${energyWh} Wh` }));
    }
    if (issues.some((i) => i.severity === 'blocks')) return held(json, issues);
    const externalIds: { cdr: string; session?: string; authorization?: string } = { cdr: cdr.id };
    if (cdr.sessionId !== undefined) externalIds.session = cdr.sessionId;
    if (cdr.authorizationId !== undefined) externalIds.authorization = cdr.authorizationId;
    const facts: Writable<SourceFacts> = {
      sourceId: context.sourceId,
      ownerCountry: cdr.countryCode.toUpperCase(),
      ownerParty: cdr.partyId.toUpperCase(),
      cdrId: (cdr.creditOf ?? cdr.id).toLowerCase(),
      externalIds,
      siteKey: cdr.locationId,
      tokenKey: cdr.tokenUid,
      startAt: formatInstant(cdr.startMs),
      endAt: formatInstant(cdr.endMs),
      energyWh,
      periods,
      partnerPrice: { currency: cdr.currency, exclVat: cdr.totalCost, origin: cdr.origin },
    };
    if (cdr.evseId !== undefined) facts.evseId = cdr.evseId;
    if (cdr.connectorId !== undefined) facts.connectorId = cdr.connectorId;
    const result: Writable<Extract<ParseResult, { readonly ok: true }>> = { ok: true, issues, facts };
    if (cdr.updatedAt !== undefined) result.updatedAt = cdr.updatedAt;
    if (cdr.creditOf !== undefined) result.credit = true;
    return result;
  },
};

/** Each version's format; every one reads all three, told apart by their fields. */
export const ocpiFormats: readonly SourceParser[] = ['ocpi-2-1-1', 'ocpi-2-2-1', 'ocpi-2-3-0'].map((format) => ({ ...ocpi, format }));
