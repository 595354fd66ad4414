import type { ChargeFacts } from '../../contracts/charge-record.ts';
import type { RuleProfile } from '../../contracts/rule-profile.ts';
import type { PayerSetup } from '../allocate/setup.ts';
import type { Issue } from '../issues.ts';
import { parseInstant } from '../time.ts';
import { judgementOf, type RuleCode } from './rules.ts';

export type CheckContext = {
  readonly profile: RuleProfile;
  /** Of the payer; unknown while the token is not mapped. */
  readonly category: PayerSetup['category'] | undefined;
  /** When the message came, epoch ms: not when it is processed, so that a repeat is judged alike. */
  readonly receivedMs: number;
  readonly connectorPowerW: number;
  /** References of tokens that stand for nobody. */
  readonly anonymousTokens: ReadonlySet<string>;
};

type Found = { readonly code: RuleCode; readonly params: Issue['params'] };

/** An issue of a rule as the profile judges it; undefined where the profile switches the rule off. `computed` and `limit` are kept with the finding. */
export function issueOf({ code, params }: Found, subject: string, { profile, category }: Pick<CheckContext, 'profile' | 'category'>): Issue | undefined {
  const { severity, version } = judgementOf(profile, code, category);
  return severity === 'off' ? undefined : { code, severity, subject, params, ruleVersion: version };
}

/** Plausibility of one session's facts by themselves; findings only, nothing is corrected. Energy in Wh, power in W, times in epoch ms. */
export function checkFacts(facts: ChargeFacts, context: CheckContext): Issue[] {
  const limit = (code: RuleCode, name: string) => judgementOf(context.profile, code, context.category).limit(name);
  const startMs = parseInstant(facts.startAt) ?? 0;
  const endMs = parseInstant(facts.endAt) ?? 0;
  const found: Found[] = [...times(facts, startMs, endMs, context, limit), ...energy(facts, startMs, endMs, context, limit), ...meters(facts, limit)];
  if (context.anonymousTokens.has(facts.tokenRef)) found.push({ code: 'unauthenticated', params: {} });
  return found.flatMap((f) => issueOf(f, facts.cdrId, context) ?? []);
}

type Limit = (code: RuleCode, name: string) => number;

function* times(facts: ChargeFacts, startMs: number, endMs: number, { receivedMs }: CheckContext, limit: Limit): Generator<Found> {
  const year = limit('placeholderTime', 'beforeYear');
  const placeholder = (['startAt', 'endAt'] as const).find((field) => Number(facts[field].slice(0, 4)) < year);
  if (placeholder !== undefined) yield { code: 'placeholderTime', params: { field: placeholder, computed: facts[placeholder], limit: year } };
  if (endMs < startMs) yield { code: 'endBeforeStart', params: { computed: facts.endAt, limit: facts.startAt } };
  const ahead = Math.round((startMs - receivedMs) / 1000);
  if (ahead > limit('futureStart', 'toleranceS')) yield { code: 'futureStart', params: { computed: ahead, limit: limit('futureStart', 'toleranceS') } };

  const slackMs = limit('chargingOutsideSession', 'toleranceS') * 1000;
  const outside = [...(facts.periods === 'unsplit' ? [] : facts.periods.map((p) => p.startAt)), ...(facts.chargingEndAt === undefined ? [] : [facts.chargingEndAt])].find((at) => {
    const ms = parseInstant(at) ?? 0;
    return ms < startMs - slackMs || ms > endMs + slackMs;
  });
  if (outside !== undefined && endMs >= startMs) yield { code: 'chargingOutsideSession', params: { computed: outside, limit: `${facts.startAt} to ${facts.endAt}` } };

  const days = limit('deliveredLate', 'ageLimitDays');
  const percent = days === 0 ? 0 : Math.floor(((receivedMs - endMs) / (days * 86_400_000)) * 100);
  const step = [100, 90, 75, 50].find((s) => percent >= s);
  if (step !== undefined) yield { code: 'deliveredLate', params: { step, computed: Math.floor((receivedMs - endMs) / 86_400_000), limit: days } };

  const seconds = (endMs - startMs) / 1000;
  const hours = Math.round(seconds / 3600);
  if (seconds > limit('durationAbsurd', 'maxHours') * 3600) yield { code: 'durationAbsurd', params: { computed: hours, limit: limit('durationAbsurd', 'maxHours') } };
  else if (seconds > limit('durationOutOfRange', 'maxHours') * 3600) yield { code: 'durationOutOfRange', params: { computed: hours, limit: limit('durationOutOfRange', 'maxHours') } };
  if (facts.statedDurationS !== undefined && Math.abs(facts.statedDurationS - seconds) > limit('durationMismatch', 'toleranceS')) {
    yield { code: 'durationMismatch', params: { computed: facts.statedDurationS, limit: seconds } };
  }
}

