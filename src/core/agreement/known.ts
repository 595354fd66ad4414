import type { AgreementKind } from '../../contracts/agreement.ts';

/** Categories of account that a contract of each kind is made with. */
export const categoriesOf: Readonly<Record<AgreementKind, readonly string[]>> = {
  supply: ['driver', 'fleet'],
  roamingSale: ['eMSP'],
  roamingPurchase: ['partner', 'eMSP'],
  revenueShare: ['siteOwner'],
  homeCharging: ['driver'],
};

/** What an agreement may refer to, and what stands before it. */
export type Known = {
  readonly contract: { readonly id: string; readonly kind: AgreementKind };
  readonly account: { readonly id: string; readonly currency: string };
  /** The newest version that is published; undefined: this is the first. */
  readonly previous?: { readonly version: number; readonly status: string } | undefined;
  /** Published tariffs by id, with their currency. */
  readonly tariffs: ReadonlyMap<string, string>;
  /** Sites by id, with their kind. */
  readonly sites: ReadonlyMap<string, string>;
  /** Accounts by id, with their category. */
  readonly accounts: ReadonlyMap<string, string>;
  /** The currency of each of them. */
  readonly currencies: ReadonlyMap<string, string>;
  readonly sourceIds: ReadonlySet<string>;
  /** Price series by id, with their currency; undefined: they cannot be looked up here. */
  readonly series?: ReadonlyMap<string, string> | undefined;
};
