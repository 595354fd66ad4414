/** An issued document on its way to its receiver. Instants are UTC, ISO 8601. */
export type DeliveryView = {
  readonly documentId: string;
  readonly legalNumber: string;
  readonly accountId: string;
  readonly channel: string;
  readonly state: string;
  readonly attempt: number;
  readonly batchId: string | null;
  readonly detail: string | null;
  readonly updatedAt: string;
  /** Why it cannot go as it is; null where nothing is in the way. */
  readonly problem: 'addressMissing' | null;
};

export type PrintBatch = { readonly batchId: string; readonly entityId: string; readonly madeAt: string; readonly sentAt: string | null; readonly documentIds: readonly string[] };

export type PrintBatchView = Omit<PrintBatch, 'documentIds'> & { readonly documents: number };

/** What a print house prints and mails: every file with its addressee, pages and hash, and sums to compare after reading. Amounts as decimal text. */
export type PrintManifest = {
  readonly batchId: string;
  readonly entityId: string;
  readonly madeAt: string;
  readonly documents: number;
  readonly pages: number;
  readonly sums: { readonly currency: string; readonly payable: string }[];
  readonly items: {
    readonly no: number;
    readonly documentId: string;
    readonly legalNumber: string;
    readonly fileName: string;
    readonly sha256: string;
    readonly pages: number;
    readonly addressee: string[];
    readonly country: string;
    readonly dueOn: string;
    readonly ocr: string | null;
    readonly currency: string;
    readonly payable: string;
    /** How often it was queued: 2 is its first reprint. */
    readonly attempt: number;
  }[];
};
