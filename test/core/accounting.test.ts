import { describe, expect, it } from 'vitest';
import type { ErpDocument } from '../../src/contracts/erp-document.ts';
import { batchTotals } from '../../src/core/accounting/batch.ts';
import { voucherOf } from '../../src/core/accounting/voucher.ts';
import { eventsOfDocument } from '../../src/core/ledger/events-of-document.ts';
import { postingsFor } from '../../src/core/ledger/postings.ts';
import { exactFromDecimal } from '../../src/core/money.ts';

const line = (part: ErpDocument['lines'][number]['part'], glAccount: string, amountMinor: string, costCenter: string | null = null, vatCode: string | null = null) => ({
  part,
  glAccount,
  costCenter,
  vatCode,
  amountMinor,
});
const invoice: ErpDocument = {
  key: 'doc_1',
  kind: 'invoice',
  runId: 'run',
  legalNumber: '2020-000001',
  accountId: 'acc',
  currency: 'EUR',
  postedOn: '2020-01-07',
  lines: [line('party', '1510', '1251'), line('net', '3001', '-600', '100', 'SE25'), line('net', '3051', '-401', '100', 'SE25'), line('tax', '2611', '-250', null, 'SE25')],
};
const sites = [
  { glAccount: '3001', costCenter: '100', vatCode: 'SE25', siteId: 'north', amountMinor: -200n },
  { glAccount: '3001', costCenter: '100', vatCode: 'SE25', siteId: 'south', amountMinor: -400n },
];

describe('a voucher', () => {
  it('splits a net line by site, and stays what the document posts', () => {
    const { lines } = voucherOf({ ...invoice, currency: 'SEK' }, sites, { currency: 'SEK', factor: null });
    expect(lines.map((l) => [l.glAccount, l.project, l.amountMinor])).toEqual([
      ['1510', null, 1251n],
      ['3001', 'north', -200n],
      ['3001', 'south', -400n],
      ['3051', null, -401n],
      ['2611', null, -250n],
    ]);
  });

  it('is in the currency of the books as it was booked: net once, VAT once, the party’s line their sum', () => {
    // At 10.4567: net 10.01 EUR is 104.671567, 104.67 SEK; VAT 2.50 is 26.14175, 26.14; owed 130.81. Net by line: 2.00 is 20.9134, 4.00 is 41.8268,
    // 4.01 is 41.931367. Credits round down to -20.92, -41.83, -41.94, which is 0.02 too much; it goes to the two with most left, the first (0.0066) and the third (0.008633).
    const { lines } = voucherOf(invoice, sites, { currency: 'SEK', factor: exactFromDecimal('10.4567') });
    expect(lines.map((l) => l.amountMinor)).toEqual([13081n, -2091n, -4183n, -4193n, -2614n]);
    expect(lines.map((l) => l.documentMinor)).toEqual([1251n, -200n, -400n, -401n, -250n]);
  });

  it.each(['invoice', 'creditNote'] as const)('of kronor in books in EUR rounds what VAT leaves over and whole kronor apart, as the ledger does: %s', (kind) => {
    // Gross 31.41: VAT 6.28, base 25.13; the sessions' nets are 25.17, so 0.04 is lost to VAT per document, and 0.41 to whole kronor: 31.00.
    // At 0.1: net 2.517 is 2.52, VAT 0.628 is 0.63, 0.004 is nothing and 0.041 is 0.04: 3.11 is owed. Both at once, 0.045, would be 0.05.
    const sign = kind === 'invoice' ? 1n : -1n;
    const of = (minor: bigint) => (sign * minor).toString();
    const lines = [
      line('party', '1510', of(3_100n)),
      line('net', '3001', of(-2_517n), '100', 'SE25'),
      { ...line('tax', '2611', of(-628n), null, 'SE25'), baseMinor: of(-2_513n) },
      line('rounding', '3740', of(45n)),
    ];
    const voucher = voucherOf({ ...invoice, kind, currency: 'SEK', lines }, [], { currency: 'EUR', factor: exactFromDecimal('0.1') });
    expect(voucher.lines.map((l) => [l.glAccount, l.amountMinor * sign])).toEqual([
      ['1510', 311n],
      ['3001', -252n],
      ['2611', -63n],
      ['3740', 4n],
    ]);
    const vat = [{ vatCode: 'SE25', baseMinor: sign * 2_513n, vatMinor: sign * 628n }];
    const figures = { currency: 'SEK', netMinor: sign * 2_517n, bookedNet: sign * 252n, vat, payableMinor: sign * 3_100n, isCredit: kind === 'creditNote' };
    const booked = eventsOfDocument(figures, { factor: exactFromDecimal('0.1'), name: 'ECB' }, 'EUR').flatMap(({ event }) => postingsFor(event));
    expect(booked.filter((p) => p.ledgerAccount === 'rounding').reduce((sum, p) => sum + p.book, 0n)).toBe(sign * 4n);
  });

  it('is refused where the sites are not the line: a file never says something else than the posting', () => {
    expect(() => voucherOf(invoice, [{ ...(sites[0] as (typeof sites)[0]), amountMinor: -601n }], { currency: 'SEK', factor: null })).toThrow(
      'the sites of account 3001 come to -601, the posting to -600',
    );
  });

  it('adds up in its batch: debit and credit, and each account', () => {
    const voucher = voucherOf({ ...invoice, currency: 'SEK' }, sites, { currency: 'SEK', factor: null });
    expect(batchTotals({ vouchers: [voucher, voucher] })).toEqual({
      vouchers: 2,
      lines: 10,
      debitMinor: 2502n,
      creditMinor: 2502n,
      accounts: [
        { glAccount: '1510', debitMinor: 2502n, creditMinor: 0n },
        { glAccount: '2611', debitMinor: 0n, creditMinor: 500n },
        { glAccount: '3001', debitMinor: 0n, creditMinor: 1200n },
        { glAccount: '3051', debitMinor: 0n, creditMinor: 802n },
      ],
    });
  });
});
