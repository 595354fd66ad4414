import { type Issue, issue } from '../issues.ts';
import type { EntitySetup } from './setup.ts';

/**
 * The GL account of a key such as `revenue.driverSale`; a key that also names the VAT code (`revenue.driverSale.AE`) goes before it.
 * What is not mapped is an issue that blocks: there is no fallback account.
 */
export function glAccountOf(entity: Pick<EntitySetup, 'glAccounts'>, key: string, vatCode: string, subject: string): string | Issue {
  return entity.glAccounts.get(`${key}.${vatCode}`) ?? entity.glAccounts.get(key) ?? issue('unmappedAccount', 'blocks', subject, { key });
}

/** Keys that other postings keep: what customers and owners owe or are owed, and VAT, never move by a manual amount. */
const kept = /^(unbilledReceivable|receivable|outputVat|inputVat|ownerPayable|driverPayable|accruedShare|accruedReimbursement|reimbursementClearing)(\.|$)/;

/** The account of the chart of a manual amount: by a key of the mapping, or an account that the mapping has under such a key. */
export function adjustmentAccountOf(
  entity: Pick<EntitySetup, 'glAccounts'>,
  by: { readonly glKey: string } | { readonly glAccount: string },
  vatCode: string,
): { readonly glKey: string; readonly glAccount: string } | undefined {
  const usable = [...entity.glAccounts].filter(([key]) => !kept.test(key));
  if ('glKey' in by) {
    const own = usable.find(([key]) => key === `${by.glKey}.${vatCode}`) ?? usable.find(([key]) => key === by.glKey);
    return own === undefined ? undefined : { glKey: by.glKey, glAccount: own[1] };
  }
  const named = usable.find(([, account]) => account === by.glAccount);
  return named === undefined ? undefined : { glKey: named[0], glAccount: by.glAccount };
}
