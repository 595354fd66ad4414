import type { ChargeFacts } from '../../contracts/charge-record.ts';
import type { RuleProfile } from '../../contracts/rule-profile.ts';
import type { Tariff } from '../../contracts/tariff.ts';
import { allocateSession, type Charge } from '../allocate/charges.ts';
import type { EntitySetup, PayerSetup, SiteSetup, TariffSetup } from '../allocate/setup.ts';
import type { Issue } from '../issues.ts';
import { exactFromDecimal, roundToMoney } from '../money.ts';
import { checkFacts } from '../plausibility/check-facts.ts';
import { checkPrice } from '../plausibility/check-price.ts';
import { rateSession } from '../rate/rate-session.ts';
import { type RatingPeriod, splitSession } from '../rate/split-session.ts';
import { parseInstant, periodKeyOf } from '../time.ts';
import { checkClaim } from './check-claim.ts';

/** Where the set-up for a session is looked up; the store fills it for a page. Instants are epoch ms. */
export type SetupLookup = {
  site(sourceId: string, siteKey: string, atMs: number): SiteSetup | undefined;
  payer(sourceId: string, tokenRef: string, atMs: number): PayerSetup | 'noContract' | undefined;
  /** The tariffs of the nearest assignment: the EVSE's own, else the site's, else the general one. */
  tariffs(segment: string, siteId: string, evseId: string | undefined, atMs: number): readonly TariffSetup[];
};

/** What is asked of a session beside its facts. */
export type Judging = {
  /** Found before: by the parser, and beside its neighbours. */
  readonly found: readonly Issue[];
  readonly profile: RuleProfile;
  readonly anonymousTokens: ReadonlySet<string>;
  readonly receivedMs: number;
  /** Somebody signed that the plausibility findings may pass; a missing set-up still cannot. */
  readonly accepted: boolean;
};

/** Net of the sales a session would make; what is at risk while it waits. Null where it cannot be told yet. */
export type Worth = { readonly minor: bigint; readonly currency: string };

export type Evaluation = {
  readonly serviceMonth: string;
  readonly siteId: string | null;
  readonly accountId: string | null;
  readonly worth: Worth | null;
  /** Those that block first. */
  readonly issues: readonly Issue[];
} & (
  | {
      readonly kind: 'billable';
      readonly siteId: string;
      readonly accountId: string;
      readonly charges: readonly Charge[];
      readonly rating: { readonly tariffVersionId: string; readonly total: string; readonly explanation: readonly string[] };
    }
  | { readonly kind: 'parked' | 'quarantined'; readonly waitingFor: string }
);

/**
 * Validates, rates and allocates one session; pure. Set-up is resolved at the session's start (D06), the month at its end (D05). A session
 * that must wait is rated all the same where that is possible, to tell what is at risk.
 */
export function evaluateSession(facts: ChargeFacts, setup: SetupLookup, entity: EntitySetup, judging: Judging): Evaluation {
  const startMs = parseInstant(facts.startAt) ?? Number.NaN;
  const endMs = parseInstant(facts.endAt) ?? Number.NaN;
  const subject = facts.cdrId;
  const site = setup.site(facts.sourceId, facts.siteKey, startMs);
  const payer = setup.payer(facts.sourceId, facts.tokenRef, startMs);
  const known = payer === undefined || payer === 'noContract' ? undefined : payer;
  const context = { ...judging, category: known?.category, connectorPowerW: site?.connectorPowerW ?? 350_000 };
  const missing: Issue[] = [];
  if (site === undefined) missing.push({ code: 'unknownSite', severity: 'blocks', subject, params: { site: facts.siteKey } });
  if (payer === undefined) missing.push({ code: 'unknownToken', severity: 'blocks', subject, params: { token: facts.tokenRef } });
  if (payer === 'noContract') missing.push({ code: 'missingContract', severity: 'blocks', subject, params: { token: facts.tokenRef } });

  const inFacts = checkFacts(facts, context);
  // Too little energy is written off (D25); a short time alone is not.
  const small = inFacts.some((i) => i.code === 'tinySession' && i.params['what'] === 'Wh');
  const priced = site === undefined || known === undefined ? undefined : priceSession({ facts, startMs, endMs, site, payer: known, entity, setup, small });
  const found = [...judging.found, ...inFacts, ...(priced?.tariff === undefined ? [] : checkPrice(subject, priced.charges, hasPrice(priced.tariff.tariff), context))];
  const judged = judging.accepted ? found.map((i): Issue => (i.severity === 'blocks' ? { ...i, severity: 'warns' } : i)) : found;
  const issues = [...missing, ...judged, ...(priced?.issues ?? [])].sort((a, b) => Number(b.severity === 'blocks') - Number(a.severity === 'blocks'));
  const base = { serviceMonth: periodKeyOf(endMs, entity.timeZone), siteId: site?.siteId ?? null, accountId: known?.accountId ?? null, worth: priced?.worth ?? claimOf(facts), issues };
  if (site === undefined || known === undefined || priced === undefined) return { ...base, kind: 'quarantined', waitingFor: 'set-up' };
  // What somebody has to decide goes first: the set-up may be right once the facts are.
  if (judged.some((i) => i.severity === 'blocks')) return { ...base, kind: 'quarantined', waitingFor: 'decision' };
  if (priced.parked) return { ...base, kind: 'parked', waitingFor: 'VAT registration' };
  if (priced.rating === undefined || priced.issues.some((i) => i.severity === 'blocks')) return { ...base, kind: 'quarantined', waitingFor: 'set-up' };
  return { ...base, kind: 'billable', siteId: site.siteId, accountId: known.accountId, charges: priced.charges, rating: priced.rating };
}

