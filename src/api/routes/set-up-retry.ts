import type { AgreementKind } from '../../contracts/agreement.ts';
import type { IssueCode } from '../../core/issues.ts';
import type { Orders } from '../orders.ts';

/** Tries again, source by source, the records that wait for one of these causes. */
export async function retryNear(orders: Orders, sourceIds: readonly string[], codes: readonly IssueCode[]): Promise<void> {
  for (const sourceId of sourceIds) for (const code of codes) await orders.setupAdded({ sourceId, code, key: '*' });
}

/** What may have waited for whose a site is. */
export const waitsForHolder: readonly IssueCode[] = ['siteHolderMissing', 'siteHolderAmbiguous', 'missingOwnerContract', 'missingOperatorContract', 'missingHomeContract'];

/** What may have waited for a version of a contract of each kind. */
export const waitsForContract: Readonly<Record<AgreementKind, readonly IssueCode[]>> = {
  supply: ['missingContract', 'ambiguousContract', 'ambiguousClause'],
  roamingSale: ['missingContract', 'ambiguousContract', 'ambiguousClause', 'noPriceSource', 'priceSourceMixed'],
  roamingPurchase: ['missingOperatorContract', 'ambiguousContract', 'ambiguousClause', 'noPriceSource', 'priceSourceMixed'],
  revenueShare: ['missingOwnerContract', 'ambiguousContract'],
  homeCharging: ['missingHomeContract', 'ambiguousContract'],
};
