import { describe, expect, it } from 'vitest';
import { type AccrualLine, accrualTarget, type Standing, stillToAccrue } from '../../src/core/accounting/accrual.ts';
import { accrualJournals } from '../../src/core/accounting/accrual-journals.ts';
import { periodStep } from '../../src/core/accounting/period-states.ts';
import { exactFromDecimal } from '../../src/core/money.ts';

const glAccounts = new Map([
  ['unbilledReceivable', '1790'],
  ['deferredRevenue', '2970'],
  ['accruedShare', '2990'],
  ['accruedPartnerCost', '2991'],
  ['accruedReimbursement', '2993'],
  ['estimatedRevenue', '3095'],
]);
const entity = { entityId: 'ent_se', glAccounts };
const standing = (over: Partial<Standing>): Standing => ({
  kind: 'sale',
  currency: 'SEK',
  glAccount: '3001',
  costCenter: '100',
  bookedMinor: 0n,
  invoicedMinor: 0n,
  writtenOffMinor: 0n,
  releasedMinor: 0n,
  ...over,
});
const linesOf = (standings: readonly Standing[]) => accrualTarget(entity, standings, []).lines.map((l) => `${l.kind} ${l.glAccount} ${l.costCenter} ${l.amountMinor}`);

describe('a month-end accrual', () => {
  it('holds sales that are not invoiced as revenue against unbilled', () => {
    // 1,000.00 booked, 300.00 invoiced by the last day, 50.00 written off: 650.00 are left.
    expect(linesOf([standing({ bookedMinor: 100_000n, invoicedMinor: 30_000n, writtenOffMinor: 5_000n })])).toEqual(['sale 1790 100 65000', 'sale 3001 100 -65000']);
  });

  it('holds costs without a bill against what accrues them', () => {
    expect(
      linesOf([
        standing({ kind: 'share', glAccount: '4600', bookedMinor: 12_500n, invoicedMinor: 2_500n }),
        standing({ kind: 'roaming', glAccount: '4020', costCenter: '101', bookedMinor: 1_680n }),
        standing({ kind: 'home', glAccount: '4030', costCenter: '102', bookedMinor: 2_200n }),
      ]),
    ).toEqual(['home 2993 102 -2200', 'home 4030 102 2200', 'roaming 2991 101 -1680', 'roaming 4020 101 1680', 'share 2990 100 -10000', 'share 4600 100 10000']);
  });

  it('takes a fee that was invoiced before it is earned out of revenue, and puts one that is earned and not invoiced into it', () => {
    const fee = { kind: 'advanceFee', glAccount: '3010', costCenter: '900', bookedMinor: 9_900n } as const;
    // Invoiced in December for January: the ERP has revenue where the sub-ledger has a deferred fee.
    expect(linesOf([standing({ ...fee, invoicedMinor: 9_900n })])).toEqual(['advanceFee 2970 900 -9900', 'advanceFee 3010 900 9900']);
    // January is over: both have revenue.
    expect(linesOf([standing({ ...fee, invoicedMinor: 9_900n, releasedMinor: 9_900n })])).toEqual([]);
    expect(linesOf([standing({ ...fee, releasedMinor: 9_900n })])).toEqual(['advanceFee 1790 900 9900', 'advanceFee 3010 900 -9900']);
    // Due and neither: what is unbilled is deferred.
    expect(linesOf([standing(fee)])).toEqual(['advanceFee 1790 900 9900', 'advanceFee 2970 900 -9900']);
  });

  it('marks the estimate for sessions without a CDR, and rounds each once', () => {
    const open = { sourceId: 'csms', currency: 'SEK', costCenter: '100', estimatedWh: 10_000n };
    const { lines, estimated } = accrualTarget(
      entity,
      [],
      [
        { ...open, key: 'a', amount: '26.505' },
        { ...open, key: 'b', amount: '10.0000' },
      ],
    );
    // 26.505 is 26.51 (half away from zero); with 10.00 that is 36.51.
    expect(estimated.map((e) => e.amountMinor)).toEqual([2651n, 1000n]);
    expect(lines.map((l) => [l.kind, l.glAccount, l.amountMinor])).toEqual([
      ['estimate', '1790', 3651n],
      ['estimate', '3095', -3651n],
    ]);
  });

  it('names each account that the mapping lacks', () => {
    const { issues } = accrualTarget({ entityId: 'ent_se', glAccounts: new Map() }, [standing({ bookedMinor: 1n }), standing({ kind: 'share', bookedMinor: 1n })], []);
    expect(issues.map((i) => [i.code, i.params['key']])).toEqual([
      ['unmappedAccount', 'unbilledReceivable'],
      ['unmappedAccount', 'accruedShare'],
    ]);
  });

  it('is taken back on the first day of the next month, and a second one holds the difference alone', () => {
    const first = accrualTarget(entity, [standing({ bookedMinor: 100n })], []).lines;
    const second = stillToAccrue(accrualTarget(entity, [standing({ bookedMinor: 160n })], []).lines, first);
    expect(second.map((l) => [l.glAccount, l.amountMinor])).toEqual([
      ['1790', 60n],
      ['3001', -60n],
    ]);
    expect(stillToAccrue(first, first)).toEqual([]);
    const journals = accrualJournals('ent_se/2019-12/2', '2019-12', second, 'SEK', new Map());
    expect(journals.map((j) => [j.key, j.postedOn, j.lines.map((l) => l.amountMinor)])).toEqual([
      ['accrual/ent_se/2019-12/2/SEK', '2019-12-31', ['60', '-60']],
      ['accrual/ent_se/2019-12/2/SEK/reversal', '2020-01-01', ['-60', '60']],
    ]);
  });
});

