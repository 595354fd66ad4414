import { afterAll, beforeAll, expect, it } from 'vitest';
import { renderPdf } from '../../src/adapters/documents/pdf/render-pdf.ts';
import { renderUbl } from '../../src/adapters/documents/ubl/render-ubl.ts';
import { addAdjustment } from '../../src/store/commands/adjust-run.ts';
import type { Store } from '../../src/store/db.ts';
import { issuedDocuments } from '../../src/store/reads/issued-document.ts';
import { closeSet, finishRun, issueRun, reviewRun } from '../support/bill.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { textOfPages } from '../support/read-pdf.ts';
import { seeded } from '../support/seeded.ts';

let store: Store;
let drop: () => Promise<void>;

beforeAll(async () => {
  // The fleet charges at home (NR1), and at a garage in Norway (UT2), where the seller is registered too.
  ({ store, drop } = await seeded('demo', (seed) => ({
    ...seed,
    vatRegistrations: [...seed.vatRegistrations, { country: 'NO', number: 'NO923456783MVA', validFrom: '2018-01-01' }],
    vatRules: [...seed.vatRules, { code: 'NO25', country: 'NO', percent: '25', category: 'S', validFrom: '2005-01-01' }],
    glAccounts: { ...seed.glAccounts, 'outputVat.NO25': '2619' },
  })));
  await storeLines(store, [session(1, { user: 'NR1-3', garage: 'NR1' }), session(2, { user: 'UT2-1', garage: 'UT2', kWh: '20' })]);
  await processAll(store);
  await issueRun(store, await closeSet(store, '2019-12'), '2020-01-06', true);
});
afterAll(() => drop());

it('an invoice of VAT of another country names the number that the seller has there (D23)', async () => {
  const { rows } = await store.pool.query<{ id: string }>("SELECT id FROM document WHERE account_id = 'acc_fleet_home_care' ORDER BY energy_wh");
  const documents = await issuedDocuments(
    store.pool,
    rows.map((r) => r.id),
  );
  expect(documents.map((d) => [d.vat.map((v) => v.vatCode), d.entity.vatNumber])).toEqual([
    [['SE25'], 'SE556000000101'],
    [['NO25'], 'NO923456783MVA'],
  ]);
  const [, abroad] = documents;
  if (abroad === undefined) throw new Error('there is no invoice of Norway');
  const made = renderUbl(abroad);
  expect('bytes' in made && made.bytes.toString()).toContain('<cac:PartyTaxScheme><cbc:CompanyID>NO923456783MVA</cbc:CompanyID>');
  expect((await textOfPages(await renderPdf(abroad))).join(' ')).toContain('NO923456783MVA');
});

it('VAT in the currency of the books is that of its codes together, also where one is taken off', async () => {
  await storeLines(store, [session(3, { start: '05.01.2020 18:00', end: '05.01.2020 21:00', kWh: '20' })]);
  await processAll(store);
  const runId = await reviewRun(store, '2020-01');
  const manual = { accountId: 'acc_driver_16', amountMinor: -1000n, vatCode: 'NO25', glKey: 'revenue.driverSale', costCenter: '109', description: 'Goodwill', reason: 'as agreed' };
  await store.tx((db) => addAdjustment(db, runId, manual, { actor: 'preparer' }));
  await finishRun(store, runId, '2020-02-06');
  const { rows } = await store.pool.query<{ id: string }>("SELECT id FROM document WHERE run_id = $1 AND account_id = 'acc_driver_16'", [runId]);
  const [document] = await issuedDocuments(
    store.pool,
    rows.map((r) => r.id),
  );
  // 20 kWh at 2.65 and 25 % are 66.25, of that 13.25 VAT; of 10.00 taken off 2.00. Of VAT of two countries it names the number at home.
  expect([document?.vatMinor, document?.bookVatMinor, document?.entity.vatNumber]).toEqual([1125n, 1125n, 'SE556000000101']);
});
