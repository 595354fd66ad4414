import type { AgreementOf, ShareClause } from '../../contracts/agreement.ts';
import type { Issue } from '../issues.ts';
import { add, compare, divInt, type Exact, exactFromDecimal, exactFromInt, minorUnitDigits, mul, roundToMoney, sub, toDecimal4HalfEven } from '../money.ts';
import type { DeliveredEnergy } from './delivered-energy.ts';
import { energyCostOf } from './energy-cost.ts';
import type { PriceBook } from './price-by-interval.ts';

export type ShareAgreement = AgreementOf<'revenueShare'>;
type ClauseOf<Kind extends ShareClause['kind']> = Extract<ShareClause, { kind: Kind }>;
/** Clauses of which a record makes a row. */
export type EarningClause = Exclude<ShareClause, ClauseOf<'deduct' | 'guarantee'>>;

/** One session, as the clauses look at it. */
export type SharedSession = {
  readonly siteId: string;
  /** Net of the sale, without VAT, in minor units of the contract's currency. */
  readonly saleNetMinor: bigint;
  readonly delivered: DeliveredEnergy;
  /** The sale is given up (excluded, or too small to be billed): it earns nothing but what counts delivered energy (D16). */
  readonly isWrittenOff: boolean;
};

/** The currency of a contract's amounts, and what one of it is in that of the sale. */
export type Amounts = { readonly currency: string; readonly rate: Exact };

/** What a clause gives for one session, in major units, before rounding. */
export type ClauseShare = {
  readonly clause: EarningClause;
  readonly exact: Exact;
  /** The base that the clause found. */
  readonly base: Exact;
  /** Percent, or major units per kWh or session. */
  readonly price: string;
  readonly quantity: bigint;
  readonly quantityUnit: 'minorUnits' | 'Wh' | 'session';
  readonly pinned: string | null;
  /** Comes after a pass-through, whose month may leave nothing to share (D17). */
  readonly ofRest: boolean;
};

const nothing = exactFromInt(0);

/**
 * Runs a contract's clauses over one session in the order written; a tiered share at the rate of its first step. All in `currency`, that of
 * the sale; the contract's amounts are in it too unless told. Issues block, and then there are no shares to rely on.
 */
export function runClauses(
  agreement: ShareAgreement,
  session: SharedSession,
  currency: string,
  book: PriceBook,
  subject: string,
  amounts: Amounts = { currency, rate: exactFromInt(1) },
): { readonly shares: readonly ClauseShare[]; readonly issues: readonly Issue[] } {
  const shares: ClauseShare[] = [];
  const issues: Issue[] = [];
  if (agreement.status !== 'active') return { shares, issues };
  const counts = !session.isWrittenOff || agreement.writtenOffAtOurCost;
  const { energyWh } = session.delivered;
  let base: Exact = counts ? { n: session.saleNetMinor, d: 10n ** BigInt(minorUnitDigits(currency)) } : nothing;
  let ofRest = false;
  const inSale = (amount: Exact) => mul(amount, amounts.rate);
  const priceInSale = (price: string) => (amounts.currency === currency ? price : toDecimal4HalfEven(inSale(exactFromDecimal(price))));
  const give = (clause: EarningClause, exact: Exact, price: string, quantity: bigint, quantityUnit: ClauseShare['quantityUnit'], pinned: string | null = null) => {
    shares.push({ clause, exact, base, price, quantity, quantityUnit, pinned, ofRest });
  };
  for (const clause of agreement.clauses) {
    if ('scope' in clause && clause.scope !== undefined && !clause.scope.siteIds.includes(session.siteId)) continue;
    switch (clause.kind) {
      case 'deduct':
        if (counts) base = sub(base, deduction(clause, base, inSale(exactFromDecimal(clause.perSession ?? '0')), agreement.sharesLosses));
        break;
      case 'netShare':
        give(clause, percentOf(base, clause.percent), clause.percent, roundToMoney(base, currency, 'halfAwayFromZero'), 'minorUnits');
        break;
      case 'tieredShare': {
        const percent = clause.steps[0]?.percent ?? '0';
        give(clause, percentOf(base, percent), percent, roundToMoney(base, currency, 'halfAwayFromZero'), 'minorUnits');
        break;
      }
      case 'perKwh':
        if (counts || clause.counts === 'delivered') give(clause, inSale(mul(exactFromDecimal(clause.amount), { n: energyWh, d: 1000n })), priceInSale(clause.amount), energyWh, 'Wh');
        break;
      case 'perSession':
        if (counts) give(clause, inSale(exactFromDecimal(clause.amount)), priceInSale(clause.amount), 1n, 'session');
        break;
      case 'passThrough': {
        if (!counts && clause.counts === 'billed') break;
        const cost = energyCostOf(clause.price, session.delivered, amounts.currency, book, subject);
        if (!('exact' in cost)) {
          issues.push(...cost);
          break;
        }
        give(clause, inSale(cost.exact), priceInSale(cost.unitPrice), energyWh, 'Wh', cost.pinned);
        base = sub(base, inSale(cost.exact));
        ofRest = true;
        break;
      }
      case 'guarantee':
        break;
    }
  }
  return { shares, issues };
}

/** Whether a clause pays for a sale that is given up as for any other. */
export function earnsAnyway({ clauses, writtenOffAtOurCost }: ShareAgreement, clauseId: string): boolean {
  return writtenOffAtOurCost || clauses.some((c) => c.id === clauseId && (c.kind === 'perKwh' || c.kind === 'passThrough') && c.counts === 'delivered');
}

/** What a deduction takes: no more than there is, and of nothing nothing, unless losses are shared. */
function deduction(clause: ClauseOf<'deduct'>, base: Exact, perSession: Exact, sharesLosses: boolean): Exact {
  const fee = add(percentOf(base, clause.percent ?? '0'), perSession);
  if (sharesLosses) return fee;
  if (compare(base, nothing) <= 0) return nothing;
  return compare(fee, base) > 0 ? base : fee;
}

/** percent × base / 100, exact. */
export function percentOf(base: Exact, percent: string): Exact {
  return divInt(mul(base, exactFromDecimal(percent)), 100n);
}

/** Whether clauses name amounts of money, which are in the contract's currency; percentages are in any. */
export function namesAmounts({ clauses }: ShareAgreement): boolean {
  return clauses.some((c) => c.kind === 'perKwh' || c.kind === 'perSession' || c.kind === 'passThrough' || (c.kind === 'deduct' && c.perSession !== undefined));
}

/** What a contract has no figure for yet: series to load before its clauses are run. */
export function priceSeriesOf(agreement: ShareAgreement): string[] {
  return [...new Set(agreement.clauses.flatMap((c) => (c.kind === 'passThrough' && c.price.by === 'series' ? [c.price.seriesId] : [])))];
}
