import { describe, expect, it } from 'vitest';
import { renderUbl } from '../../src/adapters/documents/ubl/render-ubl.ts';
import { eInvoiceOf } from '../../src/core/document/e-invoice.ts';
import { creditOf, documentOf, lineOf } from '../support/issued-document.ts';

function made(document: Parameters<typeof eInvoiceOf>[0]) {
  const result = eInvoiceOf(document);
  if ('issues' in result) throw new Error(JSON.stringify(result.issues));
  return result.invoice;
}

describe('an e-invoice', () => {
  it('shows true quantity and price, and what rounding each session leaves over as a charge of the line', () => {
    // Three sessions of 1.650 kWh at 2.50: 4.125 each, 4.13 rounded, 12.39 in all; 4.950 kWh at 2.50 is 12.375, 12.38: 0.01 more.
    const { lines, totals, vat } = made(documentOf({ lines: [lineOf({ unitPrice: '2.50', quantity: 4_950n, netMinor: 1239n, chargeCount: 3 })] }));
    expect(lines).toMatchObject([{ quantity: '4.950', unitCode: 'KWH', price: '2.50', netMinor: 1239n, roundingMinor: 1n }]);
    // VAT 12.39 × 25 % = 3.0975, 3.10.
    expect(vat).toEqual([{ category: 'S', percent: '25', baseMinor: 1239n, vatMinor: 310n, exemption: null }]);
    expect(totals).toMatchObject({ linesMinor: 1239n, netMinor: 1239n, grossMinor: 1549n, roundingMinor: 0n, payableMinor: 1549n });
  });

  it('adds up sites, and keeps cost centers, months and prices apart', () => {
    const { lines } = made(
      documentOf({
        lines: [
          lineOf({ siteName: 'A', customerCostCenter: 'K1', quantity: 1_000n, netMinor: 200n }),
          lineOf({ siteName: 'B', customerCostCenter: 'K1', quantity: 2_000n, netMinor: 400n }),
          lineOf({ siteName: 'B', customerCostCenter: 'K2', quantity: 3_000n, netMinor: 600n }),
          lineOf({ siteName: 'B', customerCostCenter: 'K2', quantity: 1_000n, netMinor: 300n, unitPrice: '3' }),
        ],
      }),
    );
    expect(lines.map((l) => [l.costCenter, l.quantity, l.price, l.netMinor])).toEqual([
      ['K1', '3.000', '2', 600n],
      ['K2', '3.000', '2', 600n],
      ['K2', '1.000', '3', 300n],
    ]);
  });

  it('takes time by its price for an hour', () => {
    // 5 400 s at 6.00 for each 3 600 s: 9.00.
    const { lines } = made(documentOf({ lines: [lineOf({ description: 'TIME 2019-12', unitPrice: '6.00', quantity: 5_400n, quantityUnit: 's', netMinor: 900n })] }));
    expect(lines).toMatchObject([{ quantity: '5400', unitCode: 'SEC', price: '6.00', baseQuantity: 3600, roundingMinor: 0n }]);
  });

  it('shows a discount with a negative quantity and a price that is not (D12)', () => {
    // 10 kWh at 2.00 = 20.00, less 0.25 for each of 10 kWh = -2.50; a cap of -5.00 has no price of its own.
    const { lines, totals } = made(
      documentOf({
        lines: [
          lineOf({ quantity: 10_000n, netMinor: 2000n }),
          lineOf({ description: 'discount 2019-12', unitPrice: '0.25', quantity: 10_000n, netMinor: -250n }),
          lineOf({ description: 'cap 2019-12', unitPrice: '400.00', quantity: 1n, quantityUnit: 'month', netMinor: -500n }),
        ],
      }),
    );
    expect(lines.map((l) => [l.item, l.quantity, l.price, l.netMinor, l.roundingMinor])).toEqual([
      ['ENERGY', '10.000', '2', 2000n, 0n],
      ['discount', '-10.000', '0.25', -250n, 0n],
      ['cap', '-1', '5.00', -500n, 0n],
    ]);
    expect(totals.netMinor).toBe(1250n);
  });

  it('of a driver puts what VAT of the whole document leaves over into a charge, and whole kronor into the rounding (D02, D04)', () => {
    // Two sessions of 10.03 with VAT: 2.006, 2.01 VAT each, nets 8.02 + 8.02 = 16.04. The document: 20.06 × 20 % = 4.012, 4.01; base 16.05. Payable 20.00.
    const invoice = made(
      documentOf({
        roundingMode: 'grossFirst',
        lines: [lineOf({ unitPrice: '2', quantity: 8_020n, netMinor: 1604n, grossMinor: 2006n, chargeCount: 2 })],
        vat: [{ vatCode: 'SE25', category: 'S', percent: '25', baseMinor: 1605n, vatMinor: 401n }],
        payableMinor: 2000n,
      }),
    );
    expect(invoice.roundings).toEqual([{ category: 'S', percent: '25', amountMinor: 1n }]);
    expect(invoice.totals).toMatchObject({ linesMinor: 1604n, chargesMinor: 1n, allowancesMinor: 0n, netMinor: 1605n, vatMinor: 401n, grossMinor: 2006n, roundingMinor: -6n, payableMinor: 2000n });
  });

  it('of a credit carries positive amounts and names what it credits', () => {
    const original = documentOf({ lines: [lineOf({ unitPrice: '2.50', quantity: 4_950n, netMinor: 1239n, chargeCount: 3 })] });
    const [invoice, credit] = [made(original), made(creditOf(original))];
    expect(credit).toMatchObject({ typeCode: '381', totals: invoice.totals, vat: invoice.vat, lines: invoice.lines, credits: [{ legalNumber: original.legalNumber }], payment: null });
  });

  it('names the documents that its lines correct, and keeps what takes something back apart from what is sold (D13)', () => {
    // 10 kWh at 2.00, less 4 kWh and 1 kWh that 2019-000007 billed wrongly: 20.00 − 10.00.
    const document = documentOf({
      lines: [
        lineOf({ quantity: 10_000n, netMinor: 2000n }),
        lineOf({ lineNo: 2, quantity: -4_000n, netMinor: -800n, corrects: { legalNumber: '2019-000007', issuedOn: '2019-12-05' } }),
        lineOf({ lineNo: 3, siteName: 'Garage B', quantity: -1_000n, netMinor: -200n, corrects: { legalNumber: '2019-000007', issuedOn: '2019-12-05' } }),
      ],
    });
    const { lines, credits, totals } = made(document);
    expect(lines.map((l) => [l.quantity, l.netMinor, l.corrects])).toEqual([
      ['10.000', 2000n, null],
      ['-5.000', -1000n, '2019-000007'],
    ]);
    expect([credits, totals.netMinor]).toEqual([[{ legalNumber: '2019-000007', issuedOn: '2019-12-05' }], 1000n]);
    const ubl = renderUbl(document);
    const text = 'bytes' in ubl ? ubl.bytes.toString().replaceAll(/>\s+</g, '><') : '';
    expect(text).toContain('<cac:BillingReference><cac:InvoiceDocumentReference><cbc:ID>2019-000007</cbc:ID><cbc:IssueDate>2019-12-05</cbc:IssueDate>');
    expect(text).toContain('<cbc:ID>2</cbc:ID><cbc:Note>Rättar 2019-000007</cbc:Note><cbc:InvoicedQuantity unitCode="KWH">-5.000');
  });

  it('outside VAT names no VAT number and no percent, and stands alone (BR-O-02, D43)', () => {
    const outside = { vatCode: 'SE-O', category: 'O', percent: '0', baseMinor: 200n, vatMinor: 0n };
    const alone = made(documentOf({ lines: [lineOf({ vatCode: 'SE-O' })], vat: [outside] }));
    expect([alone.seller.vatNumber, alone.buyer.vatNumber, alone.vat]).toEqual([null, null, [{ category: 'O', percent: null, baseMinor: 200n, vatMinor: 0n, exemption: 'vatex-eu-o' }]]);
    // Whoever sells is identified all the same (BR-CO-26), also where Peppol has no scheme for his register that is known here.
    const german = documentOf({ lines: [lineOf({ vatCode: 'DE-O' })], vat: [{ ...outside, vatCode: 'DE-O' }] });
    const seller = { ...german.entity, country: 'DE', orgNumber: 'HRB 12345 B', vatNumber: 'DE136695976' };
    const ubl = renderUbl({ ...german, entity: seller });
    expect('bytes' in ubl && ubl.bytes.toString()).toContain('<cac:PartyLegalEntity><cbc:RegistrationName>Seller AB</cbc:RegistrationName><cbc:CompanyID>HRB 12345 B</cbc:CompanyID>');
    const taxed = renderUbl({ ...documentOf({ lines: [lineOf()] }), entity: seller });
    expect('bytes' in taxed && taxed.bytes.toString()).toContain('<cbc:RegistrationName>Seller AB</cbc:RegistrationName></cac:PartyLegalEntity>');
    const beside = documentOf({ lines: [lineOf({ vatCode: 'SE-O' }), lineOf()], vat: [outside, { vatCode: 'SE25', category: 'S', percent: '25', baseMinor: 200n, vatMinor: 50n }] });
    expect(eInvoiceOf(beside)).toMatchObject({ issues: [{ code: 'outsideVatBesideVat' }] });
  });

  it('is refused where a side cannot be named, all reasons at once', () => {
    const nobody = { name: '\u0007\u200b', country: 'IS', address: {}, orgNumber: null, vatNumber: null };
    const result = eInvoiceOf({ ...documentOf({ lines: [lineOf()] }), party: nobody, type: 'selfBilling' });
    expect('issues' in result && result.issues.map((i) => i.code)).toEqual(['electronicAddressMissing', 'nameUnwritable', 'vatNumberMissing']);
    expect(eInvoiceOf({ ...documentOf({ lines: [lineOf()] }), type: 'settlementStatement' })).toMatchObject({ issues: [{ code: 'notAnEInvoice' }] });
  });

  it('of a week has lines of its days alone (PEPPOL-EN16931-R110, R111), and none of another month', () => {
    const week = documentOf({
      period: '2020-W01',
      serviceFrom: '2019-12-30',
      serviceTo: '2020-01-05',
      lines: [
        lineOf(),
        lineOf({ serviceMonth: '2020-01', description: 'ENERGY 2020-01' }),
        lineOf({ lineNo: 3, kind: 'adjustment', serviceMonth: '2019-11', description: 'Goodwill', unitPrice: null, netMinor: -100n }),
      ],
    });
    const { from, to, lines } = made(week);
    expect([from, to]).toEqual(['2019-12-30', '2020-01-05']);
    expect(lines.map((l) => l.period)).toEqual([null, { from: '2019-12-30', to: '2019-12-31' }, { from: '2020-01-01', to: '2020-01-05' }]);
    // Of a month it is the month.
    expect(made(documentOf({ lines: [lineOf()] })).lines.map((l) => l.period)).toEqual([{ from: '2019-12-01', to: '2019-12-31' }]);
    const ubl = renderUbl(week);
    expect('bytes' in ubl && ubl.bytes.toString().match(/<cbc:(Start|End)Date>[^<]*/g)).toEqual(
      ['2019-12-30', '2020-01-05', '2019-12-30', '2019-12-31', '2020-01-01', '2020-01-05'].map((day, i) => `<cbc:${i % 2 === 0 ? 'Start' : 'End'}Date>${day}`),
    );
  });

  it('asks for no transfer of what a card is charged', () => {
    const bank = made(documentOf({ strategy: 'driverInvoice', lines: [lineOf()] }));
    expect(bank.payment).toMatchObject({ bankgiro: '9912346' });
    expect(made(documentOf({ strategy: 'cardInvoice', ocr: null, lines: [lineOf()] })).payment).toBeNull();
  });

  it('asks for kronor on the bankgiro, and for another currency on the IBAN where there is one', () => {
    const base = documentOf({ lines: [lineOf()] });
    const { bankgiro, ...none } = base.entity.letterhead;
    const asked = (currency: string, more: object) => {
      const ubl = renderUbl({ ...base, currency, entity: { ...base.entity, letterhead: { ...none, ...more } } });
      return 'bytes' in ubl
        ? ubl.bytes
            .toString()
            .replaceAll(/>\s+</g, '><')
            .match(/<cac:PayeeFinancialAccount>.*?<\/cac:PayeeFinancialAccount>/)?.[0]
            .replaceAll(/<[^>]*>/g, ' ')
            .trim()
        : undefined;
    };
    const iban = { iban: 'SE4550000000058398257466', bic: 'ESSESESS' };
    expect(asked('SEK', { bankgiro, ...iban })).toMatch(/^9912346 +SE:BANKGIRO$/);
    expect(asked('EUR', { bankgiro, ...iban })).toMatch(/^SE4550000000058398257466 +ESSESESS$/);
    expect(asked('EUR', { bankgiro })).toMatch(/^9912346 +SE:BANKGIRO$/);
  });

  it('names the customer’s order where there is one (BT-13)', () => {
    expect(made(documentOf({ lines: [lineOf()], purchaseOrder: 'PO "4711"\u0007' })).purchaseOrder).toBe('PO "4711"');
    expect(made(documentOf({ lines: [lineOf()] })).purchaseOrder).toBeNull();
  });
});
