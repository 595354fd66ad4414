import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { authorityTasks } from '../../src/contracts/document-rules.ts';
import { authorityOf, lintAuthorities } from '../../src/core/document/authorities.ts';
import { planPayment, remittanceOf } from '../../src/core/payment/plan-payment.ts';

const owed = (documentId: string, accountId: string, payableMinor: bigint, dueOn = '2020-02-06', openMinor = payableMinor) => ({
  documentId,
  accountId,
  legalNumber: `SB-${documentId}`,
  dueOn,
  payableMinor,
  openMinor,
});
const plan = (documents: ReturnType<typeof owed>[], thresholdMinor = 0n, executeOn = '2020-02-10', currency = 'SEK', contracted = ['a', 'b'], returnedFrom: [string, number][] = []) =>
  planPayment({
    documents,
    currency,
    books: 'SEK',
    executeOn,
    thresholdMinor,
    contracted: new Set(contracted),
    bankAccounts: new Map([
      ['a', 1],
      ['b', 3],
    ]),
    returnedFrom: new Map(returnedFrom),
  });

describe('a payment', () => {
  it('pays each payee what is due less what is credited, in one item', () => {
    // 1,250.00 + 312.50 - 62.50 = 1,500.00 to a, 80.00 to b: 1,580.00.
    const { items, totalMinor, leftOut } = plan([owed('1', 'a', 125_000n), owed('2', 'a', 31_250n, '2020-01-06'), owed('3', 'a', -6_250n), owed('4', 'b', 8_000n)]);
    expect(items).toEqual([
      { accountId: 'a', amountMinor: 150_000n, bankAccountVersion: 1, remittance: 'SB-2 SB-1 SB-3', documentIds: ['2', '1', '3'] },
      { accountId: 'b', amountMinor: 8_000n, bankAccountVersion: 3, remittance: 'SB-4', documentIds: ['4'] },
    ]);
    expect([totalMinor, leftOut]).toEqual([158_000n, []]);
  });

  it('pays owners and drivers alike, a driver less what a later reimbursement takes back', () => {
    // b drove for 33.55 and 42.00, and 5.00 of it was too much: 70.55. a has 1,250.00: 1,320.55.
    const { items, totalMinor } = plan([
      { ...owed('9', 'b', -500n, '2020-03-06'), legalNumber: 'RE-2020-000003' },
      { ...owed('7', 'b', 3_355n), legalNumber: 'RE-2020-000001' },
      { ...owed('8', 'b', 4_200n), legalNumber: 'RE-2020-000002' },
      owed('1', 'a', 125_000n),
    ]);
    expect(items.map((i) => [i.accountId, i.amountMinor, i.remittance])).toEqual([
      ['a', 125_000n, 'SB-1'],
      ['b', 7_055n, 'RE-2020-000001 RE-2020-000002 RE-2020-000003'],
    ]);
    expect(totalMinor).toBe(132_055n);
  });

  it('leaves out who has no bank account, more credit than due, or less than the threshold; a year after its day a small sum is paid (D32)', () => {
    const codes = (p: ReturnType<typeof plan>) => p.leftOut.map((i) => `${i.subject} ${i.code}`);
    expect(codes(plan([owed('1', 'c', 100n), owed('2', 'a', 100n), owed('3', 'a', -100n)]))).toEqual(['a nothingPayable', 'c bankAccountMissing']);
    expect(codes(plan([owed('1', 'a', 9_999n)], 10_000n))).toEqual(['a payableBelowThreshold']);
    expect(plan([owed('1', 'a', 10_000n)], 10_000n).items).toHaveLength(1);
    // 99.99 euro are not below 100.00 kronor.
    expect(plan([owed('1', 'a', 9_999n)], 10_000n, '2020-02-10', 'EUR').items).toHaveLength(1);
    expect(plan([owed('1', 'a', 9_999n)], 10_000n, '2021-02-05').items).toHaveLength(0);
    expect(plan([owed('1', 'a', 9_999n)], 10_000n, '2021-02-06').items).toHaveLength(1);
    // Nothing more is to come of who has no contract any more.
    expect(plan([owed('1', 'a', 9_999n), owed('2', 'b', 9_999n)], 10_000n, '2020-02-10', 'SEK', ['b']).items.map((i) => i.accountId)).toEqual(['a']);
  });

  it('pays nothing to a bank account that a payment came back from, until another version of it is published', () => {
    const documents = [owed('1', 'a', 125_000n), owed('2', 'b', 8_000n)];
    const { items, leftOut } = plan(documents, 0n, '2020-02-10', 'SEK', ['a', 'b'], [['b', 3]]);
    expect([items.map((i) => i.accountId), leftOut.map((i) => `${i.subject} ${i.code} ${i.severity}`)]).toEqual([['a'], ['b paymentReturned blocks']]);
    expect(plan(documents, 0n, '2020-02-10', 'SEK', ['a', 'b'], [['b', 2]]).items).toHaveLength(2);
  });

  it('leaves what somebody else has paid a part of to them, and pays the rest of its payee', () => {
    // Of 1,250.00 to a 1,000.00 are paid elsewhere; 312.50 are not.
    const { items, leftOut } = plan([owed('1', 'a', 125_000n, '2020-02-06', 25_000n), owed('2', 'a', 31_250n), owed('3', 'b', 100n, '2020-02-06', 50n)]);
    expect(items.map((i) => [i.accountId, i.amountMinor, i.documentIds])).toEqual([['a', 31_250n, ['2']]]);
    expect(leftOut).toMatchObject([
      { code: 'paidInPart', subject: 'a', params: { number: 'SB-1', open: '250.00' } },
      { code: 'paidInPart', subject: 'b', params: { number: 'SB-3', open: '0.50' } },
    ]);
  });

  it('names as many documents as a bank takes, and how many more there are', () => {
    const numbers = Array.from({ length: 20 }, (_, i) => `SB-owner-2020-${String(i).padStart(6, '0')}`);
    expect(remittanceOf(numbers)).toBe(`${numbers.slice(0, 6).join(' ')} +14`);
    expect(remittanceOf(numbers.slice(0, 2))).toBe(numbers.slice(0, 2).join(' '));
  });

  it('pays what its documents come to, each once, and nothing below zero', () => {
    const documents = fc.array(fc.record({ account: fc.constantFrom('a', 'b', 'c'), minor: fc.bigInt(-100_000n, 1_000_000n) }), { maxLength: 20 });
    fc.assert(
      fc.property(documents, fc.bigInt(0n, 50_000n), (drawn, threshold) => {
        const all = drawn.map((d, i) => owed(String(i), d.account, d.minor));
        const { items, totalMinor } = plan(all, threshold);
        const paid = items.flatMap((i) => i.documentIds);
        expect(new Set(paid).size).toBe(paid.length);
        expect(totalMinor).toBe(all.filter((d) => paid.includes(d.documentId)).reduce((sum, d) => sum + d.payableMinor, 0n));
        expect(items.every((i) => i.amountMinor > 0n && i.amountMinor >= threshold && i.remittance.length <= 140)).toBe(true);
      }),
    );
  });
});

