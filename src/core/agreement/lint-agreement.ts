import type { Agreement, EnergyPrice, Scope, ShareClause, SupplyClause } from '../../contracts/agreement.ts';
import { type Issue, type IssueCode, issue } from '../issues.ts';
import { add, compare, type Exact, exactFromDecimal, exactFromInt } from '../money.ts';
import { clauseOverlaps } from './clause-overlaps.ts';
import type { Known } from './known.ts';

type Clause = SupplyClause | ShareClause | Extract<Agreement, { kind: 'roamingSale' | 'roamingPurchase' }>['clauses'][number];
type Find = (code: IssueCode, params: Issue['params'], severity?: Issue['severity']) => void;

const whole = exactFromInt(100);

/**
 * What is wrong with a version of a contract, before anything is booked by it. What blocks may not be published; the rest is for
 * whoever publishes to look at. The issues' subject is the contract's id.
 */
export function lintAgreement(agreement: Agreement, known: Known): Issue[] {
  const found: Issue[] = [];
  const find: Find = (code, params, severity = 'blocks') => {
    found.push(issue(code, severity, known.contract.id, params));
  };
  if (agreement.kind !== known.contract.kind) find('wrongAgreementKind', { kind: agreement.kind, contract: known.contract.kind });
  if ('currency' in agreement && agreement.currency !== known.account.currency) find('agreementCurrency', { agreement: agreement.currency, account: known.account.currency });
  if (known.previous?.status === 'ended' && agreement.status !== 'ended') find('contractGap', { version: known.previous.version }, 'warns');
  if ('clauses' in agreement) lintClauses(agreement.clauses, known, find);
  switch (agreement.kind) {
    case 'supply':
      break;
    case 'roamingSale':
    case 'roamingPurchase':
      if (agreement.status === 'active' && !agreement.clauses.some((c) => c.kind === 'priceSource')) find('noPriceSource', { contract: known.contract.id, route: 'any' });
      lintHubPrices(agreement.clauses, find);
      break;
    case 'revenueShare':
      lintShares(agreement, known, find);
      break;
    case 'homeCharging':
      lintHome(agreement, known, find);
  }
  return found;
}

function lintClauses(clauses: readonly Clause[], known: Known, find: Find): void {
  const seen = new Set<string>();
  for (const clause of clauses) {
    if (seen.has(clause.id)) find('clauseRepeated', { clause: clause.id });
    seen.add(clause.id);
    for (const [field, value] of figuresOf(clause)) if (exactFromDecimal(value).n < 0n) find('negativeFigure', { clause: clause.id, field, value });
    lintReferences(clause, known, find);
    lintClause(clause, known, find);
    lintReach(clause, known, find);
  }
  for (const { first, second, severity } of clauseOverlaps(clauses, known.sites)) find('clausesOverlap', { first, second }, severity);
}

/** Prices, fees, percentages and limits; what comes on top of a price series may be negative. */
function figuresOf(clause: Clause): [field: string, value: string][] {
  const priced = clause.kind === 'passThrough' && clause.price.by === 'fixed' ? [['price', clause.price.perKwh] as [string, string]] : [];
  const fields = ['amount', 'perKwh', 'percent', 'perMinute', 'capPerSession', 'perSession', 'markupPercent', 'netPerMonth', 'tolerancePercent'] as const;
  const own = fields.flatMap((field): [string, string][] => {
    const value = (clause as Partial<Record<string, unknown>>)[field];
    return typeof value === 'string' ? [[field, value]] : [];
  });
  const steps =
    clause.kind === 'tiers'
      ? clause.steps.map((s): [string, string] => ['discountPerKwh', s.discountPerKwh])
      : clause.kind === 'tieredShare'
        ? clause.steps.map((s): [string, string] => ['percent', s.percent])
        : [];
  return [...own, ...steps, ...priced];
}

function lintReferences(clause: Clause, known: Known, find: Find): void {
  const missing = (what: string, id: string) => find('unknownReference', { clause: clause.id, what, id });
  if ('scope' in clause && clause.scope !== undefined) for (const id of clause.scope.siteIds ?? []) if (!known.sites.has(id)) missing('site', id);
  if ('sourceIds' in clause) for (const id of clause.sourceIds ?? []) if (!known.sourceIds.has(id)) missing('source', id);
  if ('tariffId' in clause && clause.tariffId !== undefined) {
    const currency = known.tariffs.get(clause.tariffId);
    if (currency === undefined) missing('tariff', clause.tariffId);
    else if (currency !== known.account.currency) find('currencyMismatch', { tariff: currency, account: known.account.currency });
  }
  if (clause.kind === 'passThrough') lintSeries(clause.id, clause.price, known, find);
}

