import type { PrintManifest } from '../../contracts/delivery-overview.ts';
import { plainText } from '../document/plain-text.ts';
import { formatMinor } from '../money.ts';

export type PrintItem = Omit<PrintManifest['items'][number], 'no' | 'payable' | 'addressee'> & { readonly addressee: readonly string[]; readonly payableMinor: bigint };

/** The manifest of a print batch, with its sums. */
export function printManifest(batch: { readonly batchId: string; readonly entityId: string; readonly madeAt: string }, items: readonly PrintItem[]): PrintManifest {
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
