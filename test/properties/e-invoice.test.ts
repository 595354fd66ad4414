import Big from 'big.js';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { renderUbl } from '../../src/adapters/documents/ubl/render-ubl.ts';
import { type EInvoice, eInvoiceOf } from '../../src/core/document/e-invoice.ts';
import type { IssuedDocument } from '../../src/core/document/issued-document.ts';
import { ocrReference } from '../../src/core/document/ocr.ts';
import { plainText, textForGlyphs } from '../../src/core/document/plain-text.ts';
import { vatOfGross, vatOfNet } from '../../src/core/money.ts';
import { creditOf, documentOf, lineOf } from '../support/issued-document.ts';

type Session = { readonly price: string; readonly wh: number; readonly costCenter: string | null; readonly month: string };
const session = fc.record({
  price: fc.constantFrom('2.50', '2.234', '1.6667', '0.0001', '4.125'),
  wh: fc.oneof(fc.constantFrom(1_650, 1_000), fc.integer({ min: 1, max: 90_000 })),
  costCenter: fc.constantFrom(null, 'K1', 'K2'),
  month: fc.constantFrom('2019-11', '2019-12'),
});
const basket = fc.array(session, { minLength: 1, maxLength: 40 });
const sum = (values: readonly bigint[]) => values.reduce((a, b) => a + b, 0n);
const minor = (exact: Big) => BigInt(exact.times(100).round(0, Big.roundHalfUp).toFixed(0));

/** A document of sessions that were rounded one by one (D01), its lines put together as documents have them. */
function documentOfSessions(sessions: readonly Session[], mode: 'netFirst' | 'grossFirst'): IssuedDocument {
  const charges = sessions.map((s) => {
    const exact = new Big(s.price).times(s.wh).div(1000);
    if (mode === 'netFirst') return { ...s, net: minor(exact), gross: minor(exact) + vatOfNet(minor(exact), '25') };
    const gross = minor(exact.times('1.25'));
    return { ...s, net: gross - vatOfGross(gross, '25'), gross };
  });
  const keys = [...new Set(charges.map((c) => JSON.stringify([c.price, c.costCenter, c.month])))];
  const lines = keys.map((key, i) => {
    const own = charges.filter((c) => JSON.stringify([c.price, c.costCenter, c.month]) === key);
    const [first] = own;
    if (first === undefined) throw new Error('a group has a first');
    return lineOf({
      lineNo: i + 1,
      description: `ENERGY ${first.month}`,
      serviceMonth: first.month,
      unitPrice: first.price,
      customerCostCenter: first.costCenter,
      quantity: BigInt(own.reduce((wh, c) => wh + c.wh, 0)),
      netMinor: sum(own.map((c) => c.net)),
      grossMinor: sum(own.map((c) => c.gross)),
      chargeCount: own.length,
    });
  });
  if (mode === 'netFirst') return documentOf({ lines });
  const gross = sum(lines.map((l) => l.grossMinor));
  const vatMinor = vatOfGross(gross, '25');
  const kronor = ((gross + 50n) / 100n) * 100n;
  return documentOf({ lines, roundingMode: 'grossFirst', vat: [{ vatCode: 'SE25', category: 'S', percent: '25', baseMinor: gross - vatMinor, vatMinor }], payableMinor: kronor });
}

function made(document: IssuedDocument): EInvoice {
  const result = eInvoiceOf(document);
  if ('issues' in result) throw new Error(JSON.stringify(result.issues));
  return result.invoice;
}

