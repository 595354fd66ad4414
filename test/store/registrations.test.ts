import { afterAll, beforeAll, expect, it } from 'vitest';
import { renderPdf } from '../../src/adapters/documents/pdf/render-pdf.ts';
import { renderUbl } from '../../src/adapters/documents/ubl/render-ubl.ts';
import type { Store } from '../../src/store/db.ts';
import { issuedDocuments } from '../../src/store/reads/issued-document.ts';
import { closeSet, issueRun } from '../support/bill.ts';
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
