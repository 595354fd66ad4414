import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { filesErp } from '../../src/adapters/erp/files.ts';
import { decideRecords } from '../../src/store/commands/decide-records.ts';
import { planRun } from '../../src/store/commands/plan-run.ts';
import { putSetUp } from '../../src/store/commands/put-set-up.ts';
import { releaseHeld } from '../../src/store/commands/release-held.ts';
import { addExclusion } from '../../src/store/commands/shape-run.ts';
import { stateControlTotals } from '../../src/store/commands/state-control-totals.ts';
import { moveCutOff, signCarry } from '../../src/store/commands/steer-run.ts';
import { type BillingCycleInput, inputsChangedSignal, runStateQuery, workflowNames } from '../../src/workflows/messages.ts';
import { type ApiUnderTest, startApi } from '../support/api.ts';
import { processAll, session, storeLines } from '../support/intake.ts';

const fleet = 'acc_fleet_taxi';
const by = { actor: 'preparer' };
let folder: string;
let api: ApiUnderTest;
const does = async (user: string, method: string, route: string, body?: unknown) => {
  const answer = await api.call(user, method, route, body);
  expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
  return answer.body;
};
const run = async (runId: string) => does('auditor', 'GET', `/v1/runs/${runId}`);
const soon = { timeout: 30_000, interval: 100 };
/** December collecting until tomorrow, by a run that first looks again after so long. */
async function collecting(lookEveryMs: number): Promise<{ readonly runId: string; readonly workflowId: string }> {
  const cutOffAt = new Date(Date.now() + 86_400_000);
  const { runId, workflowId } = await api.store.tx((db) => planRun(db, { entityId: 'ent_se', period: '2019-12', cutOffAt, by }));
  const input: BillingCycleInput = { runId, period: '2019-12', cutOffAtMs: cutOffAt.getTime(), lookEveryMs };
  await api.client.workflow.start(workflowNames.billingCycle, { taskQueue: api.taskQueue, workflowId, args: [input] });
  await expect.poll(async () => (await run(runId)).state, soon).toBe('collecting');
  return { runId, workflowId };
}
/** More than a history is to hold; by and by, so that a task of the workflow takes some hundred. */
async function tellMuch(handle: WorkflowHandle): Promise<void> {
  const { runId } = await handle.describe();
  while ((await handle.describe()).runId === runId) {
    await Promise.all(Array.from({ length: 200 }, () => handle.signal(inputsChangedSignal)));
    await handle.query(runStateQuery);
  }
}
/** December in review, by a run that first looks again after so long. */
async function review(lookEveryMs: number): Promise<string> {
  const { runId, workflowId } = await api.store.tx((db) => planRun(db, { entityId: 'ent_se', period: '2019-12', by }));
  const input: BillingCycleInput = { runId, period: '2019-12', cutOffAtMs: Date.now(), lookEveryMs };
  await api.client.workflow.start(workflowNames.billingCycle, { taskQueue: api.taskQueue, workflowId, args: [input] });
  await expect.poll(async () => (await run(runId)).state, soon).toBe('inReview');
  return runId;
}

// A fleet pays 2.234 net a kWh, so 22.34 for 10; a driver 2.65 by day, so 13.25 for 5.
beforeEach(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-erp-'));
  api = await startApi(async () => filesErp(folder));
  await api.store.tx((db) => putSetUp(db, 'accounts', { id: fleet, purchaseOrderRequired: true }, 'as agreed', by));
  await storeLines(api.store, [
    session(1, { user: 'AdA6-1', kWh: '10', start: '05.12.2019 10:00', end: '05.12.2019 12:00' }),
    session(2, { user: 'Bl2-1', kWh: '5', start: '05.12.2019 10:00', end: '05.12.2019 12:00' }),
    session(3, { user: 'NR1-3', kWh: '2', start: '05.12.2019 10:00', end: '05.12.2019 12:00' }),
  ]);
  await processAll(api.store);
});
afterEach(async () => {
  await api.stop();
  rmSync(folder, { recursive: true });
});

/** What a command leaves when it is killed between its commit and its word to the run. */
const killed = {
  async purchaseOrder() {
    const told = await api.store.tx(async (db) => {
      await putSetUp(db, 'accounts', { id: fleet, purchaseOrder: 'PO-12' }, 'by letter', by);
      return releaseHeld(db, fleet);
    });
    expect(told).toEqual(['run/ent_se/2019-12/live']);
  },
  exclusion: (runId: string) => api.store.tx((db) => addExclusion(db, runId, { scope: 'account', subjectId: 'acc_driver_16', outcome: 'carry', reason: 'disputed' }, by)),
};
const invoiced = async (runId: string) =>
  (await api.store.pool.query("SELECT account_id AS account, net_minor::int AS net FROM document WHERE run_id = $1 AND type = 'invoice' AND state = 'draft' ORDER BY 1", [runId])).rows.filter((d) =>
    [fleet, 'acc_driver_16'].includes(d.account),
  );

