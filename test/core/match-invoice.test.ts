import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { selfAssessed } from '../../src/core/document/owed.ts';
import { inBooks, postingsFor } from '../../src/core/ledger/postings.ts';
import { billLinesOf, eventsOfInvoice } from '../../src/core/purchase/book-invoice.ts';
import { type AccruedSession, type MatchedInvoice, matchInvoice, purchaseVat } from '../../src/core/purchase/match-invoice.ts';

const bearer = { glAccount: '4020', costCenter: '116', siteId: 'site_a', serviceMonth: '2019-12', sourceId: 'csms' };
const elsewhere = { glAccount: '1689', costCenter: '900', siteId: null, serviceMonth: null, sourceId: null };
const accrued = (cdrId: string, minor: bigint, { bookMinor = minor, ...rest }: Partial<AccruedSession> & { bookMinor?: bigint } = {}): AccruedSession => ({
  ...bearer,
  recordId: BigInt(cdrId.length),
  cdrId,
  key: `NO*NRD*${cdrId}`,
  minor,
  vatCode: 'SE-AE',
  tolerancePercent: '1',
  parts: [{ ...bearer, minor, bookMinor, vatCode: 'SE-AE' }],
  ...rest,
});
const matched = (result: ReturnType<typeof matchInvoice>) => {
  if ('code' in result) throw new Error(result.code);
  return result;
};
const rule = { country: 'SE', validFrom: '1995-01-01', validTo: null };
const entity = {
  country: 'SE',
  vatRules: [
    { ...rule, code: 'SE25', percent: '25', category: 'S' },
    { ...rule, code: 'SE-AE', percent: '0', category: 'AE' },
    { ...rule, code: 'SE-O', percent: '0', category: 'O' },
  ],
};
const vatOf = (vatCode: string, netMinor: bigint, statedMinor = 0n) => purchaseVat(entity, { vatCode, netMinor, statedMinor, on: '2020-01-10', subject: 'F-1' });
const one = { factor: { n: 1n, d: 1n }, name: null };
const gl: Readonly<Record<string, string>> = { dispute: '1689', partnerPayable: '2441', 'inputVat.SE-AE': '2645', 'selfAssessedVat.SE-AE': '2614', 'inputVat.SE25': '2641' };
const glOf = (key: string) => gl[key] ?? `no ${key}`;

describe('VAT of what we buy', () => {
  // December was sold at 25 %, January is at 20 %: an invoice of January states what December bore, and so does a statement of both.
  const changed = {
    ...entity,
    vatRules: [...entity.vatRules.map((r) => (r.code === 'SE25' ? { ...r, validTo: '2020-01-01' } : r)), { ...rule, code: 'SE20', percent: '20', category: 'S', validFrom: '2020-01-01' }],
  };
  it('of an invoice is what it states, also where the rate of its sessions is over by then', () => {
    const december = { vatCode: 'SE25', netMinor: 1000n, statedMinor: 250n, on: '2020-01-10', subject: 'F-1' };
    expect(purchaseVat(changed, december)).toEqual({ vatCode: 'SE25', inputMinor: 250n, selfAssessedMinor: 0n });
  });
  it('of a self-billing invoice is not self-assessed on either side of a change of the rate', () => {
    const vat = [
      { vatCode: 'SE25', baseMinor: 1000n, vatMinor: 250n },
      { vatCode: 'SE20', baseMinor: 1000n, vatMinor: 200n },
    ];
    expect(selfAssessed(changed, { id: 'doc_1', type: 'selfBilling', on: '2020-01-31', vat })).toEqual(new Map());
  });
  it('under reverse charge is owed at the rate of the day', () => {
    // 20 % of 10.00 from January on.
    const vat = [{ vatCode: 'SE-AE', baseMinor: 1000n, vatMinor: 0n }];
    expect(selfAssessed(changed, { id: 'doc_1', type: 'selfBilling', on: '2020-01-31', vat })).toEqual(new Map([['SE-AE', 200n]]));
    expect(selfAssessed(changed, { id: 'doc_1', type: 'selfBilling', on: '2019-12-31', vat })).toEqual(new Map([['SE-AE', 250n]]));
  });
});

