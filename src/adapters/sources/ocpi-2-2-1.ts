import { recordKeyOf } from '../../contracts/charge-record.ts';
import { type Issue, issue } from '../../core/issues.ts';
import { exactFromDecimal, exactFromInt, mul, roundToMoney } from '../../core/money.ts';
import { formatInstant, parseInstant } from '../../core/time.ts';
import { readJson } from './discreet.ts';
import { splitNdjson } from './ndjson.ts';
import type { ParseResult, SourceParser } from './port.ts';
import { unkeyedKey } from './unkeyed.ts';

const known = new Set(['ENERGY', 'TIME', 'PARKING_TIME']);
const decimalPattern = /^-?\d+(\.\d+)?$/;
type JsonObject = { readonly [field: string]: unknown };

/** Reads fields one by one, much faster than a schema, and notes each that is not as it should be; what stands in its place is never used. */
class FieldReader {
  readonly problems: string[] = [];

  text(parent: JsonObject, field: string, path: string, { min = 1, max = Number.POSITIVE_INFINITY } = {}): string {
    const value = parent[field];
    if (typeof value === 'string' && value.length >= min && value.length <= max) return value;
    return this.#note(`${path}${field}: must be text${max === Number.POSITIVE_INFINITY ? '' : ` of ${min === max ? '' : `${min} to `}${max} characters`}`, '');
  }

  optionalText(parent: JsonObject, field: string, path: string): string | undefined {
    return parent[field] === undefined ? undefined : this.text(parent, field, path, { min: 0 });
  }

