import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { filesErp } from '../../src/adapters/erp/files.ts';
import { type ApiUnderTest, startApi } from '../support/api.ts';
import { processAll, session, storeLines } from '../support/intake.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-erp-'));
let api: ApiUnderTest;

beforeAll(async () => {
  api = await startApi(async () => filesErp(folder));
  await storeLines(api.store, [session(1), session(2, { user: 'NR1-3' })]);
  await processAll(api.store);
});
afterAll(async () => {
  await api.stop();
  rmSync(folder, { recursive: true });
});

it('a run that waits too long for its approval says so, again and again, until somebody decides', async () => {
  // A second after it is in review, and again every third of one.
  const rules = { reminders: { afterHours: 1 / 3600, everyHours: 1 / 10_800 } };
  expect((await api.call('admin', 'PUT', '/v1/entities/ent_se/release-rules', { rules, reason: 'finance is quick' })).status).toBe(200);
  const { runId, workflowId } = (await api.call('preparer', 'POST', '/v1/runs', { entityId: 'ent_se', period: '2019-12', cutOffAt: new Date().toISOString() })).body;
  const run = async () => (await api.call('auditor', 'GET', `/v1/runs/${runId}`)).body;
  const reminders = async () => (await api.store.pool.query("SELECT actor, after FROM audit_event WHERE subject = $1 AND action = 'run.reminder' ORDER BY id", [runId])).rows;
  await expect.poll(async () => (await run()).problem, { timeout: 20_000, interval: 50 }).toBe('has waited 0 days for approval');
  await expect.poll(async () => (await reminders()).length, { timeout: 20_000 }).toBeGreaterThan(1);
  expect((await reminders())[0]).toEqual({ actor: 'billing-cycle', after: { waitsFor: 'approval', groups: ['all'], days: 0 } });
  expect((await api.client.workflow.getHandle(workflowId).describe()).searchAttributes['WlException']).toEqual(['has waited 0 days for approval']);
  expect((await api.call('approver', 'POST', `/v1/runs/${runId}/approval`, { contentHash: (await run()).contentHash, decision: 'approve', comment: 'at last' })).status).toBe(200);
  await expect.poll(async () => (await run()).state, { timeout: 30_000 }).toBe('closed');
  const told = (await reminders()).length;
  expect((await run()).problem).toBeNull();
  expect((await reminders()).length).toBe(told);
});
