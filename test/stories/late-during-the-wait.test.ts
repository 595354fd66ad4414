import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filesErp } from '../../src/adapters/erp/files.ts';
import type { RunReport } from '../../src/store/reads/run-report.ts';
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
const run = async () => does('auditor', 'GET', `/v1/runs/${runId}`);
const reached = (state: string) => expect.poll(async () => (await run()).state, { timeout: 60_000, interval: 100 }).toBe(state);
const arrive = async (...lines: string[]) => {
  await storeLines(api.store, lines);
  await processAll(api.store);
};
const csms = async () => (await does('auditor', 'GET', `/v1/runs/${runId}/collecting`)).sources.find((s: { sourceId: string }) => s.sourceId === 'csms');
const findings = async () => (await does('auditor', 'GET', `/v1/runs/${runId}/findings`)).items;

beforeAll(async () => {
  api = await startApi(async () => filesErp(folder));
  await arrive(session(1), session(2, { user: 'Bl2-2', kWh: '7,25' }));
});
afterAll(async () => {
  await api.stop();
  rmSync(folder, { recursive: true });
});

describe('CDRs that come late, during the wait', () => {
  it('are known to be missing before they come, and are taken in as they do', async () => {
    ({ runId } = await does('preparer', 'POST', '/v1/runs', { entityId: 'ent_se', period: '2019-12', cutOffAt: new Date(Date.now() + 3_600_000).toISOString() }));
    await reached('collecting');
    const opened = await does('ops', 'POST', '/v1/sources/csms/expectations', [
      { key: '3', openedAt: '2019-12-20T10:00:00Z', siteKey: 'Bl2', token: 'AdA6-1', estimatedWh: 20_000, amount: '60', currency: 'SEK' },
      { key: '4', openedAt: '2019-12-21T10:00:00Z', siteKey: 'Bl2', estimatedWh: 4_000, amount: '12', currency: 'SEK' },
      { key: '5', openedAt: 'yesterday' },
    ]);
    expect(opened).toMatchObject({
      items: [
        { key: '3', status: 'opened' },
        { key: '4', status: 'opened' },
      ],
      refused: [{ line: 3, errors: [expect.stringContaining('openedAt')] }],
    });
    expect(await csms()).toMatchObject({ expectations: { open: 2, energyWh: '24000', atRisk: [{ currency: 'SEK', amount: '72.00' }] }, complete: false });
    await arrive(session(3, { user: 'AdA6-1', kWh: '20', start: '20.12.2019 11:00', end: '20.12.2019 13:00' }));
    // The sweep of arrivals resolves what has come; here it is told of the same one again.
    await does('ops', 'POST', '/v1/sources/csms/expectations', { key: '3', openedAt: '2019-12-20T10:00:00Z' });
    await expect.poll(async () => (await csms()).expectations.open, { timeout: 20_000 }).toBe(1);
  });
  it('at the cut-off leave what is still missing as a finding, and a total that differs blocks approval', async () => {
    // The source counts session 4 as well: 1 CDR with 4 kWh that did not come.
    const csv = 'on;count;energyWh\n2019-12-05;2;17750\n2019-12-20;1;20000\n2019-12-21;1;4000\n2019-12-22;one;0\n';
    const stated = await api.call('ops', 'POST', '/v1/sources/csms/control-totals', csv, { 'content-type': 'text/csv' });
    expect(stated.body).toMatchObject({ items: [{ status: 'stated' }, { status: 'stated' }, { status: 'stated' }], refused: [{ line: 5 }] });
    await does('ops', 'POST', `/v1/runs/${runId}/cut-off`, {});
    await reached('inReview');
    await expect.poll(async () => (await findings()).map((f: { rule: string }) => f.rule), { timeout: 20_000 }).toEqual(['controlTotalDiffers', 'expectationOpen']);
    const { contentHash } = await run();
    const approve = () => api.call('approver', 'POST', `/v1/runs/${runId}/approval`, { contentHash, decision: 'approve', comment: 'looked at it' });
    expect((await approve()).body).toMatchObject({ status: 409, code: 'blockingFindings' });
    // 20 kWh of the late one are in.
    expect((await run()).byStrategy.find((s: { strategy: string }) => s.strategy === 'fleetInvoice')).toMatchObject({ energyWh: '20000' });
    await does('approver', 'POST', '/v1/sources/csms/control-totals/acceptances', { on: '2019-12-21', reason: 'the charger lost it' });
    await expect.poll(async () => (await findings()).map((f: { rule: string }) => f.rule), { timeout: 20_000 }).toEqual(['expectationOpen']);
    // Who signed that cannot approve; the hash is the same, since no content changed.
    expect((await approve()).body).toMatchObject({ status: 403, code: 'ownWork', detail: expect.stringContaining('acceptance of the total of csms of 2019-12-21') });
    expect((await run()).contentHash).toBe(contentHash);
    await does('both', 'POST', `/v1/runs/${runId}/approval`, { contentHash, decision: 'approve', comment: 'looked at it' });
  });
  it('keep the run from closing until somebody signs that they are still missing; the report tells and balances', async () => {
    await reached('reconciled');
    await expect.poll(async () => (await run()).problem, { timeout: 20_000 }).toMatch(/session 4 of source csms, opened 2019-12-21T10:00:00.000Z, has no CDR/);
    expect(await does('approver', 'POST', `/v1/runs/${runId}/carry-decisions`, { reason: 'asked for at the source', expectations: ['csms/4'] })).toEqual({ signed: 1 });
    await reached('closed');
    const report: RunReport = await does('auditor', 'GET', `/v1/runs/${runId}/report`);
    expect(report.missing.sources.find((s) => s.sourceId === 'csms')).toMatchObject({ expectations: { open: 1, signed: 1, energyWh: '4000' }, controlTotals: { days: 3, equal: 2, accepted: 1 } });
    expect(report.missing.days).toMatchObject([{ sourceId: 'csms', on: '2019-12-21', status: 'accepted', stated: { count: 1, energyWh: '4000' }, received: { count: 0, energyWh: '0' } }]);
    // 10.5 + 7.25 + 20 kWh.
    expect(report.equation.rows.find((r) => r.sourceId === 'csms' && r.unit === 'Wh')).toMatchObject({ opening: '0', received: '37750', billed: '37750', closing: '0', difference: '0' });
    expect(report.erpTotals.length).toBeGreaterThan(0);
    for (const proof of [...report.erpTotals, ...report.revenue, ...report.unbilled, ...report.equation.rows]) expect(Number(proof.difference)).toBe(0);
    expect(report.series).toMatchObject([
      { documentType: 'invoice', count: 3, gaps: [], beyond: 0 },
      { documentType: 'settlementStatement', counterpartyId: 'acc_brf_north', count: 1, gaps: [], beyond: 0 },
    ]);
  });
});
