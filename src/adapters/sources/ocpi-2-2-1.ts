import { z } from 'zod';
import { recordKeyOf } from '../../contracts/charge-record.ts';
import { type Issue, issue } from '../../core/issues.ts';
import { exactFromDecimal, exactFromInt, mul, roundToMoney } from '../../core/money.ts';
import { formatInstant, parseInstant } from '../../core/time.ts';
import { notJson } from './discreet.ts';
import { splitNdjson } from './ndjson.ts';
import type { ParseResult, SourceParser } from './port.ts';
import { unkeyedKey } from './unkeyed.ts';

const decimal = z
  .union([z.string(), z.number()])
  .transform(String)
  .pipe(z.string().regex(/^-?\d+(\.\d+)?$/, 'must be a decimal number'));
const instant = z.string().refine((text) => parseInstant(text) !== undefined, 'must be an RFC 3339 time');
const known = new Set(['ENERGY', 'TIME', 'PARKING_TIME']);

/** OCPI 2.2.1 mod_cdrs, CDR object: the fields that intake needs; the rest stays in the raw message. */
const cdrSchema = z.object({
  country_code: z.string().length(2),
  party_id: z.string().min(1).max(3),
  id: z.string().min(1).max(39),
  start_date_time: instant,
  end_date_time: instant,
  session_id: z.string().optional(),
  cdr_token: z.object({ uid: z.string().min(1) }),
  cdr_location: z.object({ id: z.string().min(1), evse_id: z.string().optional(), connector_id: z.string().optional() }),
  currency: z.string().length(3),
  charging_periods: z.array(z.object({ start_date_time: instant, dimensions: z.array(z.object({ type: z.string(), volume: decimal })) })).min(1),
  total_cost: z.object({ excl_vat: decimal }),
  total_energy: decimal,
  last_updated: instant.optional(),
});

/** One CDR per line (NDJSON) or message. */
export const ocpi221: SourceParser = {
  format: 'ocpi-2-2-1',

  splitFile: (bytes) => ({ ok: true, lines: splitNdjson(bytes) }),

  keyOf(bytes) {
    try {
      const cdr = z.object({ country_code: z.string().length(2), party_id: z.string().min(1), id: z.string().min(1) }).parse(JSON.parse(bytes.toString('utf8')));
      return recordKeyOf({ ownerCountry: cdr.country_code, ownerParty: cdr.party_id, cdrId: cdr.id });
    } catch {
      return unkeyedKey(bytes);
    }
  },

  parse(bytes, context): ParseResult {
    let json: unknown;
    try {
      json = JSON.parse(bytes.toString('utf8'));
    } catch (error) {
      return { ok: false, issues: [notJson(error)] };
    }
    const parsed = cdrSchema.safeParse(json);
    if (!parsed.success) {
      return { ok: false, issues: parsed.error.issues.map((i): Issue => issue('badShape', 'blocks', 'message', { detail: `${i.path.join('.') || 'message'}: ${i.message}` })) };
    }
    const cdr = parsed.data;
    const issues: Issue[] = [];
    // Volumes are kWh and hours; Wh and seconds are exact to a thousandth, rounded once.
    const scaled = (text: string, factor: number) => Number(roundToMoney(mul(exactFromDecimal(text), exactFromInt(factor)), 'JPY', 'halfAwayFromZero'));
    const at = (text: string) => formatInstant(parseInstant(text) ?? 0);
    const periods = cdr.charging_periods.map((p) => {
      const volume = (type: string) => p.dimensions.find((d) => d.type === type)?.volume ?? '0';
      for (const d of p.dimensions) if (!known.has(d.type)) issues.push(issue('unknownDimension', 'info', cdr.id, { dimension: d.type }));
      return { startAt: at(p.start_date_time), energyWh: scaled(volume('ENERGY'), 1000), chargingSeconds: scaled(volume('TIME'), 3600), parkingSeconds: scaled(volume('PARKING_TIME'), 3600) };
    });
    const energyWh = scaled(cdr.total_energy, 1000);
    const inPeriods = periods.reduce((sum, p) => sum + p.energyWh, 0);
    if (inPeriods !== energyWh) issues.push(issue('badShape', 'blocks', cdr.id, { detail: `the periods hold ${inPeriods} Wh, total_energy says ${energyWh} Wh` }));
    if (issues.some((i) => i.severity === 'blocks')) return { ok: false, issues };
    const updatedAt = cdr.last_updated === undefined ? undefined : parseInstant(cdr.last_updated);
    return {
      ok: true,
      issues,
      ...(updatedAt === undefined ? {} : { updatedAt }),
      facts: {
        sourceId: context.sourceId,
        ownerCountry: cdr.country_code.toUpperCase(),
        ownerParty: cdr.party_id.toUpperCase(),
        cdrId: cdr.id.toLowerCase(),
        externalIds: { cdr: cdr.id, ...(cdr.session_id === undefined ? {} : { session: cdr.session_id }) },
        siteKey: cdr.cdr_location.id,
        ...(cdr.cdr_location.evse_id === undefined ? {} : { evseId: cdr.cdr_location.evse_id }),
        ...(cdr.cdr_location.connector_id === undefined ? {} : { connectorId: cdr.cdr_location.connector_id }),
        tokenKey: cdr.cdr_token.uid,
        startAt: at(cdr.start_date_time),
        endAt: at(cdr.end_date_time),
        energyWh,
        periods,
        partnerPrice: { currency: cdr.currency, exclVat: cdr.total_cost.excl_vat, origin: 'partner' },
      },
    };
  },
};
