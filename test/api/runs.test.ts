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
let refuse: string | undefined;
const call = (user: string, method: string, route: string, body?: unknown, key?: string) => api.call(user, method, route, body, key === undefined ? {} : { 'idempotency-key': key });
const run = async (id = runId) => (await call('auditor', 'GET', `/v1/runs/${id}`)).body;
const reached = (state: string, id = runId) => expect.poll(async () => (await run(id)).state, { timeout: 30_000, interval: 100 }).toBe(state);
/** The hash once what was touched is built again. */
const built = async (other?: string) => {
  await expect.poll(async () => ((await run()).contentHash ?? other) !== other, { timeout: 20_000, interval: 50 }).toBe(true);
  return (await run()).contentHash as string;
};
const approve = async (user: string, contentHash: string, decision = 'approve') => call(user, 'POST', `/v1/runs/${runId}/approval`, { contentHash, decision, comment: 'looked at it' });

beforeAll(async () => {
  const real = filesErp(folder);
  const erp: ErpPort = { ...real, post: (document) => (document.accountId === refuse ? Promise.reject(new ErpRefused('the customer is blocked')) : real.post(document)) };
  api = await startApi(async () => erp);
  await storeLines(api.store, [
    ...['Bl2-1', 'Bl2-2', 'NR1-3', 'AdA6-1', 'Share-2'].flatMap((user, u) => [0, 1].map((i) => session(100 * u + i, { user, kWh: `${9 + u},${i}5` }))),
    session(901, { garage: 'UT2' }),
    session(902, { user: 'Nobody' }),
  ]);
  await processAll(api.store);
});
afterAll(async () => {
  await api.stop();
  rmSync(folder, { recursive: true });
});

describe('planning', () => {
  it('takes a month, says what is wrong with anything else, and has one live run a month', async () => {
    const plan = (body: object) => call('preparer', 'POST', '/v1/runs', { entityId: 'ent_se', period: '2019-12', ...body });
    expect((await plan({ period: '2019-13' })).body).toMatchObject({ status: 422, detail: expect.stringContaining('2019-12') });
    expect((await plan({ entityId: 'ent_no' })).status).toBe(404);
    expect((await plan({ cutOffAt: 'soon' })).body.errors[0].path).toBe('cutOffAt');
    expect((await call('auditor', 'POST', '/v1/runs', { entityId: 'ent_se', period: '2019-12' })).status).toBe(403);
    const first = await plan({ cutOffAt: new Date(Date.now() + 3_600_000).toISOString() });
    expect([first.status, first.body]).toMatchObject([201, { runId: 'run_ent_se_2019-12_live', workflowId: 'run/ent_se/2019-12/live' }]);
    expect((await plan({})).body).toMatchObject({ status: 409, detail: expect.stringContaining('cancel it') });
    await reached('collecting', first.body.runId);
  });
  it('leaves out nothing that the entity has not, before the set is closed either: a slip of the pen would have it billed', async () => {
    const first = 'run_ent_se_2019-12_live';
    for (const [scope, subjectId] of [
      ['account', 'acc_nobody'],
      ['site', 'site_nowhere'],
      ['record', '999999'],
      ['record', 'ninety'],
    ]) {
      const exclusion = { scope, subjectId, outcome: 'carry', reason: 'disputed by the customer' };
      expect((await call('preparer', 'POST', `/v1/runs/${first}/exclusions`, exclusion)).body).toMatchObject({ status: 404, detail: expect.stringContaining(`has no ${scope} "${subjectId}"`) });
    }
    const [record] = (await api.store.pool.query("SELECT record_id::text AS id FROM record_head WHERE cdr_id = '100'")).rows;
    for (const [scope, subjectId] of [
      ['account', 'acc_driver_17'],
      ['site', 'site_bl2'],
      ['record', record.id],
    ]) {
      const made = await call('preparer', 'POST', `/v1/runs/${first}/exclusions`, { scope, subjectId, outcome: 'carry', reason: 'disputed by the customer' });
      expect((await call('preparer', 'DELETE', `/v1/runs/${first}/exclusions/${made.body.id}`)).body).toEqual({ ok: true });
    }
  });
  it('can be cancelled before it issues, with a reason, and planned again', async () => {
    const id = 'run_ent_se_2019-12_live';
    expect((await call('ops', 'POST', `/v1/runs/${id}/cancel`, {})).status).toBe(422);
    expect((await call('ops', 'POST', `/v1/runs/${id}/cancel`, { reason: 'wrong calendar' })).body).toEqual({ ok: true });
    await reached('cancelled', id);
    expect((await call('ops', 'POST', `/v1/runs/${id}/cancel`, { reason: 'twice' })).body).toMatchObject({ status: 409 });
    const again = await call('preparer', 'POST', '/v1/runs', { entityId: 'ent_se', period: '2019-12', cutOffAt: new Date(Date.now() + 3_600_000).toISOString() }, 'plan-1');
    expect(again.body.runId).toBe('run_ent_se_2019-12_live_2');
    runId = again.body.runId;
    await reached('collecting');
  });
  it('answers a repeat under its Idempotency-Key with the first answer, and refuses another request under it', async () => {
    const cutOffAt = new Date(Date.now() + 7_200_000).toISOString();
    const first = await call('ops', 'POST', `/v1/runs/${runId}/cut-off`, { at: cutOffAt }, 'cut-1');
    const again = await call('ops', 'POST', `/v1/runs/${runId}/cut-off`, { at: cutOffAt }, 'cut-1');
    expect([again.body, again.headers.get('idempotent-replay')]).toEqual([first.body, 'true']);
    expect((await call('ops', 'POST', `/v1/runs/${runId}/cut-off`, {}, 'cut-1')).body).toMatchObject({ status: 422, code: 'idempotencyKeyReused' });
    expect(new Date((await run()).cutOffAt).toISOString()).toBe(cutOffAt);
  });
  it('takes no order whose field it does not know for one that leaves it out: what moves a cut-off would close the set now', async () => {
    const before = await run();
    for (const [verb, body] of [
      ['cut-off', { cutOffAt: new Date(Date.now() + 9_000_000).toISOString() }],
      ['release', { groups: 'fleet', reason: 'the canary is fine' }],
      ['reopen', { name: 'fleet', reason: 'looked again' }],
    ] as const)
      expect((await call(verb === 'reopen' ? 'approver' : 'ops', 'POST', `/v1/runs/${runId}/${verb}`, body)).body).toMatchObject({ status: 422, detail: expect.stringContaining('Unrecognized key') });
    expect(await run()).toMatchObject({ state: 'collecting', cutOffAt: before.cutOffAt, setClosedAt: null });
  });
});

