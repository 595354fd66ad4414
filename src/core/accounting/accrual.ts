import { glAccountOf } from '../allocate/gl-account.ts';
import type { EntitySetup } from '../allocate/setup.ts';
import { type Issue, isIssue } from '../issues.ts';
import { exactFromDecimal, roundToMoney } from '../money.ts';

export type ChargeKind = 'sale' | 'advanceFee' | 'share' | 'roaming' | 'home';
export type AccrualKind = ChargeKind | 'estimate';

/**
 * What the charges of one kind, GL account and cost center come to up to the end of a month, net in minor units: all that is booked; what stands
 * on documents of the ERP; what was written off; of fees in advance, what is earned.
 */
export type Standing = {
  readonly kind: ChargeKind;
  readonly currency: string;
  readonly glAccount: string;
  readonly costCenter: string;
  readonly bookedMinor: bigint;
  readonly invoicedMinor: bigint;
  readonly writtenOffMinor: bigint;
  readonly releasedMinor: bigint;
};
/** A session that was seen to start and has no CDR yet; `amount` is its estimated net in major units. */
export type OpenExpectation = { readonly sourceId: string; readonly key: string; readonly amount: string; readonly currency: string; readonly costCenter: string; readonly estimatedWh: bigint | null };
export type EstimatedExpectation = Omit<OpenExpectation, 'amount'> & { readonly amountMinor: bigint };

/** Debit positive, minor units. */
export type AccrualLine = { readonly kind: AccrualKind; readonly currency: string; readonly glAccount: string; readonly costCenter: string | null; readonly amountMinor: bigint };
export type AccrualTarget = { readonly lines: readonly AccrualLine[]; readonly estimated: readonly EstimatedExpectation[]; readonly issues: readonly Issue[] };

/** Where the other side of what is accrued stands. */
const contraKey = { sale: 'unbilledReceivable', share: 'accruedShare', roaming: 'accruedPartnerCost', home: 'accruedReimbursement' } as const;

/**
 * What the ERP lacks at the end of a month to hold what the sub-ledger does: sales not invoiced and costs without a bill, on their own accounts
 * and cost centers against what accrues them; fees invoiced before they are earned the other way; and an estimate, apart, for sessions without
 * a CDR. An account that the mapping lacks is an issue that blocks.
 */
export function accrualTarget(entity: Pick<EntitySetup, 'entityId' | 'glAccounts'>, standings: readonly Standing[], open: readonly OpenExpectation[]): AccrualTarget {
  const issues = new Map<string, Issue>();
  const lines: AccrualLine[] = [];
  const glOf = (key: string): string => {
    const found = glAccountOf(entity, key, '', entity.entityId);
    if (!isIssue(found)) return found;
    issues.set(key, found);
    return '';
  };
  for (const s of standings) {
    const add = (glAccount: string, costCenter: string | null, amountMinor: bigint) => lines.push({ kind: s.kind, currency: s.currency, glAccount, costCenter, amountMinor });
    const open = s.bookedMinor - s.invoicedMinor - s.writtenOffMinor;
    if (s.kind === 'sale') {
      if (open === 0n) continue;
      add(s.glAccount, s.costCenter, -open);
      add(glOf(contraKey.sale), s.costCenter, open);
    } else if (s.kind === 'advanceFee') {
      const earned = s.releasedMinor - s.writtenOffMinor - s.invoicedMinor;
      const deferred = s.bookedMinor - s.releasedMinor;
      if (earned !== 0n) add(s.glAccount, s.costCenter, -earned);
      if (deferred !== 0n) add(glOf('deferredRevenue'), s.costCenter, -deferred);
      if (open !== 0n) add(glOf(contraKey.sale), s.costCenter, open);
    } else {
      if (open === 0n) continue;
      add(s.glAccount, s.costCenter, open);
      add(glOf(contraKey[s.kind]), s.costCenter, -open);
    }
  }
  const estimated = open.map(({ amount, ...e }): EstimatedExpectation => ({ ...e, amountMinor: roundToMoney(exactFromDecimal(amount), e.currency, 'halfAwayFromZero') }));
  for (const e of estimated) {
    if (e.amountMinor === 0n) continue;
    lines.push({ kind: 'estimate', currency: e.currency, glAccount: glOf('estimatedRevenue'), costCenter: e.costCenter, amountMinor: -e.amountMinor });
    lines.push({ kind: 'estimate', currency: e.currency, glAccount: glOf(contraKey.sale), costCenter: e.costCenter, amountMinor: e.amountMinor });
  }
  return { lines: summed(lines), estimated, issues: [...issues.values()] };
}

/** What is still to be accrued of a target when `before` was accrued for the same month. */
export function stillToAccrue(target: readonly AccrualLine[], before: readonly AccrualLine[]): AccrualLine[] {
  return summed([...target, ...before.map((l) => ({ ...l, amountMinor: -l.amountMinor }))]);
}

/** One line per kind, currency, account and cost center, in that order, without those that are nothing. */
function summed(lines: readonly AccrualLine[]): AccrualLine[] {
  const sums = new Map<string, AccrualLine>();
  for (const line of lines) {
    const key = `${line.kind}\n${line.currency}\n${line.glAccount}\n${line.costCenter ?? ''}`;
    sums.set(key, { ...line, amountMinor: line.amountMinor + (sums.get(key)?.amountMinor ?? 0n) });
  }
  return [...sums].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, line]) => (line.amountMinor === 0n ? [] : [line]));
}
