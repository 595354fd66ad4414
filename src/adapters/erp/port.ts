export const erpKinds = ['invoice', 'creditNote', 'vendorBill', 'journal'] as const;

/** A document or journal as an ERP takes it. Amounts are decimal strings in minor units, debit positive; they sum to zero. */
export type ErpDocument = {
  readonly key: string;
  readonly kind: (typeof erpKinds)[number];
  readonly runId: string;
  readonly legalNumber: string | null;
  /** The document that it credits: its key here, its number, and the id it has there, where that was known at issue. */
  readonly credits?: { readonly key: string; readonly legalNumber: string; readonly externalId: string | null };
  readonly accountId: string;
  readonly currency: string;
  readonly postedOn: string;
  readonly lines: readonly { readonly glAccount: string; readonly costCenter: string | null; readonly vatCode: string | null; readonly amountMinor: string }[];
};

/** `payloadHash` is the SHA-256, in hex, of the RFC 8785 form of the document as the ERP holds it. */
export type ErpReceipt = { readonly externalId: string; readonly payloadHash: string };

/** Sums of what the ERP holds, by `kind|glAccount|costCenter|vatCode|currency`, in minor units. */
export type ControlTotals = { readonly count: number; readonly sums: ReadonlyMap<string, bigint> };

/** One ERP. An adapter translates; it decides nothing. It throws the three errors below; anything else counts as an unknown outcome. */
export type ErpPort = {
  /** Looks a document up by our own key: asked before every post whose earlier outcome is not known. */
  findByKey(key: string, kind: ErpDocument['kind']): Promise<ErpReceipt | undefined>;
  post(document: ErpDocument): Promise<ErpReceipt>;
  controlTotals(runId: string): Promise<ControlTotals>;
};

/** The ERP said no: it will say no again until somebody changes something. */
export class ErpRefused extends Error {
  override name = 'ErpRefused';
}
/** Nothing reached the ERP: safe to try again, after `retryAfterMs` when the ERP named a time. */
export class ErpUnavailable extends Error {
  override name = 'ErpUnavailable';
  readonly retryAfterMs: number | undefined;
  constructor(message: string, retryAfterMs?: number) {
    super(message);
    this.retryAfterMs = retryAfterMs;
  }
}
/** It may or may not have been posted: look it up before anything else. */
export class ErpOutcomeUnknown extends Error {
  override name = 'ErpOutcomeUnknown';
}

/** Control totals of documents, as both sides of the comparison count them. */
export function controlTotalsOf(documents: readonly ErpDocument[]): ControlTotals {
  const sums = new Map<string, bigint>();
  for (const document of documents) {
    for (const line of document.lines) {
      const key = [document.kind, line.glAccount, line.costCenter ?? '', line.vatCode ?? '', document.currency].join('|');
      sums.set(key, (sums.get(key) ?? 0n) + BigInt(line.amountMinor));
    }
  }
  return { count: documents.length, sums };
}
