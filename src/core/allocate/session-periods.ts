import type { ChargeFacts } from '../../contracts/charge-record.ts';
import { type RatingPeriod, splitSession } from '../rate/split-session.ts';
import { parseInstant } from '../time.ts';
import type { TariffSetup } from './setup.ts';

/** The stretches of a session as rating takes them: the source's own, or split where the tariff changes price, after what was reserved. */
export function periodsOf(facts: ChargeFacts, { tariff }: TariffSetup, startMs: number, endMs: number, zone: string): RatingPeriod[] {
  const chargingEndMs = facts.chargingEndAt === undefined ? undefined : parseInstant(facts.chargingEndAt);
  if (facts.periods === 'unsplit') {
    const usedMs = facts.reservedUntil === undefined ? startMs : (parseInstant(facts.reservedUntil) ?? startMs);
    const reserved = usedMs > startMs ? [{ startMs, endMs: usedMs, energyWh: 0, chargingMs: 0, parkingMs: 0, reservedMs: usedMs - startMs }] : [];
    // A reservation that lapsed has nothing behind it.
    if (reserved.length > 0 && usedMs >= endMs) return reserved;
    return [...reserved, ...splitSession({ tariff, startMs: usedMs, endMs, ...(chargingEndMs === undefined ? {} : { chargingEndMs }), energyWh: facts.energyWh, zone })];
  }
  return facts.periods.map((p, i, list) => {
    const next = list[i + 1];
    return {
      startMs: parseInstant(p.startAt) ?? Number.NaN,
      endMs: next === undefined ? endMs : (parseInstant(next.startAt) ?? Number.NaN),
      energyWh: p.energyWh,
      chargingMs: p.chargingSeconds * 1000,
      parkingMs: p.parkingSeconds * 1000,
      ...(p.readings === undefined ? {} : { readings: p.readings }),
      ...(p.reservedSeconds === undefined ? {} : { reservedMs: p.reservedSeconds * 1000 }),
    };
  });
}
