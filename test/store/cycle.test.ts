import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { handOver } from '../../src/activities/hand-over.ts';
import { reconcile } from '../../src/activities/reconcile.ts';
import { filesErp } from '../../src/adapters/erp/files.ts';
import { ErpOutcomeUnknown, type ErpPort, ErpUnavailable } from '../../src/adapters/erp/port.ts';
import { addAdjustment, withdrawAdjustment } from '../../src/store/commands/adjust-run.ts';
import { planRun } from '../../src/store/commands/plan-run.ts';
import { addExclusion, pullIn, putOut, withdrawExclusion } from '../../src/store/commands/shape-run.ts';
import { signFindings } from '../../src/store/commands/sign-findings.ts';
import { buildDocuments } from '../../src/store/cycle/build-documents.ts';
import { decideRun } from '../../src/store/cycle/decide-run.ts';
import { issueDocuments } from '../../src/store/cycle/issue-documents.ts';
import { closeRecordSet } from '../../src/store/cycle/record-set.ts';
import { advanceRun } from '../../src/store/cycle/run-state.ts';
import { stampInvoices } from '../../src/store/cycle/stamp-invoices.ts';
import type { Store } from '../../src/store/db.ts';
import { energyBalance } from '../../src/store/reads/energy-balance.ts';
import { lateArrivals } from '../../src/store/reads/late-arrivals.ts';
import { listRunFindings } from '../../src/store/reads/run-findings.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let store: Store;
let drop: () => Promise<void>;
let runId: string;
let reviewed: string;
const rows = async (sql: string, params: unknown[] = []) => (await store.pool.query(sql, params)).rows;
const approve = (contentHash: string, actor: string) => store.tx((db) => decideRun(db, { runId, approvalId: randomUUID(), decision: 'approve', contentHash, actor, comment: 'looked at it' }));
const preparer = { actor: 'preparer' };
const rebuild = async () => (await store.tx((db) => buildDocuments(db, runId))).contentHash;

beforeAll(async () => {
  ({ store, drop } = await seeded());
  const december = ['AdO3-2', 'Bl2-1', 'Bl2-2', 'NR1-3', 'Share-2', 'Share-4'].flatMap((user, u) => [0, 1, 2].map((i) => session(100 * u + i, { user, kWh: `${7 + u},${i}3` })));
  await storeLines(store, [
    ...december,
    session(900, { start: '28.11.2019 18:00', end: '28.11.2019 23:00' }),
    session(901, { garage: 'UT2' }),
    session(902, { user: 'Nobody' }),
    session(903, { start: '02.01.2020 10:00', end: '02.01.2020 12:00' }),
  ]);
  await processAll(store);
});
afterAll(() => drop());

