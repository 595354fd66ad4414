import type { ShareClause } from '../../contracts/agreement.ts';
import type { Supply } from '../../contracts/vat-table.ts';
import type { Issue } from '../issues.ts';
import { formatMinor, roundToMoney, toDecimal4HalfEven } from '../money.ts';
import { partOf, partOfPrice, payeesOf, splitAmong } from './payees.ts';
import { type Amounts, type ClauseShare, runClauses, type ShareAgreement, type SharedSession } from './pipeline.ts';
import type { PriceBook } from './price-by-interval.ts';

/** One payee's part of what a clause gives for one session. Net in minor units; VAT and GL account come later. */
export type RecordShare = {
  readonly role: 'siteShareEstimate' | 'energyReimbursement';
  /** `netShare/base`: kind and id of the clause. */
  readonly component: string;
  readonly clause: string;
  /** 0 for the contract's own account, then the beneficiaries in the order written. */
  readonly splitNo: number;
  readonly payeeAccountId: string;
  readonly netMinor: bigint;
  readonly exactNet: string;
  /** The payee's part of the clause's percentage or price, so that quantity × price is its amount before rounding. */
  readonly unitPrice: string;
  readonly quantity: bigint;
  readonly quantityUnit: ClauseShare['quantityUnit'];
  /** The month may still change it: the statement states the difference. */
  readonly isEstimate: boolean;
  readonly supply: Supply;
  readonly explanation: ShareExplanation;
};

/** How a share came about: clause, price, quantity and rounding, as text and figures. */
export type ShareExplanation = {
  readonly kind: ShareClause['kind'];
  readonly clause: string;
  readonly price: string;
  readonly quantity: bigint;
  readonly quantityUnit: ClauseShare['quantityUnit'];
  /** Of the whole clause, in major units to four places, and what it was rounded to. */
  readonly exact: string;
  readonly roundedMinor: bigint;
  /** The payee's percentage of it. */
  readonly percent: string;
  readonly pinned: string | null;
};

/**
 * What a site owner earns by one session: the contract's clauses in the order written, each rounded once from the exact figure (D15) and
 * split among who earns it. Tiers and what comes after a pass-through are estimates until the month's statement; a guarantee gives no row.
 * Without a row: a clause that gives exactly nothing. Issues block (no price for an interval, another currency), and then there are no shares.
 */
export function shareOfRecord(
  input: SharedSession & {
    readonly agreement: ShareAgreement;
    readonly ownerAccountId: string;
    /** Of the sale. */
    readonly currency: string;
    /** Of the contract, where it is another one. */
    readonly amounts?: Amounts | undefined;
    readonly prices: PriceBook;
    readonly subject: string;
  },
): { readonly shares: readonly RecordShare[]; readonly issues: readonly Issue[] } {
  const { agreement, ownerAccountId, currency, prices, subject, amounts } = input;
  const { shares, issues } = runClauses(agreement, input, currency, prices, subject, amounts);
  if (issues.length > 0) return { shares: [], issues };
  const payees = payeesOf(agreement, ownerAccountId);
  return {
    issues,
    shares: shares.flatMap((share): RecordShare[] => {
      if (share.exact.n === 0n) return [];
      const { clause, price, quantity, quantityUnit, pinned } = share;
      const roundedMinor = roundToMoney(share.exact, currency, 'halfAwayFromZero');
      const parts = splitAmong(payees, roundedMinor);
      return payees.map(
        (payee, i): RecordShare => ({
          role: clause.kind === 'passThrough' ? 'energyReimbursement' : 'siteShareEstimate',
          component: componentOf(clause),
          clause: clause.id,
          splitNo: payee.splitNo,
          payeeAccountId: payee.accountId,
          netMinor: parts[i] ?? 0n,
          exactNet: toDecimal4HalfEven(partOf(payee, share.exact)),
          unitPrice: partOfPrice(payee, price),
          quantity,
          quantityUnit,
          isEstimate: clause.kind === 'tieredShare' || share.ofRest || pinned !== null,
          supply: supplyOf(agreement, clause.kind),
          explanation: { kind: clause.kind, clause: clause.id, price, quantity, quantityUnit, exact: toDecimal4HalfEven(share.exact), roundedMinor, percent: partOfPrice(payee, '100'), pinned },
        }),
      );
    }),
  };
}

/** Names what a clause gives: unique within a contract, as its clauses' ids are. */
export function componentOf(clause: Pick<ShareClause, 'kind' | 'id'>): string {
  return `${clause.kind}/${clause.id}`;
}

/** What is bought of the owner, as VAT sees it: by the supply model; electricity that is paid back is the owner's, unless we only act for the owner. */
export function supplyOf(agreement: Pick<ShareAgreement, 'supplyModel'>, kind: ShareClause['kind']): Supply {
  return kind === 'passThrough' && agreement.supplyModel === 'siteAccess' ? 'ownersElectricity' : agreement.supplyModel;
}

/** One sentence for people, such as `netShare base: 20 % of 12.35 SEK is 2.4691, rounded to 2.47; 60 % of it`. */
export function explainShare(why: ShareExplanation, currency: string): string {
  const of = (() => {
    switch (why.quantityUnit) {
      case 'minorUnits':
        return `${why.price} % of ${formatMinor(why.quantity, currency)} ${currency}`;
      case 'Wh':
        return `${why.quantity} Wh at ${why.price} ${currency}/kWh${why.pinned === null || why.pinned === '' ? '' : ` (${why.pinned})`}`;
      case 'session':
        return `${why.price} ${currency} a session`;
    }
  })();
  return `${why.kind} ${why.clause}: ${of} is ${why.exact}, rounded to ${formatMinor(why.roundedMinor, currency)}${why.percent === '100' ? '' : `; ${why.percent} % of it`}`;
}
