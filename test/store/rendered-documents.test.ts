import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderPdf } from '../../src/adapters/documents/pdf/render-pdf.ts';
import { renderUbl } from '../../src/adapters/documents/ubl/render-ubl.ts';
import { eInvoiceOf } from '../../src/core/document/e-invoice.ts';
import type { IssuedDocument } from '../../src/core/document/issued-document.ts';
import { openStore, type Store } from '../../src/store/db.ts';
import { issuedDocuments } from '../../src/store/reads/issued-document.ts';
import { issueEveryCategory } from '../support/categories.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { creditOf } from '../support/issued-document.ts';

/** Where `npm run check:documents` wants the files. */
const folder = process.env['WATTLEDGER_DOCUMENTS'];
let database: TestDatabase;
let store: Store;
let issued: readonly IssuedDocument[];

beforeAll(async () => {
  database = await freshDatabase();
  store = openStore(database.url);
  issued = await issuedDocuments(store.pool, await issueEveryCategory(store));
}, 180_000);
afterAll(async () => {
  await store.close();
  await database.drop();
});

describe('documents of the real sessions under a set-up with every category', () => {
  it('are e-invoices with the figures of the document, to the öre; who has none is told why', () => {
    const refused: string[] = [];
    const kinds = new Set<string>();
    const categories = new Set<string>();
    for (const document of issued.flatMap((d) => (d.type === 'settlementStatement' ? [d] : [d, creditOf(d)]))) {
      const made = eInvoiceOf(document);
      if ('issues' in made) {
        refused.push(...made.issues.map((i) => `${document.strategy}: ${i.code}`));
        continue;
      }
      const { invoice } = made;
      const sign = invoice.isCredit ? -1n : 1n;
      expect(invoice.totals.payableMinor * sign).toBe(document.payableMinor);
      expect(invoice.totals.vatMinor * sign).toBe(document.vatMinor);
      expect(invoice.totals.linesMinor * sign).toBe(document.lines.reduce((sum, l) => sum + l.netMinor, 0n));
      expect(invoice.totals.linesMinor + invoice.totals.chargesMinor - invoice.totals.allowancesMinor).toBe(invoice.totals.netMinor);
      kinds.add(invoice.typeCode);
      for (const category of invoice.vat) categories.add(category.category);
      const rendered = renderUbl(document);
      if (!('bytes' in rendered)) throw new Error('an e-invoice has bytes');
      if (folder !== undefined) {
        mkdirSync(folder, { recursive: true });
        writeFileSync(path.join(folder, `${document.accountId}-${document.legalNumber}-${invoice.typeCode}.xml`), rendered.bytes);
      }
    }
    expect([...kinds].sort()).toEqual(['261', '380', '381', '389']);
    expect([...categories].sort()).toEqual(['AE', 'O', 'S']);
    // Drivers have no address for e-invoices.
    expect(new Set(refused)).toEqual(new Set(['driverInvoice: electronicAddressMissing', 'selfBilling: notAnEInvoice']));
  });

  it('are PDFs that show their totals and every session, the same bytes each time', async () => {
    for (const document of issued) {
      const [bytes, again] = [await renderPdf(document), await renderPdf(document)];
      expect(bytes.equals(again)).toBe(true);
      if (folder !== undefined) writeFileSync(path.join(folder, `${document.type}-${document.accountId}.pdf`), bytes);
    }
  }, 120_000);
});
