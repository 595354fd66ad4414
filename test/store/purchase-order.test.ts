import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildDocuments } from '../../src/store/cycle/build-documents.ts';
import { advanceRun } from '../../src/store/cycle/run-state.ts';
import { openStore, type Store } from '../../src/store/db.ts';
import { issuedDocuments } from '../../src/store/reads/issued-document.ts';
import { applySeed, readSeed } from '../../src/store/seed.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
import { closeSet, finishRun } from '../support/bill.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { processAll, session, storeLines } from '../support/intake.ts';

let database: TestDatabase;
let store: Store;
beforeAll(async () => {
  database = await freshDatabase();
  store = openStore(database.url);
  const seed = await readSeed(new URL('../../seed/demo.yaml', import.meta.url).pathname);
  await store.tx((db) => applySeed(db, seed));
});
afterAll(async () => {
  await store.close();
  await database.drop();
});

it('a purchase order that is required and missing parks its account and nothing else; entered, it stands on the document that is approved', async () => {
  await storeLines(store, [session(1, { user: 'Bl2-1' }), session(2, { user: 'AdA6-1' })]);
  await processAll(store);
  await store.pool.query("UPDATE account SET purchase_order_required = true WHERE id = 'acc_fleet_taxi'");
  const runId = await closeSet(store, '2019-12');
  await store.tx((db) => advanceRun(db, runId, 'previewing'));
  await store.tx((db) => buildDocuments(db, runId));
  const accounts = async () => (await store.pool.query("SELECT account_id, state, reason FROM run_account WHERE run_id = $1 AND account_id !~ 'brf' ORDER BY 1", [runId])).rows;
  expect(await accounts()).toEqual([
    { account_id: 'acc_driver_16', state: 'ready', reason: null },
    { account_id: 'acc_fleet_taxi', state: 'parked', reason: expect.stringContaining('wants a purchase order on its invoices, and none is entered. Enter purchaseOrder') },
  ]);
  await store.pool.query("UPDATE account SET purchase_order = 'PO-4711' WHERE id = 'acc_fleet_taxi'");
  await store.tx((db) => advanceRun(db, runId, 'inReview'));
  await finishRun(store, runId, '2020-01-07');
  const { rows } = await store.pool.query<{ id: string }>("SELECT id FROM document WHERE account_id IN ('acc_driver_16', 'acc_fleet_taxi') AND state = 'issued' ORDER BY account_id");
  expect(
    (
      await issuedDocuments(
        store.pool,
        rows.map((r) => r.id),
      )
    ).map((d) => d.purchaseOrder),
  ).toEqual([null, 'PO-4711']);
  // What was approved is kept: a later order changes nothing, and the document can be composed again from its bytes.
  await store.pool.query("UPDATE account SET purchase_order = 'PO-1' WHERE id = 'acc_fleet_taxi'");
  expect(
    (
      await issuedDocuments(
        store.pool,
        rows.map((r) => r.id),
      )
    ).at(-1)?.purchaseOrder,
  ).toBe('PO-4711');
  expect((await verifyAll(store)).sections.filter((s) => s.problem !== null)).toEqual([]);
});
