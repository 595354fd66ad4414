import type { Conversion } from '../allocate/convert.ts';
import { exactFromInt, mul, roundToMoney } from '../money.ts';
import type { Amount } from './ledger-table.ts';

/** An amount in minor units of `currency` with what it is in the books (D21): the rounded amount converted exactly, rounded once, half away from zero. */
export function amountInBooks(minor: bigint, currency: string, conversion: Conversion, books: string): Amount {
  if (currency === books) return { minor, book: minor };
  const minorPerUnit = roundToMoney(exactFromInt(1), currency, 'halfAwayFromZero');
  return { minor, book: roundToMoney(mul({ n: minor, d: minorPerUnit }, conversion.factor), books, 'halfAwayFromZero') };
}
