import type { ChargeFacts, ChargePeriod, ChargeRecord } from '../../contracts/charge-record.ts';
import { parseInstant } from '../time.ts';

/** What somebody signed that the source has wrong: instants in UTC, energy in Wh. */
export type FactCorrection = { readonly startAt?: string; readonly endAt?: string; readonly energyWh?: number };
export type SealedCorrection = NonNullable<ChargeRecord['facts']['correction']>;

/**
 * Facts with a signed correction in them, and what it replaced. Charging periods that belonged to other figures are given up: the session is
 * split anew, but for the time that it had reserved the charger before.
 */
export function correctFacts(
  facts: ChargeFacts,
  correction: FactCorrection,
  signed: { readonly decisionId: string; readonly author: string; readonly evidence: string },
): { facts: ChargeFacts; correction: SealedCorrection } {
  const { chargingEndAt, ...rest } = facts;
  const corrected = { ...rest, ...correction };
  const keepsChargingEnd = chargingEndAt !== undefined && (parseInstant(chargingEndAt) ?? 0) <= (parseInstant(corrected.endAt) ?? 0);
  const before = {
    ...(chargingEndAt === undefined || keepsChargingEnd ? {} : { chargingEndAt }),
    ...(correction.endAt === undefined ? {} : { endAt: facts.endAt }),
    ...(correction.energyWh === undefined ? {} : { energyWh: facts.energyWh }),
    ...(facts.periods === 'unsplit' ? {} : { periods: facts.periods }),
    ...(correction.startAt === undefined ? {} : { startAt: facts.startAt }),
  };
  return {
    facts: { ...corrected, ...(keepsChargingEnd ? { chargingEndAt } : {}), periods: 'unsplit', ...reservedUntil(facts, corrected) },
    correction: { author: signed.author, before, decisionId: signed.decisionId, evidence: signed.evidence },
  };
}

/** Until when a session had reserved the charger: where it was used, to its first period that is more than that. */
function reservedUntil({ periods }: ChargeFacts, { startAt, endAt, energyWh }: ChargeFacts): Pick<ChargeFacts, 'reservedUntil'> {
  if (periods === 'unsplit') return {};
  const used = periods.findIndex((p) => !isReservedAlone(p));
  const until = periods[used]?.startAt ?? (energyWh === 0 ? endAt : startAt);
  const [from, to, at] = [startAt, endAt, until].map((text) => parseInstant(text) ?? Number.NaN) as [number, number, number];
  return used === 0 || periods.length === 0 || !(from < at && at <= to) ? {} : { reservedUntil: until };
}

function isReservedAlone(p: ChargePeriod): boolean {
  return (p.reservedSeconds ?? 0) > 0 && p.energyWh === 0 && p.chargingSeconds === 0 && p.parkingSeconds === 0;
}

/** The facts as the source said them, from a sealed record: what a repeat is compared with. */
export function uncorrectedFacts(facts: ChargeRecord['facts']): ChargeFacts {
  const { siteId: _site, accountId: _account, reservedUntil: _reserved, correction, ...said } = facts;
  return correction === undefined ? said : { ...said, ...correction.before };
}
