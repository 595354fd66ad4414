import type { Supply } from '../../contracts/vat-table.ts';
import { type Issue, isIssue, issue } from '../issues.ts';
import { exactFromDecimal, exactFromInt, toDecimal4HalfEven } from '../money.ts';
import { deliveredEnergyOf } from '../share/delivered-energy.ts';
import { type Amounts, namesAmounts, type ShareAgreement } from '../share/pipeline.ts';
import { explainShare, shareOfRecord } from '../share/share-of-record.ts';
import { localDateOf } from '../time.ts';
import { type Charge, chargeOf, type Side, sideOf } from './charges.ts';
import { conversionOn, convertExact } from './convert.ts';
import type { Session } from './session.ts';
import type { Contracted } from './setup.ts';

/** The contract that shares what a site of ours earns, where somebody owns its ground; null where nobody does. None in force is an issue that blocks. */
export function shareContractOf({ facts, setup, site, startMs }: Session): Contracted<'revenueShare'> | null | Issue {
  if (site.ownerAccountId === null) return null;
  const contracts = setup.contracts(site.ownerAccountId, 'revenueShare', startMs).filter((c) => c.agreement.status !== 'ended');
  const [contract, ...others] = contracts;
  if (contract === undefined) return issue('missingOwnerContract', 'blocks', facts.cdrId, { site: site.siteId, account: site.ownerAccountId });
  if (others.length > 0) return issue('ambiguousContract', 'blocks', facts.cdrId, { account: site.ownerAccountId, contracts: contracts.map((c) => c.contractId).join(', ') });
  return contract;
}

export type OwnerShares = { readonly charges: readonly Charge[]; readonly explanation: readonly string[] };

/** What the site's owner and the contract's beneficiaries earn of a session, rounded per record and clause (D15) so that a clawback is exact. */
export function ownerShares(session: Session, contract: Contracted<'revenueShare'>, sales: readonly Charge[]): OwnerShares | Issue {
  const { facts, site, setup } = session;
  const { agreement } = contract;
  const [first] = sales;
  if (first === undefined || agreement.status === 'paused' || site.ownerAccountId === null) return { charges: [], explanation: [] };
  const { currency } = first;
  const amounts = amountsOf(session, agreement, site.ownerAccountId, currency);
  if (isIssue(amounts)) return amounts;
  const { shares, issues } = shareOfRecord({
    agreement,
    ownerAccountId: site.ownerAccountId,
    currency,
    amounts: amounts?.amounts,
    siteId: site.siteId,
    saleNetMinor: sales.reduce((sum, c) => sum + c.netMinor, 0n),
    delivered: deliveredEnergyOf(facts),
    isWrittenOff: false,
    prices: setup.prices,
    subject: facts.cdrId,
  });
  const [found] = issues;
  if (found !== undefined) return found;
  const sides = new Map<string, Side>();
  const charges: Charge[] = [];
  for (const share of shares) {
    const side = sides.get(`${share.payeeAccountId}\n${share.supply}`) ?? sideOfPayee(session, contract, share.payeeAccountId, share.supply, currency);
    if (isIssue(side)) return side;
    sides.set(`${share.payeeAccountId}\n${share.supply}`, side);
    const { role, component, clause, unitPrice, quantity, quantityUnit: unit, netMinor } = share;
    // VAT is decided at the statement; until then a share is what it is without.
    const line = { role, component, clause, exact: exactFromDecimal(share.exactNet), unitPrice, quantity, unit, energyWh: 0n };
    const charge = chargeOf(session, side, line, { net: netMinor, gross: netMinor }, role === 'energyReimbursement' ? 'energyCost' : 'shareCost', share.splitNo);
    if (isIssue(charge)) return charge;
    charges.push(charge);
  }
  const explanation = shares.filter((s) => s.splitNo === 0).map((s) => explainShare(s.explanation, currency));
  return { charges, explanation: amounts === undefined || shares.length === 0 ? explanation : [...explanation, amounts.bridge] };
}

/** What the contract's amounts, in its owner's currency, are in that of the sale at the day's rate; undefined where they are the same, or there are none. */
function amountsOf(
  { entity, endMs, facts, setup, site }: Session,
  agreement: ShareAgreement,
  ownerAccountId: string,
  currency: string,
): { readonly amounts: Amounts; readonly bridge: string } | undefined | Issue {
  const own = setup.account(ownerAccountId)?.currency ?? currency;
  if (own === currency || !namesAmounts(agreement)) return undefined;
  const on = localDateOf(endMs, site.timeZone);
  const from = conversionOn(entity, own, on, facts.cdrId);
  const to = conversionOn(entity, currency, on, facts.cdrId);
  if (isIssue(from)) return from;
  if (isIssue(to)) return to;
  const rate = convertExact(exactFromInt(1), from, to);
  const names = [from.name, to.name].filter((name) => name !== null).join(' and ');
  return { amounts: { currency: own, rate }, bridge: `The owner’s contract is in ${own}, of which one is ${toDecimal4HalfEven(rate)} ${currency} (${names})` };
}

function sideOfPayee(session: Session, contract: Contracted<'revenueShare'>, accountId: string, supply: Supply, currency: string): Side | Issue {
  const account = session.setup.account(accountId);
  if (account === undefined) return issue('missingOwnerContract', 'blocks', session.facts.cdrId, { site: session.site.siteId, account: accountId });
  return sideOf(session, { account, direction: 'purchase', supply, contract, currency, tariffVersionId: null });
}