describe('a partner’s invoice', () => {
  // Ours: 16.80, 10.00 and 5.00. They claim 16.80; 10.10 (1 %, within tolerance); 6.00 (20 % more); and 3.00 for what we do not know.
  const invoice = matched(
    matchInvoice(
      [
        { cdrId: 'A', netMinor: 1680n },
        { cdrId: 'bb', netMinor: 1010n },
        { cdrId: 'ccc', netMinor: 600n },
        { cdrId: 'zzzz', netMinor: 300n },
      ],
      [accrued('a', 1680n), accrued('bb', 1000n), accrued('ccc', 500n)],
    ),
  );
  it('is matched CDR by CDR: small differences are cost, larger ones and what is unknown are disputed', () => {
    expect(invoice.lines.map((l) => [l.cdrId, l.outcome, l.accruedMinor, l.acceptedMinor, l.disputedMinor])).toEqual([
      ['A', 'equal', 1680n, 0n, 0n],
      ['bb', 'accepted', 1000n, 10n, 0n],
      ['ccc', 'disputed', 500n, 0n, 100n],
      ['zzzz', 'unknown', 0n, 0n, 300n],
    ]);
    expect([invoice.netMinor, invoice.accruedMinor, invoice.acceptedMinor, invoice.disputedMinor]).toEqual([3590n, 3180n, 10n, 400n]);
    const [told] = matched(matchInvoice([{ cdrId: 'ccc', netMinor: 600n, ifDiffers: 'accept' }], [accrued('ccc', 500n)])).lines;
    expect(told).toMatchObject({ outcome: 'accepted', acceptedMinor: 100n });
    expect(
      matchInvoice(
        [
          { cdrId: 'a', netMinor: 1n },
          { cdrId: 'A', netMinor: 1n },
        ],
        [],
      ),
    ).toMatchObject({ code: 'invoicedTwice' });
  });

  it('finds a CDR by its owner too, and picks none of two owners’ by the id alone', () => {
    const two = [accrued('1', 1680n, { recordId: 1n, key: 'no*nrd*1' }), accrued('1', 2000n, { recordId: 2n, key: 'no*syd*1' })];
    const lines = (...ids: string[]) => ids.map((cdrId) => ({ cdrId, netMinor: 1680n }));
    expect(matched(matchInvoice(lines('NO*SYD*1', 'NO*NRD*1'), two)).lines.map((l) => [l.session?.recordId, l.accruedMinor])).toEqual([
      [2n, 2000n],
      [1n, 1680n],
    ]);
    expect(matchInvoice(lines('1'), two)).toMatchObject({ code: 'invoicedAmbiguous', params: { cdrs: 'no*nrd*1, no*syd*1' } });
    expect(matchInvoice(lines('1', 'NO*NRD*1'), two.slice(0, 1))).toMatchObject({ code: 'invoicedTwice' });
  });

  it('books what was accrued as owed, the differences, and the VAT we owe ourselves', () => {
    // Bought abroad under reverse charge: 25 % of 35.90 is 8.975, so 8.98, owed and deducted.
    const vat = vatOf('SE-AE', invoice.netMinor);
    expect(vat).toEqual({ vatCode: 'SE-AE', inputMinor: 0n, selfAssessedMinor: 898n });
    if ('code' in vat) throw new Error(vat.code);
    const sums = new Map<string, bigint>();
    for (const { event } of eventsOfInvoice(invoice, vat, 'SEK', one, 'SEK', elsewhere)) for (const p of postingsFor(event)) sums.set(p.ledgerAccount, (sums.get(p.ledgerAccount) ?? 0n) + p.amount);
    expect(Object.fromEntries(sums)).toEqual({ accruedPartnerCost: 3180n, roamingCost: 10n, dispute: 400n, inputVat: 898n, selfAssessedVat: -898n, partnerPayable: -3590n });
    expect(billLinesOf(invoice, vat, elsewhere, glOf).map((l) => [l.part, l.glAccount, l.costCenter, l.amountMinor])).toEqual([
      ['net', '4020', '116', '3190'],
      ['net', '1689', '116', '100'],
      ['net', '1689', '900', '300'],
      ['tax', '2645', null, '898'],
      ['tax', '2614', null, '-898'],
      ['party', '2441', null, '-3590'],
    ]);
  });

  it('deducts the VAT that a domestic operator states, and has none of what is outside its scope', () => {
    expect(vatOf('SE25', 1000n, 250n)).toEqual({ vatCode: 'SE25', inputMinor: 250n, selfAssessedMinor: 0n });
    expect(vatOf('SE-O', 1000n)).toEqual({ vatCode: 'SE-O', inputMinor: 0n, selfAssessedMinor: 0n });
    expect(vatOf('SE-AE', 1000n, 250n)).toMatchObject({ code: 'vatUnexpected' });
  });

  it('clears what was accrued at the rate it was accrued by; what the rate moved is fx difference', () => {
    // 16.80 NOK accrued at 1.04 are 17.47 SEK; at 1.05 on the posting date they are 17.64: 0.17 of fx difference.
    const nok = matched(matchInvoice([{ cdrId: 'a', netMinor: 1680n }], [accrued('a', 1680n, { bookMinor: 1747n })]));
    const events = eventsOfInvoice(nok, { vatCode: 'SE-AE', inputMinor: 0n, selfAssessedMinor: 0n }, 'NOK', { factor: { n: 105n, d: 100n }, name: 'ECB' }, 'SEK', elsewhere);
    const books = new Map<string, bigint>();
    for (const { event } of events) for (const p of postingsFor(event)) books.set(p.ledgerAccount, (books.get(p.ledgerAccount) ?? 0n) + p.book);
    expect(Object.fromEntries(books)).toEqual({ accruedPartnerCost: 1747n, fxDifference: 17n, partnerPayable: -1764n });
  });

  it('comes to its net whatever it claims, leaves nothing accrued, and its bill sums to zero', () => {
    const line = fc.record({ ours: fc.bigInt({ min: -5_000n, max: 50_000n }), claimed: fc.bigInt({ min: -5_000n, max: 50_000n }), known: fc.boolean() });
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 20 }), fc.constantFrom('SE25', 'SE-AE', 'SE-O'), (lines, code) => {
        const sessions = lines.flatMap((l, i) => (l.known ? [accrued(`cdr${i}`, l.ours, { recordId: BigInt(i) })] : []));
        const made: MatchedInvoice = matched(
          matchInvoice(
            lines.map((l, i) => ({ cdrId: `CDR${i}`, netMinor: l.claimed })),
            sessions,
          ),
        );
        expect(made.accruedMinor + made.acceptedMinor + made.disputedMinor).toBe(made.netMinor);
        expect(made.accruedMinor).toBe(sessions.reduce((sum, s) => sum + s.minor, 0n));
        const vat = vatOf(code, made.netMinor, code === 'SE25' ? made.netMinor / 4n : 0n);
        if ('code' in vat) throw new Error(vat.code);
        expect(billLinesOf(made, vat, elsewhere, glOf).reduce((sum, l) => sum + BigInt(l.amountMinor), 0n)).toBe(0n);
        const left = eventsOfInvoice(made, vat, 'SEK', one, 'SEK', elsewhere)
          .flatMap(({ event }) => postingsFor(event))
          .filter((p) => p.ledgerAccount === 'accruedPartnerCost');
        const rated = made.lines
          .flatMap((l) => (l.session === null ? [] : postingsFor({ kind: 'purchaseRated', currency: 'SEK', net: inBooks(l.session.minor) })))
          .filter((p) => p.ledgerAccount === 'accruedPartnerCost');
        expect([...left, ...rated].reduce((sum, p) => sum + p.amount, 0n)).toBe(0n);
      }),
    );
  });
});
