import type { PartnerRules } from '../../contracts/partner-rules.ts';
import { type Issue, issue } from '../issues.ts';
import { parseInstant } from '../time.ts';

/** A CDR of ours before it is sent, in no version's words. Instants ISO in UTC, energy whole Wh, amounts decimal text in major units. */
export type OutgoingCdr = {
  readonly cdrId: string;
  /** The CDR that this one takes back; null for an ordinary one. */
  readonly creditOf: string | null;
  readonly startAt: string;
  readonly endAt: string;
  readonly sessionId: string | null;
  readonly authorizationId: string | null;
  readonly location: { readonly evseId: string };
  readonly currency: string;
  readonly tariff: Readonly<Record<string, unknown>> | null;
  readonly periods: readonly unknown[];
  readonly energyWh: number;
  readonly cost: { readonly total: { readonly net: string } };
};

const emi3 = /^[A-Z]{2}\*?[A-Z0-9]{3}\*?E[A-Z0-9][A-Z0-9*]{0,30}$/;
const dayMs = 86_400_000;

/** Everything for which the partner would refuse a CDR that is sent at `nowMs`; empty: it is known to refuse nothing of it. Pure. */
export function checkOutgoing(cdr: OutgoingCdr, rules: PartnerRules, partner: string, nowMs: number): Issue[] {
  return [...problems(cdr, rules, nowMs)].map(([what, computed, limit]) => issue('partnerRefuses', 'blocks', cdr.cdrId, { partner, what, computed, limit }));
}

type Problem = readonly [what: string, computed: string | number, limit: string | number];

function* problems(cdr: OutgoingCdr, rules: PartnerRules, nowMs: number): Generator<Problem> {
  const startMs = parseInstant(cdr.startAt) ?? 0;
  const endMs = parseInstant(cdr.endAt) ?? 0;
  const durationS = Math.round((endMs - startMs) / 1000);
  const above = (what: string, value: number, limit: number | undefined): Problem[] => (limit !== undefined && value > limit ? [[what, value, limit]] : []);
  const below = (what: string, value: number, limit: number | undefined): Problem[] => (limit !== undefined && value < limit ? [[what, value, limit]] : []);
  // A credit says the figures of what it takes back: what the partner took then it takes back now.
  if (cdr.creditOf !== null) {
    if (rules.credits === 'refuses') yield ['that credit another', `credit of ${cdr.creditOf}`, 'settlement by document'];
    yield* above('with a longer id', cdr.cdrId.length, rules.maxIdLength);
    return;
  }
  yield* above('older than some days', Math.floor((nowMs - endMs) / dayMs), rules.maxAgeDays);
  yield* below('with less energy in Wh', cdr.energyWh, rules.minEnergyWh);
  yield* above('with more energy in Wh', cdr.energyWh, rules.maxEnergyWh);
  yield* below('of fewer seconds', durationS, rules.minDurationS);
  yield* above('of more seconds', durationS, rules.maxDurationS);
  if (rules.zeroCost === 'refuses' && Number(cdr.cost.total.net) === 0) yield ['that cost nothing', cdr.cost.total.net, 'a price'];
  if (rules.currencies !== undefined && !rules.currencies.includes(cdr.currency)) yield ['in another currency', cdr.currency, rules.currencies.join(', ')];
  const present = { sessionId: cdr.sessionId !== null, authorizationId: cdr.authorizationId !== null, tariff: cdr.tariff !== null, evseId: cdr.location.evseId !== '' };
  for (const need of rules.needs) if (!present[need]) yield [`without ${need}`, 'none', need];
  yield* above('with a longer id', cdr.cdrId.length, rules.maxIdLength);
  yield* above('with more periods', cdr.periods.length, rules.maxPeriods);
  if (rules.evseIdForm === 'emi3' && !emi3.test(cdr.location.evseId.toUpperCase())) yield ['with another form of EVSE id', cdr.location.evseId, 'eMI3'];
  yield* above('with more decimals', (cdr.cost.total.net.split('.')[1] ?? '').replace(/0+$/, '').length, rules.priceDecimals);
}
