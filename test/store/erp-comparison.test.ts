import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareErp } from '../../src/activities/compare-erp.ts';
import { createCycleActivities } from '../../src/activities/cycle.ts';
import { handOver } from '../../src/activities/hand-over.ts';
import { rebillDocument } from '../../src/activities/rebill.ts';
import { reconcile } from '../../src/activities/reconcile.ts';
import { filesErp } from '../../src/adapters/erp/files.ts';
import type { ErpPort } from '../../src/adapters/erp/port.ts';
import type { ErpPayment } from '../../src/contracts/erp-document.ts';
import { retryPosting, skipPosting } from '../../src/store/commands/decide-postings.ts';
import { orderRebill } from '../../src/store/commands/order-rebill.ts';
import { setPeriodState } from '../../src/store/commands/set-period-state.ts';
import { signDrift } from '../../src/store/commands/sign-drift.ts';
import { takeOverErp } from '../../src/store/commands/take-over-erp.ts';
import type { Store } from '../../src/store/db.ts';
import { documentsToAskPayment, unsignedDriftOfRun, unsignedDriftUpTo } from '../../src/store/erp-comparison.ts';
import { enqueue } from '../../src/store/outbox.ts';
import { findDocument } from '../../src/store/reads/documents.ts';
import { listDrifts, listErpConnections } from '../../src/store/reads/erp-connections.ts';
import { closeSet, issueRun } from '../support/bill.ts';
import { documentOf } from '../support/erp-contract.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let store: Store;
let drop: () => Promise<void>;
let erp: ErpPort;
const folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-drift-'));
const payments = new Map<string, ErpPayment['state']>();
const look = () => compareErp(store, async () => erp, 'erp_files');
const open = async () => (await listDrifts(store.pool, {}, { limit: 50 })).items.map((d) => `${d.kind} ${d.key}`);
const rows = async (sql: string) => (await store.pool.query(sql)).rows;

beforeAll(async () => {
  ({ store, drop } = await seeded());
  await storeLines(
    store,
    ['Bl2-1', 'AdA6-1', 'Bl2-2'].map((user, n) => session(n + 1, { user, kWh: `${9 + n},5` })),
  );
  await processAll(store);
  const runId = await closeSet(store, '2019-12');
  await issueRun(store, runId, '2020-01-07');
  const files = filesErp(folder);
  const told = (key: string): ErpPayment => ({ key, state: payments.get(key) ?? 'unpaid', openMinor: payments.has(key) ? '0' : '100' });
  erp = { ...files, payments: async (documents) => documents.map((d) => told(d.key)) };
  await handOver(store, erp, 'erp_files');
}, 120_000);
afterAll(async () => {
  await drop();
  rmSync(folder, { recursive: true });
});

