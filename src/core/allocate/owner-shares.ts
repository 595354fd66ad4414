import { type Issue, isIssue, issue } from '../issues.ts';
import { exactFromDecimal, mul, roundToMoney } from '../money.ts';
import { type Charge, chargeOf, sideOf } from './charges.ts';
import type { Session } from './session.ts';
import type { AccountSetup, Contracted } from './setup.ts';

/** The contract that shares what a site of ours earns, where somebody owns its ground; null where nobody does. None in force is an issue that blocks. */
export function shareContractOf({ facts, setup, site, startMs }: Session): Contracted<'revenueShare'> | null | Issue {
  if (site.ownerAccountId === null) return null;
  const contracts = setup.contracts(site.ownerAccountId, 'revenueShare', startMs).filter((c) => c.agreement.status !== 'ended');
  const [contract, ...others] = contracts;
  if (contract === undefined) return issue('missingOwnerContract', 'blocks', facts.cdrId, { site: site.siteId, account: site.ownerAccountId });
  if (others.length > 0) return issue('ambiguousContract', 'blocks', facts.cdrId, { account: site.ownerAccountId, contracts: contracts.map((c) => c.contractId).join(', ') });
  return contract;
}

/** What the site's owner earns of a session, rounded per record and clause (D15) so that a clawback is exact. */
export function ownerShares(session: Session, contract: Contracted<'revenueShare'>, sales: readonly Charge[]): readonly Charge[] | Issue {
  const { site, setup } = session;
  const { agreement } = contract;
  const [first] = sales;
  const owner: AccountSetup | undefined = setup.account(site.ownerAccountId ?? '');
  if (first === undefined || owner === undefined || agreement.status === 'paused') return [];
  const side = sideOf(session, { account: owner, direction: 'purchase', supply: agreement.supplyModel, contract, currency: first.currency, tariffVersionId: null });
  if (isIssue(side)) return side;
  const net = sales.reduce((sum, c) => sum + c.netMinor, 0n);
  const charges: Charge[] = [];
  for (const clause of agreement.clauses) {
    if (clause.kind !== 'netShare') continue;
    const exact = mul(exactFromDecimal(net.toString()), mul(exactFromDecimal(clause.percent), exactFromDecimal('0.0001')));
    const amount = roundToMoney(exact, first.currency, 'halfAwayFromZero');
    const line = { role: 'siteShareEstimate' as const, component: clause.kind, clause: clause.id, exact, unitPrice: clause.percent, quantity: net, unit: 'minorUnits', energyWh: 0n };
    const charge = chargeOf(session, side, line, { net: amount, gross: amount }, 'shareCost');
    if (isIssue(charge)) return charge;
    charges.push(charge);
  }
  return charges;
}