describe('an accrual in another currency', () => {
  const at = (rate: string) => new Map([['EUR', { factor: exactFromDecimal(rate), name: `ecb 2019-12-31 EUR/SEK ${rate} v1` }]]);
  const line = (glAccount: string, amountMinor: bigint): AccrualLine => ({ kind: 'sale', currency: 'EUR', glAccount, costCenter: '100', amountMinor });
  const booked = (lines: readonly AccrualLine[], rate: string) =>
    accrualJournals('ent_se/2019-12/1', '2019-12', lines, 'SEK', at(rate)).map((j) => [j.currency, j.books?.currency, j.lines.map((l) => [l.glAccount, l.amountMinor, l.bookMinor])]);

  it('says what it comes to in the books by the rate of its last day, and is taken back by the same', () => {
    // 3.35 x 10.4468 = 34.99678 and 0.91 x 10.4468 = 9.506588: 35.00 and 9.51.
    expect(booked([line('1790', 335n), line('3051', -335n), line('4600', 91n), line('2990', -91n)], '10.4468')).toEqual([
      [
        'EUR',
        'SEK',
        [
          ['1790', '335', '3500'],
          ['2990', '-91', '-951'],
          ['3051', '-335', '-3500'],
          ['4600', '91', '951'],
        ],
      ],
      [
        'EUR',
        'SEK',
        [
          ['1790', '-335', '-3500'],
          ['2990', '91', '951'],
          ['3051', '335', '3500'],
          ['4600', '-91', '-951'],
        ],
      ],
    ]);
  });
  it('sums to zero in the books where each rounded alone would not', () => {
    // 10.45 = 5.225 + 5.225, where both would round to 5.23: the first of equal remainders takes what is left.
    expect(booked([line('1790', 100n), line('3001', -50n), line('3002', -50n)], '10.45')[0]?.[2]).toEqual([
      ['1790', '100', '1045'],
      ['3001', '-50', '-522'],
      ['3002', '-50', '-523'],
    ]);
  });
  it('is not made without a rate', () => {
    expect(() => accrualJournals('ent_se/2019-12/1', '2019-12', [line('1790', 1n), line('3001', -1n)], 'SEK', new Map())).toThrow('needs a rate from EUR into SEK');
  });
});

describe('an accounting period', () => {
  const month = { state: 'open', hasEnded: true, openBefore: null, closedAfter: null, askedBy: null } as const;
  it.each([
    ['closes after it has ended', month, 'close', { to: 'closed' }],
    ['does not close while it runs', { ...month, hasEnded: false }, 'close', { refused: 'it has not ended' }],
    ['does not close before an earlier one', { ...month, openBefore: '2019-11' }, 'close', { refused: '2019-11 has postings and is not closed: close that one first' }],
    ['is soft-closed before it closes', month, 'softClose', { to: 'softClosed' }],
    ['closes from soft-closed', { ...month, state: 'softClosed' }, 'close', { to: 'closed' }],
    ['opens again from soft-closed by one', { ...month, state: 'softClosed' }, 'reopen', { to: 'open' }],
    ['is asked for by one', { ...month, state: 'closed' }, 'reopen', { waitsForSecond: true }],
    ['is not reopened by who asked', { ...month, state: 'closed', askedBy: 'anna' }, 'reopen', { waitsForSecond: true }],
    ['is reopened by another', { ...month, state: 'closed', askedBy: 'bo' }, 'reopen', { to: 'open' }],
    ['is reopened after those that follow it', { ...month, state: 'closed', closedAfter: '2020-01', askedBy: 'bo' }, 'reopen', { refused: '2020-01 is closed too: reopen that one first' }],
  ] as const)('%s', (_, at, action, step) => {
    expect(periodStep(at, action, 'anna')).toEqual(step);
  });
});
