import type { PaymentReturnView } from './payment-overview.ts';

/** A document of a run. Money as decimal text in major units, energy in Wh as text. */
export type DocumentView = {
  readonly documentId: string;
  readonly runId: string;
  readonly accountId: string;
  readonly accountName: string;
  readonly strategy: string;
  readonly type: string;
  readonly state: string;
  readonly legalNumber: string | null;
  readonly issuedOn: string | null;
  readonly dueOn: string | null;
  readonly ocr: string | null;
  readonly currency: string;
  readonly net: string;
  readonly vat: string;
  readonly rounding: string;
  readonly payable: string;
  readonly energyWh: string;
  readonly chargeCount: number;
  /** First and last day of what it bills. */
  readonly serviceFrom: string | null;
  readonly serviceTo: string | null;
  /** The document that it is the credit note of. */
  readonly credits: CreditedView | null;
  readonly contentHash: string;
  readonly erp: { readonly state: string; readonly externalId: string | null; readonly answer: string | null } | null;
  /** By the payments stated of it and the ERP's word; null while nothing is said. */
  readonly payment: { readonly state: 'unpaid' | 'part' | 'paid' | 'writtenOff'; readonly open: string; readonly toldAt: string } | null;
};
export type CreditedView = { readonly documentId: string; readonly legalNumber: string };
/** VAT of a document by code, as it was composed (D02). */
export type VatView = { readonly vatCode: string; readonly percent: string; readonly base: string; readonly vat: string };
export type DocumentLineView = {
  readonly lineNo: number;
  readonly kind: string;
  readonly description: string;
  readonly quantity: string;
  readonly quantityUnit: string;
  readonly unitPrice: string | null;
  readonly net: string;
  readonly vatCode: string;
  readonly glAccount: string;
  readonly costCenter: string;
  readonly customerCostCenter: string | null;
  readonly siteId: string | null;
  readonly serviceMonth: string;
  readonly energyWh: string;
  readonly charges: number;
  /** The issued line that it takes something back from. */
  readonly credits: (CreditedView & { readonly lineNo: number | null }) | null;
};

/** A payment of ours that holds a document, and what the bank sent back of it. */
export type PaidByView = { readonly paymentId: string; readonly state: string; readonly executeOn: string; readonly returned: PaymentReturnView | null };

/** `creditedBy`: the documents that take something of it back; those of runs that are not issued have no number yet. */
export type DocumentDetail = DocumentView & {
  readonly vatByCode: readonly VatView[];
  readonly lines: readonly DocumentLineView[];
  readonly creditedBy: readonly { readonly documentId: string; readonly legalNumber: string | null; readonly type: string; readonly net: string }[];
  /** Oldest first. */
  readonly paidBy: readonly PaidByView[];
};
