import type { SessionRole } from '../../contracts/charge-record.ts';
import { type Issue, isIssue, issue } from '../issues.ts';
import { add, divInt, type Exact, exactFromDecimal, exactFromInt, mul, roundToMoney, toDecimal4HalfEven, vatOfNet } from '../money.ts';
import { deliveredEnergyOf } from '../share/delivered-energy.ts';
import { energyCostOf } from '../share/energy-cost.ts';
import { type Charge, chargeOf, type Side, sideOf } from './charges.ts';
import { describeLine, type PriceLine } from './price-line.ts';
import type { Session } from './session.ts';

export type HomeResult = { readonly charges: readonly Charge[]; readonly totalExact: Exact; readonly explanation: readonly string[] };

/**
 * A fleet's car charged at its driver's home: the driver is reimbursed, the fleet pays. As disbursement both are the same amount outside VAT
 * and net to zero per record (D20); as resale the energy is bought and sold on with VAT. The fleet's side carries the Wh. Only metered
 * energy counts.
 */
export function homeCharges(session: Session): HomeResult | Issue {
  const { facts, payer, setup, site, startMs } = session;
  const subject = facts.cdrId;
  const accountId = site.ownerAccountId ?? '';
  const contracts = setup.contracts(accountId, 'homeCharging', startMs).filter((c) => c.agreement.status === 'active');
  const [contract, ...others] = contracts;
  const driver = setup.account(accountId);
  if (contract === undefined || driver === undefined) return issue('missingHomeContract', 'blocks', subject, { account: accountId, site: site.siteId });
  if (others.length > 0) return issue('ambiguousContract', 'blocks', subject, { account: accountId, contracts: contracts.map((c) => c.contractId).join(', ') });
  const { agreement } = contract;
  if (payer.accountId !== agreement.payerAccountId) return issue('homeNotTheFleets', 'blocks', subject, { site: site.siteId, account: payer.accountId, fleet: agreement.payerAccountId });
  if (facts.measuredBy === 'vehicle') return issue('evidenceOnly', 'blocks', subject);
  if (driver.currency !== payer.currency) return issue('homeCurrencies', 'blocks', subject, { driver: driver.currency, fleet: payer.currency });
  const cost = energyCostOf(agreement.price, deliveredEnergyOf(facts), payer.currency, setup.prices, subject);
  if (!('exact' in cost)) return cost[0] ?? issue('missingPricePoint', 'blocks', subject, { series: agreement.model, at: facts.startAt });

  const isResale = agreement.model === 'resale';
  const wh = BigInt(facts.energyWh);
  const energyLine = (role: SessionRole, exact: Exact, unitPrice: string, energyWh: bigint): PriceLine => ({
    role,
    component: 'ENERGY/home',
    clause: agreement.model,
    exact,
    unitPrice,
    quantity: wh,
    unit: 'Wh',
    energyWh,
  });
  const common = { contract, currency: payer.currency, tariffVersionId: null };
  const bought = sideOf(session, { ...common, account: driver, direction: 'purchase', supply: isResale ? 'electricity' : 'disbursement' });
  if (isIssue(bought)) return bought;
  const sold = sideOf(session, { ...common, account: payer, direction: 'sale', supply: isResale ? 'electricity' : 'disbursement' });
  if (isIssue(sold)) return sold;
  const markup = isResale ? mul(exactFromDecimal(agreement.resaleMarkupPerKwh), divInt(exactFromInt(wh), 1000n)) : exactFromInt(0);
  const sale = add(cost.exact, markup);
  const salePrice = isResale ? toDecimal4HalfEven(add(exactFromDecimal(cost.unitPrice), exactFromDecimal(agreement.resaleMarkupPerKwh))) : cost.unitPrice;
  const parts: { readonly side: Side; readonly line: PriceLine; readonly glKey: string }[] = [
    { side: bought, line: energyLine(isResale ? 'homePurchase' : 'homeReimbursement', cost.exact, cost.unitPrice, 0n), glKey: isResale ? 'homePurchase' : 'reimbursementClearing' },
    { side: sold, line: energyLine(isResale ? 'homeSale' : 'homeRecharge', sale, salePrice, wh), glKey: isResale ? 'revenue.homeSale' : 'reimbursementClearing' },
  ];
  if (agreement.platformFeePerSession !== undefined) {
    const fee = sideOf(session, { ...common, account: payer, direction: 'sale', supply: 'service' });
    if (isIssue(fee)) return fee;
    const amount = agreement.platformFeePerSession;
    const line: PriceLine = { role: 'platformFee', component: 'platformFee', clause: agreement.model, exact: exactFromDecimal(amount), unitPrice: amount, quantity: 1n, unit: 'session', energyWh: 0n };
    parts.push({ side: fee, line, glKey: 'revenue.platformFee' });
  }
  const charges: Charge[] = [];
  for (const { side, line, glKey } of parts) {
    const net = roundToMoney(line.exact, side.currency, 'halfAwayFromZero');
    // Whole kWh at a price per kWh: net first for both, so that the two legs of an outlay are the same to the öre.
    const charge = chargeOf(session, { ...side, roundingMode: 'netFirst' }, line, { net, gross: net + vatOfNet(net, side.vat.percent) }, glKey);
    if (isIssue(charge)) return charge;
    charges.push(charge);
  }
  const priced = cost.pinned === null || cost.pinned === '' ? [] : [`Priced by ${cost.pinned}`];
  return { charges, totalExact: sale, explanation: [...parts.map(({ line }) => describeLine(line, payer.currency)), ...priced] };
}
