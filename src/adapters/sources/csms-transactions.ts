import { z } from 'zod';
import { type Issue, issue } from '../../core/issues.ts';
import { add, type Exact, exactFromDecimal, exactFromInt, mul, roundToMoney } from '../../core/money.ts';
import { formatInstant, hasOffset, localToInstant, parseInstant } from '../../core/time.ts';
import { idSchema as id, keyByField, readMessage } from './json-message.ts';
import { splitJsonFile } from './ndjson.ts';
import type { ParseResult, SourceContext, SourceParser } from './port.ts';

/** A register of up to 10^12 Wh, as JSON writes numbers or as text. */
const reading = z
  .union([z.number(), z.string()])
  .transform(String)
  .pipe(z.string().regex(/^-?\d{1,12}(\.\d{1,6})?$/, 'must be a plain decimal number'));
const local = /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?$/;
/** With an offset, or local to the source's zone. */
const moment = z.string().refine((text) => (hasOffset(text) ? parseInstant(text) !== undefined : isLocal(text)), 'must be an RFC 3339 time, or YYYY-MM-DD HH:MM:SS in the zone of the source');
const unit = z.enum(['Wh', 'kWh']);

const transactionSchema = z.object({
  id,
  siteId: id,
  evseId: z.string().min(1).max(100).nullish(),
  connectorId: id.nullish(),
  idTag: z.string().min(1).max(36),
  authorizationId: id.nullish(),
  startedOn: moment,
  stoppedOn: moment,
  stopReason: z.string().min(1).max(50).nullish(),
  totalEnergy: reading.nullish(),
  energyUnit: unit.default('Wh'),
  meterValues: z
    .array(z.object({ timestamp: moment, value: reading, unit: unit.default('Wh'), measurand: z.string().default('Energy.Active.Import.Register'), phase: z.string().nullish() }))
    .max(20_000)
    .default([]),
  lastUpdate: moment.nullish(),
});
type Transaction = z.infer<typeof transactionSchema>;
const energySchema = transactionSchema.pick({ totalEnergy: true, energyUnit: true, meterValues: true });

/** Reasons of OCPP 1.6 after which what the charger counted may not be all that was delivered. */
const doubtful = new Set(['EmergencyStop', 'HardReset', 'PowerLoss', 'Reboot', 'Other']);
const register = 'Energy.Active.Import.Register';
/** A phase of OCPP's, by itself or against neutral: of what lies between two nothing is told. */
const singlePhase = /^(L[123])(?:-N)?$/;
/** Less between two readings is the meter's own rounding. */
const idleBelowWh = 5;

/**
 * A commercial CSMS's transaction export, one JSON object per line or message: times with or without offset, readings of the register during
 * the session, OCPP stop reasons. Driivz's export is the model.
 */
export const csmsTransactions: SourceParser = {
  format: 'csms-transactions',
  splitFile: splitJsonFile,

  keyOf: (bytes, context) => keyByField('id', bytes, context),

  parse(bytes, context): ParseResult {
    const read = readMessage(
      bytes,
      transactionSchema,
      energySchema.transform((t) => energyOf(t, countedIn(readingsOf(t, context)))),
    );
    if (!read.ok) return read;
    return factsOf(read.value, context);
  },
};

function factsOf(t: Transaction, context: SourceContext): ParseResult {
  const issues: Issue[] = [];
  const startMs = instantOf(t.startedOn, 'startedOn', context, t.id, issues);
  const endMs = instantOf(t.stoppedOn, 'stoppedOn', context, t.id, issues);
  const readings = readingsOf(t, context);
  const first = readings[0];
  const last = readings.at(-1);
  const counted = countedIn(readings);
  const energyWh = energyOf(t, counted);
  if (energyWh === undefined) return { ok: false, issues: [issue('missingField', 'blocks', t.id, { field: 'totalEnergy, or two meterValues' })] };
  if (t.stopReason !== null && t.stopReason !== undefined && doubtful.has(t.stopReason)) issues.push(issue('stoppedAbruptly', 'warns', t.id, { stopReason: t.stopReason }));
  const updatedAt = t.lastUpdate === null || t.lastUpdate === undefined ? undefined : instantOf(t.lastUpdate, 'lastUpdate', context, t.id, []);
  const chargingEndMs = chargingEndOf(readings, endMs);
  return {
    ok: true,
    issues,
    ...(updatedAt === undefined ? {} : { updatedAt }),
    facts: {
      sourceId: context.sourceId,
      ownerCountry: context.ownerCountry,
      ownerParty: context.ownerParty,
      cdrId: t.id.toLowerCase(),
      externalIds: { cdr: t.id, session: t.id, ...(t.authorizationId === null || t.authorizationId === undefined ? {} : { authorization: t.authorizationId }) },
      siteKey: t.siteId,
      ...(t.evseId === null || t.evseId === undefined ? {} : { evseId: t.evseId }),
      ...(t.connectorId === null || t.connectorId === undefined ? {} : { connectorId: t.connectorId }),
      tokenKey: t.idTag,
      startAt: formatInstant(startMs),
      endAt: formatInstant(endMs),
      ...(chargingEndMs === undefined ? {} : { chargingEndAt: formatInstant(chargingEndMs) }),
      energyWh,
      ...(counted === undefined || first === undefined || last === undefined ? {} : { meterStartWh: first.wh, meterEndWh: last.wh }),
      periods: 'unsplit',
    },
  };
}

