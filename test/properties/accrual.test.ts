import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accrualTarget, type ChargeKind, type Standing } from '../../src/core/accounting/accrual.ts';
import { accrualJournals } from '../../src/core/accounting/accrual-journals.ts';
import { glKeyOf } from '../../src/core/ledger/gl-key.ts';
import { accountsOfCharges, type LedgerEvent } from '../../src/core/ledger/ledger-table.ts';
import { inBooks, postingsFor } from '../../src/core/ledger/postings.ts';

const months = 5;
const glAccounts = new Map(['unbilledReceivable', 'deferredRevenue', 'accruedShare', 'accruedPartnerCost', 'receivable', 'ownerPayable', 'estimatedRevenue'].map((key, i) => [key, `${1000 + i}`]));
const glOf = (key: string) => glAccounts.get(key) ?? key;

/** A charge and the months in which things happen to it; a fee in advance is released in its own month, invoiced or not. */
const charge = fc.record({
  kind: fc.constantFrom<ChargeKind>('sale', 'advanceFee', 'share'),
  minor: fc.bigInt({ min: -100_000n, max: 100_000n }),
  costCenter: fc.constantFrom('100', '101'),
  currency: fc.constantFrom('SEK', 'EUR'),
  booked: fc.integer({ min: 0, max: months }),
  ends: fc.constantFrom<'invoiced' | 'writtenOff' | 'open'>('invoiced', 'writtenOff', 'open'),
  ended: fc.integer({ min: 0, max: months }),
  released: fc.integer({ min: 0, max: months }),
});
type Case = typeof charge extends fc.Arbitrary<infer T> ? T : never;
const isOwed = (c: Case) => c.kind === 'share';
const ended = (c: Case, how: Case['ends']) => (isOwed(c) && c.ends === 'writtenOff' ? how === 'open' : c.ends === how);
const glOfCharge = (c: Case) => (isOwed(c) ? '4600' : c.kind === 'advanceFee' ? '3010' : '3001');

type Sums = Map<string, bigint>;
const addTo = (sums: Sums, c: Case, gl: string, costCenter: string | null, amount: bigint) => {
  const key = `${c.currency} ${gl} ${costCenter}`;
  sums.set(key, (sums.get(key) ?? 0n) + amount);
};
const nothing = { minor: 0n, book: 0n };

/** What the sub-ledger posts in a month, by the ledger table alone. */
function ledgerOf(cases: readonly Case[], month: number): Sums {
  const sums: Sums = new Map();
  for (const c of cases) {
    const { currency } = c;
    const net = inBooks(c.minor);
    const events: LedgerEvent[] = [];
    if (c.booked === month) {
      if (isOwed(c)) events.push({ kind: 'shareEstimated', currency, net });
      else if (c.kind === 'advanceFee') events.push({ kind: 'advanceFeeRated', currency, net });
      else events.push({ kind: 'saleRated', currency, net, energyWh: 0n, freeWh: 0n });
    }
    if (c.kind === 'advanceFee' && c.released === month) events.push({ kind: 'advanceFeeReleased', currency, net });
    if (c.ended === month && ended(c, 'invoiced'))
      events.push(
        isOwed(c)
          ? { kind: 'statementIssued', currency, net, inputVat: nothing, selfAssessedVat: nothing, rounding: nothing, fx: nothing }
          : { kind: 'saleInvoiced', currency, net, vat: nothing, rounding: nothing, fx: nothing, energyWh: 0n },
      );
    if (c.ended === month && ended(c, 'writtenOff')) events.push({ kind: 'excludedWrittenOff', currency, net, energyWh: 0n });
    for (const { ledgerAccount, amount } of events.flatMap(postingsFor)) {
      const gl = accountsOfCharges.has(ledgerAccount) ? glOfCharge(c) : glOf(glKeyOf(ledgerAccount, null) ?? '');
      addTo(sums, c, gl, ledgerAccount === 'receivable' || ledgerAccount === 'ownerPayable' ? null : c.costCenter, amount);
    }
  }
  return sums;
}

