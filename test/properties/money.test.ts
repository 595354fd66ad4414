import Big from 'big.js';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { add, allocate, compare, exactFromDecimal, formatMinor, mul, parseMinor, roundToMoney, sub, toDecimal4HalfEven, vatOfGross, vatOfNet } from '../../src/core/money.ts';

const decimal = fc.tuple(fc.bigInt(-(10n ** 12n), 10n ** 12n), fc.integer({ min: 0, max: 8 })).map(([n, digits]) => new Big(n.toString()).div(new Big(10).pow(digits)).toFixed(digits));
const amount = fc.bigInt(-(10n ** 12n), 10n ** 12n);
const weights = fc.array(fc.bigInt(0n, 10n ** 9n), { minLength: 1, maxLength: 20 });
const percent = fc.constantFrom('0', '5.5', '6', '12', '25');
const zeroFree = (text: string) => text.replace(/^-(0(?:\.0+)?)$/, '$1');

it('big.js agrees on sums, products and both roundings', () => {
  fc.assert(
    fc.property(decimal, decimal, (a, b) => {
      const [x, y] = [exactFromDecimal(a), exactFromDecimal(b)];
      const big = new Big(a).times(b).plus(a).minus(b);
      const ours = sub(add(mul(x, y), x), y);
      expect(toDecimal4HalfEven(ours)).toBe(zeroFree(big.toFixed(4, Big.roundHalfEven)));
      expect(formatMinor(roundToMoney(ours, 'SEK', 'halfAwayFromZero'), 'SEK')).toBe(zeroFree(big.toFixed(2, Big.roundHalfUp)));
      expect(compare(x, y)).toBe(new Big(a).cmp(b));
    }),
    { numRuns: 2000 },
  );
});

it('rounding mirrors', () => {
  fc.assert(
    fc.property(decimal, (a) => {
      expect(roundToMoney(mul(exactFromDecimal(a), exactFromDecimal('-1')), 'SEK', 'halfAwayFromZero')).toBe(-roundToMoney(exactFromDecimal(a), 'SEK', 'halfAwayFromZero'));
    }),
  );
});

it('allocate loses nothing, mirrors, and is off by less than one unit', () => {
  fc.assert(
    fc.property(amount, weights, (total, ws) => {
      const parts = allocate(total, ws);
      expect(parts.reduce((a, b) => a + b, 0n)).toBe(total);
      expect(allocate(-total, ws)).toEqual(parts.map((p) => -p));
      const sum = ws.reduce((a, b) => a + b, 0n);
      if (sum > 0n)
        for (const [i, p] of parts.entries()) {
          const off = p * sum - total * (ws[i] ?? 0n);
          expect(off < sum && -off < sum).toBe(true);
        }
    }),
    { numRuns: 2000 },
  );
});

it('VAT mirrors, and net plus its VAT holds that VAT', () => {
  fc.assert(
    fc.property(amount, percent, (net, rate) => {
      const vat = vatOfNet(net, rate);
      expect(vatOfNet(-net, rate)).toBe(-vat);
      expect(vatOfGross(net + vat, rate)).toBe(vat);
    }),
  );
});

it('minor units survive their text', () => {
  fc.assert(
    fc.property(amount, fc.constantFrom('SEK', 'JPY', 'KWD'), (minor, currency) => {
      expect(parseMinor(formatMinor(minor, currency), currency)).toBe(minor);
    }),
  );
});
