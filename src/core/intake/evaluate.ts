import type { ChargeFacts } from '../../contracts/charge-record.ts';
import { allocateSession, type Charge } from '../allocate/charges.ts';
import type { EntitySetup, PayerSetup, SiteSetup, TariffSetup } from '../allocate/setup.ts';
import type { Issue } from '../issues.ts';
import { checkPlausibility } from '../normalise/plausibility.ts';
import { rateSession } from '../rate/rate-session.ts';
import { splitSession } from '../rate/split-session.ts';
import { parseInstant, periodKeyOf } from '../time.ts';
import { checkClaim } from './check-claim.ts';

/** Where the set-up for a session is looked up; the store fills it for a page. Instants are epoch ms. */
export type SetupLookup = {
  site(sourceId: string, siteKey: string, atMs: number): SiteSetup | undefined;
  payer(sourceId: string, tokenRef: string, atMs: number): PayerSetup | 'noContract' | undefined;
  /** The tariffs of the nearest assignment: the EVSE's own, else the site's, else the general one. */
  tariffs(segment: string, siteId: string, evseId: string | undefined, atMs: number): readonly TariffSetup[];
};

export type Evaluation = { readonly serviceMonth: string; readonly siteId: string | null; readonly accountId: string | null; readonly issues: readonly Issue[] } & (
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
 * Validates, rates and allocates one session; pure. Set-up is resolved at the session's start (D06), the month at its end (D05).
 * `accepted`: somebody signed that the plausibility findings may pass; a missing set-up still cannot.
 */
export function evaluateSession(facts: ChargeFacts, parseIssues: readonly Issue[], setup: SetupLookup, entity: EntitySetup, nowMs: number, accepted: boolean): Evaluation {
  const startMs = parseInstant(facts.startAt) ?? Number.NaN;
  const endMs = parseInstant(facts.endAt) ?? Number.NaN;
  const subject = facts.cdrId;
  const serviceMonth = periodKeyOf(endMs, entity.timeZone);
  const site = setup.site(facts.sourceId, facts.siteKey, startMs);
  const payer = setup.payer(facts.sourceId, facts.tokenRef, startMs);
  const base = { serviceMonth, siteId: site?.siteId ?? null, accountId: payer === undefined || payer === 'noContract' ? null : payer.accountId };

  const missing: Issue[] = [];
  if (site === undefined) missing.push({ code: 'unknownSite', severity: 'blocks', subject, params: { site: facts.siteKey } });
  if (payer === undefined) missing.push({ code: 'unknownToken', severity: 'blocks', subject, params: { token: facts.tokenRef } });
  if (payer === 'noContract') missing.push({ code: 'missingContract', severity: 'blocks', subject, params: { token: facts.tokenRef } });
  const found = [...parseIssues, ...checkPlausibility(facts, { nowMs, connectorPowerW: site?.connectorPowerW ?? 350_000 })];
  const issues = accepted ? found.map((issue): Issue => (issue.severity === 'blocks' ? { ...issue, severity: 'warns' } : issue)) : found;
  const all = [...missing, ...issues];
  if (site === undefined || payer === undefined || payer === 'noContract' || all.some((issue) => issue.severity === 'blocks')) {
    return { ...base, kind: 'quarantined', issues: all, waitingFor: missing.length > 0 ? 'set-up' : 'decision' };
  }

  const candidates = setup.tariffs(payer.category, site.siteId, facts.evseId, startMs);
  const tariff = candidates[0];
  if (tariff === undefined || candidates.length > 1) {
    const issue: Issue =
      tariff === undefined
        ? { code: 'missingTariff', severity: 'blocks', subject, params: { segment: payer.category, site: site.siteId } }
        : { code: 'ambiguousTariff', severity: 'blocks', subject, params: { candidates: candidates.map((c) => c.tariffVersionId).join(', ') } };
    return { ...base, kind: 'quarantined', issues: [...all, issue], waitingFor: 'set-up' };
  }

  const chargingEndMs = facts.chargingEndAt === undefined ? undefined : parseInstant(facts.chargingEndAt);
  const periods =
    facts.periods === 'unsplit'
      ? splitSession({ tariff: tariff.tariff, startMs, endMs, ...(chargingEndMs === undefined ? {} : { chargingEndMs }), energyWh: facts.energyWh, zone: site.timeZone })
      : facts.periods.map((p, i, list) => {
          const next = list[i + 1];
          return {
            startMs: parseInstant(p.startAt) ?? Number.NaN,
            endMs: next === undefined ? endMs : (parseInstant(next.startAt) ?? Number.NaN),
            energyWh: p.energyWh,
            chargingMs: p.chargingSeconds * 1000,
            parkingMs: p.parkingSeconds * 1000,
          };
        });
  const rating = rateSession({ tariff: tariff.tariff, periods, startMs, endMs, zone: site.timeZone });
  const claim = checkClaim(facts, tariff.tariff, site.timeZone);
  const rated = [...all, ...rating.issues, ...(claim === undefined ? [] : [claim])];
  if (rating.issues.some((issue) => issue.severity === 'blocks')) return { ...base, kind: 'quarantined', issues: rated, waitingFor: 'set-up' };
  const allocation = allocateSession({ facts, endMs, site, payer, entity, tariff, rating });
  if (allocation.kind === 'parked') return { ...base, kind: 'parked', issues: [...rated, ...allocation.issues], waitingFor: 'VAT registration' };
  if (allocation.kind === 'blocked') return { ...base, kind: 'quarantined', issues: [...rated, ...allocation.issues], waitingFor: 'set-up' };
  return {
    ...base,
    kind: 'billable',
    siteId: site.siteId,
    accountId: payer.accountId,
    issues: rated,
    charges: allocation.charges,
    rating: { tariffVersionId: tariff.tariffVersionId, total: rating.total4, explanation: rating.explanation },
  };
}
