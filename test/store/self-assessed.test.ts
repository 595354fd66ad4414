import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Seed } from '../../src/contracts/seed.ts';
import { eInvoiceOf } from '../../src/core/document/e-invoice.ts';
import { accrueMonth } from '../../src/store/commands/accrue-month.ts';
import { addAdjustment } from '../../src/store/commands/adjust-run.ts';
import { closeOwnerSet } from '../../src/store/cycle/owner-set.ts';
import { advanceRun } from '../../src/store/cycle/run-state.ts';
import type { Store } from '../../src/store/db.ts';
import { erpProof } from '../../src/store/reads/accounting-periods.ts';
import { issuedDocuments } from '../../src/store/reads/issued-document.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
import { closeSet, issueRun } from '../support/bill.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let store: Store;
let drop: () => Promise<void>;
const rows = async (sql: string, params: unknown[] = []) => (await store.pool.query(sql, params)).rows;
/** A fleet at North's site: 10 kWh at 2.234 are 22.34, of which 12.5 % are 2.79; 6 kWh are 13.40, and 1.68 (1.675). */
const fleet = (kWh: string) => session(1, { user: 'NR1-3', garage: 'Bl2', kWh });
const bill = async (period: string, issuedOn: string) => {
  const runId = await closeSet(store, period);
  await store.tx((db) => closeOwnerSet(db, runId));
  await issueRun(store, runId, issuedOn, true);
  for (const to of ['handingOver', 'reconciled', 'closed'] as const) await store.tx((db) => advanceRun(db, runId, to));
  return runId;
};
const documents = (runId: string) =>
  rows("SELECT id, type, net_minor AS net, vat_minor AS vat, payable_minor AS payable FROM document WHERE run_id = $1 AND account_id = 'acc_brf_north' ORDER BY type DESC", [runId]);
const held = async (id: string) =>
  Object.fromEntries(
    (await rows("SELECT ledger_account, sum(amount)::bigint AS held FROM ledger_entry WHERE transaction_key = 'issue/' || $1 GROUP BY 1 ORDER BY 1", [id])).map((r) => [r.ledger_account, r.held]),
  );

beforeAll(async () => {
  const abroad = { status: 'business' as const, establishedIn: 'DK', vatNumber: 'DK12345678', evidence: 'VIES 2019-01-02' };
  const shares = [{ kind: 'netShare', id: 'share', percent: '12.5' }];
  const moved = (o: Seed['siteOwners'][number]) => ({ ...o, words: { ...o.words, country: 'DK' }, vat: { ...o.vat, ...abroad }, agreement: { ...o.agreement, clauses: shares } });
  ({ store, drop } = await seeded('every-category', (seed) => ({ ...seed, siteOwners: seed.siteOwners.map((o) => (o.id === 'brf_north' ? moved(o) : o)) }) as Seed));
  await storeLines(store, [fleet('10')]);
  await processAll(store);
}, 60_000);
afterAll(() => drop());

it('of a foreign owner we write the invoice without VAT, owe it ourselves and deduct it, in the books and in the ERP; a credit takes it back', async () => {
  const [invoice] = await documents(await bill('2019-12', '2020-01-07'));
  expect(invoice).toMatchObject({ type: 'selfBilling', net: 279n, vat: 0n, payable: 279n });
  // 25 % of 2.79: 0.6975, so 0.70.
  expect(await held(invoice.id)).toEqual({ accruedShare: 279n, inputVat: 70n, ownerPayable: -279n, selfAssessedVat: -70n });
  const [{ lines }] = await rows("SELECT convert_from(payload, 'UTF8')::jsonb->'lines' AS lines FROM erp_posting WHERE document_id = $1", [invoice.id]);
  expect(lines.map((l: { part: string; glAccount: string; vatCode: string; amountMinor: string; baseMinor?: string }) => [l.part, l.glAccount, l.vatCode, l.amountMinor, l.baseMinor])).toEqual([
    ['net', '4600', 'SE-AE', '279', undefined],
    ['tax', '2645', 'SE-AE', '70', '279'],
    ['tax', '2614', 'SE-AE', '-70', '-279'],
    ['party', '2440', null, '-279', undefined],
  ]);
  const [issued] = await issuedDocuments(store.pool, [invoice.id]);
  const address = { electronic: '0184:12345678' };
  // What we owe and deduct ourselves is none of its VAT.
  expect(issued?.bookVatMinor).toBe(0n);
  if (issued === undefined) expect.fail();
  const shown = eInvoiceOf({ ...issued, party: { ...issued.party, address }, entity: { ...issued.entity, address: { electronic: '0007:5560000001' } } });
  expect(shown).toMatchObject({ invoice: { typeCode: '389', vat: [{ category: 'AE', vatMinor: 0n, exemption: 'vatex-eu-ae' }] } });

  // 1.68 instead: the whole is credited, and billed anew (D13); 25 % of 1.68 is 0.42.
  await storeLines(store, [fleet('6')]);
  await processAll(store);
  const [credit, again] = await documents(await bill('2020-01', '2020-02-06'));
  expect([credit, again]).toMatchObject([
    { type: 'selfBillingCredit', net: -279n, payable: -279n },
    { type: 'selfBilling', net: 168n, payable: 168n },
  ]);
  expect([(await held(credit.id))['selfAssessedVat'], (await held(again.id))['selfAssessedVat']]).toEqual([70n, -42n]);
  for (const month of ['2019-12', '2020-01', '2020-02']) {
    await store.tx((db) => accrueMonth(db, { entityId: 'ent_se', month }, { actor: 'preparer' }));
    expect((await erpProof(store.pool, 'ent_se', month)).holds).toBe(true);
  }
  expect((await verifyAll(store)).sections.filter((s) => s.problem !== null)).toEqual([]);
}, 120_000);

it('is an invoice or a credit by what it asks for, where VAT turns it: a manual line at 25 % beside one that we owe the VAT of', async () => {
  const runId = await closeSet(store, '2020-02');
  const line = { accountId: 'acc_brf_north', glAccount: '4600', costCenter: '100', reason: 'agreed with the owner' };
  const adjust = (vatCode: string, amountMinor: bigint) => store.tx((db) => addAdjustment(db, runId, { ...line, vatCode, amountMinor, description: `Rent ${vatCode}` }, { actor: 'preparer' }));
  await adjust('SE-AE', 1000n);
  await adjust('SE25', -900n);
  await store.tx((db) => closeOwnerSet(db, runId));
  await issueRun(store, runId, '2020-03-06', true);
  // 10.00 - 9.00 are 1.00, and 25 % of the 9.00 come off: 1.00 - 2.25.
  expect(await documents(runId)).toMatchObject([{ type: 'selfBillingCredit', net: 100n, vat: -225n, payable: -125n }]);
  expect((await verifyAll(store)).sections.filter((s) => s.problem !== null)).toEqual([]);
}, 60_000);