function* energy(facts: ChargeFacts, startMs: number, endMs: number, { connectorPowerW }: CheckContext, limit: Limit): Generator<Found> {
  const { energyWh } = facts;
  if (energyWh < 0) {
    yield { code: 'energyNegative', params: { computed: energyWh, limit: 0 } };
    return;
  }
  const maxWh = limit('energyOutOfRange', 'maxWh');
  if (energyWh > maxWh) yield { code: 'energyOutOfRange', params: { computed: energyWh, limit: maxWh } };
  const seconds = (endMs - startMs) / 1000;
  const [minWh, minS] = [limit('tinySession', 'minWh'), limit('tinySession', 'minS')];
  // Strictly below (D25). A reservation that nobody came for is no session, and what its tariff names for that is due.
  if (isLapsedReservation(facts)) return;
  if (energyWh < minWh) yield { code: 'tinySession', params: { what: 'Wh', computed: energyWh, limit: minWh } };
  else if (seconds >= 0 && seconds < minS) yield { code: 'tinySession', params: { what: 's', computed: seconds, limit: minS } };

  if (seconds < 0) return;
  // Times come by the minute, and a meter's reading comes late.
  const slackS = limit('energyAboveConnector', 'slackS');
  const most = (s: number) => Math.floor((connectorPowerW * (s + slackS) * (100 + limit('energyAboveConnector', 'slackPercent'))) / 360_000) + limit('energyAboveConnector', 'slackWh');
  if (energyWh > most(seconds)) yield { code: 'energyAboveConnector', params: { of: 'the session', computed: energyWh, limit: most(seconds) } };
  else if (facts.periods !== 'unsplit') {
    for (const [i, period] of facts.periods.entries()) {
      const next = facts.periods[i + 1];
      const s = Math.max(0, ((next === undefined ? endMs : (parseInstant(next.startAt) ?? endMs)) - (parseInstant(period.startAt) ?? startMs)) / 1000);
      if (period.energyWh > most(s)) {
        yield { code: 'energyAboveConnector', params: { of: `the period from ${period.startAt}`, computed: period.energyWh, limit: most(s) } };
        return;
      }
    }
  }
}

function isLapsedReservation({ periods, reservedUntil, endAt, energyWh }: ChargeFacts): boolean {
  if (periods === 'unsplit') return reservedUntil === endAt && energyWh === 0;
  return periods.some((p) => (p.reservedSeconds ?? 0) > 0) && periods.every((p) => p.energyWh === 0 && p.chargingSeconds === 0 && p.parkingSeconds === 0);
}

function* meters({ energyWh, meterStartWh, meterEndWh }: ChargeFacts, limit: Limit): Generator<Found> {
  if (meterEndWh === undefined) return;
  // A charger that lost its baseline reports the register itself; below the smallest plausible register it may be right.
  const baseline = meterStartWh ?? 0;
  if (energyWh === meterEndWh && (baseline > 0 || energyWh > limit('energyOutOfRange', 'maxWh'))) {
    yield { code: 'odometerAsEnergy', params: { computed: energyWh, limit: meterEndWh - baseline } };
    return;
  }
  if (meterStartWh === undefined) return;
  if (meterEndWh < meterStartWh) yield { code: 'meterRegression', params: { computed: meterEndWh, limit: meterStartWh } };
  else if (Math.abs(energyWh - (meterEndWh - meterStartWh)) > limit('meterMismatch', 'toleranceWh')) yield { code: 'meterMismatch', params: { computed: energyWh, limit: meterEndWh - meterStartWh } };
}
