export const erpKinds = ['invoice', 'creditNote', 'vendorBill', 'journal'] as const;
export type ErpKind = (typeof erpKinds)[number];

/**
 * What a line is to the ERP: `party` is owed by or to the account, `net` is a sale or a cost, `tax` its VAT (with what it was reckoned
 * of), `rounding` what whole units leave over.
 */
export type ErpLine = {
  readonly part: 'party' | 'net' | 'tax' | 'rounding';
  readonly glAccount: string;
  readonly costCenter: string | null;
  readonly vatCode: string | null;
  /** Decimal text in minor units, debit positive. */
  readonly amountMinor: string;
  /** Of a tax line: what it is reckoned of, in minor units, with the sign of the tax. */
  readonly baseMinor?: string;
  /** What the amount comes to in the books, where the document says by which rate (`books`). */
  readonly bookMinor?: string;
};

/** A document or journal as an ERP takes it. Its lines sum to zero. */
export type ErpDocument = {
  readonly key: string;
  readonly kind: ErpKind;
  /** Null for what no run issues, such as a month-end accrual. */
  readonly runId: string | null;
  readonly legalNumber: string | null;
  /** The document that it credits: its key here, its number, and the id it has in the ERP that this one goes to, where that was known at issue. */
  readonly credits?: { readonly key: string; readonly legalNumber: string; readonly externalId: string | null };
  /** Of a journal of card receipts: where and when they were charged, and which they are. */
  readonly receipts?: { readonly siteId: string | null; readonly on: string; readonly documentIds: readonly string[] };
  /** Whom it is for, the collective customer where it sums receipts up; null for a journal that is for nobody. */
  readonly accountId: string | null;
  readonly currency: string;
  /** Of a journal in another currency than the books': theirs, and the rate by which its lines have their `bookMinor`, which sum to zero too. */
  readonly books?: { readonly currency: string; readonly rate: string };
  readonly postedOn: string;
  readonly lines: readonly ErpLine[];
};

/** A document of ours in an ERP, by the key it bears there. */
export type ErpHolding = ErpHeld & { readonly key: string; readonly kind: ErpKind /** Somebody took it back there. */; readonly isReversed: boolean };

/** What a customer has paid of a document, as the ERP tells it; what is open in minor units, with the sign of the receivable. */
export type ErpPayment = { readonly key: string; readonly state: 'unpaid' | 'part' | 'paid' | 'writtenOff'; readonly openMinor: string };

/** A document as an ERP holds it: what it calls it, and its lines as it would tell them. */
export type ErpHeld = Pick<ErpDocument, 'legalNumber' | 'currency' | 'postedOn'> & {
  readonly externalId: string;
  /** What the ERP numbered it, where it numbers. */
  readonly number?: string | null;
  readonly lines: readonly Pick<ErpLine, 'glAccount' | 'costCenter' | 'vatCode' | 'amountMinor' | 'bookMinor'>[];
};
