import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { archiveDocuments } from '../../src/activities/archive-documents.ts';
import { filesErp } from '../../src/adapters/erp/files.ts';
import { retentionClasses } from '../../src/contracts/retention.ts';
import { type ApiUnderTest, startApi } from '../support/api.ts';
import { closeSet, issueRun } from '../support/bill.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { placesOf } from '../support/whole-database.ts';

let api: ApiUnderTest;
const path = '/v1/accounts/acc_driver_16/erasure';
const rows = async (sql: string) => (await api.store.pool.query(sql)).rows;

beforeAll(async () => {
  api = await startApi(async () => filesErp('/nonexistent'));
});
afterAll(() => api.stop());

describe('a mapping', () => {
  it('leaves the token’s UID in no answer that is kept, and in no workflow', async () => {
    const mapping = { sourceId: 'csms', kind: 'token', externalKey: 'SECRET-UID', internalId: 'acc_driver_16' };
    const { body } = await api.call('ops', 'POST', '/v1/mappings', mapping, { 'idempotency-key': 'map-1' });
    expect(await placesOf(api.store.pool, ['SECRET-UID'])).toEqual(['mapping.external_key']);
    const handle = api.client.workflow.getHandle(body.workflowId);
    await handle.result();
    expect(JSON.stringify(await handle.describe()) + JSON.stringify(await handle.fetchHistory())).not.toContain('SECRET-UID');
    const inputs = (await handle.fetchHistory()).events?.flatMap((e) => e.workflowExecutionStartedEventAttributes?.input?.payloads ?? []) ?? [];
    expect(inputs.map((p) => Buffer.from(p.data ?? []).toString()).join()).toMatch(/"key":"[\w-]{22}"/);
  });
});

describe('erasing a driver', () => {
  it('is for the admin, and names the remedy while something is open', async () => {
    await storeLines(api.store, [session(1), session(2, { user: 'SECRET-UID', start: '06.12.2019 18:00', end: '06.12.2019 21:00' })]);
    await processAll(api.store);
    expect((await api.call('ops', 'POST', path, { reason: 'asked to be forgotten' })).body).toMatchObject({ status: 403, code: 'forbidden' });
    expect((await api.call('admin', 'POST', path, {})).body).toMatchObject({ status: 422 });
    expect((await api.call('admin', 'POST', path, { reason: 'asked to be forgotten' })).body).toMatchObject({
      status: 409,
      code: 'wrongState',
      detail: expect.stringMatching(/charge \d+ is not billed: bill it, or write it off, in a run first/),
    });
    expect((await api.call('admin', 'POST', '/v1/accounts/acc_none/erasure', { reason: 'asked to be forgotten' })).status).toBe(404);
  });
  it('counts first, then erases, and gives the same answer to the same key', async () => {
    const runId = await closeSet(api.store, '2019-12');
    await issueRun(api.store, runId, '2020-01-06');
    await archiveDocuments(api.store, runId, 'all');
    const dry = (await api.call('admin', 'POST', path, { reason: 'asked to be forgotten', dryRun: true })).body;
    expect(dry).toMatchObject({ dryRun: true, erased: { parties: 1, mappings: 2, tokens: 2, rawBodies: 2, sessionTrails: 2 }, kept: { records: 2, documents: 1 } });
    const order = { reason: 'asked to be forgotten' };
    const first = await api.call('admin', 'POST', path, order, { 'idempotency-key': 'erase-1' });
    expect(first.body).toEqual({ ...dry, dryRun: false });
    const again = await api.call('admin', 'POST', path, order, { 'idempotency-key': 'erase-1' });
    expect([again.body, again.headers.get('idempotent-replay')]).toEqual([first.body, 'true']);
    expect((await api.call('admin', 'POST', path, order)).body.erased).toEqual({ parties: 0, mappings: 0, tokens: 0, rawBodies: 0, sessionTrails: 0 });
    expect(await placesOf(api.store.pool, ['SECRET-UID', 'Bl2-1'])).toEqual([]);
    expect((await api.call('auditor', 'GET', '/v1/accounts/acc_driver_16')).body.party.name).toBe('(erased)');
    const sealed = (await api.call('auditor', 'GET', '/v1/records/csms%2Fse*wlt*1')).body;
    expect(sealed).toMatchObject({ state: 'booked', token: null, sealed: { revision: 1 } });
    expect((await api.call('auditor', 'GET', '/v1/records/csms%2Fse*wlt*1/renormalised')).body.status).toBe('expunged');
    expect((await api.call('ops', 'POST', '/v1/mappings', { sourceId: 'csms', kind: 'token', externalKey: 'Bl2-1', internalId: 'acc_driver_16' })).body).toMatchObject({ status: 409 });
  });
});

