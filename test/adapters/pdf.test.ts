import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { renderPdf } from '../../src/adapters/documents/pdf/render-pdf.ts';
import { letterheadSchema } from '../../src/contracts/letterhead.ts';
import type { AnnexRow, IssuedDocument } from '../../src/core/document/issued-document.ts';
import { creditOf, documentOf, lineOf } from '../support/issued-document.ts';
import { inkOfPages, textOfPages } from '../support/read-pdf.ts';

/** Look at what a test made: PDF_FOLDER=/somewhere npx vitest run test/adapters/pdf.test.ts */
async function rendered(name: string, document: IssuedDocument, language?: string): Promise<{ readonly bytes: Buffer; readonly pages: readonly string[]; readonly text: string }> {
  const bytes = await renderPdf(document, language);
  const folder = process.env['PDF_FOLDER'];
  if (folder !== undefined) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${folder}/${name}.pdf`, bytes);
  }
  // Groups of figures are parted by a space that does not break.
  const pages = (await textOfPages(bytes)).map((page) => page.replaceAll('\u00a0', ' '));
  return { bytes, pages, text: pages.join('\n') };
}

function sessionOf(i: number): AnnexRow {
  const startAt = new Date(Date.UTC(2019, 11, 1, 17, i));
  return {
    sessionKey: `csms/se*wlt*${i}`,
    startAt,
    endAt: new Date(startAt.getTime() + 3_600_000),
    serviceOn: '2019-12-01',
    siteName: 'Garage Ängen',
    costCenter: i % 2 === 0 ? 'K1' : 'K2',
    unit: `Skåp ${i % 3}`,
    energyWh: 1_000n,
    netMinor: 200n,
    grossMinor: 250n,
  };
}

const fleet = documentOf({
  lines: [
    lineOf({ customerCostCenter: 'K1', quantity: 100_000n, netMinor: 20_000n, energyWh: 100_000n }),
    lineOf({ customerCostCenter: 'K2', quantity: 100_000n, netMinor: 20_000n, energyWh: 100_000n }),
    lineOf({ description: 'fee 2019-12', unitPrice: '49', quantity: 1n, quantityUnit: 'month', netMinor: 4_900n }),
  ],
  annex: Array.from({ length: 200 }, (_, i) => sessionOf(i)),
});

describe('a PDF', () => {
  it('of a fleet shows lines and subtotals by cost center, totals, payment, and an annex with carried totals', async () => {
    const { pages, text } = await rendered('fleet', { ...fleet, purchaseOrder: 'PO-4711' });
    // 200.00 for each cost center, 49.00 of fee: 449.00, VAT 112.25, 561.25.
    for (const words of [
      'Faktura',
      '2020-000001',
      'Kostnadsställe K1',
      'Laddning, energi',
      '100,000 kWh',
      '2,00/kWh',
      '200,00',
      'Abonnemang',
      '449,00',
      '112,25',
      '561,25 SEK',
      '991-2346',
      fleet.ocr ?? '',
      'Godkänd för F-skatt',
      'Säte Stockholm',
      'Ert ordernummer',
      'PO-4711',
    ]) {
      expect(text).toContain(words);
    }
    expect(pages.map((page) => page.includes(`av ${pages.length}`))).toEqual(pages.map(() => true));
    // What one page carries over, the next one brings forward; the sessions come to 400.00, the fee to 49.00.
    const [carried] = /Att överföra\n+([\d, ]+)\n+([\d, ]+)/.exec(pages[1] ?? '') ?? [];
    expect(carried).toBeDefined();
    expect(pages[2]).toContain((carried ?? '').replace('Att överföra', 'Överfört'));
    expect(pages.at(-1)?.replaceAll(/\s+/g, ' ')).toContain('Laddningar 200,000 400,00 Avgifter och övriga belopp 49,00 Summa 449,00');
  });

  it('says the same in English, and in the language of the receiver’s country by itself', async () => {
    const { text } = await rendered('english', fleet, 'en');
    // The foot is whole, however long: it bears what the law asks for.
    for (const words of ['Invoice', 'Cost center K1', 'Charging, energy', '561.25 SEK', 'To pay', 'Exempelgatan 1 · 111 22 Stockholm', 'F-skatt)']) expect(text).toContain(words);
    const foreign = await rendered('reverse-charge', {
      ...documentOf({ currency: 'EUR', lines: [lineOf({ vatCode: 'SE-AE' })], vat: [{ vatCode: 'SE-AE', category: 'AE', percent: '0', baseMinor: 200n, vatMinor: 0n }] }),
      strategy: 'emspSettlement',
      party: { name: 'Fjord Mobility', country: 'DK', orgNumber: null, vatNumber: 'DK12345678', address: { street: 'Fjordgade 9', postalCode: '1050', city: 'København' } },
      entity: { ...fleet.entity, letterhead: { ...fleet.entity.letterhead, iban: 'SE4550000000058398257466', bic: 'ESSESESS' } },
    });
    // What has no OCR number is paid under its own, which is not called one: a bank that checks the digits would refuse it.
    const byErp = await rendered('numbered-by-the-erp', { ...fleet, legalNumber: 'F-17', ocr: null });
    expect(byErp.text).toMatch(/Nummer\s+F-17\s+Betalas senast/);
    expect(byErp.text).not.toContain('OCR');
    expect((await rendered('fleet', fleet)).text).toMatch(/OCR-nummer\s+20200000010123\s+Betalas senast/);
    // A bankgiro takes kronor: 2.00 paid there would be 2.00 kr. The e-invoice names the IBAN alone too.
    expect(foreign.text).toContain('SE45 5000 0000 0583 9825 7466');
    expect(foreign.text).not.toContain('991-2346');
    for (const words of ['Roaming settlement', 'Reverse charge', 'DK12345678', 'SE556000000101', '2.00 EUR', 'København']) expect(foreign.text).toContain(words);
  });

  it('of a consumer shows prices and amounts with VAT, and whole kronor', async () => {
    // 8.02 kWh at 2.00 is 2.50 with VAT; 20.06 in all, 4.01 of it VAT, 20.00 to pay.
    const { text } = await rendered('driver', {
      ...documentOf({
        roundingMode: 'grossFirst',
        lines: [lineOf({ quantity: 8_020n, netMinor: 1604n, grossMinor: 2006n, chargeCount: 2 })],
        vat: [{ vatCode: 'SE25', category: 'S', percent: '25', baseMinor: 1605n, vatMinor: 401n }],
        payableMinor: 2000n,
      }),
      strategy: 'driverInvoice',
    });
    for (const words of ['Belopp inkl. moms SEK', '2,50/kWh', '20,06', '16,05', '4,01', '-0,06', '20,00 SEK']) expect(text).toContain(words);
  });

  it('of a partner names each session as a whole, also by a UUID and beside a country and a party, with when and where it was', async () => {
    for (const id of ['3f2504e0-4f89-41d3-9a0c-0305e82cc301', 'CA6D8A5E-DB04-48DA-AA62-D0DD5A96B84D']) {
      const annex = [{ ...sessionOf(1), sessionKey: `csms/se*wlt*${id}`, costCenter: null, unit: null }];
      const { text } = await rendered('partner', { ...documentOf({ lines: [lineOf({ quantity: 1_000n, netMinor: 200n, energyWh: 1_000n })], annex }), strategy: 'emspSettlement' });
      for (const words of [id, '2019-12-01 18:01', '2019-12-01 19:01', 'Garage Ängen', 'kWh', '1,000', 'Belopp SEK']) expect(text).toContain(words);
    }
  });

  it('of each other type has its own heading: credit, self-billing and its credit, statement without VAT', async () => {
    const credit = await rendered('credit', creditOf(fleet));
    for (const words of ['Kreditfaktura', 'Krediterar faktura', '2020-000001', 'Krediteras er', '561,25 SEK']) expect(credit.text).toContain(words);
    const selfBilling = documentOf({ lines: [lineOf({ description: 'netShare 2019-12', unitPrice: '12.5', quantity: 100_000n, quantityUnit: 'minorUnits', netMinor: 12_500n })] });
    const owner = await rendered('self-billing', { ...selfBilling, type: 'selfBilling', strategy: 'selfBilling', ocr: null });
    for (const words of ['Självfaktura', 'Självfakturering', 'Säljare', 'Köpare', 'Intäktsandel', '125,00', '156,25 SEK', 'Att utbetala till er']) expect(owner.text).toContain(words);
    const statement = await rendered('statement', {
      ...documentOf({ lines: selfBilling.lines, vat: [{ vatCode: 'SE-O', category: 'O', percent: '0', baseMinor: 12_500n, vatMinor: 0n }] }),
      type: 'settlementStatement',
      strategy: 'selfBilling',
      ocr: null,
    });
    for (const words of ['Avräkning', 'Avräkning utan moms', '125,00 SEK']) expect(statement.text).toContain(words);
    expect(statement.text).toContain('Betalas ut av oss');
    // Less than nothing is set off against what comes (D46), and nothing is paid of nothing.
    for (const netMinor of [-3_500n, 0n]) {
      const below = documentOf({ lines: [lineOf({ netMinor, vatCode: 'SE-O' })], vat: [{ vatCode: 'SE-O', category: 'O', percent: '0', baseMinor: netMinor, vatMinor: 0n }] });
      const { text } = await rendered('below-nothing', { ...below, type: 'settlementStatement', strategy: 'selfBilling', ocr: null });
      expect(text).not.toContain('Betalas ut av oss');
    }
    expect((await rendered('free', documentOf({ lines: [lineOf({ unitPrice: '0', netMinor: 0n })] }))).text).not.toContain('Betalas senast');
    for (const words of ['Mottagare', 'Betalas av']) expect(statement.text).toContain(words);
    for (const words of ['Momsbelopp', 'Fakturadatum', 'Köpare']) expect(statement.text).not.toContain(words);
    const ownerCredit = await rendered('self-billing-credit', { ...creditOf(selfBilling), type: 'selfBillingCredit', strategy: 'selfBilling', ocr: null });
    for (const words of ['Självkreditfaktura', 'Krediterar faktura', 'Självfakturering', 'Krediteras oss', '156,25 SEK']) expect(ownerCredit.text).toContain(words);
    const driver = await rendered('reimbursement', {
      ...documentOf({
        lines: [lineOf({ description: 'homeReimbursement 2019-12', unitPrice: '1.1', quantity: 30_500n, netMinor: 3_355n, vatCode: 'SE-O', energyWh: 30_500n })],
        vat: [{ vatCode: 'SE-O', category: 'O', percent: '0', baseMinor: 3_355n, vatMinor: 0n }],
        annex: [sessionOf(1), sessionOf(2)],
      }),
      type: 'reimbursement',
      strategy: 'reimbursement',
      ocr: null,
    });
    for (const words of ['Ersättning', 'Mottagare', 'Hemmaladdning, utlägg', '30,500 kWh', '33,55 SEK', 'Betalas ut av oss']) expect(driver.text).toContain(words);
    expect(driver.text).not.toContain('Fakturadatum');
    // Of one session, which stands on the receipt itself: 19:00 to 20:00 in Stockholm; and of nobody in particular.
    const own = documentOf({ roundingMode: 'grossFirst', lines: [lineOf()] });
    const receipt = await rendered('receipt', { ...own, type: 'receipt', strategy: 'cardReceipt', ocr: null, annex: [sessionOf(1)], party: { ...own.party, name: 'Paid at a terminal', address: {} } });
    for (const words of ['Kvitto', 'Datum', 'Betalas med kort.', 'Garage', 'kWh', '2,50 SEK']) expect(receipt.text).toContain(words);
    for (const words of ['Fakturadatum', 'Förfallodag', 'Paid at a terminal', 'Kundnummer', 'Bilaga', 'Att betala']) expect(receipt.text).not.toContain(words);
    expect(receipt.text).not.toContain('991-2346');
    const takenBack = await rendered('receipt-credit', { ...creditOf(own), strategy: 'cardReceipt', party: { ...own.party, name: 'Paid at a terminal', address: {} } });
    for (const words of ['Kreditfaktura', 'Krediterar faktura', '2,50 SEK']) expect(takenBack.text).toContain(words);
    for (const words of ['Paid at a terminal', 'Kundnummer', 'acc_fleet']) expect(takenBack.text).not.toContain(words);
  });

  it('cuts no number, order or id, however long: they are broken into lines', async () => {
    const legalNumber = 'SB-brf_solrosen_parkering_malmo_vastra-2020-000001';
    const own = { ...documentOf({ lines: [lineOf()] }), type: 'selfBilling', strategy: 'selfBilling', ocr: null } as const;
    const purchaseOrder = `4500012345 / ${'kostnadsställe fordon och laddning '.repeat(3)}/ ref 77`;
    const { text } = await rendered('long-numbers', creditOf({ ...own, legalNumber, purchaseOrder, accountId: 'acc_brf_solrosen_parkering_malmo_vastra' }));
    const joined = text.replaceAll(/\s/g, '');
    // Of the credit in head and foot, and in it that of what it credits.
    expect(joined.split(`K-${legalNumber}`)).toHaveLength(3);
    for (const words of [`faktura${legalNumber}`, purchaseOrder.replaceAll(' ', ''), 'acc_brf_solrosen_parkering_malmo_vastra']) expect(joined).toContain(words);
  });

  it('cuts nothing of what is paid to and under: an IBAN of Malta, a number that an ERP gave', async () => {
    const { entity } = fleet;
    const long = {
      ...fleet,
      legalNumber: `SFV-2020/${'0'.repeat(20)}/HUVUDKONTORET-000017`,
      ocr: null,
      entity: { ...entity, letterhead: { ...entity.letterhead, iban: 'MT84MALT011000012345MTLCAST001S', bic: 'MALTMTMT' } },
    };
    const joined = (await rendered('long-payment', long)).text.replaceAll(/\s/g, '');
    expect(joined).toContain('MT84MALT011000012345MTLCAST001S');
    expect(joined).toContain(`Nummer${long.legalNumber}Betalassenast`);
  });

  it('says in whole what a manual amount is for, beside its sum', async () => {
    const description = 'Kreditering för avbrottet den 3 till 5 december i garage Ängen, enligt överenskommelse med förvaltaren av den 9 december, ärende 2019-4711';
    const { text } = await rendered(
      'manual',
      documentOf({ lines: [lineOf({ kind: 'adjustment', description, unitPrice: null, quantity: 1n, quantityUnit: 'item', netMinor: -7_500n, chargeCount: 0 }), lineOf()] }),
    );
    expect(text.replaceAll(/\s+/g, ' ')).toContain(description);
    expect(text).toContain('-75,00');
  });

  it('survives any name: quotes, emoji, control characters, 200 letters', async () => {
    const name = `"Å&Ä" <Öl> 🚗 ﬁn\u0007\u202e ${'Långnamn '.repeat(20)}`;
    const { text } = await rendered('names', { ...fleet, annex: [{ ...sessionOf(1), siteName: name, unit: `${'x'.repeat(200)}` }], party: { ...fleet.party, name } });
    expect(text).toContain('"Å&Ä" <Öl> ? fin Långnamn');
    expect(text.includes('\u0007') || text.includes('\u202e')).toBe(false);
  });

  it('is read as it is seen, whatever was written before it: a letter that was part of another one stands for itself', async () => {
    const to = (name: string) => rendered('letters', { ...documentOf({ lines: [lineOf()] }), party: { ...fleet.party, name } });
    // Ž is drawn of Z and a caron: where it came first, Z stood for nothing in all that followed.
    expect((await to('Žižka AB')).text).toContain('Žižka AB');
    expect((await to('Zorn AB')).text).toContain('Zorn AB');
  });

  it('bears the logo of the letterhead, and goes without one that is no picture after all', async () => {
    const { createCanvas } = await import('@napi-rs/canvas');
    const canvas = createCanvas(300, 80);
    const context = canvas.getContext('2d');
    context.fillStyle = '#0a6b4f';
    context.fillRect(0, 0, 300, 80);
    const logo = canvas.toBuffer('image/png').toString('base64');
    const own = { ...fleet, annex: [] };
    const withLogo = (text: string) => ({ ...own, entity: { ...own.entity, letterhead: letterheadSchema.parse({ ...own.entity.letterhead, logo: text }) } });
    const [bare] = await inkOfPages(await renderPdf(own));
    const { bytes, text } = await rendered('logo', withLogo(logo));
    // 150 by 40 points of a page of 595 by 842 are 1.2 % of it.
    expect(((await inkOfPages(bytes))[0] ?? 0) - (bare ?? 0)).toBeGreaterThan(0.011);
    for (const words of ['Seller AB', 'Faktura', '561,25 SEK']) expect(text).toContain(words);
    const jpeg = await renderPdf(withLogo(canvas.toBuffer('image/jpeg').toString('base64')));
    expect(((await inkOfPages(jpeg))[0] ?? 0) - (bare ?? 0)).toBeGreaterThan(0.011);
    expect((await rendered('no-logo', withLogo(Buffer.from('\x89PNG\r\n\x1a\nbroken', 'latin1').toString('base64')))).text).toContain('561,25 SEK');
    expect(() => letterheadSchema.parse({ logo: Buffer.from('<svg/>').toString('base64') })).toThrow('must be a PNG or a JPEG');
  });

  it('is drawn: every page has ink and none is black; the same document gives the same bytes', async () => {
    const bytes = await renderPdf(fleet);
    for (const ink of await inkOfPages(bytes)) {
      expect(ink).toBeGreaterThan(0.005);
      expect(ink).toBeLessThan(0.3);
    }
    expect(bytes.equals(await renderPdf(fleet))).toBe(true);
  });
});
