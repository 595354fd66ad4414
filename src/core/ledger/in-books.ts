import { type Conversion, minorInBooks } from '../allocate/convert.ts';
import type { Amount } from './ledger-table.ts';

/** An amount in minor units of `currency` with what it is in the books (D21). */
export function amountInBooks(minor: bigint, currency: string, conversion: Conversion, books: string): Amount {
  return { minor, book: minorInBooks(minor, currency, conversion, books) };
}
