import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { filesErp } from '../../src/adapters/erp/files.ts';
import { parserFor } from '../../src/adapters/sources/registry.ts';
import { createWorker } from '../../src/stack/temporal-worker.ts';
import { addAdjustment } from '../../src/store/commands/adjust-run.ts';
import { importFile } from '../../src/store/commands/import-file.ts';
import { planRun } from '../../src/store/commands/plan-run.ts';
import { signCarry } from '../../src/store/commands/steer-run.ts';
import type { Store } from '../../src/store/db.ts';
import { energyBalance } from '../../src/store/reads/energy-balance.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
import { arrivedSignal, cutOffSignal, decideUpdate, inputsChangedSignal, runStateQuery, workflowNames } from '../../src/workflows/messages.ts';
import { session, storeLines } from '../support/intake.ts';
import { testSecretBox } from '../support/secret-box.ts';
import { seeded } from '../support/seeded.ts';

const taskQueue = 'end-to-end-month';
const erpFolder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-erp-'));
let store: Store;
let drop: () => Promise<void>;
let connection: Connection;
let client: Client;
let stopWorker: () => Promise<void>;
const rows = async (sql: string) => (await store.pool.query(sql)).rows;

beforeAll(async () => {
  ({ store, drop } = await seeded());
  connection = await Connection.connect({ address: inject('temporalAddress') });
  client = new Client({ connection });
  const { worker, close } = await createWorker({
    address: inject('temporalAddress'),
    namespace: 'default',
    taskQueue,
    store,
    erpFor: async () => filesErp(erpFolder),
    makePartitions: async () => 0,
    secretBox: testSecretBox(),
  });
  const running = worker.run();
  stopWorker = async () => {
    worker.shutdown();
    await running;
    await close();
  };
});
afterAll(async () => {
  await stopWorker();
  await connection.close();
  await drop();
  rmSync(erpFolder, { recursive: true, force: true });
});

