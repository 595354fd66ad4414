/** An account that money comes from or goes to. */
export type PaymentAccount = { readonly scheme: 'iban' | 'bankgiro'; readonly number: string; readonly bic: string | null };

/** A payment in the terms of ISO 20022. Amounts in minor units; `messageId` and `endToEndId` never change, so that a file sent twice is one. */
export type PaymentFile = {
  readonly format: 'pain.001.001.03' | 'pain.001.001.09';
  readonly messageId: string;
  /** When it was approved, ISO 8601. */
  readonly createdAt: string;
  readonly executeOn: string;
  readonly currency: string;
  readonly count: number;
  readonly totalMinor: bigint;
  readonly debtor: { readonly name: string; readonly orgNumber: string; readonly country: string; readonly account: PaymentAccount };
  readonly items: readonly {
    readonly endToEndId: string;
    readonly amountMinor: bigint;
    readonly creditor: { readonly name: string; readonly country: string; readonly account: PaymentAccount };
    readonly remittance: string;
  }[];
};
