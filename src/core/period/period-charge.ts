import type { Charge } from '../allocate/charges.ts';

/** What a charge is, of those that need the whole month or no session at all. */
export type PeriodRole = 'subscriptionFee' | 'advanceFee' | 'allowance' | 'tierDiscount' | 'cap' | 'minimumTrueUp' | 'platformFee' | 'statement' | 'energyReimbursement';

/**
 * A charge of an account's month: one per contract, clause, service month and component; `splitNo` parts it by cost center, site and VAT
 * code (D44). Service date is the last day of the service period (D07). A later difference is a component of its own: `included#2`.
 */
export type PeriodCharge = Omit<Charge, 'role' | 'siteId'> & { readonly role: PeriodRole; readonly siteId: string | null };
