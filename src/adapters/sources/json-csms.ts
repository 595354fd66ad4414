import { z } from 'zod';
import { issue } from '../../core/issues.ts';
import { formatInstant, parseInstant } from '../../core/time.ts';
import { idSchema as id, instantSchema as instant, keyByField, readMessage } from './json-message.ts';
import { splitJsonFile } from './ndjson.ts';
import type { ParseResult, SourceParser } from './port.ts';

/** A CSMS's closed transaction in the terms of OCPP 1.6 (StartTransaction.req and StopTransaction.req): meter readings in Wh. */
const transactionSchema = z.object({
  transactionId: id,
  siteId: z.string().min(1),
  evseId: z.string().min(1).optional(),
  connectorId: id.optional(),
  idTag: z.string().min(1).max(36),
  startTime: instant,
  stopTime: instant,
  /** Where the car stopped charging before the plug was pulled. */
  chargingEndTime: instant.optional(),
  meterStart: z.int().optional(),
  meterStop: z.int().optional(),
  /** Where the CSMS states it itself; else the difference of the readings. */
  energyWh: z.int().optional(),
  updatedAt: instant.optional(),
});
const energySchema = transactionSchema.pick({ energyWh: true, meterStart: true, meterStop: true });
const statedEnergy = energySchema.transform(energyOf);

/** Closed transactions of a CSMS with their meter readings, one JSON object per line or message. */
export const jsonCsms: SourceParser = {
  format: 'json-csms',
  splitFile: splitJsonFile,

  keyOf: (bytes, context) => keyByField('transactionId', bytes, context),

  parse(bytes, context): ParseResult {
    const read = readMessage(bytes, transactionSchema, statedEnergy);
    if (!read.ok) return read;
    const t = read.value;
    const energyWh = energyOf(t);
    if (energyWh === undefined) return { ok: false, issues: [issue('missingField', 'blocks', t.transactionId, { field: 'energyWh, or meterStart and meterStop' })] };
    const at = (text: string) => formatInstant(parseInstant(text) ?? 0);
    const updatedAt = t.updatedAt === undefined ? undefined : parseInstant(t.updatedAt);
    return {
      ok: true,
      issues: [],
      ...(updatedAt === undefined ? {} : { updatedAt }),
      facts: {
        sourceId: context.sourceId,
        ownerCountry: context.ownerCountry,
        ownerParty: context.ownerParty,
        cdrId: t.transactionId.toLowerCase(),
        externalIds: { cdr: t.transactionId, session: t.transactionId },
        siteKey: t.siteId,
        ...(t.evseId === undefined ? {} : { evseId: t.evseId }),
        ...(t.connectorId === undefined ? {} : { connectorId: t.connectorId }),
        tokenKey: t.idTag,
        startAt: at(t.startTime),
        endAt: at(t.stopTime),
        ...(t.chargingEndTime === undefined ? {} : { chargingEndAt: at(t.chargingEndTime) }),
        energyWh,
        ...(t.meterStart === undefined ? {} : { meterStartWh: t.meterStart }),
        ...(t.meterStop === undefined ? {} : { meterEndWh: t.meterStop }),
        periods: 'unsplit',
      },
    };
  },
};

/** As the CSMS states it, else what its readings lie apart. */
function energyOf({ energyWh, meterStart, meterStop }: z.infer<typeof energySchema>): number | undefined {
  return energyWh ?? (meterStart === undefined || meterStop === undefined ? undefined : meterStop - meterStart);
}
