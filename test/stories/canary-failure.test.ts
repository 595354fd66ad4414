import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filesErp } from '../../src/adapters/erp/files.ts';
import { type ErpPort, ErpRefused } from '../../src/adapters/erp/port.ts';
import { type ApiUnderTest, startApi } from '../support/api.ts';
import { processAll, session, storeLines } from '../support/intake.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-erp-'));
let api: ApiUnderTest;
let runId: string;
let refused = new Set<string>();
type Document = { readonly accountId: string; readonly state: string; readonly payable: string };

const call = (user: string, method: string, route: string, body?: unknown) => api.call(user, method, route, body);
const run = async () => (await call('auditor', 'GET', `/v1/runs/${runId}`)).body;
const reached = (state: string) => expect.poll(async () => (await run()).state, { timeout: 30_000, interval: 100 }).toBe(state);
const problem = () => expect.poll(async () => (await run()).problem, { timeout: 30_000, interval: 100 });
const documents = async () => (await call('auditor', 'GET', `/v1/runs/${runId}/documents`)).body.items as Document[];
const issued = async () => (await documents()).filter((d) => d.state === 'issued').map((d) => d.accountId);
const retry = () => call('ops', 'POST', `/v1/runs/${runId}/retry`, { reason: 'mended' });

beforeAll(async () => {
  const real = filesErp(folder);
  const erp: ErpPort = { ...real, post: (document) => (refused.has(document.accountId ?? '') ? Promise.reject(new ErpRefused('the customer is blocked')) : real.post(document)) };
  api = await startApi(async () => erp);
  await storeLines(
    api.store,
    ['Bl2-1', 'Bl2-2', 'NR1-3', 'AdA6-1', 'Share-2', 'AdO3-2'].flatMap((user, u) => [0, 1].map((i) => session(100 * u + i, { user, kWh: `${9 + u},${i}5` }))),
  );
  await processAll(api.store);
  const rules = { canary: { documents: 1, smallestGroup: 2, release: 'wait' } };
  await call('admin', 'PUT', '/v1/entities/ent_se/release-rules', { rules, reason: 'a new ERP' });
  runId = (await call('preparer', 'POST', '/v1/runs', { entityId: 'ent_se', period: '2019-12', cutOffAt: new Date().toISOString() })).body.runId;
});
afterAll(async () => {
  await api.stop();
  rmSync(folder, { recursive: true });
});

describe('a canary that fails', () => {
  it('stops the rest of its group: only the handful is issued, and the run says what the ERP refused', async () => {
    await reached('inReview');
    const before = await documents();
    // Whatever the ERP thinks of: the largest document of each strategy goes first.
    refused = new Set(before.map((d) => d.accountId));
    expect((await call('approver', 'POST', `/v1/runs/${runId}/approval`, { contentHash: (await run()).contentHash, decision: 'approve', comment: 'looked at it' })).status).toBe(200);
    await reached('canary');
    await problem().toMatch(/^canary: doc_\w+ was refused: the customer is blocked/);
    const first = await issued();
    expect(first.length).toBeGreaterThan(1);
    expect(first.length).toBeLessThan(before.length);
    expect((await run()).groups).toMatchObject([{ name: 'all', state: 'canary', canaryDocuments: first.length, problem: expect.stringContaining('the customer is blocked') }]);
    expect((await call('ops', 'POST', `/v1/runs/${runId}/cancel`, { reason: 'too late' })).body).toMatchObject({ status: 409, code: 'wrongState' });
    expect((await call('preparer', 'POST', `/v1/runs/${runId}/exclusions`, { scope: 'account', subjectId: 'acc_driver_17', outcome: 'carry', reason: 'disputed' })).body).toMatchObject({
      status: 409,
    });
    expect((await call('preparer', 'POST', `/v1/runs/${runId}/release`, { reason: 'not mine' })).status).toBe(403);
    const handle = api.client.workflow.getHandle((await run()).workflowId);
    expect((await handle.describe()).searchAttributes['WlException']?.[0]).toMatch(/^canary: /);
    // Trying again while nothing is mended stops it at the same place.
    expect((await retry()).body).toEqual({ requeued: first.length });
    await expect.poll(async () => (await run()).postings, { timeout: 20_000 }).toEqual({ refused: first.length });
    expect(await issued()).toEqual(first);
  });

  it('goes on once it is mended and released; its documents stay issued and keep their numbers', async () => {
    await problem().toMatch(/^canary: /);
    const numbers = async () => (await api.store.pool.query('SELECT document_id, legal_number FROM issue_stamp ORDER BY 1')).rows;
    const before = await numbers();
    refused = new Set();
    await retry();
    await problem().toMatch(/the canary of \d+ documents holds: waits for release/);
    expect(await numbers()).toEqual(before);
    expect((await call('ops', 'POST', `/v1/runs/${runId}/release`, { group: 'none', reason: 'it holds' })).body).toMatchObject({ status: 409, code: 'wrongState' });
    expect((await call('ops', 'POST', `/v1/runs/${runId}/release`, { reason: 'it holds' })).body).toEqual({ groups: ['all'] });
    await reached('closed');
    expect(await numbers()).toEqual(expect.arrayContaining(before));
    expect(await numbers()).toHaveLength((await documents()).length);
    const report = (await call('auditor', 'GET', `/v1/runs/${runId}/report`)).body;
    expect(report.erp).toMatchObject({ open: 0 });
    expect(report.energyBalance.every((b: { difference: string }) => b.difference === '0')).toBe(true);
    expect((await api.store.pool.query("SELECT actor, reason FROM audit_event WHERE action = 'run.release'")).rows).toEqual([{ actor: 'ops', reason: 'it holds' }]);
  });
});
