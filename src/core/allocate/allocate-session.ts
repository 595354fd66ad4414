import type { Agreement } from '../../contracts/agreement.ts';
import type { ChargeRecord } from '../../contracts/charge-record.ts';
import { type Issue, isIssue, issue } from '../issues.ts';
import { type Exact, roundToMoney, toDecimal4HalfEven } from '../money.ts';
import type { Charge } from './charges.ts';
import { unheld } from './held-site.ts';
import { homeCharges } from './home-charging.ts';
import { ownerShares, shareContractOf } from './owner-shares.ts';
import type { SalePrice } from './price-line.ts';
import { purchase, roamingPrice } from './roaming.ts';
import { isBilled, saleCharges, totalOf } from './sale-charges.ts';
import { priceSale } from './sale-price.ts';
import type { Session } from './session.ts';
import type { Contracted, TariffSetup } from './setup.ts';

/** Net of the sales a session would make; what is at risk while it waits. Null where it cannot be told yet. */
export type Worth = { readonly minor: bigint; readonly currency: string };

export type AllocationResult = {
  /** Findings that do not block, or the one that does. */
  readonly issues: readonly Issue[];
  readonly worth: Worth | null;
  readonly tariff: TariffSetup | undefined;
} & (
  | { readonly kind: 'allocated'; readonly charges: readonly Charge[]; readonly rating: ChargeRecord['rating'] }
  /** parked: rated, but may not be booked, since the entity has no VAT registration where the supply takes place (D23). */
  | { readonly kind: 'parked' | 'blocked' }
);

/**
 * Who pays and who earns for one session, as charges: at a charger of ours the sale and its owner's share, at another operator's the
 * purchase and the sale, at a driver's home the reimbursement and the recharge. The first thing that is missing blocks all of it, so
 * that a session is booked whole or not at all.
 */
export function allocateSession(session: Session): AllocationResult {
  const nobodys = unheld(session.site, session.facts.cdrId);
  if (nobodys !== undefined) return blocked([nobodys]);
  switch (session.site.kind) {
    case 'own':
      return ownCharger(session);
    case 'foreign':
      return foreignCharger(session);
    case 'home':
      return home(session);
  }
}

function ownCharger(session: Session): AllocationResult {
  const contract = session.payer.category === 'eMSP' ? contractOfPayer(session, 'roamingSale') : contractOfPayer(session, 'supply');
  if (isIssue(contract)) return blocked([contract]);
  const priced = priceSale(session, contract);
  if (priced.price === undefined) return blocked(priced.issues, null, priced.tariff);
  const { price, tariff, issues } = priced;
  const worth = worthOf(totalOf(price), price.currency);
  const shared = shareContractOf(session);
  if (isIssue(shared)) return blocked([...issues, shared], worth, tariff);
  const sales = saleCharges(session, contract, price, shared?.agreement.supplyModel === 'agency');
  if (isIssue(sales)) return blocked([...issues, sales], worth, tariff);
  const shares = shared === null ? { charges: [], explanation: [] } : ownerShares(session, shared, sales.filter(isBilled));
  if (isIssue(shares)) return blocked([...issues, shares], worth, tariff);
  return { kind: 'allocated', charges: [...sales, ...shares.charges], rating: ratingOf(price, shares.explanation), issues, worth, tariff };
}

function foreignCharger(session: Session): AllocationResult {
  const { facts, payer } = session;
  if (payer.category === 'eMSP') return blocked([issue('notOurDriver', 'blocks', facts.cdrId, { token: facts.tokenRef, category: payer.category, account: payer.accountId })]);
  const contract = contractOfPayer(session, 'supply');
  if (isIssue(contract)) return blocked([contract]);
  const bought = purchase(session);
  if (isIssue(bought)) return blocked([bought]);
  const priced = roamingPrice(session, contract, bought) ?? priceSale(session, contract);
  const issues = [...bought.issues, ...priced.issues];
  if (priced.price === undefined) return blocked(issues, null, priced.tariff);
  const { price, tariff } = priced;
  const worth = worthOf(totalOf(price), price.currency);
  const sales = saleCharges(session, contract, price, false);
  if (isIssue(sales)) return blocked([...issues, sales], worth, tariff);
  return { kind: 'allocated', charges: [...sales, ...bought.charges], rating: ratingOf(price), issues, worth, tariff };
}

function home(session: Session): AllocationResult {
  const result = homeCharges(session);
  if (isIssue(result)) return blocked([result]);
  const worth = worthOf(result.totalExact, session.payer.currency);
  return {
    kind: 'allocated',
    charges: result.charges,
    rating: { tariffVersionId: null, total: toDecimal4HalfEven(result.totalExact), explanation: [...result.explanation] },
    issues: [],
    worth,
    tariff: undefined,
  };
}

/** The one contract by which an account pays at the session's start; ended is a gap like none at all. */
function contractOfPayer<Kind extends 'supply' | 'roamingSale'>({ facts, payer, setup, startMs }: Session, kind: Kind): Contracted<Kind> | Issue {
  const contracts = setup.contracts(payer.accountId, kind, startMs).filter((c) => (c.agreement as Agreement).status !== 'ended');
  const [contract, ...others] = contracts;
  if (contract === undefined) return issue('missingContract', 'blocks', facts.cdrId, { token: facts.tokenRef });
  if (others.length > 0) return issue('ambiguousContract', 'blocks', facts.cdrId, { account: payer.accountId, contracts: contracts.map((c) => c.contractId).join(', ') });
  return contract;
}

function ratingOf(price: SalePrice, shared: readonly string[] = []): ChargeRecord['rating'] {
  return { tariffVersionId: price.tariffVersionId, total: toDecimal4HalfEven(totalOf(price)), explanation: [...price.explanation, ...shared] };
}

function worthOf(exact: Exact, currency: string): Worth {
  return { minor: roundToMoney(exact, currency, 'halfAwayFromZero'), currency };
}

function blocked(issues: readonly Issue[], worth: Worth | null = null, tariff?: TariffSetup): AllocationResult {
  return { kind: issues.some((i) => i.code === 'notVatRegistered') ? 'parked' : 'blocked', issues, worth, tariff };
}
