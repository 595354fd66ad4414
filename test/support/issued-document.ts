import type { IssuedDocument, IssuedLine } from '../../src/core/document/issued-document.ts';
import { vatOfNet } from '../../src/core/money.ts';

/** The full credit of an invoice or self-billing invoice: every figure with the other sign, naming what it credits. */
export function creditOf(document: IssuedDocument): IssuedDocument {
  return {
    ...document,
    documentId: `${document.documentId}_credit`,
    type: document.type === 'selfBilling' ? 'selfBillingCredit' : 'creditNote',
    legalNumber: `K-${document.legalNumber}`,
    ocr: null,
    credits: [{ legalNumber: document.legalNumber, issuedOn: document.issuedOn }],
    lines: document.lines.map((l) => ({ ...l, quantity: -l.quantity, netMinor: -l.netMinor, grossMinor: -l.grossMinor, energyWh: -l.energyWh })),
    vat: document.vat.map((v) => ({ ...v, baseMinor: -v.baseMinor, vatMinor: -v.vatMinor })),
    netMinor: -document.netMinor,
    vatMinor: -document.vatMinor,
    roundingMinor: -document.roundingMinor,
    payableMinor: -document.payableMinor,
    energyWh: -document.energyWh,
    bookVatMinor: -document.bookVatMinor,
    annex: document.annex.map((a) => ({ ...a, energyWh: -a.energyWh, netMinor: -a.netMinor, grossMinor: -a.grossMinor })),
  };
}

/** A line of 1 kWh at 2.00, or what is said of it. */
export function lineOf(own: Partial<IssuedLine> = {}): IssuedLine {
  const line = {
    lineNo: 1,
    kind: 'charge',
    description: 'ENERGY 2019-12',
    unitPrice: '2',
    quantity: 1_000n,
    quantityUnit: 'Wh',
    netMinor: 200n,
    vatCode: 'SE25',
    customerCostCenter: null,
    siteName: 'Garage A',
    serviceMonth: '2019-12',
    energyWh: 0n,
    chargeCount: 1,
    corrects: null,
    ...own,
  };
  return { grossMinor: line.netMinor + vatOfNet(line.netMinor, '25'), ...line };
}

/** An invoice of a Swedish company to another one, all at 25 %, or what is said of it; totals follow from the lines. */
export function documentOf(own: Partial<IssuedDocument> & Pick<IssuedDocument, 'lines'>): IssuedDocument {
  const netMinor = own.lines.reduce((sum, l) => sum + l.netMinor, 0n);
  const vat = own.vat ?? [{ vatCode: 'SE25', category: 'S', percent: '25', baseMinor: netMinor, vatMinor: vatOfNet(netMinor, '25') }];
  const vatMinor = vat.reduce((sum, v) => sum + v.vatMinor, 0n);
  const payableMinor = own.payableMinor ?? vat.reduce((sum, v) => sum + v.baseMinor + v.vatMinor, 0n);
  return {
    documentId: 'doc_1',
    type: 'invoice',
    strategy: 'fleetInvoice',
    legalNumber: '2020-000001',
    issuedOn: '2020-01-07',
    dueOn: '2020-02-06',
    ocr: '20200000010123',
    accountId: 'acc_fleet',
    purchaseOrder: null,
    currency: 'SEK',
    roundingMode: 'netFirst',
    period: '2019-12',
    serviceFrom: '2019-12-01',
    serviceTo: '2019-12-31',
    timeZone: 'Europe/Stockholm',
    entity: {
      name: 'Seller AB',
      country: 'SE',
      currency: 'SEK',
      orgNumber: '556000-0001',
      vatNumber: 'SE556000000101',
      address: { street: 'Exempelgatan 1', postalCode: '111 22', city: 'Stockholm' },
      letterhead: { fTax: true, bankgiro: '9912346', seat: 'Stockholm' },
    },
    party: { name: 'Buyer AB', country: 'SE', orgNumber: '556100-0000', vatNumber: 'SE556100000001', address: { street: 'Köpargatan 2', postalCode: '222 33', city: 'Lund' } },
    email: null,
    netMinor,
    vatMinor,
    roundingMinor: payableMinor - netMinor - vatMinor,
    payableMinor,
    energyWh: own.lines.reduce((sum, l) => sum + l.energyWh, 0n),
    bookVatMinor: vatMinor,
    credits: [],
    annex: [],
    ...own,
    vat,
  };
}
