import type { AgreementOf } from '../../contracts/agreement.ts';
import type { ChargeFacts } from '../../contracts/charge-record.ts';
import { type Issue, issue } from '../issues.ts';
import type { Contracted, TariffSetup } from './setup.ts';

type Source = AgreementOf<'roamingPurchase'>['clauses'][number] | Extract<AgreementOf<'roamingSale'>['clauses'][number], { kind: 'priceSource' }>;

/** Where the price of a roaming session comes from: a tariff (the agreement's own, else the segment's), or what the other side states. */
export type PriceSource = { readonly clauseId: string; readonly tariffId: string | null; readonly price: 'tariff' | 'hub' | 'claim'; readonly tolerancePercent: string };

/**
 * The one price source that an agreement names for the route a session came by. None, two, and a CDR whose price comes from elsewhere than
 * agreed are issues that block: never one source in place of another (domain.md lesson 6; a price marked as not significant is never billed, D22).
 */
export function priceSourceOf(contract: Contracted<'roamingSale'> | Contracted<'roamingPurchase'>, facts: ChargeFacts): PriceSource | Issue {
  const subject = facts.cdrId;
  const sources = (contract.agreement.clauses as readonly { readonly kind: string }[]).filter((c): c is Source => c.kind === 'priceSource');
  const named = sources.filter((c) => c.sourceIds?.includes(facts.sourceId) ?? false);
  const [clause, ...others] = named.length > 0 ? named : sources.filter((c) => c.sourceIds === undefined);
  if (clause === undefined) return issue('noPriceSource', 'blocks', subject, { contract: contract.contractId, route: facts.sourceId });
  if (others.length > 0) return issue('ambiguousClause', 'blocks', subject, { contract: contract.contractId, clauses: [clause, ...others].map((c) => c.id).join(', ') });
  const origin = facts.partnerPrice?.origin;
  const isClaim = contract.agreement.kind === 'roamingPurchase' && clause.from === 'ocpiTariff' && clause.tariffId === undefined;
  if (clause.from === 'hub' || isClaim) {
    if (origin === 'notSignificant') return issue('priceNotSignificant', 'blocks', subject, { contract: contract.contractId });
    const wanted = clause.from === 'hub' ? 'hub' : 'partner';
    if (origin !== wanted) return issue('priceSourceMixed', 'blocks', subject, { agreed: clause.from, found: origin ?? 'no price', contract: contract.contractId });
    return { clauseId: clause.id, tariffId: null, price: clause.from === 'hub' ? 'hub' : 'claim', tolerancePercent: toleranceOf(clause) };
  }
  if (origin === 'hub') return issue('priceSourceMixed', 'blocks', subject, { agreed: clause.from, found: 'hub', contract: contract.contractId });
  return { clauseId: clause.id, tariffId: clause.tariffId ?? null, price: 'tariff', tolerancePercent: toleranceOf(clause) };
}

function toleranceOf(clause: Source): string {
  return 'tolerancePercent' in clause ? clause.tolerancePercent : '0';
}

/** One tariff of those that fit, or why there is none. */
export function onlyTariff(found: readonly TariffSetup[], subject: string, wanted: { readonly segment: string; readonly site: string }): TariffSetup | Issue {
  const [tariff, ...others] = found;
  if (tariff === undefined) return issue('missingTariff', 'blocks', subject, wanted);
  if (others.length > 0) return issue('ambiguousTariff', 'blocks', subject, { candidates: found.map((c) => c.tariffVersionId).join(', ') });
  return tariff;
}