describe('authorities', () => {
  const whole = authorityTasks.map((task) => ({ type: 'selfBilling' as const, task, authority: 'wattledger' as const }));
  it('are ours for number and delivery, and the ERP’s for the rest, unless said otherwise', () => {
    expect(authorityTasks.map((task) => authorityOf([], 'invoice', task))).toEqual(['wattledger', 'wattledger', 'erp', 'erp', 'erp']);
    expect(authorityOf(whole, 'selfBilling', 'outgoingPayment')).toBe('wattledger');
    expect(authorityOf(whole, 'invoice', 'outgoingPayment')).toBe('erp');
  });
  it('are one for each task of a type that is named: none and two are found', () => {
    expect(lintAuthorities(whole)).toEqual([]);
    expect(lintAuthorities(whole.slice(1)).map((i) => [i.code, i.params])).toEqual([['authorityMissing', { type: 'selfBilling', task: 'number' }]]);
    expect(lintAuthorities([...whole, { type: 'selfBilling', task: 'reminders', authority: 'erp' }]).map((i) => [i.code, i.params])).toEqual([
      ['authorityTwice', { type: 'selfBilling', task: 'reminders', authorities: 'wattledger and erp' }],
    ]);
    expect(lintAuthorities(whole.map((row) => (row.task === 'number' ? { ...row, authority: 'erp' as const } : row))).map((i) => i.code)).toEqual(['numberByErp']);
    const invoices = whole.map((row) => ({ ...row, type: 'invoice' as const, authority: 'erp' as const }));
    expect(lintAuthorities(invoices)).toEqual([]);
  });
});
