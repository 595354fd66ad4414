import { luhnDigit } from '../../contracts/check-digits.ts';

/** OCR reference of a number: its digits, the length digit (total length mod 10) and the Luhn digit (Bankgirot, variable length). */
export function ocrReference(digits: string): string {
  if (!/^\d{1,23}$/.test(digits)) throw new RangeError(`an OCR reference is made of 1 to 23 digits: ${digits}`);
  const withLength = `${digits}${(digits.length + 2) % 10}`;
  return `${withLength}${luhnDigit(withLength)}`;
}