describe('a run whose word was lost', () => {
  it('builds what was touched when it looks by itself, once', async () => {
    const runId = await review(300);
    expect(await invoiced(runId)).toEqual([{ account: 'acc_driver_16', net: 1325 }]);
    await killed.purchaseOrder();
    await expect.poll(async () => (await run(runId)).held, soon).toEqual([]);
    await expect.poll(async () => (await run(runId)).contentHash, soon).not.toBeNull();
    expect(await invoiced(runId)).toEqual([
      { account: 'acc_driver_16', net: 1325 },
      { account: fleet, net: 2234 },
    ]);
    await killed.exclusion(runId);
    await expect.poll(() => invoiced(runId), soon).toEqual([{ account: fleet, net: 2234 }]);
    const builds = async () => (await api.store.pool.query('SELECT count(*)::int AS n FROM preview_build WHERE run_id = $1', [runId])).rows[0].n;
    expect(await builds()).toBe(3);
    // What a source says concerns no account, but the run.
    const findings = async () => (await does('auditor', 'GET', `/v1/runs/${runId}/findings`)).items.map((f: { rule: string }) => f.rule);
    expect(await findings()).not.toContain('controlTotalDiffers');
    await api.store.tx((db) => stateControlTotals(db, 'csms', [{ on: '2019-12-05', count: 4, energyWh: 18_000, origin: 'ops' }], by));
    await expect.poll(findings, soon).toContain('controlTotalDiffers');
    expect(await builds()).toBe(3);
  });

  it('builds it as soon as somebody approves what was there before, and refuses that', async () => {
    const runId = await review(3_600_000);
    const { contentHash } = await run(runId);
    await killed.purchaseOrder();
    expect(await run(runId)).toMatchObject({ contentHash: null, accounts: { pending: 1 } });
    expect(await api.call('approver', 'POST', `/v1/runs/${runId}/approval`, { contentHash, decision: 'approve', comment: 'looks well' })).toMatchObject({ status: 409, body: { code: 'staleHash' } });
    await expect.poll(async () => (await run(runId)).contentHash, soon).toMatch(/^[0-9a-f]{64}$/);
    expect((await run(runId)).contentHash).not.toBe(contentHash);
    expect(await run(runId)).toMatchObject({ held: [], accounts: { pending: 0 } });
  });

  it('closes its set at a cut-off that was moved, when it looks by itself', async () => {
    const { runId } = await collecting(300);
    await api.store.tx((db) => moveCutOff(db, runId, undefined, by));
    await expect.poll(async () => (await run(runId)).state, soon).toBe('inReview');
  });

  it('begins anew, held and with its cut-off, when many have told it something while it collects', { timeout: 120_000 }, async () => {
    const { runId, workflowId } = await collecting(3_600_000);
    await does('ops', 'POST', `/v1/runs/${runId}/pause`, { reason: 'waiting for the bank' });
    const later = new Date(Date.now() + 2 * 86_400_000).toISOString();
    await does('ops', 'POST', `/v1/runs/${runId}/cut-off`, { at: later });
    const first = (await api.client.workflow.getHandle(workflowId).describe()).runId;
    const handle = api.client.workflow.getHandle(workflowId);
    await tellMuch(handle);
    await expect.poll(async () => (await handle.describe()).runId !== first, soon).toBe(true);
    expect((await api.client.workflow.getHandle(workflowId, first).describe()).status.name).toBe('CONTINUED_AS_NEW');
    const { events } = await handle.fetchHistory();
    const input = Buffer.from(events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0]?.data ?? '').toString();
    expect(JSON.parse(input)).toMatchObject({ runId, cutOffAtMs: Date.parse(later) });
    await does('ops', 'POST', `/v1/runs/${runId}/cut-off`, {});
    await expect.poll(async () => (await run(runId)).setClosedAt, soon).not.toBeNull();
    expect(await run(runId)).toMatchObject({ state: 'collecting', paused: true });
    await does('ops', 'POST', `/v1/runs/${runId}/resume`, { reason: 'it is there' });
    await expect.poll(async () => (await run(runId)).state, soon).toBe('inReview');
  });

  it('closes when what it waits for was signed', async () => {
    await storeLines(api.store, [session(4, { user: 'nobody knows', kWh: '5', start: '05.12.2019 10:00', end: '05.12.2019 12:00' })]);
    await processAll(api.store);
    const runId = await review(300);
    const { contentHash } = await run(runId);
    await does('approver', 'POST', `/v1/runs/${runId}/approval`, { contentHash, decision: 'approve', comment: 'looks well' });
    await expect.poll(async () => (await run(runId)).problem, soon).toMatch(/^waits for a signed carry decision: /);
    expect((await api.store.tx((db) => signCarry(db, { runId, reason: 'asked for at its source', by }))).signed).toBeGreaterThan(0);
    await expect.poll(async () => (await run(runId)).state, soon).toBe('closed');
    expect((await run(runId)).problem).toBeNull();
  });
});

describe('a record on which somebody decided though its workflow never heard of it', () => {
  it.each(['RUNNING', 'TERMINATED'])('goes on at the next sweep; its workflow: %s', async (standing) => {
    await storeLines(api.store, [session(9, { kWh: '199', start: '07.12.2019 18:00', end: '07.12.2019 21:00' })]);
    await processAll(api.store);
    const head = async () => (await api.store.pool.query("SELECT record_id AS id, state, workflow_since FROM record_head WHERE cdr_id = '9'")).rows[0];
    const sweep = () => api.client.workflow.execute(workflowNames.intakeSweep, { taskQueue: api.taskQueue, workflowId: 'sweep/test', args: [{ olderThanMs: 0 }] });
    await sweep();
    const own = api.client.workflow.getHandle('cdr/csms/se*wlt*9');
    const looked = async () => (await own.fetchHistory().catch(() => ({ events: [] }))).events?.some((e) => e.upsertWorkflowSearchAttributesEventAttributes) ?? false;
    await expect.poll(looked, soon).toBe(true);
    expect(await head()).toMatchObject({ state: 'quarantined', workflow_since: expect.any(Date) });
    if (standing === 'TERMINATED') await own.terminate('ended by somebody');
    await api.store.tx(async (db) => decideRecords(db, { action: 'accept', reason: 'a bus, by its log', selection: { recordIds: [String((await head()).id)] } }, by));
    await sweep();
    await expect.poll(async () => (await head()).state, soon).toBe('booked');
    await expect.poll(async () => (await own.describe()).status.name, soon).toBe('COMPLETED');
  });
});
