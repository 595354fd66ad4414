import type { SupplyClause } from '../../contracts/agreement.ts';
import { type Issue, isIssue, issue } from '../issues.ts';
import { add, compare, divInt, type Exact, exactFromDecimal, exactFromInt, mul, sub, toDecimal4HalfEven } from '../money.ts';
import { localDateOf } from '../time.ts';
import { type Charge, sideOf } from './charges.ts';
import { conversionOn, convertExact } from './convert.ts';
import { describeLine, type PriceLine, type SalePrice } from './price-line.ts';
import { type PriceSource, priceSourceOf } from './price-source.ts';
import { chargesOfPrice, totalOf } from './sale-charges.ts';
import { type PriceResult, rateTariff } from './sale-price.ts';
import type { Session } from './session.ts';
import { clausesFor, inScope, sessionClauseLines } from './session-clauses.ts';
import { type Contracted, saleRoleOf } from './setup.ts';

/** What a session at another operator's charger costs us: its charges, and the exact net in the currency of the agreement. */
export type Purchase = { readonly charges: readonly Charge[]; readonly exact: Exact; readonly currency: string; readonly explanation: readonly string[]; readonly issues: readonly Issue[] };

/** Rates what the operator earns by the agreed price source, and compares it with what it claims: a difference beyond the tolerance is a finding, and the agreed price is booked. */
export function purchase(session: Session): Purchase | Issue {
  const { facts, setup, site, startMs } = session;
  const accountId = site.operatorAccountId ?? '';
  const operator = setup.account(accountId);
  const contracts = setup.contracts(accountId, 'roamingPurchase', startMs).filter((c) => c.agreement.status === 'active');
  const [contract, ...others] = contracts;
  if (contract === undefined || operator === undefined) return issue('missingOperatorContract', 'blocks', facts.cdrId, { account: accountId, site: site.siteId });
  if (others.length > 0) return issue('ambiguousContract', 'blocks', facts.cdrId, { account: accountId, contracts: contracts.map((c) => c.contractId).join(', ') });
  const source = priceSourceOf(contract, facts);
  if (isIssue(source)) return source;
  const priced = purchasePrice(session, source);
  if (isIssue(priced)) return priced;
  const { price, issues, cause } = priced;
  const { currency } = contract.agreement;
  if (price.currency !== currency) return issue('currencyMismatch', 'blocks', facts.cdrId, { tariff: price.currency, account: currency });
  const side = sideOf(session, { account: operator, direction: 'purchase', supply: 'electricity', contract, currency, tariffVersionId: price.tariffVersionId });
  if (isIssue(side)) return side;
  const charges = chargesOfPrice(session, side, price, () => 'roamingCost');
  if (isIssue(charges)) return charges;
  const exact = totalOf(price);
  return { charges, exact, currency, explanation: price.explanation, issues: [...issues, ...differs(session, exact, currency, source, cause)] };
}

/** Energy lies on the sale alone: it is bought and sold once. */
function purchasePrice(session: Session, source: PriceSource): { readonly price: SalePrice; readonly issues: readonly Issue[]; readonly cause: string } | Issue {
  const { facts, setup, site, startMs } = session;
  const role = 'roamingPurchase';
  if (source.price !== 'tariff') {
    const { exclVat = '0', currency = '' } = facts.partnerPrice ?? {};
    const line: PriceLine = { role, component: 'ENERGY/stated', clause: source.clauseId, exact: exactFromDecimal(exclVat), unitPrice: exclVat, quantity: 1n, unit: 'session', energyWh: 0n };
    const price = {
      role,
      currency,
      tariffVersionId: null,
      lines: [line],
      limited: null,
      extras: [],
      vatPercents: [],
      explanation: [`Bought for ${exclVat} ${currency} as stated, by clause ${source.clauseId}`],
    } as const;
    return { price, issues: [], cause: '' };
  }
  const tariff = source.tariffId === null ? undefined : setup.tariff(source.tariffId, startMs);
  if (tariff === undefined) return issue('missingTariff', 'blocks', facts.cdrId, { segment: `purchase (tariff ${source.tariffId ?? 'not named'})`, site: site.siteId });
  const rated = rateTariff(session, tariff);
  const [blocking] = rated.issues.filter((i) => i.severity === 'blocks');
  if (rated.price === undefined) return blocking ?? issue('missingTariff', 'blocks', facts.cdrId, { segment: 'purchase', site: site.siteId });
  const lines = rated.price.lines.map((line): PriceLine => ({ ...line, role, clause: source.clauseId, energyWh: 0n }));
  const explanation = rated.price.explanation.map((sentence) => `Bought: ${sentence}`);
  // What they claim is compared with its tolerance, beside the explanation of the rating.
  return {
    price: { ...rated.price, role, lines, explanation },
    issues: rated.issues.filter((i) => i.code !== 'claimDiffers'),
    cause: String(rated.issues.find((i) => i.code === 'claimDiffers')?.params['cause'] ?? ''),
  };
}

