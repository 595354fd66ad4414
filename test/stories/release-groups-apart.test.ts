import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filesErp } from '../../src/adapters/erp/files.ts';
import { type ErpPort, ErpRefused } from '../../src/adapters/erp/port.ts';
import { type ApiUnderTest, startApi } from '../support/api.ts';
import { signIn, textOf } from '../support/console.ts';
import { processAll, session, storeLines } from '../support/intake.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-erp-'));
let api: ApiUnderTest;
let runId: string;
let refuse: string | undefined = 'acc_fleet_taxi';
type Group = { readonly name: string; readonly state: string; readonly contentHash: string | null; readonly problem: string | null; readonly waitsForSecond: boolean };

const call = (user: string, method: string, route: string, body?: unknown) => api.call(user, method, route, body);
const run = async () => (await call('auditor', 'GET', `/v1/runs/${runId}`)).body;
const group = async (name: string) => ((await run()).groups as Group[]).find((g) => g.name === name);
const reached = (state: string) => expect.poll(async () => (await run()).state, { timeout: 30_000, interval: 100 }).toBe(state);
const groupReached = (name: string, state: string) => expect.poll(async () => (await group(name))?.state, { timeout: 30_000, interval: 100 }).toBe(state);
const hashOf = async (name: string) => {
  await expect.poll(async () => (await group(name))?.contentHash ?? null, { timeout: 20_000, interval: 50 }).not.toBeNull();
  return (await group(name))?.contentHash as string;
};
const approve = async (user: string, name: string, contentHash?: string) =>
  call(user, 'POST', `/v1/runs/${runId}/approval`, { contentHash: contentHash ?? (await hashOf(name)), group: name, decision: 'approve', comment: 'looked at it' });
const numbersOf = async (name: string) =>
  (await api.store.pool.query('SELECT s.legal_number FROM issue_stamp s JOIN document d ON d.id = s.document_id WHERE d.run_id = $1 AND d.group_name = $2 ORDER BY 1', [runId, name])).rows.length;

beforeAll(async () => {
  const real = filesErp(folder);
  const erp: ErpPort = { ...real, post: (document) => (document.accountId === refuse ? Promise.reject(new ErpRefused('the customer is blocked')) : real.post(document)) };
  api = await startApi(async () => erp);
  await api.store.pool.query("UPDATE account SET release_group = 'fleets' WHERE category = 'fleet'");
  await storeLines(
    api.store,
    ['Bl2-1', 'Bl2-2', 'NR1-3', 'AdA6-1', 'Share-2'].flatMap((user, u) => [0, 1].map((i) => session(100 * u + i, { user, kWh: `${9 + u},${i}5` }))),
  );
  await processAll(api.store);
  const planned = await call('preparer', 'POST', '/v1/runs', { entityId: 'ent_se', period: '2019-12', cutOffAt: new Date().toISOString() });
  runId = planned.body.runId;
});
afterAll(async () => {
  await api.stop();
  rmSync(folder, { recursive: true });
});