/** What documents bring into the ERP in a month. */
function documentsOf(cases: readonly Case[], month: number): Sums {
  const sums: Sums = new Map();
  for (const c of cases) {
    if (c.ended !== month || !ended(c, 'invoiced')) continue;
    const sign = isOwed(c) ? 1n : -1n;
    addTo(sums, c, glOfCharge(c), c.costCenter, sign * c.minor);
    addTo(sums, c, glOf(isOwed(c) ? 'ownerPayable' : 'receivable'), null, -sign * c.minor);
  }
  return sums;
}

function standingsAt(cases: readonly Case[], month: number): Standing[] {
  return cases.map((c) => ({
    kind: c.kind,
    currency: c.currency,
    glAccount: glOfCharge(c),
    costCenter: c.costCenter,
    bookedMinor: c.booked <= month ? c.minor : 0n,
    invoicedMinor: ended(c, 'invoiced') && c.ended <= month ? c.minor : 0n,
    writtenOffMinor: ended(c, 'writtenOff') && c.ended <= month ? c.minor : 0n,
    releasedMinor: c.kind === 'advanceFee' && c.released <= month ? c.minor : 0n,
  }));
}
const accrualAt = (cases: readonly Case[], month: number): Sums => {
  const sums: Sums = new Map();
  for (const l of accrualTarget({ entityId: 'ent', glAccounts }, standingsAt(cases, month), []).lines) addTo(sums, l as never, l.glAccount, l.costCenter, l.amountMinor);
  return sums;
};
const without = (a: Sums, b: Sums): Sums => new Map([...new Set([...a.keys(), ...b.keys()])].map((k) => [k, (a.get(k) ?? 0n) - (b.get(k) ?? 0n)]));
const nonZero = (sums: Sums) => Object.fromEntries([...sums].filter(([, v]) => v !== 0n));

describe('accruals of months in a row', () => {
  it('bring the ERP to the sub-ledger in each month, per currency, account and cost center, whenever things are booked, invoiced, written off and earned', () => {
    fc.assert(
      fc.property(fc.array(charge, { maxLength: 30 }), (cases) => {
        let before: Sums = new Map();
        for (let month = 0; month <= months; month += 1) {
          const accrual = accrualAt(cases, month);
          // The ERP of a month: its documents, the accrual of its end, and the mirror of the one before.
          expect(nonZero(without(without(without(ledgerOf(cases, month), documentsOf(cases, month)), accrual), new Map([...before].map(([k, v]) => [k, -v]))))).toEqual({});
          before = accrual;
        }
      }),
      { numRuns: 300 },
    );
  });

  it('come to the rate in the books, less than one minor unit off, sum to zero in them too, and are taken back by the same', () => {
    fc.assert(
      fc.property(fc.array(charge, { maxLength: 30 }), fc.integer({ min: 0, max: months }), fc.integer({ min: 1, max: 2_000_000 }), (cases, month, rate) => {
        const { lines } = accrualTarget({ entityId: 'ent', glAccounts }, standingsAt(cases, month), []);
        const factor = { n: BigInt(rate), d: 10_000n };
        const journals = accrualJournals('ent/2019-12/1', '2019-12', lines, 'SEK', new Map([['EUR', { factor, name: 'rate' }]]));
        for (const [i, journal] of journals.entries()) {
          const inBooks = journal.lines.map((l) => BigInt(l.bookMinor ?? l.amountMinor));
          expect(inBooks.reduce((sum, b) => sum + b, 0n)).toBe(0n);
          // Both currencies have two decimals: the amount times the rate, within one.
          if (journal.currency === 'EUR')
            for (const [n, l] of journal.lines.entries()) expect(Math.abs(Number((inBooks[n] ?? 0n) * factor.d - BigInt(l.amountMinor) * factor.n))).toBeLessThan(Number(factor.d));
          const mirror = journals[i + 1];
          if (i % 2 === 0) expect(mirror?.lines.map((l) => -BigInt(l.bookMinor ?? l.amountMinor))).toEqual(inBooks);
        }
      }),
    );
  });

  it('sum to zero in each currency', () => {
    fc.assert(
      fc.property(fc.array(charge, { maxLength: 30 }), fc.integer({ min: 0, max: months }), (cases, month) => {
        const sums = new Map<string, bigint>();
        for (const [key, amount] of accrualAt(cases, month)) sums.set(key.slice(0, 3), (sums.get(key.slice(0, 3)) ?? 0n) + amount);
        expect(nonZero(sums)).toEqual({});
      }),
    );
  });
});
