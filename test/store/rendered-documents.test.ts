import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderPdf } from '../../src/adapters/documents/pdf/render-pdf.ts';
import { renderUbl } from '../../src/adapters/documents/ubl/render-ubl.ts';
import { runFile } from '../../src/api/run-files.ts';
import { batchTotals } from '../../src/core/accounting/batch.ts';
import { eInvoiceOf } from '../../src/core/document/e-invoice.ts';
import { type IssuedDocument, isStatement } from '../../src/core/document/issued-document.ts';
import { formatMinor } from '../../src/core/money.ts';
import { closeRun } from '../../src/store/cycle/close-run.ts';
import { advanceRun } from '../../src/store/cycle/run-state.ts';
import type { Store } from '../../src/store/db.ts';
import { accountingBatch } from '../../src/store/reads/accounting-batch.ts';
import { issuedDocuments } from '../../src/store/reads/issued-document.ts';
import { issueEveryCategory } from '../support/categories.ts';
import { creditOf } from '../support/issued-document.ts';
import { textOfPages } from '../support/read-pdf.ts';
import { readSie } from '../support/read-sie.ts';
import { seeded } from '../support/seeded.ts';

/** Where `npm run check:documents` wants the files. */
const folder = process.env['WATTLEDGER_DOCUMENTS'];
let store: Store;
let drop: () => Promise<void>;
let issued: readonly IssuedDocument[];

beforeAll(async () => {
  ({ store, drop } = await seeded('every-category'));
  issued = await issuedDocuments(store.pool, await issueEveryCategory(store));
}, 180_000);
afterAll(() => drop());

describe('documents of the real sessions under a set-up with every category', () => {
  it('are e-invoices with the figures of the document, to the öre; who has none is told why', () => {
    const refused: string[] = [];
    const kinds = new Set<string>();
    const categories = new Set<string>();
    for (const document of issued.flatMap((d) => (isStatement(d.type) ? [d] : [d, creditOf(d)]))) {
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
    expect(new Set(refused)).toEqual(new Set(['driverInvoice: electronicAddressMissing', 'reimbursement: notAnEInvoice', 'selfBilling: notAnEInvoice']));
  });

  it('are PDFs that show their totals and every session, the same bytes each time', async () => {
    for (const document of issued) {
      const [bytes, again] = [await renderPdf(document), await renderPdf(document)];
      expect(bytes.equals(again)).toBe(true);
      if (folder !== undefined) writeFileSync(path.join(folder, `${document.type}-${document.accountId}.pdf`), bytes);
    }
  }, 120_000);

  it('post as SIE, journal and manifest what the ERP was handed, to the öre, and the month closes with a report to print', async () => {
    const runId = 'run_ent_se_2019-12_live';
    for (const state of ['handingOver', 'reconciled'] as const) await store.tx((db) => advanceRun(db, runId, state));
    expect(await accountingBatch(store.pool, runId)).toBeUndefined();
    await store.tx((db) => closeRun(db, runId));
    const batch = await accountingBatch(store.pool, runId);
    if (batch === undefined) throw new Error('the run is closed');
    expect(batch.vouchers.length).toBe(issued.length);
    for (const voucher of batch.vouchers) {
      expect(voucher.lines.reduce((sum, l) => sum + l.amountMinor, 0n)).toBe(0n);
      // Split by site and converted, each is still its document.
      const document = issued.find((d) => d.documentId === voucher.key);
      const party = voucher.lines.filter((l) => l.part === 'party').reduce((sum, l) => sum + l.documentMinor, 0n);
      expect(party).toBe(voucher.kind === 'vendorBill' ? -(document?.payableMinor ?? 0n) : document?.payableMinor);
    }
    // What another currency's documents come to in the books is what the ledger holds as receivable.
    const ledger = await store.pool.query<{ key: string; book: bigint }>(
      "SELECT replace(transaction_key, 'issue/', '') AS key, sum(book_minor)::bigint AS book FROM ledger_entry WHERE ledger_account = 'receivable' AND transaction_key LIKE 'issue/%' GROUP BY 1",
    );
    for (const { key, book } of ledger.rows) {
      const voucher = batch.vouchers.find((v) => v.key === key);
      expect([key, voucher?.lines.filter((l) => l.part === 'party').reduce((sum, l) => sum + l.amountMinor, 0n)]).toEqual([key, book]);
    }
    const files = new Map<string, Buffer>();
    for (const form of ['manifest', 'sie', 'journal', 'report'] as const) {
      const file = await runFile(store.pool, runId, form);
      files.set(form, file.body);
      expect((await runFile(store.pool, runId, form)).sha256).toBe(file.sha256);
      if (folder !== undefined) writeFileSync(path.join(folder, file.fileName), file.body);
    }
    const totals = batchTotals(batch);
    const manifest = JSON.parse(files.get('manifest')?.toString('utf8') ?? '');
    expect(manifest).toMatchObject({ series: 'W', totals: { vouchers: issued.length, debit: formatMinor(totals.debitMinor, 'SEK'), credit: formatMinor(totals.debitMinor, 'SEK') } });
    const sie = readSie(files.get('sie') ?? Buffer.of());
    for (const a of totals.accounts)
      expect(sie.vouchers.flatMap((v) => v.lines.filter((l) => l.glAccount === a.glAccount)).reduce((sum, l) => sum + l.amountMinor, 0n)).toBe(a.debitMinor - a.creditMinor);
    expect(new Set(sie.objects.map((o) => o.dimension))).toEqual(new Set(['1', '6']));
    expect(files.get('journal')?.toString('utf8').split('\r\n').length).toBe(totals.lines + 2);
    const report = (await textOfPages(files.get('report') ?? Buffer.of())).join('\n');
    for (const words of ['Close report 2019-12', runId, 'Number series', 'Energy by service month, kWh', 'balances', 'agrees']) expect(report).toContain(words);
    expect(report).not.toContain('off by');
  }, 120_000);
});