describe('release groups of one run', () => {
  it('go apart: fleets are issued and handed over while the rest is still in review and changes', async () => {
    await reached('inReview');
    const rules = { secondApprover: [{ category: 'fleet', groupAbove: 1 }] };
    expect((await call('admin', 'PUT', '/v1/entities/ent_se/release-rules', { rules, reason: 'fleets are looked at twice' })).body).toEqual({ version: 1 });
    expect((await call('auditor', 'GET', '/v1/entities/ent_se/release-rules')).body).toMatchObject({ version: 1, rules: { ...rules, canary: { documents: 2, release: 'auto' } } });
    const all = await hashOf('all');
    expect((await approve('approver', 'fleets', all)).body).toMatchObject({ status: 409, code: 'staleHash', currentContentHash: await hashOf('fleets') });
    expect((await approve('approver', 'none', all)).body).toMatchObject({ status: 409, code: 'wrongState' });
    expect((await approve('approver', 'fleets')).body).toMatchObject({ waitsForSecond: ['fleets'] });
    expect(await group('fleets')).toMatchObject({ state: 'inReview', waitsForSecond: true });
    expect((await approve('approver', 'fleets')).body).toMatchObject({ status: 403, code: 'ownWork', detail: expect.stringContaining('first approval') });
    expect((await approve('both', 'fleets')).body).toMatchObject({ waitsForSecond: [] });
    await groupReached('fleets', 'handingOver');
    expect(await run()).toMatchObject({ state: 'inReview' });
    await expect.poll(async () => (await group('fleets'))?.problem, { timeout: 20_000 }).toMatch(/the customer is blocked/);
    expect((await run()).problem).toMatch(/^fleets: .*the customer is blocked/);
    expect([await numbersOf('fleets'), await numbersOf('all')]).toEqual([2, 0]);
    expect(await hashOf('all')).toBe(all);
  });

  it('are shaped and moved while they are in review only', async () => {
    const adjustment = { amount: '-1.00', vatCode: 'SE25', glAccount: '3740', costCenter: '100', description: 'Goodwill', reason: 'cable broken' };
    const refused = await call('preparer', 'POST', `/v1/runs/${runId}/adjustments`, { ...adjustment, accountId: 'acc_fleet_taxi' });
    expect(refused.body).toMatchObject({ status: 409, code: 'wrongState', detail: expect.stringContaining('group fleets, to which acc_fleet_taxi belongs, is handingOver') });
    const before = await hashOf('all');
    expect((await call('preparer', 'POST', `/v1/runs/${runId}/adjustments`, { ...adjustment, accountId: 'acc_driver_17' })).status).toBe(201);
    await expect.poll(async () => (await group('all'))?.contentHash ?? before, { timeout: 20_000 }).not.toBe(before);
    const stale = (await approve('approver', 'all', before)).body;
    expect(stale).toMatchObject({ status: 409, code: 'staleHash', changes: { accounts: 1, items: [{ accountId: 'acc_driver_17', currency: 'SEK' }] } });
    expect(Number(stale.changes.items[0].before) - Number(stale.changes.items[0].after)).toBeCloseTo(1);
    expect((await call('preparer', 'POST', `/v1/runs/${runId}/groups`, { accountIds: ['acc_emsp_aurora'], group: 'held', reason: 'a hub statement is missing' })).body).toEqual({ moved: 1 });
    await expect.poll(async () => ((await run()).groups as Group[]).map((g) => g.name), { timeout: 20_000 }).toEqual(['all', 'fleets', 'held']);
    await hashOf('held');
  });

  it('hold nobody else: one eMSP stays in review while all others are handed over', async () => {
    const console = await signIn(api, 'approver');
    const form = await console.get(`/runs/${runId}/approve`);
    expect(textOf(form.body)).toMatch(/Release group .*all that are in review all: \d+ documents held: 1 document/);
    const approved = await console.order(`/runs/${runId}/approve`, { contentHash: (await run()).contentHash, group: `${await hashOf('all')} all`, comment: 'looked at it' });
    expect([approved.status, approved.headers.get('location')]).toEqual([303, `/runs/${runId}`]);
    expect(textOf((await console.get(`/runs/${runId}`)).body)).toMatch(/Release group held in review, 1 documents/);
    await groupReached('all', 'reconciled');
    // Sent again, it is refused, and the form keeps the group that was chosen: not all that are in review, which the approver did not choose.
    const again = await console.order(`/runs/${runId}/approve`, { contentHash: (await run()).contentHash, group: `${(await group('all'))?.contentHash} all`, comment: 'looked at it' });
    expect([again.status, textOf(again.body)]).toEqual([409, expect.stringContaining('group all is reconciled')]);
    expect(again.body).toContain(`<option value="${(await group('all'))?.contentHash} all" selected="">`);
    expect(await group('held')).toMatchObject({ state: 'inReview' });
    expect(await run()).toMatchObject({ state: 'inReview' });
    expect((await call('ops', 'POST', `/v1/runs/${runId}/cancel`, { reason: 'too late' })).body).toMatchObject({ status: 409, code: 'wrongState' });
    refuse = undefined;
    expect((await call('ops', 'POST', `/v1/runs/${runId}/retry`)).body).toEqual({ requeued: 1 });
    await groupReached('fleets', 'reconciled');
  });

  it('can be reopened while the run is paused, and the run closes when the last is reconciled', async () => {
    expect((await call('approver', 'POST', `/v1/runs/${runId}/reopen`, { reason: 'nothing approved' })).body).toMatchObject({ status: 409, code: 'wrongState' });
    await call('ops', 'POST', `/v1/runs/${runId}/pause`, { reason: 'the ERP is moved' });
    expect((await approve('approver', 'held')).status).toBe(200);
    await groupReached('held', 'approved');
    await expect
      .poll(async () => (await call('approver', 'POST', `/v1/runs/${runId}/reopen`, { group: 'held', reason: 'the statement came' })).body, { timeout: 10_000 })
      .toEqual({ groups: ['held'] });
    expect(await group('held')).toMatchObject({ state: 'inReview' });
    await expect.poll(async () => (await approve('approver', 'held')).status, { timeout: 10_000 }).toBe(200);
    await call('ops', 'POST', `/v1/runs/${runId}/resume`, { reason: 'it is moved' });
    await reached('closed');
    const report = (await call('auditor', 'GET', `/v1/runs/${runId}/report`)).body;
    expect(report.approvals.map((a: { group: string; actor: string }) => `${a.group} ${a.actor}`)).toEqual(['fleets approver', 'fleets both', 'all approver', 'held approver', 'held approver']);
    expect(report.erp).toMatchObject({ open: 0 });
    expect(report.energyBalance.every((b: { difference: string }) => b.difference === '0')).toBe(true);
    expect(report.ledger.every((l: { rest: string }) => l.rest === '0')).toBe(true);
  });
});
