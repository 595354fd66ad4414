import Big from 'big.js';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { tariffSchema } from '../../src/contracts/tariff.ts';
import { allocate, exactFromDecimal, mul, roundToMoney } from '../../src/core/money.ts';
import { rateSession } from '../../src/core/rate/rate-session.ts';
import { splitSession } from '../../src/core/rate/split-session.ts';

const sum = (values: readonly bigint[]) => values.reduce((a, b) => a + b, 0n);

describe('laws', () => {
  it('an allocation loses nothing and mirrors its credit', () => {
    fc.assert(
      fc.property(fc.bigInt(-(10n ** 12n), 10n ** 12n), fc.array(fc.bigInt(0n, 10n ** 9n), { minLength: 1, maxLength: 20 }), (total, weights) => {
        const parts = allocate(total, weights);
        return sum(parts) === total && allocate(-total, weights).every((p, i) => p === -(parts[i] ?? 0n));
      }),
    );
  });
  it('rounding agrees with a decimal library', () => {
    fc.assert(
      fc.property(fc.integer({ min: -9_999_999, max: 9_999_999 }), fc.integer({ min: 0, max: 99_999 }), (wh, price) => {
        const [a, b] = [new Big(wh).div(1000).toFixed(), new Big(price).div(10_000).toFixed()];
        const ours = roundToMoney(mul(exactFromDecimal(a), exactFromDecimal(b)), 'SEK', 'halfAwayFromZero');
        return ours === BigInt(new Big(a).times(b).times(100).round(0, Big.roundHalfUp).toFixed());
      }),
    );
  });
  it('splitting a session keeps its Wh and, at one price, its cost', () => {
    const split = tariffSchema.parse({
      id: 's',
      currency: 'SEK',
      elements: [
        { restrictions: { start_time: '07:30', end_time: '16:00' }, price_components: [{ type: 'ENERGY', price: '1.99', step_size: 1 }] },
        { price_components: [{ type: 'ENERGY', price: '1.99', step_size: 1 }] },
      ],
    });
    fc.assert(
      fc.property(fc.integer({ min: 1_540_000_000, max: 1_590_000_000 }), fc.integer({ min: 1, max: 400_000 }), fc.integer({ min: 0, max: 200_000 }), (start, seconds, energyWh) => {
        const times = { startMs: start * 1000, endMs: (start + seconds) * 1000, zone: 'Europe/Stockholm' };
        const periods = splitSession({ tariff: split, ...times, energyWh });
        const whole = [{ startMs: times.startMs, endMs: times.endMs, energyWh, chargingMs: seconds * 1000, parkingMs: 0 }];
        const energy = periods.reduce((total, p) => total + p.energyWh, 0);
        return energy === energyWh && rateSession({ tariff: split, periods, ...times }).total4 === rateSession({ tariff: split, periods: whole, ...times }).total4;
      }),
    );
  });
});
