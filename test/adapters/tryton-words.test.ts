import { describe, expect, it } from 'vitest';
import type { Books } from '../../src/adapters/erp/tryton/books.ts';
import { paymentsOf, postedInvoices } from '../../src/adapters/erp/tryton/invoices.ts';
import { postedMoves } from '../../src/adapters/erp/tryton/moves.ts';
import { minorOf } from '../../src/adapters/erp/tryton/rpc.ts';
import { descriptionOf, readDescription, readTag, tagOf } from '../../src/adapters/erp/tryton/words.ts';

describe('what Tryton keeps of a line in its description', () => {
  it('is its VAT code, also of several words, beside its cost center', () => {
    for (const vatCode of [null, '-', '%2D', 'SE25', 'Moms 25 %', '25%', '%20', '%2520 5'])
      for (const costCenter of [null, 'cc2', 'cc 1']) {
        const tag = tagOf({ vatCode, costCenter });
        expect(readTag(tag), tag).toEqual({ vatCode, costCenter });
      }
    // As it stands there since before.
    expect(tagOf({ vatCode: '25%', costCenter: 'cc 1' })).toBe('25% cc 1');
    expect(readTag('SE25 -')).toEqual({ vatCode: 'SE25', costCenter: null });
  });
  it('is its number, also a partner’s own of several words, beside its kind and run', () => {
    for (const legalNumber of [null, '-', '%2D-1', '2020-000123', 'INV 2020 / 17', '- 100% %20'])
      for (const runId of [null, 'run_1']) {
        const text = descriptionOf({ kind: 'vendorBill', legalNumber, runId });
        expect(readDescription(text), text).toEqual({ kind: 'vendorBill', legalNumber, runId });
      }
    expect(readDescription('invoice 2020-1 run_1')).toEqual({ kind: 'invoice', legalNumber: '2020-1', runId: 'run_1' });
    expect(readDescription('invoice of somebody else entirely')).toBeUndefined();
  });
});

describe('an amount that Tryton tells', () => {
  const amount = (decimal: string) => ({ decimal });
  const books = { context: async () => ({}) } as unknown as Books;

  it('is read with more zeros than its currency has decimals, and with no other digits', () => {
    expect(['51', '51.00', '-51.0', '0.00', '500'].map((text) => minorOf(amount(text), 'JPY'))).toEqual([51n, 51n, -51n, 0n, 500n]);
    expect(['51', '51.5', '51.5000', '-0.10'].map((text) => minorOf(amount(text), 'SEK'))).toEqual([5100n, 5150n, 5150n, -10n]);
    expect(() => minorOf(amount('51.10'), 'JPY')).toThrow(RangeError);
  });
  it('is that of an invoice, a payment or a journal in a currency without decimals too', async () => {
    const date = { year: 2020, month: 1, day: 6 };
    const invoice = {
      id: 1,
      type: 'out',
      state: 'posted',
      number: '7',
      reference: 'k1',
      description: 'invoice 2020-1 run_1',
      invoice_date: date,
      total_amount: amount('51.00'),
      'currency.': { code: 'JPY' },
    };
    const lines = { 'account.': { code: '1510' }, 'lines.': [{ amount: amount('51.00'), description: '- -', 'account.': { code: '3001' }, 'analytic_accounts.': [] }], 'taxes.': [] };
    const [held] = await postedInvoices(async () => [{ ...invoice, ...lines }], books, []);
    expect(held?.lines.map((l) => l.amountMinor)).toEqual(['51', '-51']);
    const paid = { ...invoice, amount_to_pay: amount('21.00'), 'lines_to_pay.': [] };
    expect(await paymentsOf(async (method) => (method.includes('invoice') ? [paid] : []), books, ['k1'])).toEqual([{ key: 'k1', state: 'part', openMinor: '21' }]);
    const side = (debit: string, credit: string) => ({
      ...{ debit: amount(debit), credit: amount(credit), amount_second_currency: null, 'second_currency.': null, description: '- -' },
      ...{ 'account.': { code: '1510' }, 'analytic_lines.': [] },
    });
    const move = { id: 2, number: '8', description: 'k2 journal - run_1', date, 'company.': { 'currency.': { code: 'ISK' } }, 'lines.': [side('51.00', '0.00'), side('0.00', '51.00')] };
    expect((await postedMoves(async () => [move], books, []))[0]?.lines.map((l) => l.amountMinor)).toEqual(['51', '-51']);
  });
});
