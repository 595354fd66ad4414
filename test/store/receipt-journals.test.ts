import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { handOver } from '../../src/activities/hand-over.ts';
import { rebillDocument } from '../../src/activities/rebill.ts';
import { reconcile } from '../../src/activities/reconcile.ts';
import { filesErp } from '../../src/adapters/erp/files.ts';
import { authorityTasks } from '../../src/contracts/document-rules.ts';
import type { ErpDocument } from '../../src/contracts/erp-document.ts';
import { orderRebill } from '../../src/store/commands/order-rebill.ts';
import { setDocumentRules } from '../../src/store/commands/set-document-rules.ts';
import { signFindings } from '../../src/store/commands/sign-findings.ts';
import { takeOverErp } from '../../src/store/commands/take-over-erp.ts';
import { buildDocuments } from '../../src/store/cycle/build-documents.ts';
import { closeRun } from '../../src/store/cycle/close-run.ts';
import { decideRun } from '../../src/store/cycle/decide-run.ts';
import { issueDocuments } from '../../src/store/cycle/issue-documents.ts';
import { advanceRun } from '../../src/store/cycle/run-state.ts';
import { erpProof } from '../../src/store/reads/accounting-periods.ts';
import { documentRulesOf } from '../../src/store/reads/document-rules.ts';
import { findDocument } from '../../src/store/reads/documents.ts';
import { erpParties } from '../../src/store/reads/erp-parties.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
import { closeSet, issueRun, reviewRun } from '../support/bill.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { type Review, startReview } from '../support/review.ts';
import { seeded } from '../support/seeded.ts';

let review: Review;
const folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-receipts-'));
const problems = async () => (await verifyAll(review.store)).sections.filter((s) => s.problem !== null).map((s) => [s.name, s.problem]);

beforeAll(async () => {
  // Two drivers charge at one site, one at another; each has two sessions on one day.
  review = await startReview({}, ['Bl2-1', 'Bl2-2', 'AdO3-2', 'AdA6-1', 'Share-2'], (user) => (user === 'AdO3-2' ? 'AdO3' : 'Bl2'));
  await review.rows("UPDATE account SET strategy = 'cardReceipt' WHERE id IN ('acc_driver_16', 'acc_driver_17', 'acc_driver_05')");
  await review.rows("UPDATE run_account SET state = 'pending' WHERE account_id LIKE 'acc_driver_%'");
  await review.build();
  expect(await review.decide('approver')).toMatchObject({ ok: true });
  await review.store.tx((db) => advanceRun(db, review.runId, 'issuing'));
  await review.store.tx((db) => issueDocuments(db, review.runId, '2020-01-06'));
});
afterAll(async () => {
  await review.stop();
  rmSync(folder, { recursive: true });
});