describe('a billing run in the store', () => {
  it('is planned once for its month, in the zone of the entity', async () => {
    const plan = () => store.tx((db) => planRun(db, { entityId: 'ent_se', period: '2019-12', by: preparer }));
    ({ runId } = await plan());
    const [run] = await rows('SELECT period_start, period_end, workflow_id FROM billing_run WHERE id = $1', [runId]);
    expect(run).toMatchObject({ period_start: new Date('2019-11-30T23:00:00Z'), period_end: new Date('2019-12-31T23:00:00Z'), workflow_id: 'run/ent_se/2019-12/live' });
    await expect(plan()).rejects.toThrow(/has the live run run_ent_se_2019-12_live already/);
  });

  it('claims what is open up to the end of its month, once, and leaves the next month alone', async () => {
    await store.tx((db) => advanceRun(db, runId, 'collecting'));
    const first = await store.tx((db) => closeRecordSet(db, runId));
    expect(first.claimed).toBeGreaterThan(18);
    expect(await store.tx((db) => closeRecordSet(db, runId))).toEqual(first);
    expect(await rows('SELECT DISTINCT c.service_month FROM claim k JOIN rated_charge c USING (charge_id) ORDER BY 1')).toEqual([{ service_month: '2019-11' }, { service_month: '2019-12' }]);
  });

  it('builds documents whose lines sum to their totals, and the same hash from the same inputs', async () => {
    await store.tx((db) => advanceRun(db, runId, 'previewing'));
    reviewed = await rebuild();
    expect(await rebuild()).toBe(reviewed);
    const sums = await rows(
      'SELECT d.id, d.net_minor, d.vat_minor, d.rounding_minor, d.payable_minor, d.energy_wh, sum(l.net_minor)::bigint AS net, sum(l.energy_wh)::bigint AS wh FROM document d JOIN document_line l ON l.document_id = d.id GROUP BY d.id',
    );
    expect(sums.length).toBeGreaterThan(3);
    for (const d of sums) {
      expect(d.net).toBe(d.net_minor);
      expect(d.wh).toBe(d.energy_wh);
      expect(d.net_minor + d.vat_minor + d.rounding_minor).toBe(d.payable_minor);
    }
    await store.tx((db) => advanceRun(db, runId, 'inReview'));
  });

  it('changes its hash by an exclusion or an adjustment, and comes back to the very same when they are withdrawn', async () => {
    const account = (await rows('SELECT account_id FROM document WHERE run_id = $1 ORDER BY account_id', [runId]))[0].account_id;
    const exclusion = { scope: 'account', subjectId: account, outcome: 'carry', reason: 'disputed' } as const;
    const goodwill = { accountId: 'acc_fleet_taxi', amountMinor: -1000n, vatCode: 'SE25', glAccount: '3740', costCenter: '100', description: 'Goodwill', reason: 'broken cable' };
    const exclude = () => store.tx((db) => addExclusion(db, runId, exclusion, preparer, 'first'));
    const { id: excludedId } = await exclude();
    expect(await exclude()).toEqual({ id: excludedId });
    const built = await rows('SELECT id, built_at FROM document WHERE run_id = $1 AND account_id <> $2 ORDER BY id', [runId, account]);
    const excluded = await rebuild();
    expect(await rows('SELECT id, built_at FROM document WHERE run_id = $1 ORDER BY id', [runId])).toEqual(built);
    const { id: adjustmentId } = await store.tx((db) => addAdjustment(db, runId, goodwill, preparer));
    const both = await rebuild();
    await store.tx((db) => withdrawExclusion(db, runId, excludedId, preparer));
    await store.tx((db) => withdrawAdjustment(db, runId, adjustmentId, preparer));
    expect(new Set([reviewed, excluded, both]).size).toBe(3);
    expect(await rebuild()).toBe(reviewed);
    await store.tx((db) => addExclusion(db, runId, exclusion, preparer, 'second'));
    await store.tx((db) => addAdjustment(db, runId, goodwill, preparer, 'second'));
    reviewed = await rebuild();
    expect(reviewed).not.toBe(both);
  });

  it('takes the hash away as soon as an input changes, so that nobody approves what was there before', async () => {
    const { id } = await store.tx((db) =>
      addAdjustment(db, runId, { accountId: 'acc_fleet_taxi', amountMinor: 500n, vatCode: 'SE25', glAccount: '3740', costCenter: '100', description: 'Fee', reason: 'card lost' }, preparer),
    );
    expect(await approve(reviewed, 'approver')).toEqual({ ok: false, reason: 'staleHash', current: '' });
    await store.tx((db) => withdrawAdjustment(db, runId, id, preparer));
    expect(await rebuild()).toBe(reviewed);
  });

  it('lists a late arrival beside the closed set and keeps its hash', async () => {
    await storeLines(store, [session(950, { kWh: '5' })]);
    await processAll(store);
    expect(await lateArrivals(store.pool, runId)).toMatchObject({ energyWh: 5000n });
    expect(await rebuild()).toBe(reviewed);
    expect((await store.tx((db) => pullIn(db, runId, undefined, preparer))).charges).toBeGreaterThan(0);
    expect(await rebuild()).not.toBe(reviewed);
    expect(await lateArrivals(store.pool, runId)).toMatchObject({ energyWh: 0n });
    await store.tx((db) => putOut(db, runId, undefined, preparer));
    expect(await rebuild()).toBe(reviewed);
  });

  it('is approved only for the hash that stands, and never by who shaped it', async () => {
    expect(await approve('00', 'approver')).toEqual({ ok: false, reason: 'staleHash', current: reviewed });
    expect(await approve(reviewed, 'preparer')).toMatchObject({ ok: false, reason: 'ownWork' });
    expect(await approve(reviewed, 'seed')).toMatchObject({ ok: false, reason: 'ownWork' });
    // The goodwill is all that its account is billed: an invoice of less than nothing.
    expect(await approve(reviewed, 'approver')).toEqual({ ok: false, reason: 'blockingFindings', findings: 1 });
    const { items } = await listRunFindings(store.pool, runId, 'blocks', { limit: 10 });
    expect(items).toMatchObject([{ rule: 'documentNegative', computed: '-12.50', text: 'it comes to -12.50 SEK', signed: null }]);
    const findingIds = items.map((f) => f.findingId);
    await store.tx((db) => signFindings(db, { runId, findingIds, reason: 'agreed with the customer' }, { actor: 'signer' }));
    expect(await approve(reviewed, 'signer')).toMatchObject({ ok: false, reason: 'ownWork', what: `signature on finding ${findingIds[0]}` });
    expect(await approve(reviewed, 'approver')).toEqual({ ok: true });
    expect(await approve(reviewed, 'approver')).toMatchObject({ ok: false, reason: 'wrongState' });
    expect(await store.tx((db) => buildDocuments(db, runId))).toMatchObject({ contentHash: reviewed, approved: true });
    await store.tx((db) => advanceRun(db, runId, 'inReview'));
    expect(await rows('SELECT state FROM billing_run')).toEqual([{ state: 'approved' }]);
    await expect(store.pool.query('UPDATE document SET payable_minor = 1 WHERE run_id = $1', [runId])).rejects.toMatchObject({ code: 'WL001' });
    await expect(store.pool.query('DELETE FROM claim WHERE run_id = $1 AND document_id IS NOT NULL', [runId])).rejects.toMatchObject({ code: 'WL001' });
  });

  it('numbers on beyond six digits, as the card receipts of a year may', async () => {
    const ids: string[] = (await rows("SELECT id FROM document WHERE type = 'invoice' ORDER BY id LIMIT 2")).map((d) => d.id);
    const undone = new Error('undone');
    const stamped = store.tx(async (db) => {
      await db.query("INSERT INTO number_series (id, entity_id, document_type, year, prefix, next) VALUES ('ent_se/receipt/2020', 'ent_se', 'receipt', 2020, 'R-2020-', 999999)");
      await stampInvoices(
        db,
        'ent_se',
        ids.map((id) => ({ id, type: 'receipt', terms: 0, transfer: false })),
        '2020-01-06',
      );
      expect((await db.query('SELECT legal_number FROM issue_stamp ORDER BY number')).rows.map((s) => s.legal_number)).toEqual(['R-2020-999999', 'R-2020-1000000']);
      throw undone;
    });
    await expect(stamped).rejects.toBe(undone);
  });

  it('issues each document once with a gapless number, and the ledger and the energy balance hold', async () => {
    await store.tx((db) => advanceRun(db, runId, 'issuing'));
    const issue = () => store.tx((db) => issueDocuments(db, runId, '2020-01-06'));
    const first = await issue();
    expect(first.left).toBe(0);
    expect(await issue()).toEqual({ issued: 0, left: 0 });
    const numbers = await rows("SELECT number, legal_number, due_on FROM issue_stamp WHERE series_id = 'ent_se/invoice/2020' ORDER BY number");
    expect(numbers.map((n) => n.number)).toEqual(Array.from({ length: first.issued - 1 }, (_, i) => BigInt(i + 1)));
    // What came to less than nothing, and was signed for, is a credit note, with a series of its own.
    expect(await rows("SELECT s.legal_number, d.account_id, d.payable_minor FROM issue_stamp s JOIN document d ON d.id = s.document_id WHERE d.type = 'creditNote'")).toEqual([
      { legal_number: 'K-2020-000001', account_id: 'acc_fleet_taxi', payable_minor: -1250n },
    ]);
    expect(numbers[0]).toMatchObject({ legal_number: '2020-000001', due_on: '2020-02-05' });
    expect(await rows('SELECT unit FROM ledger_entry GROUP BY unit HAVING sum(amount) <> 0')).toEqual([]);
    // What the documents ask for is what customers owe.
    const [owed] = await rows("SELECT (SELECT sum(amount) FROM ledger_entry WHERE ledger_account = 'receivable')::bigint AS ledger, (SELECT sum(payable_minor) FROM document)::bigint AS documents");
    expect(owed.ledger).toBe(owed.documents);
    const balance = await energyBalance(store.pool);
    expect(balance.map((b) => [b.month, b.difference])).toEqual([
      ['2019-11', 0n],
      ['2019-12', 0n],
      ['2020-01', 0n],
    ]);
    expect(balance[1]).toMatchObject({ parked: 10_500n, held: 10_500n, open: 5000n });
    expect((balance[1]?.billed ?? 0n) > 0n && (balance[1]?.carried ?? 0n) > 0n).toBe(true);
  });

  it('hands over exactly once, through two failures and a time-out after the ERP had written', async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-erp-'));
    const real = filesErp(folder);
    const faults: ('before' | 'after')[] = ['before', 'before', 'after'];
    const posts: string[] = [];
    const faulty: ErpPort = {
      ...real,
      async post(document) {
        const fault = faults.shift();
        if (fault === 'before') throw new ErpUnavailable('connection refused');
        posts.push(document.key);
        const receipt = await real.post(document);
        if (fault === 'after') throw new ErpOutcomeUnknown('no answer in time');
        return receipt;
      },
    };
    await expect(handOver(store, faulty, 'erp_files')).rejects.toThrow('connection refused');
    await expect(handOver(store, faulty, 'erp_files')).rejects.toThrow('connection refused');
    await expect(handOver(store, faulty, 'erp_files')).rejects.toThrow('no answer in time');
    expect(await reconcile(store, async () => faulty, runId)).not.toEqual([]);
    await handOver(store, faulty, 'erp_files');
    expect(new Set(posts).size).toBe(posts.length);
    expect(await reconcile(store, async () => faulty, runId)).toEqual([]);
    expect(await rows('SELECT state, count(*) AS n FROM erp_posting GROUP BY state')).toEqual([{ state: 'verified', n: BigInt(posts.length) }]);
    rmSync(folder, { recursive: true });
  });
});