describe('review', () => {
  it('is held while paused, and goes on when resumed', async () => {
    await call('ops', 'POST', `/v1/runs/${runId}/pause`, { reason: 'waiting for the bank' });
    await call('ops', 'POST', `/v1/runs/${runId}/cut-off`, {});
    await expect.poll(async () => (await run()).setClosedAt, { timeout: 20_000 }).not.toBeNull();
    const { cutOffAt } = await run();
    expect(await run()).toMatchObject({ state: 'collecting', paused: true });
    // It waits for nobody's late CDRs any more, whatever its state is called.
    const tooLate = await call('ops', 'POST', `/v1/runs/${runId}/cut-off`, { at: new Date(Date.now() + 3_600_000).toISOString() });
    expect([tooLate.body, (await run()).cutOffAt]).toEqual([expect.objectContaining({ status: 409, detail: expect.stringContaining('pull-in') }), cutOffAt]);
    await call('ops', 'POST', `/v1/runs/${runId}/resume`, { reason: 'it is there' });
    await reached('inReview');
    expect((await call('ops', 'POST', `/v1/runs/${runId}/cut-off`, {})).body).toMatchObject({ status: 409, detail: expect.stringContaining('pull-in') });
  });
  it('shows documents whose lines sum to their totals', async () => {
    await built();
    const page = (await call('auditor', 'GET', `/v1/runs/${runId}/documents?limit=2`)).body;
    expect(page.items).toHaveLength(2);
    const rest = (await call('auditor', 'GET', `/v1/runs/${runId}/documents?cursor=${encodeURIComponent(page.nextCursor)}`)).body;
    expect(rest.nextCursor).toBeNull();
    const documents = [...page.items, ...rest.items];
    expect(documents.map((d: { accountId: string }) => d.accountId)).toEqual(['acc_brf_north', 'acc_driver_16', 'acc_driver_17', 'acc_emsp_aurora', 'acc_fleet_home_care', 'acc_fleet_taxi']);
    for (const { documentId } of documents) {
      const document = (await call('auditor', 'GET', `/v1/documents/${documentId}.json`)).body;
      const ore = (text: string) => BigInt(text.replace('.', ''));
      expect(document.lines.reduce((sum: bigint, l: { net: string }) => sum + ore(l.net), 0n)).toBe(ore(document.net));
      expect(ore(document.net) + ore(document.vat) + ore(document.rounding)).toBe(ore(document.payable));
    }
    expect((await call('auditor', 'GET', '/v1/documents/doc_none')).status).toBe(404);
  });
  it('takes exclusions and adjustments, once per key, and takes them back to the very same hash', async () => {
    const before = await built();
    const exclusion = { scope: 'account', subjectId: 'acc_driver_16', outcome: 'carry', reason: 'disputed' };
    const made = await call('preparer', 'POST', `/v1/runs/${runId}/exclusions`, exclusion, 'exc-1');
    expect((await call('preparer', 'POST', `/v1/runs/${runId}/exclusions`, exclusion, 'exc-1')).body).toEqual(made.body);
    expect((await call('preparer', 'POST', `/v1/runs/${runId}/exclusions`, { ...exclusion, subjectId: 'acc_driver_nobody' })).body).toMatchObject({ status: 404 });
    const adjustment = { accountId: 'acc_fleet_taxi', amount: '-12.50', vatCode: 'SE25', glAccount: '3740', costCenter: '100', description: 'Goodwill', reason: 'cable broken' };
    expect((await call('preparer', 'POST', `/v1/runs/${runId}/adjustments`, { ...adjustment, amount: '1.234' })).body).toMatchObject({ status: 422, detail: expect.stringContaining('2 decimals') });
    expect((await call('preparer', 'POST', `/v1/runs/${runId}/adjustments`, { ...adjustment, vatCode: 'SE99' })).status).toBe(404);
    const adjusted = await call('preparer', 'POST', `/v1/runs/${runId}/adjustments`, adjustment);
    expect(await built(before)).not.toBe(before);
    expect((await call('auditor', 'GET', `/v1/runs/${runId}/shapes`)).body).toMatchObject({ exclusions: [{ id: made.body.id, withdrawnAt: null }], adjustments: [{ amount: '-12.50' }] });
    expect((await call('preparer', 'DELETE', `/v1/runs/${runId}/exclusions/${made.body.id}`)).body).toEqual({ ok: true });
    expect((await call('preparer', 'DELETE', `/v1/runs/${runId}/adjustments/${adjusted.body.id}`)).body).toEqual({ ok: true });
    await expect.poll(async () => (await run()).contentHash, { timeout: 20_000 }).toBe(before);
  });
  it('lists what comes late beside the closed set, and takes it in only when told', async () => {
    const before = await built();
    await storeLines(api.store, [session(950, { user: 'Bl2-1', kWh: '5' })]);
    await processAll(api.store);
    expect(await run()).toMatchObject({ contentHash: before, late: { charges: 1, energyWh: '5000' } });
    expect((await call('preparer', 'POST', `/v1/runs/${runId}/pull-in?accountId=acc_driver_16`)).body).toEqual({ charges: 1 });
    expect(await built(before)).not.toBe(before);
    expect((await call('preparer', 'DELETE', `/v1/runs/${runId}/pull-in`)).body).toEqual({ charges: 1 });
    await expect.poll(async () => (await run()).contentHash, { timeout: 20_000 }).toBe(before);
  });
  it('is approved for the hash that stands, by the right role, and not by who shaped it', async () => {
    const stale = await built();
    await call('both', 'POST', `/v1/runs/${runId}/adjustments`, {
      accountId: 'acc_fleet_taxi',
      amount: '-10',
      vatCode: 'SE25',
      glAccount: '3740',
      costCenter: '100',
      description: 'Goodwill',
      reason: 'cable broken',
    });
    const hash = await built(stale);
    expect((await approve('preparer', hash)).body).toMatchObject({ status: 403, code: 'forbidden' });
    expect((await approve('approver', 'ab')).status).toBe(422);
    expect((await approve('approver', stale)).body).toMatchObject({ status: 409, code: 'staleHash', currentContentHash: hash });
    expect((await approve('both', hash)).body).toMatchObject({ status: 403, code: 'ownWork', detail: expect.stringContaining('adjustment') });
    expect((await approve('approver', hash, 'reject')).status).toBe(200);
    await expect.poll(async () => (await run()).problem).toBe('rejected by approver: looked at it');
    refuse = 'acc_fleet_taxi';
    expect((await approve('approver', hash)).status).toBe(200);
    await reached('handingOver');
    expect((await approve('approver', hash)).body).toMatchObject({ status: 409, code: 'wrongState' });
    expect((await call('preparer', 'POST', `/v1/runs/${runId}/pull-in`)).body).toMatchObject({ status: 409 });
    expect((await call('ops', 'POST', `/v1/runs/${runId}/cancel`, { reason: 'too late' })).body).toMatchObject({ status: 409 });
  });
});