describe('card receipts of a run', () => {
  it('are in the outbox as a journal per site and day, and nothing else is', async () => {
    const found = await review.rows(
      `SELECT d.type, a.strategy, p.key IS NOT NULL AS alone, (SELECT count(DISTINCT posting_key)::integer FROM erp_receipt_line r WHERE r.document_id = d.id) AS journals
       FROM document d JOIN account a ON a.id = d.account_id LEFT JOIN erp_posting p ON p.document_id = d.id WHERE d.state = 'issued' ORDER BY 1, 2, 3`,
    );
    expect(found.filter((d) => d['strategy'] === 'cardReceipt')).toHaveLength(6);
    for (const d of found) expect(d).toMatchObject(d['strategy'] === 'cardReceipt' ? { alone: false, journals: 1 } : { alone: true, journals: 0 });
    const journals = await review.rows("SELECT payload, group_name, control_minor FROM erp_posting WHERE key LIKE 'rcp\\_%' ORDER BY 1");
    const documents = journals.map((j) => JSON.parse(String(j['payload'])) as ErpDocument);
    expect(documents.map((d) => d.receipts?.documentIds.length).sort()).toEqual([2, 4]);
    for (const d of documents) expect(d).toMatchObject({ kind: 'journal', accountId: 'receipts-ent_se', postedOn: '2020-01-06', runId: review.runId });
    const [{ sum }] = (await review.rows("SELECT sum(payable_minor)::bigint AS sum FROM document d JOIN account a ON a.id = d.account_id AND a.strategy = 'cardReceipt' WHERE d.state = 'issued'")) as [
      { sum: bigint },
    ];
    expect(journals.reduce((total, j) => total + BigInt(String(j['control_minor'])), 0n)).toBe(sum);
  });
  it('are handed over with the others, reconcile, and show their state on each document', async () => {
    const erp = filesErp(folder);
    expect((await handOver(review.store, erp, 'erp_files')).refused).toBe(0);
    expect(readdirSync(path.join(folder, 'journal'))).toHaveLength(2);
    expect(await reconcile(review.store, async () => erp, review.runId)).toEqual([]);
    const [{ id }] = (await review.rows("SELECT d.id FROM document d JOIN account a ON a.id = d.account_id AND a.strategy = 'cardReceipt' ORDER BY 1 LIMIT 1")) as [{ id: string }];
    expect(await findDocument(review.store.pool, id)).toMatchObject({ erp: { state: 'verified' } });
    // What the ERP was handed in January is the sub-ledger's, but for what was accrued before: no account of a receipt differs.
    const proof = await erpProof(review.store.pool, 'ent_se', '2020-01');
    expect(proof.rows.filter((r) => ['1510', '2611', '3740'].includes(r.glAccount ?? '')).map((r) => r.differenceMinor)).toEqual(
      proof.rows.filter((r) => ['1510', '2611', '3740'].includes(r.glAccount ?? '')).map(() => 0n),
    );
  });
  it('have one customer in the ERP, of the seller’s country', async () => {
    expect(await erpParties(review.store.pool, ['receipts-ent_se'])).toEqual([{ accountId: 'receipts-ent_se', name: 'Card receipts', country: 'SE', vatNumber: null }]);
  });
  it('hold when verified, and do not when a line, its journal or its place is another', async () => {
    expect(await problems()).toEqual([]);
    const superuser = new pg.Client({ connectionString: review.superuserUrl });
    await superuser.connect();
    try {
      await superuser.query("SET session_replication_role = 'replica'");
      for (const change of [
        "amount_minor = amount_minor + CASE part WHEN 'party' THEN 1 ELSE 0 END",
        "posting_key = 'rcp_other'",
        "site_id = 'other'",
        'charged_on = charged_on + 1',
        "gl_account = '9999'",
      ]) {
        await superuser.query('CREATE TEMP TABLE kept AS SELECT * FROM erp_receipt_line');
        await superuser.query(`UPDATE erp_receipt_line SET ${change} WHERE document_id = (SELECT min(document_id) FROM erp_receipt_line)`);
        expect(await problems(), change).toEqual([['outbox', expect.stringMatching(/^(document|posting) /)]]);
        await superuser.query('DELETE FROM erp_receipt_line');
        await superuser.query('INSERT INTO erp_receipt_line SELECT * FROM kept');
        await superuser.query('DROP TABLE kept');
      }
    } finally {
      await superuser.end();
    }
    expect(await problems()).toEqual([]);
  });
});

describe('card receipts of a group that is being issued', () => {
  it('are missed in no outbox before the last hundred of them is issued, with which they are summed up', async () => {
    const { store, drop } = await seeded();
    await store.pool.query("UPDATE account SET strategy = 'cardReceipt' WHERE id = 'acc_driver_16'");
    await storeLines(
      store,
      Array.from({ length: 101 }, (_, i) => session(i, { user: 'Bl2-1', garage: 'Bl2' })),
    );
    await processAll(store);
    const runId = await reviewRun(store, '2019-12');
    const { contentHash } = await store.tx((db) => buildDocuments(db, runId));
    const { rows: findings } = await store.pool.query<{ id: string }>("SELECT f.id::text FROM run_finding l JOIN finding f ON f.id = l.finding_id WHERE f.severity = 'blocks'");
    if (findings.length > 0) await store.tx((db) => signFindings(db, { runId, findingIds: findings.map((f) => f.id), reason: 'as meant' }, { actor: 'signer' }));
    const decided = await store.tx((db) => decideRun(db, { runId, approvalId: randomUUID(), decision: 'approve', contentHash, actor: 'approver', comment: 'looked at it' }));
    expect(decided).toEqual({ ok: true });
    await store.tx((db) => advanceRun(db, runId, 'issuing'));
    const problemsNow = async () => (await verifyAll(store)).sections.filter((s) => s.problem !== null);
    for (let left = 1; left > 0; ) {
      ({ left } = await store.tx((db) => issueDocuments(db, runId, '2020-01-06')));
      expect(await problemsNow(), `${left} left`).toEqual([]);
    }
    expect((await store.pool.query('SELECT count(DISTINCT document_id)::integer AS n FROM erp_receipt_line')).rows).toEqual([{ n: 101 }]);
    await drop();
  });
});

