import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LedgerEvent, type Posting, postingsFor } from '../../src/core/ledger/postings.ts';

const table = (event: LedgerEvent) => postingsFor(event).map((p) => [p.ledgerAccount, p.unit, p.amount]);
const sek = { currency: 'SEK' } as const;

describe('the ledger table, by hand', () => {
  it('books a rated sale as unbilled against revenue, and its energy as unbilled', () => {
    expect(table({ kind: 'saleRated', ...sek, netMinor: 2_500n, energyWh: 10_000n })).toEqual([
      ['unbilledReceivable', 'SEK', 2_500n],
      ['revenue', 'SEK', -2_500n],
      ['energyUnbilled', 'Wh', 10_000n],
      ['energyReceived', 'Wh', -10_000n],
    ]);
  });
  it('books an invoice of 25.01 with 25 % VAT, payable in whole kronor, with 0.26 of rounding', () => {
    expect(table({ kind: 'saleInvoiced', ...sek, netMinor: 2_501n, vatMinor: 625n, payableMinor: 3_100n, energyWh: 10_000n })).toEqual([
      ['receivable', 'SEK', 3_100n],
      ['unbilledReceivable', 'SEK', -2_501n],
      ['outputVat', 'SEK', -625n],
      ['rounding', 'SEK', 26n],
      ['energyBilled', 'Wh', 10_000n],
      ['energyUnbilled', 'Wh', -10_000n],
    ]);
  });
  it('books an estimated share, an adjustment and a write-off', () => {
    expect(table({ kind: 'shareEstimated', ...sek, netMinor: 300n })).toEqual([
      ['shareCost', 'SEK', 300n],
      ['accruedShare', 'SEK', -300n],
    ]);
    expect(table({ kind: 'adjusted', ...sek, netMinor: -450n })).toEqual([
      ['unbilledReceivable', 'SEK', -450n],
      ['adjustment', 'SEK', 450n],
    ]);
    expect(table({ kind: 'excludedWrittenOff', ...sek, netMinor: 900n, energyWh: 4_000n })).toEqual([
      ['revenueReduction', 'SEK', 900n],
      ['unbilledReceivable', 'SEK', -900n],
      ['energyExcluded', 'Wh', 4_000n],
      ['energyUnbilled', 'Wh', -4_000n],
    ]);
  });
  it('leaves nothing unbilled once a rated sale is invoiced or written off', () => {
    const rated = postingsFor({ kind: 'saleRated', ...sek, netMinor: 777n, energyWh: 5n });
    const ends = [
      postingsFor({ kind: 'saleInvoiced', ...sek, netMinor: 777n, vatMinor: 194n, payableMinor: 971n, energyWh: 5n }),
      postingsFor({ kind: 'excludedWrittenOff', ...sek, netMinor: 777n, energyWh: 5n }),
    ];
    for (const end of ends) {
      const left = balances([...rated, ...end]);
      expect([left.get('unbilledReceivable|SEK'), left.get('energyUnbilled|Wh')]).toEqual([0n, 0n]);
    }
  });
});

describe('the ledger table, by law', () => {
  const amount = fc.bigInt(-(10n ** 12n), 10n ** 12n);
  const figures = fc.record({
    kind: fc.constantFrom('saleRated', 'shareEstimated', 'adjusted', 'saleInvoiced', 'excludedWrittenOff'),
    currency: fc.constantFrom('SEK', 'EUR'),
    netMinor: amount,
    vatMinor: amount,
    payableMinor: amount,
    energyWh: amount,
  });

  it('an event and its mirror leave every account at zero', () => {
    fc.assert(
      fc.property(figures, (event) => {
        const mirror = { ...event, netMinor: -event.netMinor, vatMinor: -event.vatMinor, payableMinor: -event.payableMinor, energyWh: -event.energyWh };
        return [...balances([...postingsFor(event), ...postingsFor(mirror)]).values()].every((b) => b === 0n);
      }),
    );
  });
  it('an event sums to zero in its currency and in Wh', () => {
    fc.assert(fc.property(figures, (event) => [event.currency, 'Wh'].every((unit) => postingsFor(event).reduce((sum, p) => sum + (p.unit === unit ? p.amount : 0n), 0n) === 0n)));
  });
});

function balances(postings: readonly Posting[]): Map<string, bigint> {
  const sums = new Map<string, bigint>();
  for (const p of postings) sums.set(`${p.ledgerAccount}|${p.unit}`, (sums.get(`${p.ledgerAccount}|${p.unit}`) ?? 0n) + p.amount);
  return sums;
}
