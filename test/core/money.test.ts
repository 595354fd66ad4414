import { describe, expect, it } from 'vitest';
import { add, allocate, divInt, exactFromDecimal, exactFromInt, formatMinor, mul, parseMinor, roundToMoney, sub, toDecimal4HalfEven, vatOfGross, vatOfNet } from '../../src/core/money.ts';

const round = (text: string, currency = 'SEK') => roundToMoney(exactFromDecimal(text), currency, 'halfAwayFromZero');

describe('exact amounts', () => {
  it('29.87 kWh at 2.50 SEK/kWh is 74.675, billed 74.68', () => {
    // 29,870 Wh × 2.50 / 1000 = 74.675; half away from zero = 74.68
    const cost = divInt(mul(exactFromDecimal('2.50'), exactFromInt(29_870)), 1000n);
    expect(toDecimal4HalfEven(cost)).toBe('74.6750');
    expect(roundToMoney(cost, 'SEK', 'halfAwayFromZero')).toBe(7468n);
  });

  it('1.23495 is billed 1.23, not 1.24 by way of 1.2350 (D01)', () => {
    expect(toDecimal4HalfEven(exactFromDecimal('1.23495'))).toBe('1.2350');
    expect(round('1.23495')).toBe(123n);
  });

  it('four decimals are half-even', () => {
    expect(['0.00005', '0.00015', '0.000051', '-0.00015', '-0.00005', '2'].map((t) => toDecimal4HalfEven(exactFromDecimal(t)))).toEqual(['0.0000', '0.0002', '0.0001', '-0.0002', '0.0000', '2.0000']);
  });

  it('thirds of an hour are exact: 3 × 20 min at 1.00/h is 1.00', () => {
    const third = divInt(exactFromInt(1200), 3600n);
    expect(sub(add(add(third, third), third), exactFromInt(1)).n).toBe(0n);
  });

  it('refuses exponents, commas and blanks', () => {
    for (const text of ['1e3', '1,5', '', ' 1', '.5', '+1', '1.', 'NaN']) expect(() => exactFromDecimal(text)).toThrow(RangeError);
    expect(() => exactFromInt(0.5)).toThrow(RangeError);
  });
});

describe('money', () => {
  it('rounds half away from zero, by the minor unit of the currency', () => {
    expect([round('0.005'), round('-0.005'), round('0.0049'), round('1.5', 'JPY'), round('-2.5', 'JPY'), round('0.0005', 'KWD')]).toEqual([1n, -1n, 0n, 2n, -3n, 1n]);
  });

  it('allocates by largest remainder, ties to the earlier', () => {
    // 100 by 1:1:1 = 33.33 each, remainders equal: the first gets the odd one
    expect(allocate(100n, [1n, 1n, 1n])).toEqual([34n, 33n, 33n]);
    // 10 by 1:2:4 = 1.43, 2.86, 5.71: rests .43 .86 .71 over 8, two left
    expect(allocate(10n, [1n, 2n, 4n])).toEqual([1n, 3n, 6n]);
    expect(allocate(-100n, [1n, 1n, 1n])).toEqual([-34n, -33n, -33n]);
    expect(allocate(5n, [0n, 0n, 0n])).toEqual([2n, 2n, 1n]);
    expect(allocate(5n, [0n, 7n, 0n])).toEqual([0n, 5n, 0n]);
    expect(allocate(0n, [])).toEqual([]);
    expect(() => allocate(1n, [])).toThrow('nothing to allocate to');
  });

  it('VAT of net and gross', () => {
    // 74.68 × 25 % = 18.67; 93.35 × 25/125 = 18.67; 0.02 × 25 % = 0.005, up; 10.00 × 12/112 = 1.0714
    expect([vatOfNet(7468n, '25'), vatOfGross(9335n, '25'), vatOfNet(2n, '25'), vatOfNet(-2n, '25'), vatOfGross(1000n, '12'), vatOfNet(1000n, '5.5')]).toEqual([1867n, 1867n, 1n, -1n, 107n, 55n]);
    expect(() => vatOfGross(1n, '-100')).toThrow(RangeError);
  });

  it('reads and writes minor units', () => {
    expect([formatMinor(-1250n, 'SEK'), formatMinor(5n, 'EUR'), formatMinor(-5n, 'JPY'), formatMinor(1n, 'TND')]).toEqual(['-12.50', '0.05', '-5', '0.001']);
    expect([parseMinor('-12.5', 'SEK'), parseMinor('7', 'JPY'), parseMinor('0', 'SEK')]).toEqual([-1250n, 7n, 0n]);
    for (const [text, currency] of [
      ['1.005', 'SEK'],
      ['1.0', 'JPY'],
      ['1e2', 'SEK'],
      ['', 'SEK'],
    ] as const)
      expect(() => parseMinor(text, currency)).toThrow(RangeError);
  });
});
