import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { erpConnections } from '../../src/activities/erp-connections.ts';
import { handOver } from '../../src/activities/hand-over.ts';
import { rebillDocument } from '../../src/activities/rebill.ts';
import { reconcile } from '../../src/activities/reconcile.ts';
import { controlTotalsOf } from '../../src/adapters/erp/port.ts';
import { parserFor } from '../../src/adapters/sources/registry.ts';
import type { ErpDocument } from '../../src/contracts/erp-document.ts';
import { driftOf } from '../../src/core/hand-over/drift.ts';
import { parseMinor } from '../../src/core/money.ts';
import { accrueMonth } from '../../src/store/commands/accrue-month.ts';
import { importFile } from '../../src/store/commands/import-file.ts';
import { orderRebill } from '../../src/store/commands/order-rebill.ts';
import { closeOwnerSet } from '../../src/store/cycle/owner-set.ts';
import { releaseAdvanceFees } from '../../src/store/cycle/release-fees.ts';
import type { Store } from '../../src/store/db.ts';
import { erpProof } from '../../src/store/reads/accounting-periods.ts';
import { traceRun } from '../../src/store/reads/trace-run.ts';
import { booksOf } from '../../tools/erp-tryton/books-of.mjs';
import { makeBooks, serve } from '../../tools/erp-tryton/tryton.mjs';
import { closeSet, issueRun } from '../support/bill.ts';
import type { TestDatabase } from '../support/database.ts';
import { processAll } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';
import { trytonCall } from '../support/tryton-call.ts';
import { trytonPlace } from '../support/tryton-place.ts';

let database: TestDatabase;
let store: Store;
let drop: () => Promise<void>;
let folder: string;
let server: Awaited<ReturnType<typeof serve>>;
let runIds: readonly string[];
let passwordFile: string;
const rows = async (sql: string, params: unknown[] = []) => (await store.pool.query(sql, params)).rows;

beforeAll(async () => {
  ({ store, database, drop } = await seeded('every-category'));
  const bytes = readFileSync(new URL('../../data/trondheim/sessions.csv', import.meta.url));
  await store.tx((db) => importFile(db, { sourceId: 'csms', fileName: 'sessions.csv', bytes, by: { actor: 'test' }, receivedAt: new Date() }, parserFor));
  await processAll(store);
  // Two drivers pay by card; November is billed in December and of it one invoice is credited with December's documents.
  await rows("UPDATE account SET strategy = 'cardReceipt' WHERE id IN ('acc_driver_16', 'acc_driver_30')");
  const november = await bill('2019-11', '2019-12-06');
  const [{ id: documentId }] = await rows("SELECT d.id FROM document d WHERE d.run_id = $1 AND d.account_id = 'acc_fleet_taxi' AND d.type = 'invoice' AND d.state = 'issued'", [november]);
  const { orderId } = await store.tx((db) => orderRebill(db, { documentId, kind: 'credit', outcome: 'bill', reason: 'asked for' }, { actor: 'preparer' }));
  expect(await rebillDocument(store, orderId)).toMatchObject({ problem: null });
  runIds = [november, await bill('2019-12', '2020-01-07')];
  // Both months are over: what was paid in advance for them is revenue.
  await store.tx((db) => releaseAdvanceFees(db, 'ent_se', '2019-12'));
  for (const month of ['2019-11', '2019-12']) await store.tx((db) => accrueMonth(db, { entityId: 'ent_se', month }, { actor: 'preparer' }));

  const place = { ...(await trytonPlace()), database: 'erp_month' };
  await makeBooks({ ...place, books: await booksOf({ databaseUrl: database.url, entityId: 'ent_se', years: [2019, 2020] }) });
  ({ folder, passwordFile } = place);
  server = await serve(place);
  await rows("UPDATE erp_connection SET adapter = 'tryton', settings = $1 WHERE id = 'erp_files'", [
    JSON.stringify({ url: server.url, database: 'erp_month', user: 'admin', passwordFile: place.passwordFile }),
  ]);
}, 600_000);
afterAll(async () => {
  await server?.stop();
  await drop();
});

async function bill(period: string, issuedOn: string): Promise<string> {
  const runId = await closeSet(store, period);
  await store.tx((db) => closeOwnerSet(db, runId));
  await issueRun(store, runId, issuedOn, true);
  return runId;
}

type Sent = { readonly key: string; readonly state: string; readonly answer: string | null; readonly document: ErpDocument };
const sentOf = async (where: string): Promise<Sent[]> =>
  (await rows(`SELECT key, state, answer, payload FROM erp_posting WHERE ${where} ORDER BY key`)).map(({ payload, ...row }) => ({ ...row, document: JSON.parse(String(payload)) }));