describe('the nightly look at an ERP', () => {
  it('finds nothing while it holds what was sent, and says when it looked', async () => {
    const n = readdirSync(path.join(folder, 'invoice')).length;
    expect(n).toBeGreaterThan(1);
    expect((await look()).drifts).toBe(0);
    expect((await listErpConnections(store.pool))[0]).toMatchObject({ connectionId: 'erp_files', drifts: 0, comparedAt: expect.any(String) });
  });
  it('lists what somebody changed, removed or added there, overwrites none of it, and clears it when it is as it was sent', async () => {
    const [first = '', second = ''] = readdirSync(path.join(folder, 'invoice')).map((name) => path.join(folder, 'invoice', name));
    const [was, other] = [readFileSync(first, 'utf8'), readFileSync(second, 'utf8')];
    writeFileSync(first, was.replace('"legalNumber":"', '"legalNumber":"X'));
    rmSync(second);
    const foreign = path.join(folder, 'invoice', 'foreign.json');
    writeFileSync(foreign, other.replace(/"key":"[^"]*"/, '"key":"foreign"'));
    const keyOf = (file: string) => path.basename(file, '.json');
    const drifted = [`differs ${keyOf(first)}`, `missing ${keyOf(second)}`, 'unknownThere foreign'];
    expect((await look()).drifts).toBe(3);
    expect((await look()).drifts).toBe(3);
    expect((await open()).sort()).toEqual([...drifted].sort());
    expect(readFileSync(first, 'utf8')).toContain('"legalNumber":"X');
    // It keeps its run and its month from closing, until it is signed for what it is.
    const [{ run_id: runId }] = await rows('SELECT DISTINCT run_id FROM erp_posting WHERE run_id IS NOT NULL');
    const differences = () => unsignedDriftOfRun(store.pool, runId);
    expect(await differences()).toHaveLength(2);
    // Also where it was reconciled before, and waits for somebody.
    const { openQuestions } = createCycleActivities({ store, now: () => new Date(), erpFor: async () => erp });
    const drifting = async () => (await openQuestions({ runId })).filter((sentence) => sentence.includes(' drifted: ')).length;
    expect(await drifting()).toBe(2);
    const close = () => store.tx((db) => setPeriodState(db, { entityId: 'ent_se', month: '2019-12', action: 'close', reason: 'month end' }, { actor: 'approver' }));
    // What was never sent is of no month: it keeps each from closing. The others are of January.
    await expect(close()).rejects.toThrow(/otherwise in the ERP than they were sent, foreign/);
    expect(await unsignedDriftUpTo(store.pool, 'ent_se', '2020-01')).toHaveLength(3);
    const drifts = (await listDrifts(store.pool, {}, { limit: 50 })).items;
    for (const { driftId } of drifts) await store.tx((db) => signDrift(db, driftId, 'known to the auditor', { actor: 'approver' }));
    await expect(store.tx((db) => signDrift(db, drifts[0]?.driftId ?? '', 'again', { actor: 'other' }))).rejects.toThrow(/signed by approver already/);
    expect(await differences()).toEqual([]);
    expect(await drifting()).toBe(0);
    await look();
    expect((await listDrifts(store.pool, {}, { limit: 50 })).items.map((d) => d.signedBy)).toEqual(['approver', 'approver', 'approver']);
    writeFileSync(first, was.replace('"legalNumber":"', '"legalNumber":"Y'));
    await look();
    expect(await differences()).toEqual([expect.stringContaining(`${keyOf(first)} drifted: legalNumber is Y`)]);
    expect(await rows("SELECT state FROM erp_posting WHERE state <> 'verified'")).toEqual([]);
    writeFileSync(first, was);
    writeFileSync(second, other);
    rmSync(foreign);
    expect((await look()).drifts).toBe(0);
    expect(await open()).toEqual([]);
    expect((await listDrifts(store.pool, { all: true }, { limit: 50 })).items).toHaveLength(3);
  });
  it('does not call unknown what is handed over while it looks', async () => {
    const journal = documentOf('journal', 'meanwhile', { on: '2020-01-20' });
    const during: ErpPort = {
      ...erp,
      async holdings(runId, ours) {
        await store.tx((db) => enqueue(db, 'erp_files', [{ ...journal, runId: ours[0]?.runId ?? null, documentId: null, controlMinor: 51n }]));
        await handOver(store, erp, 'erp_files');
        return erp.holdings(runId, ours);
      },
    };
    expect((await compareErp(store, async () => during, 'erp_files')).drifts).toBe(0);
    expect((await look()).drifts).toBe(0);
  });
  it('brings back what is paid, keeps each change, also that a payment came back, and asks no more ten weeks after a document was settled', async () => {
    const [{ key }] = await rows("SELECT key FROM erp_posting WHERE kind = 'invoice' ORDER BY key LIMIT 1");
    expect(await findDocument(store.pool, key)).toMatchObject({ payment: { state: 'unpaid', open: '1.00' } });
    payments.set(key, 'writtenOff');
    expect((await look()).paid).toBe(1);
    expect((await look()).paid).toBe(0);
    expect(await findDocument(store.pool, key)).toMatchObject({ payment: { state: 'writtenOff', open: '0.00' } });
    // The debit was returned.
    payments.delete(key);
    expect((await look()).paid).toBe(1);
    expect(await findDocument(store.pool, key)).toMatchObject({ payment: { state: 'unpaid', open: '1.00' } });
    payments.set(key, 'paid');
    expect((await look()).paid).toBe(1);
    expect((await rows('SELECT count(*)::integer AS n FROM document_payment GROUP BY document_id ORDER BY 1 DESC LIMIT 1'))[0].n).toBe(4);
    const asked = async (inDays: number) => (await documentsToAskPayment(store.pool, 'erp_files', new Date(Date.now() + inDays * 86_400_000))).map((d) => d.documentId);
    const now = await asked(69);
    expect(now).toContain(key);
    expect(await asked(71)).toEqual(now.filter((id) => id !== key));
  });
  it('keeps what was told last of a document that the ERP has twice by now, and what it tells of the others', async () => {
    const [{ key: twice }, { key: once }] = await rows("SELECT key FROM erp_posting WHERE kind = 'invoice' ORDER BY key DESC LIMIT 2");
    const told = (key: string): ErpPayment[] => {
      const own: ErpPayment = { key, state: 'part', openMinor: '40' };
      return key === twice ? [own, { ...own, openMinor: '60' }] : key === once ? [own] : [];
    };
    const doubled: ErpPort = { ...erp, payments: async (documents) => documents.flatMap((d) => told(d.key)) };
    expect((await compareErp(store, async () => doubled, 'erp_files')).paid).toBe(1);
    expect(await findDocument(store.pool, twice)).toMatchObject({ payment: { state: 'unpaid', open: '1.00' } });
    expect(await findDocument(store.pool, once)).toMatchObject({ payment: { state: 'part', open: '0.40' } });
    expect((await look()).paid).toBe(1);
  });
});

describe('what was decided to stay as the ERP has it', () => {
  it('is left out of the control totals on both sides', async () => {
    const [{ run_id: runId }] = await rows('SELECT DISTINCT run_id FROM erp_posting WHERE run_id IS NOT NULL');
    const off = () => reconcile(store, async () => erp, runId);
    expect(await off()).toEqual([]);
    // It reads back with a cost center that the ERP put in the place of ours.
    const otherwise: ErpPort = {
      ...erp,
      async post(document) {
        const posted = await erp.post(document);
        const file = path.join(folder, document.kind, `${document.key}.json`);
        writeFileSync(file, readFileSync(file, 'utf8').replaceAll('"cc2"', '"cc 1"'));
        return posted;
      },
    };
    await store.tx((db) => enqueue(db, 'erp_files', [{ ...documentOf('invoice', 'otherwise', { runId, on: '2020-01-07' }), documentId: null, controlMinor: 166n }]));
    expect(await handOver(store, otherwise, 'erp_files')).toMatchObject({ refused: 1 });
    expect(await off()).toContainEqual(expect.stringMatching(/^otherwise is refused/));
    await store.tx((db) => skipPosting(db, 'otherwise', 'the ERP has it on another cost center', { actor: 'finance' }));
    expect(await off()).toEqual([]);
    expect(await rows(`SELECT count(*)::integer AS n FROM erp_control_total WHERE run_id = '${runId}' AND handed_over <> in_erp`)).toEqual([{ n: 0 }]);
  });

  it('is looked for among all that is there, where the ERP does not answer to its key: that is what it was skipped for', async () => {
    const [{ run_id: runId }] = await rows('SELECT DISTINCT run_id FROM erp_posting WHERE run_id IS NOT NULL');
    const silent: ErpPort = {
      ...erp,
      async find(document) {
        if (document.key === 'otherwise' || document.key === 'nowhere') throw new Error(`the ERP answers 500 to ${document.key}`);
        return erp.find(document);
      },
    };
    await store.tx((db) => enqueue(db, 'erp_files', [{ ...documentOf('invoice', 'nowhere', { runId, on: '2020-01-07' }), documentId: null, controlMinor: 166n }]));
    await rows("UPDATE erp_posting SET state = 'sending', attempt = 1 WHERE key = 'nowhere'");
    await rows("UPDATE erp_posting SET state = 'unknown' WHERE key = 'nowhere'");
    await store.tx((db) => skipPosting(db, 'nowhere', 'it does not say, and has been asked', { actor: 'finance' }));
    expect(await reconcile(store, async () => silent, runId)).toEqual([]);
  });
});

describe('the periods of an ERP beside ours', () => {
  const periods = async () => (await listErpConnections(store.pool))[0]?.periods.map((p) => [p.month, p.here, p.there]);
  const marker = (month: string) => path.join(folder, 'closed', month);

  it('are compared before each hand-over and each night, and what one side alone has closed is listed until it is the same again', async () => {
    await store.tx((db) => setPeriodState(db, { entityId: 'ent_se', month: '2019-12', action: 'close', reason: 'month end' }, { actor: 'approver' }));
    // Nobody says which months are closed there.
    await look();
    expect(await periods()).toEqual([]);
    // December is closed here and open there, January the other way.
    mkdirSync(path.dirname(marker('2020-01')), { recursive: true });
    writeFileSync(marker('2020-01'), '');
    const journal = documentOf('journal', 'into_january', { on: '2020-01-20' });
    await store.tx((db) => enqueue(db, 'erp_files', [{ ...journal, runId: null, documentId: null, controlMinor: 51n }]));
    // The accrual of December goes, its mirror of January is held like the journal.
    expect(await handOver(store, erp, 'erp_files')).toMatchObject({ verified: 1, refused: 2 });
    const bothWays = [
      ['2019-12', 'closed', 'open'],
      ['2020-01', 'open', 'closed'],
    ];
    expect(await periods()).toEqual(bothWays);
    expect(await rows("SELECT state, answer FROM erp_posting WHERE key = 'into_january'")).toEqual([
      { state: 'held', answer: expect.stringContaining('the ERP takes nothing of 2020-01-20, and 2020-01 is open here') },
    ]);
    await look();
    expect(await periods()).toEqual(bothWays);
    renameSync(marker('2020-01'), marker('2019-12'));
    for (const { key } of await rows("SELECT key FROM erp_posting WHERE state = 'held'")) await store.tx((db) => retryPosting(db, key, 'opened there', { actor: 'ops' }));
    expect(await handOver(store, erp, 'erp_files')).toMatchObject({ verified: 2, refused: 0 });
    expect(await periods()).toEqual([]);
    // Opened there again: seen at night, when nothing is handed over.
    rmSync(marker('2019-12'));
    await look();
    expect(await periods()).toEqual([['2019-12', 'closed', 'open']]);
  });
});

describe('an ERP that another one replaces', () => {
  const order = { entityId: 'ent_se', connectionId: 'erp_new', adapter: 'files', settings: {}, production: false, from: '2020-02-01' };
  const by = { actor: 'admin' };
  const takeOver = (more: object = {}) => store.tx((db) => takeOverErp(db, { ...order, ...more }, 'a new ERP', by));

  it('takes over on a day: the one before keeps what it holds, and documents from that day on go to the new one', async () => {
    await expect(takeOver({ from: '2020-01-07' })).rejects.toThrow('choose a later day');
    await expect(takeOver({ connectionId: 'erp_files' })).rejects.toThrow('already');
    expect(await takeOver()).toEqual({ ended: 'erp_files' });
    // What the old one holds is credited in February.
    const [{ id: credited }] = await rows("SELECT d.id FROM document d JOIN erp_posting p ON p.document_id = d.id WHERE d.type = 'invoice' AND d.account_id LIKE 'acc_driver%' ORDER BY 1 LIMIT 1");
    const { orderId } = await store.tx((db) => orderRebill(db, { documentId: credited, kind: 'credit', outcome: 'bill', reason: 'asked for' }, { actor: 'preparer' }));
    expect(await rebillDocument(store, orderId)).toMatchObject({ problem: null });
    await storeLines(store, [session(9, { user: 'Bl2-1', kWh: '7', start: '05.01.2020 10:00', end: '05.01.2020 12:00' })]);
    await processAll(store);
    const runId = await closeSet(store, '2020-01');
    await issueRun(store, runId, '2020-02-05');
    expect(await rows(`SELECT DISTINCT connection_id FROM erp_posting WHERE run_id = '${runId}'`)).toEqual([{ connection_id: 'erp_new' }]);
    expect((await listErpConnections(store.pool)).map((c) => [c.connectionId, c.validFrom, c.validTo])).toEqual([
      ['erp_files', '2018-01-01', '2020-02-01'],
      ['erp_new', '2020-02-01', null],
    ]);
    // The credit note names its document by our key and number: the id that it has in the old one is nothing, or another's, in the new one.
    expect(await rows(`SELECT convert_from(payload, 'UTF8')::jsonb -> 'credits' AS credits FROM erp_posting WHERE run_id = '${runId}' AND kind = 'creditNote'`)).toEqual([
      { credits: { key: credited, legalNumber: expect.any(String), externalId: null } },
    ]);
    // A credit note goes to the new one, after its document in the old one; each holds its own, and both together are the run's.
    const newFolder = path.join(folder, 'new');
    const erpOf = async (id: string) => (id === 'erp_new' ? filesErp(newFolder) : erp);
    await handOver(store, await erpOf('erp_new'), 'erp_new');
    expect(await rows(`SELECT connection_id, after_key, state FROM erp_posting WHERE run_id = '${runId}' AND kind = 'creditNote'`)).toEqual([
      { connection_id: 'erp_new', after_key: credited, state: 'verified' },
    ]);
    expect(await reconcile(store, erpOf, runId)).toEqual([]);
    const drifts = async () => [(await compareErp(store, erpOf, 'erp_files')).drifts, (await compareErp(store, erpOf, 'erp_new')).drifts];
    expect(await drifts()).toEqual([0, 0]);
    expect(readdirSync(path.join(newFolder, 'creditNote'))).toHaveLength(1);
    await expect(takeOver({ connectionId: 'erp_third' })).rejects.toThrow('erp_new begins on or after 2020-02-01');
  });
});