function differs({ facts }: Session, ours: Exact, currency: string, { price, tolerancePercent }: PriceSource, cause: string): Issue[] {
  const claim = facts.partnerPrice;
  if (price !== 'tariff' || claim === undefined || claim.origin === 'notSignificant') return [];
  const theirs = exactFromDecimal(claim.exclVat);
  const params = { claimed: claim.exclVat, currency: claim.currency, ours: toDecimal4HalfEven(ours), limit: tolerancePercent, ...(cause === '' ? {} : { cause }) };
  if (claim.currency !== currency) return [issue('purchaseDiffers', 'warns', facts.cdrId, { ...params, percent: '?' })];
  const apart = abs(sub(theirs, ours));
  if (compare(apart, mul(abs(ours), divInt(exactFromDecimal(tolerancePercent), 100n))) <= 0) return [];
  const percent = ours.n === 0n ? '?' : toDecimal4HalfEven(mul(divInt(apart, 1n), { n: 100n * ours.d, d: abs(ours).n }));
  return [issue('purchaseDiffers', 'warns', facts.cdrId, { ...params, percent })];
}

/**
 * What a customer of ours pays at another operator's charger by its contract's roamingPrice clause: what the session costs us, in the
 * customer's currency at the day's rate, marked up, plus fees. Undefined where the contract has no such clause: it is priced by tariff then.
 */
export function roamingPrice(session: Session, contract: Contracted<'supply'>, bought: Purchase): PriceResult<SalePrice> | undefined {
  const { entity, endMs, facts, payer, site } = session;
  const clauses: readonly SupplyClause[] = contract.agreement.status === 'paused' ? [] : contract.agreement.clauses;
  const matching = clauses.filter((c) => c.kind === 'roamingPrice').filter((c) => inScope(c.scope, site));
  const [clause, ...others] = matching;
  if (clause === undefined) return undefined;
  const blocked = (found: Issue) => ({ price: undefined, tariff: undefined, issues: [found] });
  if (others.length > 0) return blocked(issue('ambiguousClause', 'blocks', facts.cdrId, { contract: contract.contractId, clauses: matching.map((c) => c.id).join(', ') }));
  const on = localDateOf(endMs, site.timeZone);
  const from = conversionOn(entity, bought.currency, on, facts.cdrId);
  const to = conversionOn(entity, payer.currency, on, facts.cdrId);
  if (isIssue(from)) return blocked(from);
  if (isIssue(to)) return blocked(to);
  const cost = convertExact(bought.exact, from, to);
  const marked = mul(cost, add(exactFromInt(1), divInt(exactFromDecimal(clause.markupPercent), 100n)));
  const role = saleRoleOf(payer.category);
  const wh = BigInt(facts.energyWh);
  const unitPrice = toDecimal4HalfEven(marked);
  // Energy that costs us nothing and is paid per kWh is not free (D14).
  const isPerKwh = Number(unitPrice) === 0 && Number(clause.perKwh) !== 0;
  const lines: PriceLine[] = [{ role, component: 'ENERGY/roaming', clause: clause.id, exact: marked, unitPrice, quantity: 1n, unit: 'session', energyWh: isPerKwh ? 0n : wh }];
  if (Number(clause.perKwh) !== 0) {
    const exact = mul(exactFromDecimal(clause.perKwh), divInt(exactFromInt(wh), 1000n));
    lines.push({ role, component: 'roamingPerKwh', clause: clause.id, exact, unitPrice: clause.perKwh, quantity: wh, unit: 'Wh', energyWh: isPerKwh ? wh : 0n });
  }
  if (Number(clause.perSession) !== 0) {
    lines.push({ role, component: 'roamingPerSession', clause: clause.id, exact: exactFromDecimal(clause.perSession), unitPrice: clause.perSession, quantity: 1n, unit: 'session', energyWh: 0n });
  }
  const extras = sessionClauseLines(clausesFor(session, clauses), { lines, limited: null }, facts, session, site);
  const rates = [...new Set([from.name, to.name])].filter((name) => name !== null).join(' and ');
  const bridge = `What it costs us, ${toDecimal4HalfEven(bought.exact)} ${bought.currency}${rates === '' ? '' : ` (${rates})`}, marked up by ${clause.markupPercent} %`;
  const explanation = [...bought.explanation, bridge, ...[...lines, ...extras].map((line) => describeLine(line, payer.currency))];
  return { price: { role, currency: payer.currency, tariffVersionId: null, lines, limited: null, extras, vatPercents: [], explanation }, tariff: undefined, issues: [] };
}

function abs(value: Exact): Exact {
  return value.n < 0n ? { n: -value.n, d: value.d } : value;
}
