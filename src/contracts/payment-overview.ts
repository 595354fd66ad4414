/** What the bank said as it sent a payment back, and who stated it. */
export type PaymentReturnView = { readonly on: string; readonly reason: string; readonly by: string };

/** A payment with its payees; amounts as decimal text. Bank accounts show their last four digits only. */
export type PaymentView = {
  readonly paymentId: string;
  readonly entityId: string;
  readonly state: string;
  readonly format: string;
  readonly currency: string;
  readonly amount: string;
  readonly executeOn: string;
  readonly dueUntil: string;
  readonly contentHash: string;
  readonly reason: string;
  readonly author: string;
  readonly proposedAt: string;
  readonly decidedBy: string | null;
  readonly comment: string | null;
  readonly items: readonly {
    readonly accountId: string;
    readonly name: string;
    readonly amount: string;
    readonly endToEndId: string;
    readonly bankAccount: string;
    readonly remittance: string;
    /** Null where it did not come back. */
    readonly returned: PaymentReturnView | null;
  }[];
};

/** A request to charge a card, or to pay it back; amounts as decimal text. */
export type CardPaymentView = {
  /** Idempotency key: the same request however often it is sent. */
  readonly key: string;
  readonly documentId: string;
  readonly legalNumber: string;
  readonly accountId: string;
  readonly entityId: string;
  readonly kind: 'capture' | 'refund';
  readonly origin: 'stored' | 'terminal';
  /** By what the provider knows the card, or what the terminal authorized; null where it is missing or was erased. */
  readonly reference: string | null;
  readonly amount: string;
  readonly currency: string;
  readonly state: 'requested' | 'captured' | 'failed';
  readonly attempt: number;
  readonly captured: string | null;
  readonly settledOn: string | null;
  readonly providerReference: string | null;
  /** Of a refund: the provider's reference of what it takes back. */
  readonly refunds: string | null;
  readonly words: string | null;
  readonly requestedAt: string;
};