describe('the credit note of a card receipt', () => {
  it('is numbered by us where the ERP numbers credit notes, since it reaches the ERP summed up', async () => {
    const by = { actor: 'ops' };
    await review.store.tx((db) => advanceRun(db, review.runId, 'handingOver'));
    await review.store.tx((db) => advanceRun(db, review.runId, 'reconciled'));
    await review.store.tx((db) => closeRun(db, review.runId));
    await review.store.tx(async (db) => {
      const authorities = authorityTasks.map((task) => ({ type: 'creditNote' as const, task, authority: task === 'delivery' ? ('wattledger' as const) : ('erp' as const) }));
      const { own } = await documentRulesOf(db, 'ent_se');
      await setDocumentRules(db, { entityId: 'ent_se', rules: { ...own, authorities }, reason: 'the ERP numbers credit notes' }, by);
    });
    const credited = await review.rows("SELECT DISTINCT ON (d.type) d.id, d.type FROM document d WHERE d.state = 'issued' AND d.type IN ('receipt', 'invoice') ORDER BY d.type DESC, d.id");
    expect(credited.map((d) => d['type'])).toEqual(['receipt', 'invoice']);
    for (const { id } of credited) {
      const { orderId } = await review.store.tx((db) => orderRebill(db, { documentId: String(id), kind: 'credit', outcome: 'bill', reason: 'asked for' }, { actor: 'preparer' }));
      expect(await rebillDocument(review.store, orderId)).toMatchObject({ problem: null });
    }
    const next = await closeSet(review.store, '2020-01');
    await issueRun(review.store, next, '2020-02-05', true);
    const notes = () =>
      review.rows(
        `SELECT o.type AS of, d.state, s.legal_number LIKE 'K-2020-%' AS ours, (SELECT count(*)::integer FROM erp_receipt_line r WHERE r.document_id = d.id AND r.part = 'party') AS journals, p.key IS NOT NULL AS alone
         FROM document d JOIN document o ON o.id = d.credits_document_id LEFT JOIN issue_stamp s ON s.document_id = d.id LEFT JOIN erp_posting p ON p.document_id = d.id WHERE d.run_id = $1 AND d.type = 'creditNote' ORDER BY 1 DESC`,
        [next],
      );
    expect(await notes()).toEqual([
      { of: 'receipt', state: 'issued', ours: true, journals: 1, alone: false },
      { of: 'invoice', state: 'awaitingNumber', ours: null, journals: 0, alone: true },
    ]);
    expect((await problems()).filter(([name]) => name !== 'runs')).toEqual([]);
  });
});

describe('card receipts of which the last are issued when another ERP has taken over', () => {
  it('are each in a journal of the ERP of their date', async () => {
    const other = await startReview({}, []);
    try {
      await other.rows("UPDATE account SET strategy = 'cardReceipt' WHERE id = 'acc_driver_16'");
      // A batch of documents and one more: 101 receipts, of six days.
      await storeLines(
        other.store,
        Array.from({ length: 101 }, (_, i) => session(1000 + i, { kWh: '9,5', start: `0${1 + (i % 6)}.01.2020 18:00`, end: `0${1 + (i % 6)}.01.2020 21:00` })),
      );
      await processAll(other.store);
      const runId = await closeSet(other.store, '2020-01');
      await other.store.tx((db) => advanceRun(db, runId, 'previewing'));
      const { contentHash } = await other.store.tx((db) => buildDocuments(db, runId));
      await other.store.tx((db) => advanceRun(db, runId, 'inReview'));
      // So many at one place at once.
      const findings = await other.rows("SELECT finding_id::text AS id FROM run_finding l JOIN finding f ON f.id = l.finding_id WHERE l.run_id = $1 AND f.severity = 'blocks'", [runId]);
      await other.store.tx((db) => signFindings(db, { runId, findingIds: findings.map((f) => String(f['id'])), reason: 'as meant' }, { actor: 'reviewer' }));
      expect(await other.store.tx((db) => decideRun(db, { runId, approvalId: 'first', decision: 'approve', contentHash, actor: 'approver', comment: 'looked at it' }))).toEqual({ ok: true });
      await other.store.tx((db) => advanceRun(db, runId, 'issuing'));
      expect(await other.store.tx((db) => issueDocuments(db, runId, '2020-02-29'))).toEqual({ issued: 100, left: 1 });
      await other.store.tx((db) =>
        takeOverErp(db, { entityId: 'ent_se', connectionId: 'erp_new', adapter: 'files', settings: {}, production: false, from: '2020-03-01' }, 'a new ERP', { actor: 'admin' }),
      );
      expect(await other.store.tx((db) => issueDocuments(db, runId, '2020-03-01'))).toEqual({ issued: 1, left: 0 });
      expect(
        await other.rows(
          "SELECT connection_id, convert_from(payload, 'UTF8')::jsonb ->> 'postedOn' AS on, count(*)::int AS journals FROM erp_posting WHERE key LIKE 'rcp\\_%' GROUP BY 1, 2 ORDER BY 1",
        ),
      ).toEqual([
        { connection_id: 'erp_files', on: '2020-02-29', journals: 6 },
        { connection_id: 'erp_new', on: '2020-03-01', journals: 1 },
      ]);
    } finally {
      await other.stop();
    }
  }, 60_000);
});
