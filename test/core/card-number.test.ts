import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { holdsCardNumber } from '../../src/core/payment/card-number.ts';

/** Test numbers that card schemes publish. */
const known = ['4111111111111111', '5555555555554444', '378282246310005', '6011111111111117', '2223003122003222', '4222222222222'];

/** The digit that makes a Luhn sum hold: from the right, every second digit doubled, starting with the last of these. */
function withLuhn(digits: string): string {
  const sum = [...digits].reverse().reduce((total, d, i) => {
    const n = Number(d) * (i % 2 === 0 ? 2 : 1);
    return total + (n > 9 ? n - 9 : n);
  }, 0);
  return `${digits}${(10 - (sum % 10)) % 10}`;
}
const numbers = fc
  .tuple(fc.constantFrom('4', '51', '34', '65', '2221'), fc.integer({ min: 13, max: 19 }), fc.bigInt({ min: 0n, max: 10n ** 18n }))
  .map(([front, length, rest]) => withLuhn(`${front}${rest.toString().padStart(19, '0')}`.slice(0, length - 1)));

describe('a card number', () => {
  it.each(known)('is seen in %s, written as people write it, amid words', (digits) => {
    for (const text of [digits, digits.replaceAll(/(.{4})/g, '$1 ').trim(), digits.replaceAll(/(.{4})/g, '$1-').replace(/-$/, ''), `paid with ${digits}.`])
      expect(holdsCardNumber(text), text).toBe(true);
  });

  it('is seen beside other digits that are set off from it', () => {
    for (const text of ['declined 4111111111111111 12/27', '4111 1111 1111 1111 12/27', '1 5555-5555-5555-4444', '378282246310005 1227 0005']) expect(holdsCardNumber(text), text).toBe(true);
  });

  it('is not seen in what only looks like one', () => {
    // One digit off; a provider's reference that begins with 8; an OCR reference of 11 digits; a UUID; 20 digits; an instant.
    for (const text of ['4111111111111112', '8835511210681324', '20200000018', '0d4f2c8e-5b8f-4a8e-9d1c-aa61d1b3c5f0', '41111111111111111111', '2019-12-05T18:00:00Z', 'AUTH-7', ''])
      expect(holdsCardNumber(text), text).toBe(false);
  });

  it('is seen whatever stands around it, and no longer with one digit changed', () => {
    fc.assert(
      fc.property(numbers, fc.stringMatching(/^[a-z]{0,9}$/), fc.nat(100), fc.integer({ min: 1, max: 9 }), (digits, around, at, by) => {
        expect(holdsCardNumber(`${around}${digits}${around}`)).toBe(true);
        const place = 4 + (at % (digits.length - 4));
        const other = `${digits.slice(0, place)}${(Number(digits[place]) + by) % 10}${digits.slice(place + 1)}`;
        expect(holdsCardNumber(other)).toBe(false);
      }),
    );
  });
});
