import type { Conversion } from '../allocate/convert.ts';
import { amountInBooks } from './in-books.ts';
import type { Amount, LedgerEvent } from './ledger-table.ts';
import { mirrorOfEvent } from './postings.ts';

/** Figures of a document at issue. Money in minor units of its currency; `booked` is what its charges came to in the books. */
export type IssuedFigures = {
  readonly currency: string;
  readonly netMinor: bigint;
  readonly bookedNet: bigint;
  readonly vat: readonly { readonly vatCode: string; readonly baseMinor: bigint; readonly vatMinor: bigint /** Under reverse charge, of what we owe. */; readonly selfAssessedMinor?: bigint }[];
  readonly payableMinor: bigint;
  /** To whom we owe it: a site owner's statement, a driver's reimbursement. */
  readonly owedTo?: 'owner' | 'driver' | undefined;
  /** Whether it is a credit note to a customer: its figures are negative, and booked as the credit they are. */
  readonly isCredit?: boolean;
};
export type DocumentEvent = { readonly vatCode: string | null; readonly event: LedgerEvent };

const none: Amount = { minor: 0n, book: 0n };

/**
 * What a document books beside its charges: VAT per code at the issue date's rate, what VAT per document leaves over (D02), whole
 * kronor (D04), and what the rate moved since the service dates (D21). The receivable is the sum of the parts.
 */
export function eventsOfDocument({ currency, netMinor, bookedNet, vat, payableMinor, owedTo, isCredit }: IssuedFigures, conversion: Conversion, books: string): DocumentEvent[] {
  const inBooks = (minor: bigint) => amountInBooks(minor, currency, conversion, books);
  const vatMinor = vat.reduce((sum, v) => sum + v.vatMinor, 0n);
  const beforeKrona = vat.reduce((sum, v) => sum + v.baseMinor + v.vatMinor, 0n);
  const fx = inBooks(netMinor).book - bookedNet;
  if (owedTo !== undefined) {
    return [
      ...vat.map(({ vatCode, vatMinor: minor, selfAssessedMinor = 0n }) => ({
        vatCode,
        event: owedEvent(currency, { inputVat: inBooks(minor), selfAssessedVat: inBooks(selfAssessedMinor) }, owedTo),
      })),
      { vatCode: null, event: owedEvent(currency, { rounding: inBooks(payableMinor - netMinor - vatMinor), fx: { minor: 0n, book: fx } }, owedTo) },
    ];
  }
  const sold = (figures: Partial<typeof zeroSale>): LedgerEvent => soldEvent(currency, figures, isCredit === true);
  return [
    ...vat.map(({ vatCode, vatMinor: minor }) => ({ vatCode, event: sold({ vat: inBooks(minor) }) })),
    { vatCode: null, event: sold({ rounding: inBooks(beforeKrona - netMinor - vatMinor), fx: { minor: 0n, book: fx } }) },
    { vatCode: null, event: { kind: 'roundedToKrona', currency, amount: inBooks(beforeKrona - payableMinor) } },
  ];
}

const zeroSale: { readonly net: Amount; readonly vat: Amount; readonly rounding: Amount; readonly fx: Amount; readonly energyWh: bigint } = {
  net: none,
  vat: none,
  rounding: none,
  fx: none,
  energyWh: 0n,
};

const zeroOwed = { net: none, inputVat: none, selfAssessedVat: none, rounding: none, fx: none };

const issuedTo = { owner: 'statementIssued', driver: 'reimbursementIssued' } as const;

/** What a document says that we owe; its figures have the signs of its charges. */
export function owedEvent(currency: string, figures: Partial<typeof zeroOwed>, owedTo: 'owner' | 'driver'): LedgerEvent {
  return { kind: issuedTo[owedTo], currency, ...zeroOwed, ...figures };
}

/** A manual amount on a document: on one of a customer's it is billed, on one of what we owe it is owed. */
export function adjustedEvent(currency: string, net: Amount, owedTo: 'owner' | 'driver' | undefined): LedgerEvent {
  if (owedTo === undefined) return { kind: 'adjusted', currency, net };
  return { kind: 'owedAdjusted', currency, owner: none, driver: none, [owedTo]: net };
}

/** What is invoiced to a customer, or credited: there the figures as a document has them, negative, are what the credit takes back. */
export function soldEvent(currency: string, figures: Partial<typeof zeroSale>, isCredit: boolean): LedgerEvent {
  const event: LedgerEvent = { kind: 'saleInvoiced', currency, ...zeroSale, ...figures };
  return isCredit ? ({ ...mirrorOfEvent(event), kind: 'saleCredited' } as LedgerEvent) : event;
}
