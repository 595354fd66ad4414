import type { Agreement, AgreementKind, AgreementOf } from '../../contracts/agreement.ts';
import type { SessionRole } from '../../contracts/charge-record.ts';
import type { Tariff } from '../../contracts/tariff.ts';
import type { VatStatus, VatTable } from '../../contracts/vat-table.ts';
import type { PriceBook } from '../share/price-by-interval.ts';

/** What a party is to VAT on a date, and how that is known. */
export type PartyVat = {
  readonly status: VatStatus;
  readonly establishedIn: string;
  readonly vatNumber: string | null;
  readonly evidence: string | null;
  readonly validFrom: string;
  readonly validTo: string | null;
};

/** A version of a contract that is in force. */
export type Contracted<Kind extends AgreementKind = AgreementKind> = { readonly contractId: string; readonly version: number; readonly agreement: AgreementOf<Kind> };

/** The set-up that holds for one session, resolved at its start (one rule for plan, tariff, token and cost center). */
export type SiteSetup = {
  readonly siteId: string;
  /** own: ours; foreign: another operator's, whom we pay; home: a driver's, who is reimbursed. */
  readonly kind: 'own' | 'foreign' | 'home';
  readonly country: string;
  readonly timeZone: string;
  readonly costCenter: string;
  readonly connectorPowerW: number;
  /** Who owns the ground (own) or the charger (home). */
  readonly ownerAccountId: string | null;
  readonly operatorAccountId: string | null;
  /** Where no span, or more than one, says whose it is. */
  readonly holding?: 'missing' | 'ambiguous';
};

export type AccountSetup = {
  readonly accountId: string;
  readonly category: 'driver' | 'fleet' | 'eMSP' | 'siteOwner' | 'partner';
  readonly roundingMode: 'grossFirst' | 'netFirst';
  readonly currency: string;
  readonly vat: readonly PartyVat[];
};

export type PayerSetup = AccountSetup & {
  readonly category: 'driver' | 'fleet' | 'eMSP';
  /** The customer's own cost center, and the fleet's vehicle or driver. */
  readonly costCenter: string | null;
  readonly unitId: string | null;
};

export type TariffSetup = { readonly tariffVersionId: string; readonly tariffId: string; readonly tariff: Tariff };

/** Where the set-up for a session is looked up; the store fills it for a page. Instants are epoch ms. */
export type SetupLookup = {
  site(sourceId: string, siteKey: string, atMs: number): SiteSetup | undefined;
  /** Whom a token belongs to. */
  payer(sourceId: string, tokenRef: string, atMs: number): PayerSetup | undefined;
  account(accountId: string): AccountSetup | undefined;
  /** The versions in force of an account's contracts of a kind: one, or something is wrong. */
  contracts<Kind extends Agreement['kind']>(accountId: string, kind: Kind, atMs: number): readonly Contracted<Kind>[];
  /** The tariffs of the nearest assignment: the EVSE's own, else the site's, else the general one. */
  tariffs(segment: string, siteId: string, evseId: string | undefined, atMs: number): readonly TariffSetup[];
  /** Prices of electricity by interval, for the series that agreements name. */
  readonly prices: PriceBook;
  /** The version in force of a tariff that an agreement names. */
  tariff(tariffId: string, atMs: number): TariffSetup | undefined;
};

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

/** The rates of one source into the currency of the books, per currency in order of date. */
export type FxBook = { readonly source: string; readonly rates: ReadonlyMap<string, readonly FxRate[]> };
export type FxRate = { readonly on: string; readonly version: number /** Units of the books' currency for one unit, as a decimal string. */; readonly rate: string };

/** Sale role of a payer category. */
export function saleRoleOf(category: PayerSetup['category']): Extract<SessionRole, 'driverSale' | 'fleetSale' | 'emspSale'> {
  switch (category) {
    case 'driver':
      return 'driverSale';
    case 'fleet':
      return 'fleetSale';
    case 'eMSP':
      return 'emspSale';
  }
}

/** What an account is to VAT on a date; undefined: nothing is known. */
export function vatStatusOn(account: AccountSetup, on: string): PartyVat | undefined {
  return account.vat.find((v) => v.validFrom <= on && (v.validTo === null || on < v.validTo));
}
