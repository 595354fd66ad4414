import type { ChargeFacts, ChargeRecord } from '../../contracts/charge-record.ts';
import type { RuleProfile } from '../../contracts/rule-profile.ts';
import type { Tariff } from '../../contracts/tariff.ts';
import { allocateSession, type Worth } from '../allocate/allocate-session.ts';
import type { Charge } from '../allocate/charges.ts';
import type { EntitySetup, SetupLookup } from '../allocate/setup.ts';
import { type Issue, issue } from '../issues.ts';
import { exactFromDecimal, roundToMoney } from '../money.ts';
import { checkFacts } from '../plausibility/check-facts.ts';
import { checkPrice } from '../plausibility/check-price.ts';
import { parseInstant, periodKeyOf } from '../time.ts';

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
      readonly rating: ChargeRecord['rating'];
    }
  | { readonly kind: 'parked' | 'quarantined'; readonly waitingFor: string }
);

/** No set-up mends these: the record is corrected, or rejected. */
const forPeople: ReadonlySet<string> = new Set(['priceNotSignificant', 'priceSourceMixed', 'notOurDriver', 'homeNotTheFleets', 'evidenceOnly', 'badNumber']);
/** Whoever accepts these leaves nothing that could be rated: they go on waiting until the facts are others. */
const impossible: ReadonlySet<string> = new Set(['endBeforeStart', 'energyNegative']);

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
  const context = { ...judging, category: payer?.category, connectorPowerW: site?.connectorPowerW ?? 350_000 };
  const missing: Issue[] = [];
  if (site === undefined) missing.push(issue('unknownSite', 'blocks', subject, { site: facts.siteKey }));
  if (payer === undefined) missing.push(issue('unknownToken', 'blocks', subject, { token: facts.tokenRef }));

  const inFacts = checkFacts(facts, context);
  // Too little energy is written off (D25); a short time alone is not.
  const small = inFacts.some((i) => i.code === 'tinySession' && i.params['what'] === 'Wh');
  // Times that cannot be are for people to look at; nothing could be rated by them.
  const possible = endMs >= startMs && facts.energyWh >= 0;
  const allocation = site === undefined || payer === undefined || !possible ? undefined : allocateSession({ facts, startMs, endMs, site, payer, entity, setup, small });
  const charges = allocation?.kind === 'allocated' ? allocation.charges : [];
  const inPrice =
    allocation === undefined || allocation.issues.some((i) => i.severity === 'blocks')
      ? []
      : checkPrice(subject, charges, allocation.tariff === undefined || hasPrice(allocation.tariff.tariff), context);
  const found = [...judging.found, ...inFacts, ...inPrice];
  const judged = judging.accepted ? found.map((i): Issue => (i.severity === 'blocks' && !impossible.has(i.code) ? { ...i, severity: 'warns' } : i)) : found;
  const issues = [...missing, ...judged, ...(allocation?.issues ?? [])].sort((a, b) => Number(b.severity === 'blocks') - Number(a.severity === 'blocks'));
  const base = { serviceMonth: periodKeyOf(endMs, entity.timeZone), siteId: site?.siteId ?? null, accountId: payer?.accountId ?? null, worth: allocation?.worth ?? claimOf(facts), issues };
  if (site === undefined || payer === undefined) return { ...base, kind: 'quarantined', waitingFor: 'set-up' };
  // What somebody has to decide goes first: the set-up may be right once the facts are.
  if (!possible || judged.some((i) => i.severity === 'blocks')) return { ...base, kind: 'quarantined', waitingFor: 'decision' };
  if (allocation?.kind === 'parked') return { ...base, kind: 'parked', waitingFor: 'VAT registration' };
  if (allocation?.kind !== 'allocated') return { ...base, kind: 'quarantined', waitingFor: allocation?.issues.some((i) => forPeople.has(i.code)) === true ? 'decision' : 'set-up' };
  return { ...base, kind: 'billable', siteId: site.siteId, accountId: payer.accountId, charges: allocation.charges, rating: allocation.rating };
}

function hasPrice(tariff: Tariff): boolean {
  return tariff.elements.some((e) => e.price_components.some((c) => Number(c.price) > 0));
}

/** What the partner claims, where we cannot rate it ourselves. */
function claimOf({ partnerPrice }: ChargeFacts): Worth | null {
  if (partnerPrice === undefined || partnerPrice.origin === 'notSignificant') return null;
  return { minor: roundToMoney(exactFromDecimal(partnerPrice.exclVat), partnerPrice.currency, 'halfAwayFromZero'), currency: partnerPrice.currency };
}