type Priced = {
  readonly tariff: TariffSetup | undefined;
  readonly charges: readonly Charge[];
  readonly rating: { readonly tariffVersionId: string; readonly total: string; readonly explanation: readonly string[] } | undefined;
  readonly parked: boolean;
  readonly worth: Worth | null;
  readonly issues: readonly Issue[];
};
type Session = {
  readonly facts: ChargeFacts;
  readonly startMs: number;
  readonly endMs: number;
  readonly site: SiteSetup;
  readonly payer: PayerSetup;
  readonly entity: EntitySetup;
  readonly setup: SetupLookup;
  readonly small: boolean;
};

function priceSession({ facts, startMs, endMs, site, payer, entity, setup, small }: Session): Priced {
  const subject = facts.cdrId;
  const without = (issues: readonly Issue[], tariff?: TariffSetup): Priced => ({ tariff, charges: [], rating: undefined, parked: false, worth: null, issues });
  // Times that cannot be are for people to look at; nothing could be rated by them.
  if (!(endMs >= startMs) || facts.energyWh < 0) return without([]);
  const candidates = setup.tariffs(payer.category, site.siteId, facts.evseId, startMs);
  const [tariff] = candidates;
  if (tariff === undefined) return without([{ code: 'missingTariff', severity: 'blocks', subject, params: { segment: payer.category, site: site.siteId } }]);
  if (candidates.length > 1) return without([{ code: 'ambiguousTariff', severity: 'blocks', subject, params: { candidates: candidates.map((c) => c.tariffVersionId).join(', ') } }]);
  const rating = rateSession({ tariff: tariff.tariff, periods: periodsOf(facts, tariff, startMs, endMs, site.timeZone), startMs, endMs, zone: site.timeZone });
  const claim = checkClaim(facts, tariff.tariff, site.timeZone);
  const issues = [...rating.issues, ...(claim === undefined ? [] : [claim])];
  if (issues.some((i) => i.severity === 'blocks')) return without(issues, tariff);
  const worth = { minor: roundToMoney(rating.totalExact, tariff.tariff.currency, 'halfAwayFromZero'), currency: tariff.tariff.currency };
  const allocation = allocateSession({ facts, endMs, site, payer, entity, tariff, rating, small });
  if (allocation.kind !== 'allocated') return { ...without([...issues, ...allocation.issues], tariff), parked: allocation.kind === 'parked', worth };
  return { tariff, charges: allocation.charges, rating: { tariffVersionId: tariff.tariffVersionId, total: rating.total4, explanation: rating.explanation }, parked: false, worth, issues };
}

function periodsOf(facts: ChargeFacts, { tariff }: TariffSetup, startMs: number, endMs: number, zone: string): RatingPeriod[] {
  const chargingEndMs = facts.chargingEndAt === undefined ? undefined : parseInstant(facts.chargingEndAt);
  if (facts.periods === 'unsplit') return splitSession({ tariff, startMs, endMs, ...(chargingEndMs === undefined ? {} : { chargingEndMs }), energyWh: facts.energyWh, zone });
  return facts.periods.map((p, i, list) => {
    const next = list[i + 1];
    return {
      startMs: parseInstant(p.startAt) ?? Number.NaN,
      endMs: next === undefined ? endMs : (parseInstant(next.startAt) ?? Number.NaN),
      energyWh: p.energyWh,
      chargingMs: p.chargingSeconds * 1000,
      parkingMs: p.parkingSeconds * 1000,
    };
  });
}

function hasPrice(tariff: Tariff): boolean {
  return tariff.elements.some((e) => e.price_components.some((c) => Number(c.price) > 0));
}

/** What the partner claims, where we cannot rate it ourselves. */
function claimOf({ partnerPrice }: ChargeFacts): Worth | null {
  if (partnerPrice === undefined || partnerPrice.origin === 'notSignificant') return null;
  return { minor: roundToMoney(exactFromDecimal(partnerPrice.exclVat), partnerPrice.currency, 'halfAwayFromZero'), currency: partnerPrice.currency };
}
