import { expect, it } from 'vitest';
import { pageCount } from '../../src/adapters/documents/pdf/page-count.ts';
import { renderPdf } from '../../src/adapters/documents/pdf/render-pdf.ts';
import { addresseeOf, channelOf, mayFollow } from '../../src/core/delivery/delivery.ts';
import { printManifest } from '../../src/core/delivery/print-manifest.ts';
import { documentOf, lineOf } from '../support/issued-document.ts';
import { textOfPages } from '../support/read-pdf.ts';

const party = { name: 'Å "Ö" AB', country: 'SE', orgNumber: '556100-0000', vatNumber: null, address: { street: 'Storgatan 1', postalCode: '111 22', city: 'Lund' } };

it('a document goes the first way that is open, and a letter only to a whole address', () => {
  expect(channelOf({ ...party, email: 'a@example.com' }, true)).toBe('peppol');
  expect(channelOf({ ...party, email: 'a@example.com' }, false)).toBe('email');
  expect(channelOf({ ...party, orgNumber: null, email: null }, true)).toBe('print');
  expect(addresseeOf(party, 'SE')).toEqual(['Å "Ö" AB', 'Storgatan 1', '111 22 Lund']);
  expect(addresseeOf({ ...party, country: 'NO' }, 'SE')?.at(-1)).toBe('NO');
  // A Norwegian seller posts its letters in Norway.
  expect(addresseeOf(party, 'NO')?.at(-1)).toBe('SE');
  expect(addresseeOf({ ...party, country: 'NO' }, 'NO')?.at(-1)).toBe('111 22 Lund');
  expect(addresseeOf({ ...party, address: { street: 'Storgatan 1', city: 'Lund' } }, 'SE')).toBeUndefined();
});

it('a letter is sent, comes back and is printed again; what is sent is not sent once more', () => {
  expect([mayFollow('queued', 'sent'), mayFollow('sent', 'returned'), mayFollow('returned', 'queued'), mayFollow('sent', 'queued')]).toEqual([true, true, true, true]);
  expect([mayFollow('returned', 'sent'), mayFollow('queued', 'returned'), mayFollow('queued', 'queued')]).toEqual([false, false, false]);
});

it('a manifest has the sums of its documents, by currency', () => {
  const item = {
    documentId: 'd',
    legalNumber: '1',
    fileName: '1.pdf',
    sha256: '',
    pages: 2,
    addressee: ['A\u0007'],
    country: 'SE',
    dueOn: '2020-02-06',
    ocr: null,
    currency: 'SEK',
    payableMinor: 12_550n,
    attempt: 1,
  };
  // 125.50 + 0.50 = 126.00 SEK and 9.99 EUR on 2 + 3 + 2 pages.
  const made = printManifest({ batchId: 'b', entityId: 'e', madeAt: '' }, [item, { ...item, pages: 3, payableMinor: 50n }, { ...item, currency: 'EUR', payableMinor: 999n }]);
  expect(made).toMatchObject({
    documents: 3,
    pages: 7,
    sums: [
      { currency: 'EUR', payable: '9.99' },
      { currency: 'SEK', payable: '126.00' },
    ],
    items: [{ no: 1, addressee: ['A'] }, {}, {}],
  });
});

it('pages are counted as a reader counts them', async () => {
  const annex = Array.from({ length: 150 }, (_, i) => ({
    sessionKey: `csms/se*wlt*${i}`,
    startAt: null,
    endAt: null,
    serviceOn: '2019-12-01',
    siteName: null,
    costCenter: null,
    unit: null,
    energyWh: 1n,
    netMinor: 1n,
    grossMinor: 1n,
  }));
  for (const document of [documentOf({ lines: [lineOf()] }), documentOf({ lines: [lineOf()], annex })]) {
    const bytes = await renderPdf(document);
    expect(pageCount(bytes)).toBe((await textOfPages(bytes)).length);
  }
  expect(() => pageCount(Buffer.from('%PDF-'))).toThrow(RangeError);
});
