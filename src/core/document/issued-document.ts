import type { Letterhead } from '../../contracts/letterhead.ts';
import { cadenceOf, monthsOfPeriod } from '../cycle/billing-period.ts';
import { owedTypes } from './owed.ts';

/** How a party is named on paper and in files. Words as they stand in the set-up when the document is rendered. */
export type PartyWords = {
  readonly name: string;
  readonly country: string;
  readonly address: Address;
  readonly orgNumber: string | null;
  /** Valid on the day of issue. */
  readonly vatNumber: string | null;
};
export type Address = {
  readonly street?: string | undefined;
  readonly line2?: string | undefined;
  readonly postalCode?: string | undefined;
  readonly city?: string | undefined;
  readonly region?: string | undefined;
  readonly country?: string | undefined;
  /** Where e-invoices go, `0007:5560000001`: scheme (EAS code), colon, identifier. */
  readonly electronic?: string | undefined;
};

/** A line as it was sealed. Money in minor units, quantity in its unit (Wh, s, session, ...), unit price as decimal text. */
export type IssuedLine = {
  readonly lineNo: number;
  readonly kind: string;
  readonly description: string;
  readonly unitPrice: string | null;
  readonly quantity: bigint;
  readonly quantityUnit: string;
  readonly netMinor: bigint;
  readonly grossMinor: bigint;
  readonly vatCode: string;
  readonly customerCostCenter: string | null;
  readonly siteName: string | null;
  readonly serviceMonth: string;
  readonly energyWh: bigint;
  readonly chargeCount: number;
  /** The document that it takes something back from, on one that is not its credit note (D13). */
  readonly corrects: CreditedDocument | null;
};

export type CreditedDocument = { readonly legalNumber: string; readonly issuedOn: string | null };

export type IssuedVat = {
  readonly vatCode: string;
  /** EN 16931 category: S, AE, O, ... */
  readonly category: string;
  readonly percent: string;
  readonly baseMinor: bigint;
  readonly vatMinor: bigint;
};

/** One session of the annex: what of it stands on the document. Money in minor units, times in UTC. */
export type AnnexRow = {
  readonly sessionKey: string | null;
  readonly startAt: Date | null;
  readonly endAt: Date | null;
  readonly serviceOn: string;
  readonly siteName: string | null;
  /** The customer's. */
  readonly costCenter: string | null;
  readonly unit: string | null;
  readonly energyWh: bigint;
  readonly netMinor: bigint;
  readonly grossMinor: bigint;
};

/**
 * What a document was delivered in: the first and last month that it bills, as months, or the days where it bills a week (BT-73, BT-74).
 */
export function deliveryOf({ period, lines, serviceFrom, serviceTo }: Pick<IssuedDocument, 'period' | 'lines' | 'serviceFrom' | 'serviceTo'>): { readonly from: string; readonly to: string } {
  if (cadenceOf(period) === 'weekly' && serviceFrom !== null && serviceTo !== null) return { from: serviceFrom, to: serviceTo };
  const months = lines.map((l) => l.serviceMonth).sort();
  const { firstMonth, lastMonth } = monthsOfPeriod(period);
  return { from: months[0] ?? firstMonth, to: months.at(-1) ?? lastMonth };
}

export type DocumentType = 'invoice' | 'creditNote' | 'receipt' | 'selfBilling' | 'selfBillingCredit' | 'settlementStatement' | 'reimbursement';

/**
 * An issued document as renderers take it: its sealed content, its issue stamp, and the words of the two sides. Signs are those of the
 * content: a credit note is negative here, and renderers show it as their form wants it.
 */
export type IssuedDocument = {
  readonly documentId: string;
  readonly type: DocumentType;
  readonly strategy: string;
  readonly legalNumber: string;
  readonly issuedOn: string;
  readonly dueOn: string;
  readonly ocr: string | null;
  readonly accountId: string;
  /** The customer's order. */
  readonly purchaseOrder: string | null;
  readonly currency: string;
  readonly roundingMode: 'grossFirst' | 'netFirst';
  readonly period: string;
  /** The first and the last day of service that it bills; null where it bills none. */
  readonly serviceFrom: string | null;
  readonly serviceTo: string | null;
  readonly timeZone: string;
  readonly entity: PartyWords & { readonly letterhead: Letterhead; readonly currency: string };
  readonly party: PartyWords;
  /** Of the party; null where none is known. */
  readonly email: string | null;
  readonly lines: readonly IssuedLine[];
  readonly vat: readonly IssuedVat[];
  readonly netMinor: bigint;
  readonly vatMinor: bigint;
  readonly roundingMinor: bigint;
  readonly payableMinor: bigint;
  readonly energyWh: bigint;
  /** VAT in the currency of the books, as it was booked at issue. */
  readonly bookVatMinor: bigint;
  /** The document that a credit note takes something back from. */
  readonly credits: readonly CreditedDocument[];
  readonly annex: readonly AnnexRow[];
};

/** Whether it says what we owe: there the party is the seller, or who is paid back, and we the buyer. */
export function isWrittenForSeller(type: DocumentType): boolean {
  return (owedTypes as readonly DocumentType[]).includes(type);
}

/** Whether it is a statement without VAT, which is no invoice. */
export function isStatement(type: DocumentType): boolean {
  return type === 'settlementStatement' || type === 'reimbursement';
}

/** Whether its figures are negative and shown as what they give back. */
export function isCredit(type: DocumentType): boolean {
  return type === 'creditNote' || type === 'selfBillingCredit';
}

/** Whether a card is charged what it asks for: nobody is to transfer it. */
export function isByCard({ strategy }: Pick<IssuedDocument, 'strategy'>): boolean {
  return strategy === 'cardReceipt' || strategy === 'cardInvoice';
}

/** The bankgiro that takes what it asks for, in kronor: what is in another currency goes to the IBAN, where there is one. */
export function bankgiroFor({ currency, entity: { letterhead } }: Pick<IssuedDocument, 'currency' | 'entity'>): string | undefined {
  return currency === 'SEK' || letterhead.iban === undefined ? letterhead.bankgiro : undefined;
}

/** What a line is for, without its month: the component's name, or the words of an adjustment. */
export function itemOf(line: Pick<IssuedLine, 'kind' | 'description' | 'serviceMonth'>): string {
  const month = ` ${line.serviceMonth}`;
  return line.kind === 'charge' && line.description.endsWith(month) ? line.description.slice(0, -month.length) : line.description;
}

/** The CDR that a session key `source/country*party*id` is of; the id is in lower case, as all keys are. */
export function cdrOfSession(sessionKey: string): { readonly sourceId: string; readonly country: string; readonly party: string; readonly cdrId: string } {
  const [, sourceId = '', country = '', party = '', cdrId = sessionKey] = /^([^/]*)\/([^*]*)\*([^*]*)\*(.*)$/s.exec(sessionKey) ?? [];
  return { sourceId, country, party, cdrId };
}
