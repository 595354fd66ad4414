import { describe, expect, it } from 'vitest';
import { marginalsOf } from '../../src/core/period/marginals.ts';
import { computeMonth } from '../../src/core/period/month.ts';
import { charged, month, plan } from '../support/month.ts';

const included = { kind: 'included', id: 'inc', kWhPerMonth: '50', rolloverMonths: 0 } as const;

describe('what a month makes of each session', () => {
  it('is what the allowance covered of it, in the order of the sessions', () => {
    // 50 kWh: all 30 of the first, 90.00; 20 of the second’s 40, half of 120.00.
    const input = month('2026-03', [plan(1, '2026-01-01', [included])], [charged('2026-03-06', 40, 12_000n, { key: 'b' }), charged('2026-03-05', 30, 9000n, { key: 'a' })]);
    expect(Object.fromEntries(marginalsOf(computeMonth(input), 'netFirst'))).toEqual({ a: { netMinor: -9000n, includedWh: 30_000n }, b: { netMinor: -6000n, includedWh: 20_000n } });
  });

  it('adds what a cap took off and a minimum added, and leaves fees alone', () => {
    const fee = { kind: 'fee', id: 'fee', amount: '99', billed: 'arrears', refund: 'prorata' } as const;
    // A cap of 100.00: the second session brings 150.00 of which 50.00 are too much.
    const capped = month(
      '2026-03',
      [plan(1, '2026-01-01', [fee, { kind: 'cap', id: 'c', netPerMonth: '100' }])],
      [charged('2026-03-05', 20, 6000n, { key: 'a' }), charged('2026-03-06', 30, 9000n, { key: 'b' })],
    );
    expect(Object.fromEntries(marginalsOf(computeMonth(capped), 'netFirst'))).toEqual({ b: { netMinor: -5000n, includedWh: 0n } });
    // A minimum of 200.00: 50.00 are lacking, shared as the sessions cost, 20.00 and 30.00.
    const topped = month(
      '2026-03',
      [plan(1, '2026-01-01', [{ kind: 'minimum', id: 'm', netPerMonth: '200' }])],
      [charged('2026-03-05', 20, 6000n, { key: 'a' }), charged('2026-03-06', 30, 9000n, { key: 'b' })],
    );
    expect(Object.fromEntries(marginalsOf(computeMonth(topped), 'netFirst'))).toEqual({ a: { netMinor: 2000n, includedWh: 0n }, b: { netMinor: 3000n, includedWh: 0n } });
    // Of these 50.00 30.00 were written off: 20.00 are left, 8.00 and 12.00. Of more than there is nothing is left.
    const off = (netMinor: bigint) => [{ clause: 'm', component: 'minimum', netMinor, grossMinor: (netMinor * 5n) / 4n }];
    expect([...marginalsOf(computeMonth(topped), 'netFirst', off(3000n)).values()].map((m) => m.netMinor)).toEqual([800n, 1200n]);
    expect([...marginalsOf(computeMonth(topped), 'netFirst', off(20_000n)).values()].map((m) => m.netMinor)).toEqual([0n, 0n]);
  });
});