describe('hand-over and close', () => {
  it('names the document the ERP refused, and goes on once that is mended and retried', async () => {
    await expect.poll(async () => (await run()).problem, { timeout: 30_000 }).toMatch(/the customer is blocked/);
    expect((await run()).postings).toEqual({ refused: 1, verified: 5 });
    refuse = undefined;
    expect((await call('ops', 'POST', `/v1/runs/${runId}/retry`)).body).toEqual({ requeued: 1 });
    await reached('reconciled');
  });
  it('closes when each waiting record is decided or signed, and keeps the report', async () => {
    await expect.poll(async () => (await run()).problem, { timeout: 20_000 }).toMatch(/signed carry decision/);
    expect((await run()).waiting).toEqual([
      { state: 'parked', code: 'notVatRegistered', records: 1, energyWh: '10500', signed: 0 },
      { state: 'quarantined', code: 'unknownToken', records: 1, energyWh: '10500', signed: 0 },
    ]);
    expect((await call('preparer', 'POST', `/v1/runs/${runId}/carry-decisions`, { reason: 'asked for' })).status).toBe(403);
    expect((await call('approver', 'POST', `/v1/runs/${runId}/carry-decisions`, { reason: 'asked for' })).body).toEqual({ signed: 2 });
    await reached('closed');
    const report = (await call('auditor', 'GET', `/v1/runs/${runId}/report`)).body;
    expect(report).toMatchObject({
      numbers: { count: 5 },
      erp: { verified: 6, open: 0 },
      carried: [{ records: 2, energyWh: '21000', actor: 'approver' }],
      approvals: [{ decision: 'reject' }, { decision: 'approve' }],
    });
    expect(report.energyBalance).toEqual([expect.objectContaining({ month: '2019-12', open: '5000', parked: '10500', held: '10500', difference: '0' })]);
    expect(report.ledger.every((l: { rest: string }) => l.rest === '0')).toBe(true);
    // What comes after the close leaves the kept report alone.
    await storeLines(api.store, [session(960)]);
    await processAll(api.store);
    expect((await call('auditor', 'GET', `/v1/runs/${runId}/report`)).body).toEqual(report);
  });
  it('traces from each end to the others', async () => {
    const document = (await call('auditor', 'GET', `/v1/runs/${runId}/documents`)).body.items.find((d: { accountId: string }) => d.accountId === 'acc_driver_16');
    const trace = async (query: string) => (await call('auditor', 'GET', `/v1/trace?${query}`)).body.items;
    const byDocument = await trace(`document=${document.legalNumber}`);
    expect(byDocument.length).toBeGreaterThan(0);
    expect(byDocument[0]).toMatchObject({
      documentId: document.documentId,
      erpId: document.erp.externalId,
      erpState: 'verified',
      issueJournal: `issue/${document.documentId}`,
      costCenter: expect.any(String),
    });
    expect(await trace(`erp=${document.erp.externalId}`)).toEqual(byDocument);
    const byRecord = await trace(`record=${encodeURIComponent('csms/se*wlt*0')}`);
    expect(byRecord.map((r: { role: string }) => r.role)).toEqual(expect.arrayContaining(['driverSale', 'siteShareEstimate']));
    expect((await call('auditor', 'GET', '/v1/trace')).status).toBe(422);
    expect((await call('auditor', 'GET', `/v1/records/${encodeURIComponent('csms/se*wlt*0')}/timeline`)).body.answer).toContain(document.legalNumber);
  });
});
