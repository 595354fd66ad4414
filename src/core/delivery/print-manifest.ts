import { plainText } from '../document/plain-text.ts';
import { formatMinor } from '../money.ts';

export type PrintItem = {
  readonly documentId: string;
  readonly legalNumber: string;
  readonly fileName: string;
  readonly sha256: string;
  readonly pages: number;
  readonly addressee: readonly string[];
  readonly country: string;
  readonly dueOn: string;
  readonly ocr: string | null;
  readonly currency: string;
  readonly payableMinor: bigint;
  /** How often it was queued: 2 is its first reprint. */
  readonly attempt: number;
};

/** What a print house prints and mails: every file with its addressee, pages and hash, and sums to compare after reading. Amounts as decimal text. */
export function printManifest(batch: { readonly batchId: string; readonly entityId: string; readonly madeAt: string }, items: readonly PrintItem[]) {
  const sums = new Map<string, bigint>();
  for (const item of items) sums.set(item.currency, (sums.get(item.currency) ?? 0n) + item.payableMinor);
  return {
    ...batch,
    documents: items.length,
    pages: items.reduce((sum, i) => sum + i.pages, 0),
    sums: [...sums].sort(([a], [b]) => (a < b ? -1 : 1)).map(([currency, minor]) => ({ currency, payable: formatMinor(minor, currency) })),
    items: items.map(({ payableMinor, addressee, ...item }, i) => ({ no: i + 1, ...item, addressee: addressee.map(plainText), payable: formatMinor(payableMinor, item.currency) })),
  };
}
