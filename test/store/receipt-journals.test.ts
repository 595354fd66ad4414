import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { handOver } from '../../src/activities/hand-over.ts';
import { reconcile } from '../../src/activities/reconcile.ts';
import { filesErp } from '../../src/adapters/erp/files.ts';
import type { ErpDocument } from '../../src/contracts/erp-document.ts';
import { issueDocuments } from '../../src/store/cycle/issue-documents.ts';
import { advanceRun } from '../../src/store/cycle/run-state.ts';
import { erpProof } from '../../src/store/reads/accounting-periods.ts';
import { findDocument } from '../../src/store/reads/documents.ts';
import { erpParties } from '../../src/store/reads/erp-parties.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
import { type Review, startReview } from '../support/review.ts';

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