it('the sums of EN 16931 hold in both modes, and every line is quantity times price and what rounding left over', () => {
  fc.assert(
    fc.property(basket, fc.constantFrom('netFirst' as const, 'grossFirst' as const), (sessions, mode) => {
      const document = documentOfSessions(sessions, mode);
      const { lines, totals, vat, roundings } = made(document);
      for (const line of lines) {
        const product = new Big(line.quantity).times(line.price).div(line.baseQuantity);
        const sign = product.lt(0) ? -1n : 1n;
        expect(sign * minor(product.abs()) + line.roundingMinor).toBe(line.netMinor);
        // PEPPOL-EN16931-R120, far inside its slack of 0.02.
        expect(product.plus(new Big(line.roundingMinor.toString()).div(100)).minus(new Big(line.netMinor.toString()).div(100)).abs().lte('0.005')).toBe(true);
      }
      expect(totals.linesMinor).toBe(sum(document.lines.map((l) => l.netMinor)));
      expect(totals.linesMinor + totals.chargesMinor - totals.allowancesMinor).toBe(totals.netMinor);
      expect(totals.grossMinor).toBe(totals.netMinor + totals.vatMinor);
      expect(totals.payableMinor).toBe(totals.grossMinor + totals.roundingMinor);
      expect(totals.payableMinor).toBe(document.payableMinor);
      for (const row of vat) {
        expect(row.baseMinor).toBe(sum(lines.map((l) => l.netMinor)) + sum(roundings.map((r) => r.amountMinor)));
        const off = row.vatMinor - vatOfNet(row.baseMinor, '25');
        // Out of a gross the law has it (D02) a base may be an öre beside its VAT; net first never.
        expect(off >= -1n && off <= 1n).toBe(true);
        if (mode === 'netFirst') expect([off, roundings]).toEqual([0n, []]);
      }
      expect(made(creditOf(document))).toMatchObject({ lines, totals, vat, roundings });
    }),
    { numRuns: 300 },
  );
});

it('any number of charges of 4.125 leave nothing over', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 500 }), (count) => {
      // Each 4.125 is 4.13: 0.005 more than it is, for each of them.
      const { lines, totals } = made(documentOfSessions(Array(count).fill({ price: '2.50', wh: 1_650, costCenter: null, month: '2019-12' }), 'netFirst'));
      expect(totals.netMinor).toBe(413n * BigInt(count));
      expect(lines[0]?.roundingMinor).toBe(413n * BigInt(count) - minor(new Big('4.125').times(count)));
      expect(lines).toHaveLength(1);
    }),
  );
});

it('any text is written whole or left out, never broken', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.string({ unit: 'grapheme', maxLength: 200 }),
    fc.constantFrom('"quoted" & <tagged>', '🚗👩‍🔧', '\u0000\u0007', '\ud83d', 'å'.repeat(200)),
  );
  fc.assert(
    fc.property(text, (name) => {
      const plain = plainText(name);
      expect(plain).toBe(plainText(plain));
      expect(plain).toMatch(/^[\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u);
      expect(textForGlyphs(name, (codePoint) => codePoint < 0x180)).toMatch(/^[\u0020-\u017f]*$/);
      const party = { ...documentOf({ lines: [] }).party, name };
      const rendered = renderUbl({ ...documentOf({ lines: [lineOf()] }), party });
      if (plain === '') {
        expect(rendered).toMatchObject({ issues: [{ code: 'nameUnwritable' }] });
        return;
      }
      const xml = 'bytes' in rendered ? new TextDecoder('utf-8', { fatal: true }).decode(rendered.bytes) : '';
      const [, written = ''] = /<cac:AccountingCustomerParty>.*?<cac:PartyName><cbc:Name>(.*?)<\/cbc:Name>/s.exec(xml) ?? [];
      expect(written.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&')).toBe(plain);
    }),
    { numRuns: 300 },
  );
});

it('an OCR reference leads back to its digits, and shows any wrong or swapped digit', () => {
  const luhn = (digits: string) => [...digits].reduce((total, c, i) => total + ((digits.length - i) % 2 === 0 ? ([0, 2, 4, 6, 8, 1, 3, 5, 7, 9][Number(c)] ?? 0) : Number(c)), 0) % 10 === 0;
  fc.assert(
    fc.property(fc.stringMatching(/^\d{1,23}$/), fc.nat(), fc.integer({ min: 1, max: 9 }), (digits, place, by) => {
      const reference = ocrReference(digits);
      expect(reference.slice(0, -2)).toBe(digits);
      expect(Number(reference.at(-2))).toBe(reference.length % 10);
      expect(luhn(reference)).toBe(true);
      const at = place % reference.length;
      const wrong = `${reference.slice(0, at)}${(Number(reference[at]) + by) % 10}${reference.slice(at + 1)}`;
      expect(luhn(wrong)).toBe(false);
    }),
  );
  // Bankgirot's own sample.
  expect(ocrReference('1000231')).toBe('100023191');
});