/** As the CSMS states it, else what was counted. */
function energyOf({ totalEnergy, energyUnit }: z.infer<typeof energySchema>, counted: number | undefined): number | undefined {
  return totalEnergy === null || totalEnergy === undefined ? counted : wholeWh(exactWh(totalEnergy, energyUnit));
}

function countedIn(readings: readonly Reading[]): number | undefined {
  const [first, last] = [readings[0], readings.at(-1)];
  return first === undefined || last === undefined || readings.length < 2 ? undefined : last.wh - first.wh;
}

type Reading = { readonly atMs: number; readonly wh: number };

/** The register in the order of time. A charger may tell each phase (OCPP) beside the whole or in its place: then the whole counts, or what the phases come to wherever all of them are told. */
function readingsOf({ meterValues }: Pick<Transaction, 'meterValues'>, context: SourceContext): Reading[] {
  const told = meterValues
    .filter((v) => v.measurand === register)
    .map(({ timestamp, value, unit: of, phase }) => ({ atMs: instantOf(timestamp, 'meterValues', context, '', []), exact: exactWh(value, of), phase: phase ?? undefined }))
    .sort((a, b) => a.atMs - b.atMs);
  const whole = told.filter((r) => r.phase === undefined);
  if (whole.length > 0) return whole.map(({ atMs, exact }) => ({ atMs, wh: wholeWh(exact) }));
  const at = new Map<number, Map<string, Exact>>();
  for (const { atMs, exact, phase } of told) {
    const line = singlePhase.exec(phase ?? '')?.[1];
    if (line !== undefined) at.set(atMs, (at.get(atMs) ?? new Map<string, Exact>()).set(line, exact));
  }
  const phases = Math.max(0, ...[...at.values()].map((lines) => lines.size));
  return [...at].flatMap(([atMs, lines]) => (lines.size < phases ? [] : [{ atMs, wh: wholeWh([...lines.values()].reduce(add)) }]));
}

/** When the register came to where it then stood still before the plug was pulled. One that began anew on the way stood higher before: only what comes after the last change counts. */
function chargingEndOf(readings: readonly Reading[], endMs: number): number | undefined {
  const last = readings.at(-1);
  if (last === undefined) return undefined;
  const full = readings[readings.findLastIndex((r) => Math.abs(last.wh - r.wh) >= idleBelowWh) + 1];
  return full === undefined || full === last || full.atMs >= endMs ? undefined : full.atMs;
}

function isLocal(text: string): boolean {
  const m = local.exec(text);
  if (m === null) return false;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = m.slice(1, 7).map(Number);
  const back = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  return back.getUTCMonth() === month - 1 && back.getUTCDate() === day && hour < 24 && minute < 60 && second < 60;
}

/** Epoch ms. A local time that comes twice, or not at all, is a finding and read as its first pass. */
function instantOf(text: string, field: string, context: SourceContext, subject: string, issues: Issue[]): number {
  // Not by whether it parses: RFC 3339's own form without an offset reads as UTC, as OCPI has it.
  if (hasOffset(text)) return parseInstant(text) ?? 0;
  const parts = local.exec(text) ?? [];
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(1, 7).map(Number);
  const found = localToInstant({ year, month, day, hour, minute, second }, context.timeZone);
  if (found.ambiguity !== 'none') issues.push(issue('ambiguousLocalTime', 'warns', subject, { field, value: text }));
  return found.earlier + Number((parts[7] ?? '0').padEnd(3, '0').slice(0, 3));
}

function exactWh(text: string, of: 'Wh' | 'kWh'): Exact {
  return mul(exactFromDecimal(text), exactFromInt(of === 'kWh' ? 1000 : 1));
}

/** Rounded once, half away from zero. */
function wholeWh(exact: Exact): number {
  return Number(roundToMoney(exact, 'JPY', 'halfAwayFromZero'));
}