function lintSeries(clause: string, price: EnergyPrice, known: Known, find: Find): void {
  if (price.by !== 'series' || known.series === undefined) return;
  const currency = known.series.get(price.seriesId);
  if (currency === undefined) find('unknownReference', { clause, what: 'price series', id: price.seriesId });
  else if (currency !== known.account.currency) find('priceSeriesCurrency', { series: price.seriesId, currency, contract: known.account.currency });
}

function lintClause(clause: Clause, known: Known, find: Find): void {
  switch (clause.kind) {
    case 'discount':
      if (clause.perKwh === undefined && clause.percent === undefined) find('clauseSaysNothing', { clause: clause.id, either: 'perKwh', or: 'percent' });
      if (clause.perKwh !== undefined && clause.percent !== undefined) find('clauseSaysTwo', { clause: clause.id, either: 'perKwh', or: 'percent' });
      if (clause.percent !== undefined && compare(exactFromDecimal(clause.percent), whole) > 0) find('discountAboveWhole', { clause: clause.id, percent: clause.percent });
      if (clause.from !== undefined && clause.to !== undefined && clause.to <= clause.from) find('campaignBackwards', { clause: clause.id, from: clause.from, to: clause.to });
      break;
    case 'deduct':
      if (clause.percent === undefined && clause.perSession === undefined) find('clauseSaysNothing', { clause: clause.id, either: 'percent', or: 'perSession' });
      break;
    case 'tiers':
      lintSteps(
        clause.id,
        clause.steps.map((s) => s.fromKwh),
        find,
      );
      break;
    case 'tieredShare':
      lintSteps(
        clause.id,
        clause.steps.map((s) => s.from),
        find,
      );
      // What lies below the first step would be shared by nothing that was written down.
      if (exactFromDecimal(clause.steps[0]?.from ?? '0').n !== 0n) find('tiersStart', { clause: clause.id, from: clause.steps[0]?.from ?? '' });
      break;
    case 'priceSource':
      if (clause.from === 'agreement' && !('tariffId' in clause && clause.tariffId !== undefined) && known.contract.kind === 'roamingPurchase')
        find('clauseSaysNothing', { clause: clause.id, either: 'tariffId', or: 'another price source' });
      break;
    default:
  }
}

/** Sites of which a session looks at a clause: what is charged at home goes by the driver's contract, and by the markup alone at other operators'. */
function reachOf(kind: Known['contract']['kind'], clause: Clause): readonly string[] {
  if (kind !== 'supply') return ['own'];
  return clause.kind === 'roamingPrice' ? ['foreign'] : ['own', 'foreign'];
}

/** A scope that no session of the contract can lie in. What names sites that are not known is found by that. */
function lintReach(clause: Clause, known: Known, find: Find): void {
  const scope: Scope | undefined = 'scope' in clause ? clause.scope : undefined;
  if (scope === undefined || scope.siteIds?.some((id) => !known.sites.has(id))) return;
  const reach = reachOf(known.contract.kind, clause);
  const takes = (kind: string) => reach.includes(kind) && ((scope.siteKinds as readonly string[] | undefined)?.includes(kind) ?? true);
  const kinds = scope.siteIds?.map((id) => known.sites.get(id) ?? '') ?? reach;
  if (!kinds.some(takes)) find('clauseOutOfReach', { clause: clause.id, kind: clause.kind, sites: reach.join(' or ') });
}

/** A price that the hub computes is taken as it is: by no tariff, and with nothing on or off it. */
function lintHubPrices(clauses: readonly Clause[], find: Find): void {
  const sources = clauses.filter((c) => c.kind === 'priceSource');
  for (const { id, from, tariffId } of sources) if (from === 'hub' && tariffId !== undefined) find('clauseSaysTwo', { clause: id, either: 'tariffId', or: 'the price of the hub' });
  if (sources.length === 0 || sources.some((c) => c.from !== 'hub')) return;
  for (const { id, kind } of clauses) if (kind !== 'priceSource') find('clauseOnHubPrice', { clause: id, kind });
}

