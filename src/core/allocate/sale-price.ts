import type { AgreementOf, SupplyClause } from '../../contracts/agreement.ts';
import { type Issue, issue } from '../issues.ts';
import { add, exactFromDecimal, exactFromInt } from '../money.ts';
import { rateSession } from '../rate/rate-session.ts';
import { checkClaim } from './check-claim.ts';
import { describeLine, linesOfRating, type PriceLine, type SalePrice } from './price-line.ts';
import { onlyTariff, priceSourceOf } from './price-source.ts';
import type { Session } from './session.ts';
import { clausesFor, inScope, sessionClauseLines } from './session-clauses.ts';
import { periodsOf } from './session-periods.ts';
import { type Contracted, saleRoleOf, type TariffSetup } from './setup.ts';

/** A price, or what stands in its way; findings that do not block come with it. */
export type PriceResult<T> = { readonly price: T | undefined; readonly tariff: TariffSetup | undefined; readonly issues: readonly Issue[] };

type SaleContract = Contracted<'supply'> | Contracted<'roamingSale'>;

/** What a session at a charger of ours costs who charges there: by tariff, or as the agreed hub computed it, with what the clauses of one record add or take away. */
export function priceSale(session: Session, contract: SaleContract): PriceResult<SalePrice> {
  const { facts, payer, site } = session;
  const clauses = contract.agreement.status === 'paused' ? [] : (contract.agreement.clauses as readonly (SupplyClause | AgreementOf<'roamingSale'>['clauses'][number])[]);
  const found = contract.agreement.kind === 'roamingSale' ? roamingTariff(session, contract as Contracted<'roamingSale'>) : supplyTariff(session, clauses as readonly SupplyClause[]);
  if ('code' in found) return { price: undefined, tariff: undefined, issues: [found] };
  if ('exclVat' in found) return { price: { ...statedPrice(session, found), extras: [] }, tariff: undefined, issues: [] };
  const rated = rateTariff(session, found);
  if (rated.price === undefined) return rated;
  const { price } = rated;
  const extras = sessionClauseLines(clausesFor(session, clauses as readonly SupplyClause[]), { lines: price.lines, limited: limitOfMode(price, payer.roundingMode) }, facts, session, site);
  return { ...rated, price: { ...price, extras, explanation: [...price.explanation, ...extras.map((line) => describeLine(line, payer.currency))] } };
}

type Stated = { readonly exclVat: string; readonly currency: string; readonly clauseId: string };

/** What a limit leaves, net: for consumers of that with VAT, where the tariff states it and one rate (D12). */
function limitOfMode({ limited, vatPercents }: SalePrice, mode: Session['payer']['roundingMode']): SalePrice['limited'] {
  const [percent, ...others] = vatPercents;
  if (mode === 'netFirst' || limited === null || limited.incl === null || percent == null || others.length > 0) return limited;
  const { n, d } = add(exactFromInt(100), exactFromDecimal(percent));
  return { ...limited, excl: { n: limited.incl.n * 100n * d, d: limited.incl.d * n } };
}

/** The customer's own price list where it has one for this site, else the segment's tariff. */
function supplyTariff({ facts, payer, setup, site, startMs }: Session, clauses: readonly SupplyClause[]): TariffSetup | Issue {
  const lists = clauses.filter((c) => c.kind === 'priceList').filter((c) => inScope(c.scope, site));
  const [list, ...others] = lists;
  const wanted = { segment: payer.category, site: site.siteId };
  if (list === undefined) return onlyTariff(setup.tariffs(payer.category, site.siteId, facts.evseId, startMs), facts.cdrId, wanted);
  if (others.length > 0) return issue('ambiguousClause', 'blocks', facts.cdrId, { contract: payer.accountId, clauses: lists.map((c) => c.id).join(', ') });
  return setup.tariff(list.tariffId, startMs) ?? issue('missingTariff', 'blocks', facts.cdrId, { ...wanted, segment: `${wanted.segment} (price list ${list.tariffId})` });
}

function roamingTariff({ facts, payer, setup, site, startMs }: Session, contract: Contracted<'roamingSale'>): TariffSetup | Stated | Issue {
  const source = priceSourceOf(contract, facts);
  if ('code' in source) return source;
  const wanted = { segment: payer.category, site: site.siteId };
  if (source.price === 'tariff') {
    if (source.tariffId === null) return onlyTariff(setup.tariffs(payer.category, site.siteId, facts.evseId, startMs), facts.cdrId, wanted);
    return setup.tariff(source.tariffId, startMs) ?? issue('missingTariff', 'blocks', facts.cdrId, { ...wanted, segment: `${wanted.segment} (tariff ${source.tariffId})` });
  }
  const { exclVat = '0', currency = '' } = facts.partnerPrice ?? {};
  return { exclVat, currency, clauseId: source.clauseId };
}

/** As the hub computed it: one line, without a statement on VAT. */
function statedPrice({ facts, payer }: Session, { exclVat, currency, clauseId }: Stated): Omit<SalePrice, 'extras'> {
  const role = saleRoleOf(payer.category);
  const line: PriceLine = { role, component: 'ENERGY/hub', clause: clauseId, exact: exactFromDecimal(exclVat), unitPrice: exclVat, quantity: 1n, unit: 'session', energyWh: BigInt(facts.energyWh) };
  return { role, currency, tariffVersionId: null, lines: [line], limited: null, vatPercents: [], explanation: [`The hub’s price of ${exclVat} ${currency}, as agreed by clause ${clauseId}`] };
}

/** Rates the session by one tariff. */
export function rateTariff({ facts, startMs, endMs, site, payer }: Session, tariff: TariffSetup): PriceResult<SalePrice> {
  const rating = rateSession({ tariff: tariff.tariff, periods: periodsOf(facts, tariff, startMs, endMs, site.timeZone), startMs, endMs, zone: site.timeZone });
  const claim = checkClaim(facts, tariff.tariff, site.timeZone, rating.totalExact);
  const issues = claim === undefined ? rating.issues : [...rating.issues, claim];
  if (issues.some((i) => i.severity === 'blocks')) return { price: undefined, tariff, issues };
  const role = saleRoleOf(payer.category);
  const percents = [...new Set(rating.components.map((c) => c.vatPercent))];
  const lines = linesOfRating(rating, BigInt(facts.energyWh), role, 'sale');
  return {
    price: { role, currency: tariff.tariff.currency, tariffVersionId: tariff.tariffVersionId, lines, limited: rating.limited, extras: [], vatPercents: percents, explanation: rating.explanation },
    tariff,
    issues,
  };
}
