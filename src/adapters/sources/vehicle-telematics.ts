import { z } from 'zod';
import { issue } from '../../core/issues.ts';
import { exactFromDecimal, exactFromInt, mul, roundToMoney } from '../../core/money.ts';
import { formatInstant, parseInstant } from '../../core/time.ts';
import { instantSchema as instant, keyByField, readMessage } from './json-message.ts';
import { splitJsonFile } from './ndjson.ts';
import type { ParseResult, SourceParser } from './port.ts';

const id = z.string().min(1).max(100);
const number = z
  .union([z.number(), z.string()])
  .transform(String)
  .pipe(z.string().regex(/^-?\d{1,9}(\.\d{1,6})?$/, 'must be a plain decimal number'));

const chargeSchema = z.object({
  id,
  vehicleId: id,
  /** Our name for where the car stood, such as the driver's home, as the fleet's geofence tells it. */
  placeId: id,
  plugType: z.string().max(20).nullish(),
  start: instant,
  end: instant,
  energyAddedKwh: number.nullish(),
  stateOfCharge: z.object({ start: number, end: number }).nullish(),
  batteryCapacityKwh: number.nullish(),
  updatedAt: instant.nullish(),
});

/**
 * Charging as a vehicle saw it, one JSON object per line or message; Smartcar's charge records are the model. Evidence for the
 * reimbursement of charging at home, never a meter: what the car took is less than what the wall gave, and a state of charge is coarser
 * still. The vehicle is the token.
 */
export const vehicleTelematics: SourceParser = {
  format: 'vehicle-telematics',
  splitFile: splitJsonFile,

  keyOf: (bytes, context) => keyByField('id', bytes, context),

  parse(bytes, context): ParseResult {
    const read = readMessage(bytes, chargeSchema);
    if (!read.ok) return read;
    const c = read.value;
    const energy = energyOf(c);
    if (energy === undefined) return { ok: false, issues: [issue('missingField', 'blocks', c.id, { field: 'energyAddedKwh, or stateOfCharge with batteryCapacityKwh' })] };
    const at = (text: string) => formatInstant(parseInstant(text) ?? 0);
    const updatedAt = c.updatedAt === null || c.updatedAt === undefined ? undefined : parseInstant(c.updatedAt);
    return {
      ok: true,
      issues: energy.derived ? [issue('energyFromStateOfCharge', 'warns', c.id, {})] : [],
      ...(updatedAt === undefined ? {} : { updatedAt }),
      facts: {
        sourceId: context.sourceId,
        ownerCountry: context.ownerCountry,
        ownerParty: context.ownerParty,
        cdrId: c.id.toLowerCase(),
        externalIds: { cdr: c.id },
        siteKey: c.placeId,
        tokenKey: c.vehicleId,
        startAt: at(c.start),
        endAt: at(c.end),
        energyWh: energy.wh,
        measuredBy: 'vehicle',
        periods: 'unsplit',
      },
    };
  },
};

/** As the car counted it, else the rise of its state of charge; whole Wh, rounded once, half away from zero. */
function energyOf({ energyAddedKwh, stateOfCharge, batteryCapacityKwh }: z.infer<typeof chargeSchema>): { readonly wh: number; readonly derived: boolean } | undefined {
  const whole = (exact: ReturnType<typeof exactFromDecimal>) => Number(roundToMoney(exact, 'JPY', 'halfAwayFromZero'));
  if (energyAddedKwh !== null && energyAddedKwh !== undefined) return { wh: whole(mul(exactFromDecimal(energyAddedKwh), exactFromInt(1000))), derived: false };
  if (stateOfCharge === null || stateOfCharge === undefined || batteryCapacityKwh === null || batteryCapacityKwh === undefined) return undefined;
  const [from, to] = [exactFromDecimal(stateOfCharge.start), exactFromDecimal(stateOfCharge.end)];
  // Percent of kWh: ten times both is Wh.
  const risen = { n: to.n * from.d - from.n * to.d, d: to.d * from.d };
  return { wh: whole(mul(mul(risen, exactFromDecimal(batteryCapacityKwh)), exactFromInt(10))), derived: true };
}
