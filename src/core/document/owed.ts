import type { EntitySetup } from '../allocate/setup.ts';
import { type Issue, isIssue } from '../issues.ts';
import { purchaseVat } from '../purchase/match-invoice.ts';

/** Types of documents of what we owe, written by us for who is owed. */
export const owedTypes = ['selfBilling', 'selfBillingCredit', 'settlementStatement', 'reimbursement'] as const;
const owed: ReadonlySet<string> = new Set(owedTypes);

/**
 * VAT under reverse charge of what we owe, by code, in minor units: of an invoice that we write ourselves we owe it at our own country's standard rate, and deduct it. A
 * statement is no invoice: there it comes with the payee's. `on` is the tax date. An issue where the entity's country has no rate.
 */
export function selfAssessed(
  entity: Pick<EntitySetup, 'country' | 'vatRules'>,
  document: { readonly id: string; readonly type: string; readonly on: string; readonly vat: readonly { readonly vatCode: string; readonly baseMinor: bigint; readonly vatMinor: bigint }[] },
): ReadonlyMap<string, bigint> | Issue {
  const found = new Map<string, bigint>();
  if (document.type !== 'selfBilling' && document.type !== 'selfBillingCredit') return found;
  for (const { vatCode, baseMinor, vatMinor } of document.vat) {
    const vat = purchaseVat(entity, { vatCode, netMinor: baseMinor, statedMinor: vatMinor, on: document.on, subject: document.id });
    if (isIssue(vat)) return vat;
    if (vat.selfAssessedMinor !== 0n) found.set(vatCode, vat.selfAssessedMinor);
  }
  return found;
}

/** To whom we owe what a document says: a site owner, or a driver for charging at home; undefined for what is owed to us. */
export function owedTo(type: string, strategy: string): 'owner' | 'driver' | undefined {
  if (!owed.has(type)) return undefined;
  return strategy === 'reimbursement' ? 'driver' : 'owner';
}
