import { describe, expect, it } from 'vitest';
import { add, allocate, exactFromDecimal, exactFromInt, formatMinor, mul, parseMinor, roundToMoney, toDecimal4HalfEven, vatOfGross, vatOfNet } from '../../src/core/money.ts';

const sek = (text: string) => roundToMoney(exactFromDecimal(text), 'SEK', 'halfAwayFromZero');

describe('money', () => {
  it('rounds half away from zero, so that a credit is exactly minus its invoice', () => {
    // 29.87 kWh × 2.50 = 74.675
    expect(roundToMoney(mul(exactFromDecimal('29.87'), exactFromDecimal('2.50')), 'SEK', 'halfAwayFromZero')).toBe(7468n);
    expect(sek('-74.675')).toBe(-7468n);
  });
  it('rounds from the exact figure, never from the four decimals kept for information', () => {
    expect(toDecimal4HalfEven(exactFromDecimal('1.23495'))).toBe('1.2350'); // 1.2350 would give 1.24
    expect(sek('1.23495')).toBe(123n);
  });
  it('keeps four decimals half-even', () => {
    expect(toDecimal4HalfEven(exactFromDecimal('0.00005'))).toBe('0.0000');
    expect(toDecimal4HalfEven(exactFromDecimal('0.00015'))).toBe('0.0002');
    expect(toDecimal4HalfEven(exactFromDecimal('-0.00015'))).toBe('-0.0002');
  });
  it('knows the VAT of a net and of a gross amount', () => {
    expect(vatOfNet(50n, '25')).toBe(13n); // 12.5 öre
    expect(vatOfGross(10_000n, '25')).toBe(2000n);
    expect(vatOfGross(-333n, '25')).toBe(-67n); // 66.6
  });
  it('gives the rest of a split to the largest remainder, ties to the earlier', () => {
    expect(allocate(100n, [1n, 1n, 1n])).toEqual([34n, 33n, 33n]);
    expect(allocate(-100n, [1n, 1n, 1n])).toEqual([-34n, -33n, -33n]);
    expect(allocate(10n, [0n, 0n])).toEqual([5n, 5n]);
    expect(allocate(0n, [])).toEqual([]);
  });
  it('writes and reads money as decimal text', () => {
    expect(formatMinor(-5n, 'SEK')).toBe('-0.05');
    expect(formatMinor(1250n, 'JPY')).toBe('1250');
    expect(parseMinor('-0.05', 'SEK')).toBe(-5n);
    expect(() => parseMinor('1.234', 'SEK')).toThrow(RangeError);
    expect(() => exactFromDecimal('1,5')).toThrow(RangeError);
  });
  it('adds amounts of different scale exactly', () => {
    expect(toDecimal4HalfEven(add(exactFromDecimal('0.1'), mul(exactFromInt(2), exactFromDecimal('0.05'))))).toBe('0.2000');
  });
});
