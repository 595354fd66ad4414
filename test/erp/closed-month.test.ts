import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { erpConnections } from '../../src/activities/erp-connections.ts';
import { handOver } from '../../src/activities/hand-over.ts';
import { reconcile } from '../../src/activities/reconcile.ts';
import { parserFor } from '../../src/adapters/sources/registry.ts';
import { loadConfig } from '../../src/config.ts';
import { importFile } from '../../src/store/commands/import-file.ts';
import { closeOwnerSet } from '../../src/store/cycle/owner-set.ts';
import { openStore, type Store } from '../../src/store/db.ts';
import { applySeed, readSeed } from '../../src/store/seed.ts';
import { booksOf } from '../../tools/erp-tryton/books-of.mjs';
import { ensureTryton, makeBooks, makeTemplate, serve } from '../../tools/erp-tryton/tryton.mjs';
import { closeSet, issueRun } from '../support/bill.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { processAll } from '../support/intake.ts';

let database: TestDatabase;
let store: Store;
let folder: string;
let server: Awaited<ReturnType<typeof serve>>;
let runId: string;
const rows = async (sql: string, params: unknown[] = []) => (await store.pool.query(sql, params)).rows;

beforeAll(async () => {
  database = await freshDatabase();
  store = openStore(database.url);
  const seed = await readSeed(new URL('../../seed/every-category.yaml', import.meta.url).pathname);
  await store.tx((db) => applySeed(db, seed));
  const bytes = readFileSync(new URL('../../data/trondheim/sessions.csv', import.meta.url));
  await store.tx((db) => importFile(db, { sourceId: 'csms', fileName: 'sessions.csv', bytes, by: { actor: 'test' }, receivedAt: new Date() }, parserFor));
  await processAll(store);
  runId = await closeSet(store, '2019-12');
  await store.tx((db) => closeOwnerSet(db, runId));
  await issueRun(store, runId, '2020-01-07');

  folder = mkdtempSync('/var/tmp/wattledger-tryton-');
  chmodSync(folder, 0o700);
  const onProgress = (line: string) => console.log(line);
  const bin = await ensureTryton({ cache: loadConfig().cache, onProgress });
  const at = { bin, server: inject('superuserUrl'), folder };
  const place = { ...at, ...(await makeTemplate({ ...at, onProgress })), database: 'erp_month' };
  await makeBooks({ ...place, books: await booksOf({ databaseUrl: database.url, entityId: 'ent_se', years: [2019, 2020] }) });
  server = await serve(place);
  await rows("UPDATE erp_connection SET adapter = 'tryton', settings = $1 WHERE id = 'erp_files'", [
    JSON.stringify({ url: server.url, database: 'erp_month', user: 'admin', passwordFile: place.passwordFile }),
  ]);
}, 600_000);
afterAll(async () => {
  await server?.stop();
  await store.close();
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

it('a closed month of invoices and vendor bills in two currencies is posted to Tryton, read back equal, and reconciles to the öre', async () => {
  const erp = await erpConnections(store, { folder, production: false })('erp_files');
  const [{ n }] = await rows('SELECT count(*)::integer AS n FROM document WHERE state = $1', ['issued']);
  const totals = await handOver(store, erp, 'erp_files');
  expect(await rows("SELECT key, answer FROM erp_posting WHERE state <> 'verified'")).toEqual([]);
  expect(totals).toMatchObject({ verified: n, refused: 0, left: 0 });
  expect(await reconcile(store, async () => erp, runId)).toEqual([]);
  const held = await erp.controlTotals(runId);
  expect(held.count).toBe(n);
  // Tryton's revenue is the documents' net, account by account, with another arithmetic.
  const net = await rows(
    `SELECT l.gl_account, l.cost_center, -sum(l.net_minor)::bigint AS net FROM document_line l JOIN document d ON d.id = l.document_id WHERE d.state = 'issued' AND d.type = 'invoice' AND d.currency = 'SEK' GROUP BY 1, 2 HAVING sum(l.net_minor) <> 0`,
  );
  expect(net.length).toBeGreaterThan(20);
  for (const { gl_account, cost_center, net: sold } of net) {
    const inErp = [...held.sums].filter(([key]) => key.startsWith(`invoice|${gl_account}|${cost_center}|`) && key.endsWith('|SEK')).reduce((sum, [, minor]) => sum + minor, 0n);
    expect([gl_account, cost_center, inErp]).toEqual([gl_account, cost_center, sold]);
  }
}, 600_000);
