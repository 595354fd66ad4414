import type { Tariff } from '../../contracts/tariff.ts';

/** The set-up that holds for one session, resolved at its start (one rule for plan, tariff, token and cost center). */
export type SiteSetup = {
  readonly siteId: string;
  readonly country: string;
  readonly timeZone: string;
  readonly costCenter: string;
  readonly connectorPowerW: number;
  readonly ownerAccountId: string | null;
  readonly ownerContractId: string | null;
  /** Percent of the sale's net that the site owner earns, as a decimal string. */
  readonly ownerSharePercent: string | null;
};

export type PayerSetup = {
  readonly accountId: string;
  readonly category: 'driver' | 'fleet' | 'eMSP';
  readonly roundingMode: 'grossFirst' | 'netFirst';
  readonly currency: string;
  /** Cost center of the mapping (fleets); the site's own otherwise. */
  readonly costCenter: string | null;
  readonly contractId: string;
};

export type TariffSetup = { readonly tariffVersionId: string; readonly tariffId: string; readonly tariff: Tariff };

export type EntitySetup = {
  readonly entityId: string;
  readonly timeZone: string;
  readonly mappingVersion: number;
  readonly glAccounts: ReadonlyMap<string, string>;
  /** Country to registered periods, half-open calendar dates. */
  readonly vatRegistrations: readonly { readonly country: string; readonly validFrom: string; readonly validTo: string | null }[];
  readonly vatRules: readonly { readonly code: string; readonly country: string; readonly percent: string; readonly category: string; readonly validFrom: string; readonly validTo: string | null }[];
};

/** Sale role of a payer category. */
export function saleRoleOf(category: PayerSetup['category']): 'driverSale' | 'fleetSale' | 'emspSale' {
  switch (category) {
    case 'driver':
      return 'driverSale';
    case 'fleet':
      return 'fleetSale';
    case 'eMSP':
      return 'emspSale';
  }
}