function lintSteps(clause: string, froms: readonly string[], find: Find): void {
  for (const [i, from] of froms.entries()) {
    const before = froms[i - 1];
    if (before !== undefined && compare(exactFromDecimal(from), exactFromDecimal(before)) <= 0) find('tiersOutOfOrder', { clause, from, before });
  }
}

function lintShares(agreement: Extract<Agreement, { kind: 'revenueShare' }>, known: Known, find: Find): void {
  const sum = (percents: readonly string[]): Exact => percents.reduce((total, p) => add(total, exactFromDecimal(p)), exactFromInt(0));
  // Of tiers the dearest counts: a month may lie in it with all of its sessions.
  const highest = (steps: readonly { readonly percent: string }[]) => steps.reduce((most, s) => (compare(exactFromDecimal(s.percent), exactFromDecimal(most)) > 0 ? s.percent : most), '0');
  const shares = agreement.clauses.flatMap((c) =>
    c.kind === 'netShare' ? [{ percent: c.percent, siteIds: c.scope?.siteIds }] : c.kind === 'tieredShare' ? [{ percent: highest(c.steps), siteIds: c.scope?.siteIds }] : [],
  );
  // A session stands at one site; null: at any that no clause names.
  const sharedAt = [null, ...new Set(shares.flatMap((s) => s.siteIds ?? []))].map((site) =>
    shares.filter((s) => s.siteIds === undefined || (site !== null && s.siteIds.includes(site))).map((s) => s.percent),
  );
  const above = (what: string, percents: readonly string[]) => {
    if (compare(sum(percents), whole) > 0) find('shareAboveWhole', { what, percents: percents.join(' + ') });
  };
  above(
    'the shares of the base',
    sharedAt.reduce((most, percents) => (compare(sum(percents), sum(most)) > 0 ? percents : most), []),
  );
  above(
    'what other beneficiaries get of the share',
    agreement.beneficiaries.map((b) => b.percent),
  );
  if (agreement.status === 'active' && agreement.clauses.length === 0) find('noShareClause', {}, 'warns');
  for (const { accountId, percent } of agreement.beneficiaries) {
    if (!known.accounts.has(accountId)) find('unknownReference', { clause: 'beneficiaries', what: 'account', id: accountId });
    if (exactFromDecimal(percent).n < 0n) find('negativeFigure', { clause: 'beneficiaries', field: 'percent', value: percent });
    if (accountId === known.account.id) find('beneficiaryTwice', { account: accountId });
  }
  const seen = new Set<string>();
  for (const { accountId } of agreement.beneficiaries) {
    if (seen.has(accountId)) find('beneficiaryTwice', { account: accountId });
    seen.add(accountId);
  }
  if (agreement.includedKwhValue !== undefined && exactFromDecimal(agreement.includedKwhValue).n < 0n)
    find('negativeFigure', { clause: 'agreement', field: 'includedKwhValue', value: agreement.includedKwhValue });
}

function lintHome(agreement: Extract<Agreement, { kind: 'homeCharging' }>, known: Known, find: Find): void {
  const payer = known.accounts.get(agreement.payerAccountId);
  if (payer !== 'fleet') find('unknownReference', { clause: 'payerAccountId', what: 'fleet account', id: agreement.payerAccountId });
  const currency = known.currencies.get(agreement.payerAccountId);
  if (payer === 'fleet' && currency !== undefined && currency !== known.account.currency) find('homeCurrencies', { driver: known.account.currency, fleet: currency });
  const figures = {
    'price.perKwh': agreement.price.by === 'fixed' ? agreement.price.perKwh : undefined,
    resaleMarkupPerKwh: agreement.resaleMarkupPerKwh,
    platformFeePerSession: agreement.platformFeePerSession,
  };
  for (const [field, value] of Object.entries(figures)) if (value !== undefined && exactFromDecimal(value).n < 0n) find('negativeFigure', { clause: 'agreement', field, value });
  if (agreement.model === 'disbursement' && exactFromDecimal(agreement.resaleMarkupPerKwh).n !== 0n) find('markupOnOutlay', { value: agreement.resaleMarkupPerKwh });
  lintSeries('price', agreement.price, known, find);
}
