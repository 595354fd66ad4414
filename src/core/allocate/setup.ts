import type { Tariff } from '../../contracts/tariff.ts';
import type { VatStatus, VatTable } from '../../contracts/vat-table.ts';

/** What a party is to VAT on a date, and how that is known. */
export type PartyVat = {
  readonly status: VatStatus;
  readonly establishedIn: string;
  readonly vatNumber: string | null;
  readonly evidence: string | null;
  readonly validFrom: string;
  readonly validTo: string | null;
};

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
  /** The customer's own cost center, and the fleet's vehicle or driver. */
  readonly costCenter: string | null;
  readonly unitId: string | null;
  readonly contractId: string;
  readonly contractVersion: number;
};

export type TariffSetup = { readonly tariffVersionId: string; readonly tariffId: string; readonly tariff: Tariff };

export type EntitySetup = {
  readonly entityId: string;
  readonly country: string;
  /** Of the books. */
  readonly currency: string;
  readonly timeZone: string;
  readonly mappingVersion: number;
  readonly glAccounts: ReadonlyMap<string, string>;
  /** Country to registered periods, half-open calendar dates. */
  readonly vatRegistrations: readonly { readonly country: string; readonly validFrom: string; readonly validTo: string | null }[];
  /** Versions of the VAT table, newest first. */
  readonly vatTables: readonly { readonly version: number; readonly validFrom: string; readonly rows: VatTable }[];
  readonly fx: FxBook;
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

/** The rates of one source into the currency of the books, per currency in order of date. */
export type FxBook = { readonly source: string; readonly rates: ReadonlyMap<string, readonly FxRate[]> };
export type FxRate = { readonly on: string; readonly version: number /** Units of the books' currency for one unit, as a decimal string. */; readonly rate: string };
