import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filesErp } from '../../src/adapters/erp/files.ts';
import { planRun } from '../../src/store/commands/plan-run.ts';
import { type BillingCycleInput, workflowNames } from '../../src/workflows/messages.ts';
import { type ApiUnderTest, startApi } from '../support/api.ts';
import { processAll, session, storeLines } from '../support/intake.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-erp-'));
let api: ApiUnderTest;
let runId: string;
const does = async (user: string, method: string, route: string, body?: unknown) => {
  const answer = await api.call(user, method, route, body);
  expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
  return answer.body;
};
const run = async (id = runId) => does('auditor', 'GET', `/v1/runs/${id}`);
const reached = (state: string, id = runId) => expect.poll(async () => (await run(id)).state, { timeout: 60_000, interval: 100 }).toBe(state);
const rows = async (sql: string, params: unknown[] = []) => (await api.store.pool.query(sql, params)).rows;
const historyOf = async (id: string) => (await api.client.workflow.getHandle((await run(id)).workflowId).fetchHistory()).events?.length ?? 0;
const arrive = async (...lines: string[]) => {
  await storeLines(api.store, lines);
  await processAll(api.store);
};
const complete = (sourceId: string) => does('ops', 'PUT', `/v1/sources/${sourceId}/watermark`, { completeUntil: '2020-01-01T00:00:00Z' });

beforeAll(async () => {
  api = await startApi(async () => filesErp(folder));
  await arrive(session(1), session(2, { user: 'Bl2-2', kWh: '7,25' }));
});
afterAll(async () => {
  await api.stop();
  rmSync(folder, { recursive: true });
});

describe('a run whose cut-off is automatic', () => {
  it('collects while a source is not complete, and says what is missing to whoever looks', async () => {
    const planned = await does('preparer', 'POST', '/v1/runs', { entityId: 'ent_se', period: '2019-12', cutOffAt: new Date(Date.now() + 86_400_000).toISOString(), cutOff: 'automatic' });
    runId = planned.runId;
    await reached('collecting');
    await does('ops', 'POST', '/v1/sources/csms/expectations', { key: '3', openedAt: '2019-12-28T10:00:00Z', siteKey: 'Bl2', estimatedWh: 5000 });
    // Two CDRs with 10.5 + 7.25 kWh came of the 5th; the source says three of 22.75.
    await does('ops', 'POST', '/v1/sources/csms/control-totals', { on: '2019-12-05', count: 3, energyWh: 22_750 });
    await complete('csms');
    const found = await does('auditor', 'GET', `/v1/runs/${runId}/collecting`);
    expect(found).toMatchObject({
      cutOff: 'automatic',
      complete: false,
      sources: [
        { sourceId: 'csms', completeUntil: '2020-01-01T00:00:00.000Z', expectations: { open: 1, energyWh: '5000' }, controlTotals: { days: 1, differs: 1 } },
        { sourceId: 'ocpi-peer', completeUntil: null, proposedCutOffAt: null, waitsFor: ['it never said until when it is complete'] },
      ],
    });
    await expect
      .poll(async () => (await api.client.workflow.getHandle((await run()).workflowId).query('__temporal_workflow_metadata')) as { currentDetails?: string }, { timeout: 20_000 })
      .toMatchObject({ currentDetails: expect.stringContaining('Residential CSMS export: 1 expected CDRs have not come') });
  });
  it('closes its set by itself once each is: the last watermark wakes it, long before the cut-off', async () => {
    await complete('ocpi-peer');
    await arrive(session(3, { user: 'Bl2-2', kWh: '5', start: '28.12.2019 11:00', end: '28.12.2019 12:00' }));
    expect((await run()).setClosedAt).toBeNull();
    // Two came of the 5th after all: the corrected total wakes it, and what is expected has come.
    await does('ops', 'POST', '/v1/sources/csms/control-totals', [
      { on: '2019-12-05', count: 2, energyWh: 17_750 },
      { on: '2019-12-28', count: 1, energyWh: 5_000 },
    ]);
    await reached('inReview');
    const { cutOffAt } = await run();
    expect(Date.parse(cutOffAt)).toBeLessThan(Date.now());
    expect(await rows("SELECT actor, reason FROM audit_event WHERE subject = $1 AND action = 'run.cutOff'", [runId])).toEqual([{ actor: 'billing-cycle', reason: 'every source is complete' }]);
    expect(await rows("SELECT resolution, resolved_actor FROM expectation WHERE key = '3'")).toEqual([{ resolution: 'matched', resolved_actor: 'intake' }]);
    // 10.5 + 7.25 + 5 kWh
    expect(await rows('SELECT sum(c.energy_wh)::int AS wh FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id WHERE k.run_id = $1', [runId])).toEqual([{ wh: 22_750 }]);
    // All was known to be there: nothing to sign.
    expect((await does('auditor', 'GET', `/v1/runs/${runId}/findings`)).items).toEqual([]);
    expect(await historyOf(runId)).toBeLessThan(150);
  });
  it('closes at its cut-off at the latest, and says what was missing as a finding', async () => {
    await does('ops', 'POST', `/v1/runs/${runId}/cancel`, { reason: 'once more' });
    await does('ops', 'POST', '/v1/sources/csms/expectations', { key: 'lost', openedAt: '2019-12-29T10:00:00Z' });
    const again = await does('preparer', 'POST', '/v1/runs', { entityId: 'ent_se', period: '2019-12', cutOffAt: new Date(Date.now() + 2_000).toISOString(), cutOff: 'automatic' });
    await reached('inReview', again.runId);
    await expect
      .poll(async () => (await does('auditor', 'GET', `/v1/runs/${again.runId}/findings`)).items, { timeout: 20_000 })
      .toMatchObject([{ rule: 'expectationOpen', severity: 'warns', subject: 'source csms' }]);
    await does('ops', 'POST', `/v1/runs/${again.runId}/cancel`, { reason: 'once more' });
  });
  it('finds by itself, without being told, that what was missing has come', async () => {
    const { runId: id, workflowId } = await api.store.tx((db) =>
      planRun(db, { entityId: 'ent_se', period: '2019-12', cutOffAt: new Date(Date.now() + 86_400_000), cutOff: 'automatic', by: { actor: 'preparer' } }),
    );
    const input: BillingCycleInput = { runId: id, period: '2019-12', cutOffAtMs: Date.now() + 86_400_000, lookEveryMs: 200 };
    await api.client.workflow.start(workflowNames.billingCycle, { workflowId, taskQueue: api.client.options.namespace, args: [input] });
    await reached('collecting', id);
    await arrive(session(4, { user: 'Bl2-2', kWh: '2', start: '29.12.2019 11:00', end: '29.12.2019 12:00' }));
    await api.store.pool.query("UPDATE session_span SET session_id = 'lost' WHERE cdr_key = 'se*wlt*4'");
    await does('ops', 'POST', '/v1/sources/csms/control-totals', { on: '2019-12-29', count: 1, energyWh: 2_000 });
    await reached('inReview', id);
    await does('ops', 'POST', `/v1/runs/${id}/cancel`, { reason: 'once more' });
  });
  it('that is planned after the cut-off, as after a time without the stack, closes its set at once', async () => {
    const late = await does('preparer', 'POST', '/v1/runs', { entityId: 'ent_se', period: '2019-12', cutOff: 'automatic' });
    expect(Date.parse(late.cutOffAt)).toBe(Date.parse('2020-01-05T23:00:00Z'));
    await reached('inReview', late.runId);
  });
});
