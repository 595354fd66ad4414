import type { ChargeFacts } from '../../contracts/charge-record.ts';
import { type Issue, issue } from '../issues.ts';
import { parseInstant } from '../time.ts';

const maxEnergyWh = 200_000;
const warnHours = 7 * 24;
const blockHours = 60 * 24;
const clockToleranceMs = 5 * 60_000;

/** Plausibility of one session's facts; findings only, nothing is corrected. Energy in Wh, power in W, times in epoch ms. */
export function checkPlausibility(facts: ChargeFacts, context: { readonly nowMs: number; readonly connectorPowerW: number }): Issue[] {
  const found: Issue[] = [];
  const startMs = parseInstant(facts.startAt) ?? 0;
  const endMs = parseInstant(facts.endAt) ?? 0;
  const subject = facts.cdrId;
  if (endMs < startMs) found.push(issue('endBeforeStart', 'blocks', subject));
  if (startMs > context.nowMs + clockToleranceMs) found.push(issue('futureStart', 'blocks', subject));
  if (facts.energyWh < 0) found.push(issue('energyNegative', 'blocks', subject, { energyWh: facts.energyWh }));
  if (facts.energyWh > maxEnergyWh) found.push(issue('energyOutOfRange', 'blocks', subject, { energyWh: facts.energyWh, limitWh: maxEnergyWh }));
  const hours = (endMs - startMs) / 3_600_000;
  if (hours > warnHours) found.push(issue('durationOutOfRange', hours > blockHours ? 'blocks' : 'warns', subject, { hours: Math.round(hours) }));
  // Times come by the minute: one minute and half a kWh of slack.
  const limitWh = Math.floor(context.connectorPowerW * (Math.max(hours, 0) + 1 / 60) * 1.1) + 500;
  if (endMs >= startMs && facts.energyWh > limitWh) found.push(issue('energyAboveConnector', 'blocks', subject, { energyWh: facts.energyWh, limitWh }));
  const timesS = (endMs - startMs) / 1000;
  if (facts.statedDurationS !== undefined && Math.abs(facts.statedDurationS - timesS) > 120) {
    found.push(issue('durationMismatch', 'warns', subject, { statedS: facts.statedDurationS, timesS }));
  }
  return found;
}