  /** Text or number, as plain decimal text. */
  decimal(parent: JsonObject, field: string, path: string): string {
    const value = parent[field];
    const text = typeof value === 'number' ? String(value) : value;
    if (typeof text === 'string' && decimalPattern.test(text)) return text;
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

  /** The objects of a list, each with the path of its fields. */
  objects(parent: JsonObject, field: string, path: string): { readonly item: JsonObject; readonly path: string }[] {
    const value = parent[field];
    if (!Array.isArray(value)) return this.#note(`${path}${field}: must be a list`, []);
    return value.map((item: unknown, i) => ({ item: isObject(item) ? item : this.#note(`${path}${field}.${i}: must be an object`, {}), path: `${path}${field}.${i}.` }));
  }

  #note<T>(problem: string, instead: T): T {
    this.problems.push(problem);
    return instead;
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** OCPI 2.2.1 mod_cdrs, CDR object: the fields that intake needs; the rest stays in the raw message. */
function readCdr(cdr: JsonObject, read: FieldReader) {
  const location = read.object(cdr, 'cdr_location');
  const periods = read.objects(cdr, 'charging_periods', '').map(({ item, path }) => ({
    startMs: read.instant(item, 'start_date_time', path),
    dimensions: read.objects(item, 'dimensions', path).map((d) => ({ type: read.text(d.item, 'type', d.path, { min: 0 }), volume: read.decimal(d.item, 'volume', d.path) })),
  }));
  if (periods.length === 0) read.problems.push('charging_periods: must hold a period');
  return {
    countryCode: read.text(cdr, 'country_code', '', { min: 2, max: 2 }),
    partyId: read.text(cdr, 'party_id', '', { max: 3 }),
    id: read.text(cdr, 'id', '', { max: 39 }),
    startMs: read.instant(cdr, 'start_date_time', ''),
    endMs: read.instant(cdr, 'end_date_time', ''),
    sessionId: read.optionalText(cdr, 'session_id', ''),
    tokenUid: read.text(read.object(cdr, 'cdr_token'), 'uid', 'cdr_token.'),
    locationId: read.text(location, 'id', 'cdr_location.'),
    evseId: read.optionalText(location, 'evse_id', 'cdr_location.'),
    connectorId: read.optionalText(location, 'connector_id', 'cdr_location.'),
    currency: read.text(cdr, 'currency', '', { min: 3, max: 3 }),
    periods,
    totalCost: read.decimal(read.object(cdr, 'total_cost'), 'excl_vat', 'total_cost.'),
    totalEnergy: read.decimal(cdr, 'total_energy', ''),
    updatedAt: cdr['last_updated'] === undefined ? undefined : read.instant(cdr, 'last_updated', ''),
    ...readCredit(cdr, read),
    authorizationId: cdr['authorization_reference'] === null ? undefined : read.optionalText(cdr, 'authorization_reference', ''),
    origin: priceOriginOf(cdr['remark']),
  };
}

/** 2.2.1 mod_cdrs, Credit CDRs: it has an id of its own and names the CDR that it takes back. */
function readCredit(cdr: JsonObject, read: FieldReader): { readonly creditOf: string | undefined } {
  if (cdr['credit'] !== true) return { creditOf: undefined };
  // Without it nobody could tell which of the two is newer.
  if (cdr['last_updated'] === undefined) read.problems.push('last_updated: a credit CDR must say when it was made');
  return { creditOf: read.text(cdr, 'credit_reference_id', '', { max: 39 }) };
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
  if (text.length > 12) return Number(roundToMoney(mul(exactFromDecimal(text), exactFromInt(factor)), 'JPY', 'halfAwayFromZero'));
  const point = text.indexOf('.');
  const divisor = point < 0 ? 1 : 10 ** (text.length - point - 1);
  const product = Number(point < 0 ? text : text.slice(0, point) + text.slice(point + 1)) * factor;
  const size = Math.floor((Math.abs(product) * 2 + divisor) / (divisor * 2));
  return product < 0 ? 0 - size : size;
}

/** One CDR per line (NDJSON) or message. */
export const ocpi221: SourceParser = {
  format: 'ocpi-2-2-1',

  splitFile: (bytes) => ({ ok: true, lines: splitNdjson(bytes) }),

  keyOf(bytes) {
    try {
      const cdr: unknown = JSON.parse(bytes.toString('utf8'));
      const read = new FieldReader();
      if (isObject(cdr)) {
        const key = {
          ownerCountry: read.text(cdr, 'country_code', '', { min: 2, max: 2 }),
          ownerParty: read.text(cdr, 'party_id', ''),
          cdrId: read.text(cdr, cdr['credit'] === true ? 'credit_reference_id' : 'id', ''),
        };
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
    const cdr = readCdr(isObject(json) ? json : {}, read);
    if (read.problems.length > 0) return { ok: false, issues: read.problems.map((detail): Issue => issue('badShape', 'blocks', 'message', { detail })) };
    const issues: Issue[] = [];
    // Volumes are kWh and hours; Wh and seconds are exact to a thousandth, rounded once.
    const periods = cdr.periods.map(({ startMs, dimensions }) => {
      const volume = (type: string) => dimensions.find((d) => d.type === type)?.volume ?? '0';
      for (const d of dimensions) if (!known.has(d.type)) issues.push(issue('unknownDimension', 'info', cdr.id, { dimension: d.type }));
      return { startAt: formatInstant(startMs), energyWh: scaled(volume('ENERGY'), 1000), chargingSeconds: scaled(volume('TIME'), 3600), parkingSeconds: scaled(volume('PARKING_TIME'), 3600) };
    });
    const energyWh = scaled(cdr.totalEnergy, 1000);
    const inPeriods = periods.reduce((sum, p) => sum + p.energyWh, 0);
    if (inPeriods !== energyWh) issues.push(issue('badShape', 'blocks', cdr.id, { detail: `the periods hold ${inPeriods} Wh, total_energy says ${energyWh} Wh` }));
    if (issues.some((i) => i.severity === 'blocks')) return { ok: false, issues };
    return {
      ok: true,
      issues,
      ...(cdr.updatedAt === undefined ? {} : { updatedAt: cdr.updatedAt }),
      ...(cdr.creditOf === undefined ? {} : { credit: true as const }),
      facts: {
        sourceId: context.sourceId,
        ownerCountry: cdr.countryCode.toUpperCase(),
        ownerParty: cdr.partyId.toUpperCase(),
        cdrId: (cdr.creditOf ?? cdr.id).toLowerCase(),
        externalIds: {
          cdr: cdr.id,
          ...(cdr.sessionId === undefined ? {} : { session: cdr.sessionId }),
          ...(cdr.authorizationId === undefined ? {} : { authorization: cdr.authorizationId }),
        },
        siteKey: cdr.locationId,
        ...(cdr.evseId === undefined ? {} : { evseId: cdr.evseId }),
        ...(cdr.connectorId === undefined ? {} : { connectorId: cdr.connectorId }),
        tokenKey: cdr.tokenUid,
        startAt: formatInstant(cdr.startMs),
        endAt: formatInstant(cdr.endMs),
        energyWh,
        periods,
        partnerPrice: { currency: cdr.currency, exclVat: cdr.totalCost, origin: cdr.origin },
      },
    };
  },
};
