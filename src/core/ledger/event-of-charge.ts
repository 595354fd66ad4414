import type { SessionRole } from '../../contracts/charge-record.ts';
import type { Charge } from '../allocate/charges.ts';
import { invariant } from '../invariant.ts';
import type { PeriodCharge, PeriodRole } from '../period/period-charge.ts';
import type { Amount, LedgerEvent } from './ledger-table.ts';

/** The events that book a charge. */
export type RatedKind = 'saleRated' | 'homeSold' | 'homeRecharged' | 'homeReimbursed' | 'homePurchased' | 'advanceFeeRated' | 'purchaseRated' | 'shareEstimated' | 'shareDiffers' | 'energyReimbursed';

export const ratedKindOfRole: { readonly [Role in SessionRole | PeriodRole]: RatedKind } = {
  driverSale: 'saleRated',
  fleetSale: 'saleRated',
  emspSale: 'saleRated',
  idleFee: 'saleRated',
  platformFee: 'saleRated',
  subscriptionFee: 'saleRated',
  allowance: 'saleRated',
  tierDiscount: 'saleRated',
  cap: 'saleRated',
  minimumTrueUp: 'saleRated',
  advanceFee: 'advanceFeeRated',
  roamingPurchase: 'purchaseRated',
  siteShareEstimate: 'shareEstimated',
  statement: 'shareDiffers',
  energyReimbursement: 'energyReimbursed',
  homeReimbursement: 'homeReimbursed',
  homeRecharge: 'homeRecharged',
  homePurchase: 'homePurchased',
  homeSale: 'homeSold',
};

/** Roles that carry the Wh of their session, so that each is counted once: the sale, or at home the fleet's side. */
export const bearingRoles: readonly SessionRole[] = ['driverSale', 'fleetSale', 'emspSale', 'homeRecharge', 'homeSale'];

/** Whether the energy of a charge has no price: free by a price rule, and so neither unbilled nor billed (D14). */
export function isFree({ component, unitPrice }: Pick<Charge, 'component' | 'unitPrice'>): boolean {
  return component === 'ENERGY/free' || /^-?0+(\.0*)?$/.test(unitPrice);
}

/** What charges of one kind come to: money, and energy that is to be billed or was free, in Wh. */
export type RatedSum = { readonly kind: RatedKind; readonly currency: string; readonly net: Amount; readonly energyWh: bigint; readonly freeWh: bigint };

/** The event that books charges of one kind: postings are linear, so those of a sum are the sums of those of its charges. */
export function ratedEvent({ kind, currency, net, energyWh, freeWh }: RatedSum): LedgerEvent {
  if (kind === 'saleRated' || kind === 'homeSold' || kind === 'homeRecharged') return { kind, currency, net, energyWh, freeWh };
  invariant(energyWh === 0n && freeWh === 0n, `${kind} carries no energy`);
  return { kind, currency, net };
}

/** The event that books a charge, of a session or of a month; a mirrored charge's is the mirrored event. */
export function eventOfCharge(charge: Charge | PeriodCharge): LedgerEvent {
  const free = isFree(charge);
  return ratedEvent({
    kind: ratedKindOfRole[charge.role],
    currency: charge.currency,
    net: { minor: charge.netMinor, book: charge.bookNetMinor },
    energyWh: free ? 0n : charge.energyWh,
    freeWh: free ? charge.energyWh : 0n,
  });
}