describe('retention', () => {
  it('shows each class with what is due, to whoever may read', async () => {
    const { body } = await api.call('auditor', 'GET', '/v1/retention');
    expect(body.classes.map((c: { class: string }) => c.class)).toEqual(retentionClasses);
    expect(body.classes).toContainEqual(expect.objectContaining({ class: 'rawBody', keep: { months: 26 }, atLeast: 3, due: 0, oldest: null }));
    expect(body.classes).toContainEqual(expect.objectContaining({ class: 'idempotencyKey', keep: { days: 30 } }));
    expect((await api.call('partner', 'GET', '/v1/retention')).status).toBe(403);
  });
  it('is changed by the admin, in the unit of the class, and not below what the law wants', async () => {
    const put = (name: string, body: object, user = 'admin') => api.call(user, 'PUT', `/v1/retention/${name}`, body);
    const reason = 'decided by the board';
    expect((await put('rawBody', { months: 18, reason }, 'ops')).status).toBe(403);
    expect((await put('driverIdentity', { months: 12, reason })).body).toMatchObject({ status: 422, detail: expect.stringContaining('bookkeeping law') });
    expect((await put('rawBody', { days: 700, reason })).body).toMatchObject({ status: 422, detail: expect.stringContaining('by months') });
    expect((await put('rawBody', { months: 18 })).status).toBe(422);
    expect((await put('everything', { months: 18, reason })).status).toBe(422);
    expect((await put('rawBody', { months: 18, reason })).body).toEqual({ ok: true });
    expect((await api.call('auditor', 'GET', '/v1/retention')).body.classes[1]).toMatchObject({ class: 'rawBody', keep: { months: 18 } });
  });
  it('counts in a dry run, and takes away by a workflow that logs each class', async () => {
    await api.store.pool.query("INSERT INTO idempotency_key (actor, key, route, request_hash, status, answer, created_at) VALUES ('a', 'old', 'POST /', '\\x00', 200, '{}', '2020-01-01')");
    expect((await api.call('ops', 'POST', '/v1/retention/runs', { dryRun: true })).status).toBe(403);
    const dry = await api.call('admin', 'POST', '/v1/retention/runs', { dryRun: true, class: 'idempotencyKey' });
    expect([dry.status, dry.body.classes]).toEqual([200, [{ class: 'idempotencyKey', due: 1, oldest: '2020-01-01T00:00:00.000Z' }]]);
    const { status, body } = await api.call('admin', 'POST', '/v1/retention/runs', { dryRun: false });
    expect(status).toBe(202);
    expect(await api.client.workflow.getHandle(body.workflowId).result()).toEqual({ sessionTrail: 0, rawBody: 0, tokenUid: 0, idempotencyKey: 1, driverIdentity: 0 });
    const { runs } = (await api.call('auditor', 'GET', '/v1/retention')).body;
    expect(runs).toHaveLength(6);
    expect(
      runs
        .filter((r: { runId: string }) => r.runId === body.runId)
        .map((r: { class: string }) => r.class)
        .sort(),
    ).toEqual([...retentionClasses].sort());
    expect(runs).toContainEqual(expect.objectContaining({ class: 'idempotencyKey', dryRun: false, due: 1, removed: 1, actor: 'admin' }));
    expect(await rows("SELECT FROM idempotency_key WHERE key = 'old'")).toEqual([]);
  });
  it('lists every run that ever took something away, each class once', async () => {
    await rows(`INSERT INTO retention_run (run_id, class, dry_run, keep, due, removed, actor, started_at, ended_at)
      SELECT 'retention/old-' || n, class, false, 26, n, n, 'schedule', '2025-01-01', '2025-01-01' FROM generate_series(1, 60) n, retention_policy`);
    const [{ n }] = await rows('SELECT count(*)::integer AS n FROM retention_run');
    const seen: string[] = [];
    for (let query = ''; ; ) {
      const { items, nextCursor } = (await api.call('auditor', 'GET', `/v1/retention/runs?limit=70${query}`)).body;
      seen.push(...items.map((r: { runId: string; class: string }) => `${r.runId} ${r.class}`));
      if (nextCursor === null) break;
      query = `&cursor=${nextCursor}`;
    }
    expect([seen.length, new Set(seen).size]).toEqual([n, n]);
    expect((await api.call('auditor', 'GET', '/v1/retention')).body.runs).toHaveLength(50);
    expect((await api.call('partner', 'GET', '/v1/retention/runs')).status).toBe(403);
  });
});
