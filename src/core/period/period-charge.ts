import type { Charge } from '../allocate/charges.ts';
import { chargeHash } from '../seal/charge-record.ts';

/** What a charge is, of those that need the whole month or no session at all. */
export type PeriodRole = 'subscriptionFee' | 'advanceFee' | 'allowance' | 'tierDiscount' | 'cap' | 'minimumTrueUp' | 'platformFee' | 'statement' | 'energyReimbursement';

/** What a month owes without any session: it waits, or is written off, by itself. */
export type FeeRole = Extract<PeriodRole, 'subscriptionFee' | 'advanceFee' | 'minimumTrueUp'>;
const feeComponents = { fee: 'subscriptionFee', advanceFee: 'advanceFee', minimum: 'minimumTrueUp' } as const satisfies Record<string, FeeRole>;
export const feeRoles: readonly FeeRole[] = Object.values(feeComponents);
export const isFeeRole = (role: string): role is FeeRole => (feeRoles as readonly string[]).includes(role);
/** The role of a fee by its component. */
export const feeRoleOf = (component: string): FeeRole => feeComponents[baseOf(component) as keyof typeof feeComponents];
/** A component without the number of the difference that it is. */
export const baseOf = (component: string): string => component.split('#')[0] ?? component;

/**
 * A charge of an account's month: one per contract, clause, service month and component; `splitNo` parts it by cost center, site and VAT
 * code (D44). Service date is the last day of the service period (D07). A later difference is a component of its own: `included#2`.
 */
export type PeriodCharge = Omit<Charge, 'role' | 'siteId'> & { readonly role: PeriodRole; readonly siteId: string | null };

/** A period charge's hash: over its figures and what there is of it only once, so that no surrogate id is in it. */
export function periodChargeHash(charge: PeriodCharge): string {
  const identity = [charge.contractId, charge.clause, charge.serviceMonth, charge.component, charge.splitNo].join('|');
  return chargeHash(identity, 1, charge as unknown as Charge, false);
}