describe('a month of real sessions through Temporal', () => {
  it('is imported once, to the Wh: booked, parked and quarantined sum to the file, and the ledger to zero', async () => {
    const bytes = readFileSync(new URL('../../data/trondheim/sessions.csv', import.meta.url));
    const stored = await store.tx((db) => importFile(db, { sourceId: 'csms', fileName: 'sessions.csv', bytes, by: { actor: 'test' }, receivedAt: new Date() }, parserFor));
    if (!stored.ok) throw new Error('the file is accepted');
    const totals = await client.workflow.execute(workflowNames.importBatch, { taskQueue, workflowId: `import/csms/${stored.batchId}`, args: [{ sourceId: 'csms', batchId: stored.batchId }] });
    expect(totals).toMatchObject({ processed: 5624, duplicates: 0, conflicts: 0 });
    const states = await rows('SELECT state, count(*) AS n, sum(energy_wh)::bigint AS wh FROM record_head GROUP BY state ORDER BY state');
    expect(states.reduce((sum, r) => sum + r.n, 0n)).toBe(5624n);
    // The file's own sum, added independently: 71,940.22 kWh, all sessions, whatever their state.
    expect(states.reduce((sum, r) => sum + r.wh, 0n)).toBe(fileWh(bytes.toString('utf8')));
    const [bearing] = await rows("SELECT sum(energy_wh)::bigint AS wh FROM rated_charge WHERE role <> 'siteShareEstimate'");
    expect(bearing.wh).toBe(states.find((r) => r.state === 'booked').wh);
    expect(await rows('SELECT unit FROM ledger_entry GROUP BY unit HAVING sum(amount) <> 0')).toEqual([]);

    const again = await store.tx((db) => importFile(db, { sourceId: 'csms', fileName: 'copy.csv', bytes, by: { actor: 'test' }, receivedAt: new Date() }, parserFor));
    expect(again).toEqual({ ok: true, duplicate: true, batchId: stored.batchId, lineCount: 5624 });
  });

  it('keeps a record waiting in its own workflow until its token is mapped', async () => {
    const waitingId = 'cdr/csms/se*wlt*9001';
    await storeLines(store, [session(9001, { user: 'Unmapped-1' })]);
    const handle = await client.workflow.signalWithStart(workflowNames.cdrLifecycle, {
      taskQueue,
      workflowId: waitingId,
      args: [{ sourceId: 'csms', recordKey: 'se*wlt*9001' }],
      signal: arrivedSignal,
    });
    await expect.poll(async () => (await rows("SELECT state FROM record_head WHERE cdr_id = '9001'"))[0]?.state, { timeout: 20_000 }).toBe('quarantined');
    await store.pool.query("INSERT INTO mapping (source_id, kind, external_key, internal_id, author) VALUES ('csms', 'token', 'Unmapped-1', 'acc_fleet_taxi', 'test')");
    await handle.signal(arrivedSignal);
    expect(await handle.result()).toEqual({ state: 'booked' });
  });

  it('finishes a stored message whose workflow never started', async () => {
    await storeLines(store, [session(9002)]);
    const totals = await client.workflow.execute(workflowNames.intakeSweep, { taskQueue, workflowId: 'sweep/test', args: [{ olderThanMs: 0 }] });
    expect(totals).toMatchObject({ processed: 1, accepted: 1 });
    expect((await rows("SELECT state FROM record_head WHERE cdr_id = '9002'"))[0].state).toBe('booked');
  });

  it('bills December: waits, previews, is approved by a second person, issues, hands over, reconciles and closes', async () => {
    const plan = await store.tx((db) => planRun(db, { entityId: 'ent_se', period: '2019-12', by: { actor: 'preparer' }, cutOffAt: new Date(Date.now() + 3_600_000) }));
    const handle = await client.workflow.start(workflowNames.billingCycle, {
      taskQueue,
      workflowId: plan.workflowId,
      args: [{ runId: plan.runId, period: '2019-12', cutOffAtMs: plan.cutOffAt.getTime() }],
    });
    const reached = (state: string) => expect.poll(async () => (await handle.query(runStateQuery)).state, { timeout: 30_000, interval: 100 }).toBe(state);
    await reached('collecting');
    await handle.signal(cutOffSignal, {});
    await reached('inReview');
    const seen = (await handle.query(runStateQuery)).contentHash;
    // What ops read in the Temporal UI.
    const { currentDetails } = (await handle.query('__temporal_workflow_metadata')) as { currentDetails: string };
    expect(currentDetails).toMatch(/\*\*inReview\*\* · 2019-12[\s\S]*\d+ charges in the closed set, \d+ documents[\s\S]*Waits for finance to approve/);
    expect((await handle.describe()).typedSearchAttributes.getAll().map((a) => a.key.name)).toEqual(expect.arrayContaining(['WlKind', 'WlState', 'WlPeriod', 'WlCdrCount', 'WlClosesAt']));

    const goodwill = { accountId: 'acc_fleet_taxi', amountMinor: -5000n, vatCode: 'SE25', glAccount: '3740', costCenter: '100', description: 'Goodwill', reason: 'charger out of order' };
    await store.tx((db) => addAdjustment(db, plan.runId, goodwill, { actor: 'preparer' }));
    await handle.signal(inputsChangedSignal);
    await expect.poll(async () => (await handle.query(runStateQuery)).contentHash, { timeout: 20_000 }).not.toBe(seen);
    const contentHash = (await handle.query(runStateQuery)).contentHash ?? '';
    const approve = (actor: string, hash: string) =>
      handle.executeUpdate(decideUpdate, { args: [{ approvalId: randomUUID(), decision: 'approve', contentHash: hash, actor, comment: 'checked' }] }).then(
        () => 'approved',
        (error: { cause: { type: string } }) => error.cause.type,
      );
    expect(await approve('approver', seen ?? '')).toBe('staleHash');
    expect(await approve('preparer', contentHash)).toBe('ownWork');
    expect(await approve('approver', contentHash)).toBe('approved');

    await expect.poll(async () => (await handle.query(runStateQuery)).problem, { timeout: 40_000 }).toMatch(/signed carry decision/);
    await store.tx((db) => signCarry(db, { runId: plan.runId, by: { actor: 'approver' }, reason: 'registration in Norway is under way; broken exports are being asked for' }));
    await handle.signal(inputsChangedSignal);
    const { issued } = (await handle.result()) as { issued: number };
    expect(issued).toBeGreaterThan(20);

    const balance = await energyBalance(store.pool);
    expect(balance.filter((b) => b.difference !== 0n)).toEqual([]);
    expect(balance.find((b) => b.month === '2019-12')).toMatchObject({ open: 0n, excluded: 0n });
    expect((await rows(`SELECT state, encode(content_hash, 'hex') AS hash FROM billing_run`))[0]).toEqual({ state: 'closed', hash: contentHash });
    expect(await rows('SELECT unit FROM ledger_entry GROUP BY unit HAVING sum(amount) <> 0')).toEqual([]);
    expect(await rows('SELECT DISTINCT state FROM erp_posting')).toEqual([{ state: 'verified' }]);
  });

  it('is put into blocks by the sealer, and every hash, document, balance and number of it verifies', async () => {
    const [{ n: sealed }] = await rows('SELECT count(*)::integer AS n FROM charge_record');
    const { records } = (await client.workflow.execute(workflowNames.blockSealer, { taskQueue, workflowId: `sealer/${randomUUID()}`, args: [{ forMs: 0 }] })) as { records: number };
    expect(records).toBe(sealed);
    const { sections } = await verifyAll(store);
    expect(sections.filter((section) => section.problem !== null)).toEqual([]);
    expect(sections.find((section) => section.name === 'block membership')).toMatchObject({ checked: sealed, counts: {} });
  });
});

/** Decimal-comma kWh of the tenth column, summed as whole hundredths. */
function fileWh(text: string): bigint {
  return text
    .trim()
    .split('\n')
    .slice(1)
    .reduce((sum, line) => {
      const [whole = '0', fraction = ''] = (line.split(';')[9] ?? '').split(',');
      return sum + BigInt(whole) * 1000n + BigInt(fraction.padEnd(3, '0'));
    }, 0n);
}