it('what two runs and two month ends made is posted to Tryton and read back equal to the öre: invoices, credit notes, vendor bills, receipt journals and accruals', async () => {
  const erp = await erpConnections(store, { folder, production: false })('erp_files');
  await handOver(store, erp, 'erp_files');
  expect((await sentOf("state <> 'verified'")).map((s) => [s.key, s.answer])).toEqual([]);
  const verified = (await sentOf("state = 'verified'")).map((s) => s.document);
  const kinds = new Map<string, number>();
  for (const d of verified) kinds.set(nameOf(d), (kinds.get(nameOf(d)) ?? 0) + 1);
  expect([...kinds.keys()].sort()).toEqual(['accrual', 'creditNote', 'invoice', 'receipts', 'reversal', 'vendorBill']);
  // One a month and currency: those of foreign sales and purchases say what they come to in the books.
  expect([kinds.get('accrual'), kinds.get('reversal')]).toEqual([6, 6]);
  const foreign = verified.filter((d) => d.key.startsWith('accrual/') && d.currency !== 'SEK');
  expect([...new Set(foreign.map((d) => d.currency))].sort()).toEqual(['EUR', 'NOK']);
  for (const { books, lines } of foreign) expect([books?.currency, lines.reduce((sum, l) => sum + BigInt(l.bookMinor ?? 'missing'), 0n)]).toEqual(['SEK', 0n]);
  const keys = new Set(verified.map((d) => d.key));
  for (const runId of [...runIds, null]) {
    const ours = verified.filter((d) => d.runId === runId);
    const held = await erp.holdings(runId, ours);
    expect(held).toHaveLength(ours.length);
    expect(driftOf(ours, keys, held)).toEqual([]);
    // Per kind, account, cost center, VAT code and currency, sums of what Tryton has.
    expect(controlTotalsOf(held)).toEqual(controlTotalsOf(ours));
    if (runId === null) continue;
    expect(await reconcile(store, async () => erp, runId)).toEqual([]);
    // Every Wh of the run reaches a line there, and every line there comes back to its sessions.
    for (const c of await traceRun(store.pool, runId)) {
      expect(Object.values(c.orphans).map((o) => [o.count, o.net, o.energyWh])).toEqual(Array.from({ length: 3 }, () => [0, '0.00', '0']));
      expect([c.energyWh.reachingErp, c.net.erp]).toEqual([c.energyWh.charges, c.net.lines]);
      expect(c.erpLines).toBeGreaterThan(0);
    }
  }
}, 900_000);

/** What a document is, as accountants call it. */
function nameOf({ key, kind, receipts }: ErpDocument): string {
  if (kind !== 'journal') return kind;
  return receipts !== undefined ? 'receipts' : key.endsWith('/reversal') ? 'reversal' : 'accrual';
}

it('revenue of December by service month is what Tryton booked in December: what was invoiced in it and the change in accruals, per currency, account and cost center', async () => {
  const sold = await rows(
    "SELECT currency, gl_account AS account, cost_center AS center, -sum(net_minor)::bigint AS minor FROM rated_charge WHERE service_month = '2019-12' AND payer_account_id IS NOT NULL AND gl_account LIKE '3%' GROUP BY 1, 2, 3 HAVING sum(net_minor) <> 0",
  );
  const call = await trytonCall({ url: server.url, database: 'erp_month', password: readFileSync(passwordFile, 'utf8').trim() });
  const day = (date: number) => ({ __class__: 'date', year: 2019, month: 12, day: date });
  const domain = [
    ['date', '>=', day(1)],
    ['date', '<=', day(31)],
    ['move_line.move.state', '=', 'posted'],
    ['move_line.account.code', 'like', '3%'],
  ];
  const fields = ['debit', 'credit', 'account.code', 'move_line.account.code', 'move_line.move.description', 'move_line.second_currency.code', 'move_line.amount_second_currency'];
  const found = (await call('model.analytic_account.line.search_read', domain, 0, null, null, fields, { company: 1, companies: [1] })) as AnalyticLine[];
  const byPlace = new Map<string, bigint>();
  const parts = { accrued: 0, invoiced: 0 };
  for (const line of found) {
    const { 'account.': account, 'second_currency.': second, amount_second_currency: inSecond } = line['move_line.'];
    // What is in another currency stands beside what it came to in the books.
    const place = `${second?.code ?? 'SEK'} ${account.code} ${line['account.'].code}`;
    const minor = second === null ? parseMinor(line.debit.decimal, 'SEK') - parseMinor(line.credit.decimal, 'SEK') : parseMinor(inSecond?.decimal ?? 'missing', second.code);
    byPlace.set(place, (byPlace.get(place) ?? 0n) + minor);
    parts[line['move_line.']['move.'].description?.startsWith('accrual/') === true ? 'accrued' : 'invoiced'] += 1;
  }
  expect(parts.accrued).toBeGreaterThan(40);
  expect(parts.invoiced).toBeGreaterThan(40);
  const there = [...byPlace].filter(([, minor]) => minor !== 0n).sort();
  expect(there.length).toBeGreaterThan(20);
  expect(new Set(there.map(([place]) => place.slice(0, 3)))).toEqual(new Set(['EUR', 'SEK']));
  expect(there).toEqual(sold.map(({ currency, account, center, minor }) => [`${currency.trim()} ${account} ${center}`, minor]).sort());
  // The sub-ledger says the same of December by its own entries.
  const proof = await erpProof(store.pool, 'ent_se', '2019-12');
  expect(proof).toMatchObject({ fromMonth: '2019-11', holds: true });
  const ours = proof.rows.filter((r) => r.glAccount?.startsWith('3') && r.costCenter !== null && r.ledgerMinor !== 0n);
  expect(there).toEqual(ours.map((r) => [`${r.currency.trim()} ${r.glAccount} ${r.costCenter}`, r.ledgerMinor]).sort());
}, 300_000);

type AnalyticLine = {
  readonly debit: { readonly decimal: string };
  readonly credit: { readonly decimal: string };
  readonly 'account.': { readonly code: string };
  readonly 'move_line.': {
    readonly 'account.': { readonly code: string };
    readonly 'move.': { readonly description: string | null };
    readonly 'second_currency.': { readonly code: string } | null;
    readonly amount_second_currency: { readonly decimal: string } | null;
  };
};
