import type { ChargeFacts } from '../../contracts/charge-record.ts';
import { allocate } from '../money.ts';
import { parseInstant } from '../time.ts';

/** A time within which energy ran at constant power; epoch ms, whole Wh. */
type Stretch = { readonly startMs: number; readonly endMs: number; readonly energyWh: bigint };
/** What a session delivered, and when. The stretches sum to the whole. */
export type DeliveredEnergy = { readonly energyWh: bigint; readonly stretches: readonly Stretch[] };

/**
 * When a session's energy was delivered: in its charging periods, each at constant power while it charged; without periods at constant power
 * from the start to the end of charging (D29). Periods that do not sum to the session's energy share it in proportion, by largest remainder.
 */
export function deliveredEnergyOf(facts: Pick<ChargeFacts, 'startAt' | 'endAt' | 'chargingEndAt' | 'energyWh' | 'periods' | 'reservedUntil'>): DeliveredEnergy {
  const energyWh = BigInt(facts.energyWh);
  const [startMs, endMs] = [msOf(facts.reservedUntil ?? facts.startAt), msOf(facts.endAt)];
  const charged = facts.periods === 'unsplit' ? [] : facts.periods;
  if (!charged.some((p) => p.energyWh !== 0)) {
    const chargingEndMs = facts.chargingEndAt === undefined ? endMs : Math.min(msOf(facts.chargingEndAt), endMs);
    return { energyWh, stretches: [{ startMs, endMs: Math.max(startMs, chargingEndMs), energyWh }] };
  }
  const stated = charged.map((p) => BigInt(p.energyWh));
  const shares = stated.reduce((a, b) => a + b, 0n) === energyWh ? stated : allocate(energyWh, stated);
  const stretches = charged.map((period, i): Stretch => {
    const from = msOf(period.startAt);
    const next = charged[i + 1];
    const until = next === undefined ? endMs : msOf(next.startAt);
    const chargingEndMs = period.chargingSeconds > 0 ? Math.min(from + period.chargingSeconds * 1000, until) : until;
    return { startMs: from, endMs: Math.max(from, chargingEndMs), energyWh: shares[i] ?? 0n };
  });
  return { energyWh, stretches };
}

// Sealed facts hold instants that were read before.
const msOf = (text: string): number => parseInstant(text) ?? Number.NaN;
