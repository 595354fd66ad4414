import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filesErp } from '../../src/adapters/erp/files.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
import { type ApiUnderTest, startApi } from '../support/api.ts';
import { session } from '../support/intake.ts';

let api: ApiUnderTest;
const cdrs = readFileSync(new URL('../../data/ocpi/cdrs.ndjson', import.meta.url), 'utf8')
  .trim()
  .split('\n');
const cdr = (i: number, change: object = {}) => ({ ...JSON.parse(cdrs[i] ?? ''), ...change });
const keyOf = (sent: { id: string }) => `se*wlt*${sent.id.toLowerCase()}`;
const send = (body: unknown, type = 'application/json', source = 'ocpi-peer', user = 'partner') =>
  api.call(user, 'POST', `/v1/sources/${source}/cdrs`, typeof body === 'string' ? body : JSON.stringify(body), { 'content-type': type });
const upload = (lines: readonly string[], fileName = 'export.csv', header = csvHeader) =>
  api.call('ops', 'POST', `/v1/sources/csms/files?fileName=${fileName}`, [header, ...lines].join('\n'), { 'content-type': 'application/octet-stream' });
const csvHeader = readFileSync(new URL('../../data/trondheim/sessions.csv', import.meta.url), 'latin1').split('\n', 1)[0] ?? '';
const stateOf = async (id: string) => (await api.call('auditor', 'GET', `/v1/records/${encodeURIComponent(id)}`)).body.state;
const imported = (batchId: string, lines: number) => expect.poll(async () => (await api.call('ops', 'GET', `/v1/imports/${batchId}`)).body.processed, { timeout: 20_000 }).toBe(lines);

beforeAll(async () => {
  api = await startApi(async () => filesErp('/nonexistent'), { extraUsers: { stray: ['partner'] } });
});
afterAll(() => api.stop());

describe('who may call', () => {
  it('asks for a key, and for a role that fits', async () => {
    expect((await api.call(undefined, 'GET', '/v1/runs')).body).toMatchObject({ status: 401, code: 'notSignedIn' });
    expect((await api.call('nobody', 'GET', '/v1/runs')).status).toBe(401);
    expect((await api.call('partner', 'GET', '/v1/runs')).body).toMatchObject({ status: 403, code: 'forbidden', detail: expect.stringContaining('finance-preparer') });
    expect((await api.call('auditor', 'GET', '/v1/runs')).status).toBe(200);
  });
  it('keeps a partner to its own source', async () => {
    expect((await send(cdr(0), 'application/json', 'csms')).body).toMatchObject({ status: 403, detail: expect.stringContaining('ocpi-peer only') });
    expect((await api.call('partner', 'GET', `/v1/records/${encodeURIComponent('csms/se*wlt*1')}/timeline`)).status).toBe(404);
  });
  it('shows a partner whose key names no source none at all', async () => {
    const noSource = { status: 403, detail: expect.stringContaining('names no source') };
    expect((await send(cdr(0), 'application/json', 'csms', 'stray')).body).toMatchObject(noSource);
    for (const path of ['/v1/sources/csms/watermarks', '/v1/imports/bat_1', `/v1/records/${encodeURIComponent('csms/se*wlt*1')}/timeline`])
      expect((await api.call('stray', 'GET', path)).body, path).toMatchObject(noSource);
  });
  it('is alive, ready, and described, without a key', async () => {
    expect((await api.call(undefined, 'GET', '/healthz')).body).toEqual({ ok: true });
    expect((await api.call(undefined, 'GET', '/readyz')).body).toEqual({ ready: true, database: 'ok', temporal: 'ok' });
    expect((await api.call(undefined, 'GET', '/metrics')).body).toContain('wattledger_messages_pending');
    const { body } = await api.call(undefined, 'GET', '/openapi.json');
    expect(body.openapi).toBe('3.1.0');
    expect(Object.keys(body.paths)).toEqual(expect.arrayContaining(['/v1/sources/{sourceId}/cdrs', '/v1/runs/{runId}/approval', '/v1/trace']));
    for (const page of ['/sign-in', '/docs', '/docs/swagger-ui.css', '/docs/start.js']) expect((await api.call(undefined, 'GET', page)).status, page).toBe(200);
  });
});

describe('CDRs by the API', () => {
  it('takes one, durable before the answer, and books it in a workflow of its own', async () => {
    const { status, body } = await send(cdr(0));
    expect(status).toBe(202);
    const [item] = body.items;
    expect(item).toMatchObject({ index: 0, status: 'accepted', recordKey: 'se*wlt*cdr-4482', workflowId: 'cdr/ocpi-peer/se*wlt*cdr-4482' });
    expect((await api.store.pool.query('SELECT count(*)::int AS n FROM raw_message')).rows[0].n).toBeGreaterThan(0);
    await expect.poll(async () => (await api.call('partner', 'GET', item.timeline)).body.state, { timeout: 20_000 }).toBe('booked');
    const timeline = (await api.call('partner', 'GET', item.timeline)).body;
    expect(timeline.events.map((e: { event: string }) => e.event)).toEqual(expect.arrayContaining(['received', 'checked', 'sealed', 'rated']));
    expect(timeline.answer).toContain('waits for the next run');
  });
  it('recognises the same facts in other bytes, and refuses other facts under the key, by the profile of the source', async () => {
    const { id, ...rest } = cdr(0);
    const again = await send({ ...rest, id: id.toLowerCase(), last_updated: '2020-01-01T00:00:00Z' });
    expect(again.body.items[0].status).toBe('duplicate');
    await send(cdr(0, { total_energy: 1, charging_periods: [{ start_date_time: cdr(0).start_date_time, dimensions: [{ type: 'ENERGY', volume: 1 }] }] }));
    const events = async () =>
      (await api.call('auditor', 'GET', `/v1/records/${encodeURIComponent('ocpi-peer/se*wlt*cdr-4482')}/timeline`)).body.events.map((e: { text: string }) => e.text).join('\n');
    await expect.poll(events, { timeout: 20_000 }).toMatch(/: conflict; .*came again with other content/);
    expect(await events()).toContain(': duplicate');
  });
  it('answers each line of a batch for itself: the bad ones are kept and named, the others go on', async () => {
    const lines = [JSON.stringify(cdr(1)), '{"id": "broken', JSON.stringify(cdr(2, { cdr_location: { id: 'Nowhere' } })), JSON.stringify(cdr(3, { total_energy: 'lots' })), ...cdrs.slice(4, 34)];
    const { status, body } = await send(lines.join('\n'), 'application/x-ndjson');
    expect(status).toBe(202);
    expect(body.items.map((i: { status: string }) => i.status)).toEqual(['accepted', 'held', 'accepted', 'held', ...Array(30).fill('accepted')]);
    expect(body.items[1].issues[0].text).toContain('not JSON');
    expect(body.items[3].issues[0].text).toContain('total_energy');
    expect(body.items[0].workflowId).toBeUndefined();
    await expect.poll(() => stateOf(`ocpi-peer/${body.items[0].recordKey}`), { timeout: 20_000 }).toBe('booked');
    for (const i of [1, 2, 3]) expect(await stateOf(`ocpi-peer/${body.items[i].recordKey}`)).toBe('quarantined');
    const missing = (await api.call('partner', 'GET', body.items[2].timeline)).body;
    expect(missing.answer).toMatch(/no site is mapped to "Nowhere"\. Map the site/);
  });
  it('reads over a byte order mark, as of a file, and over how lines end', async () => {
    const [first, second, alone] = ['MARK-1', 'MARK-2', 'MARK-3'].map((id) => cdr(16, { id }));
    const batch = await send(`\ufeff${JSON.stringify(first)}\r\n\r\n${JSON.stringify(second)}`, 'application/x-ndjson');
    expect(batch.body.items.map((i: { recordKey: string; status: string }) => [i.recordKey, i.status])).toEqual([
      [keyOf({ id: 'MARK-1' }), 'accepted'],
      [keyOf({ id: 'MARK-2' }), 'accepted'],
    ]);
    expect((await send(`\ufeff${JSON.stringify(alone)}`)).body.items).toMatchObject([{ recordKey: keyOf({ id: 'MARK-3' }), status: 'accepted' }]);
  });
  it('answers a single bad CDR with what is wrong, and keeps it', async () => {
    const { status, headers, body } = await send(cdr(15, { end_date_time: 'yesterday' }));
    expect(status).toBe(422);
    expect(headers.get('content-type')).toBe('application/problem+json');
    expect(body).toMatchObject({ code: 'invalidCdr', issues: [{ code: 'badShape', text: expect.stringContaining('end_date_time') }] });
    expect((await api.call('partner', 'GET', body.timeline)).status).toBe(200);
  });
  it('stores what comes at once together, and answers each for itself', async () => {
    const fresh = (i: number, change: object = {}) => cdr(i, { id: `AT-ONCE-${i}`, ...change });
    const known = cdr(1);
    await expect.poll(() => stateOf(`ocpi-peer/${keyOf(known)}`), { timeout: 20_000 }).toBe('booked');
    // PostgreSQL keeps no NUL in text: that one is held without a key, and must not take its companions along.
    const bodies = [fresh(1), known, fresh(2, { total_energy: 'lots' }), fresh(3, { id: 'nul\u0000' }), '{"id": "broken', fresh(4)];
    const answers = await Promise.all(bodies.map((body) => send(body)));
    expect(answers.map((a) => a.status)).toEqual([202, 202, 422, 422, 422, 202]);
    expect(answers.flatMap((a) => a.body.items?.[0].status ?? a.body.code)).toEqual(['accepted', 'duplicate', 'invalidCdr', 'invalidCdr', 'invalidCdr', 'accepted']);
    for (const i of [0, 5]) expect(answers[i]?.body.items[0].recordKey).toBe(keyOf(bodies[i] as { id: string }));
    const { rows } = await api.store.pool.query('SELECT record_key, count(*)::int AS n FROM raw_message WHERE record_key = ANY($1) GROUP BY 1', [[1, 2, 4].map((i) => keyOf(fresh(i)))]);
    expect(rows.map((r) => r.n)).toEqual([1, 1, 1]);
  });
  it('keeps the messages of a key in the order they were sent', async () => {
    const versions = Array.from({ length: 6 }, (_, i) => cdr(21, { id: 'VERSIONS', last_updated: `2020-01-01T00:00:0${i}Z` }));
    for (const [i, version] of versions.entries()) await Promise.all([send(version), ...cdrs.slice(22 + i * 2, 24 + i * 2).map((line) => send(line))]);
    const { rows } = await api.store.pool.query(
      "SELECT convert_from(b.bytes, 'UTF8')::json->>'last_updated' AS at FROM raw_message m JOIN raw_body b ON b.received_month = m.received_month AND b.hash = m.body_hash WHERE m.record_key = $1 ORDER BY m.id",
      [keyOf({ id: 'VERSIONS' })],
    );
    expect(rows.map((r) => r.at)).toEqual(versions.map((v) => v.last_updated));
  });
  it('refuses what is compressed, of which it would keep each line of rubble', async () => {
    const count = async () => (await api.store.pool.query('SELECT count(*)::int AS n FROM raw_message')).rows[0].n;
    const before = await count();
    const packed = { 'content-type': 'application/x-ndjson', 'content-encoding': 'gzip' };
    const answer = await api.call('partner', 'POST', '/v1/sources/ocpi-peer/cdrs', 'one\nline\nof it', packed);
    expect([answer.status, answer.body.code, await count()]).toEqual([415, 'unsupportedEncoding', before]);
    expect((await api.call('partner', 'POST', '/v1/sources/ocpi-peer/cdrs', JSON.stringify(cdr(0)), { 'content-type': 'application/json', 'content-encoding': 'identity' })).status).toBe(202);
  });
  it('refuses what it cannot take: no body, another type, an unknown source, too much', async () => {
    expect((await send('')).body).toMatchObject({ status: 422, detail: expect.stringContaining('empty') });
    expect((await send('a;b', 'text/csv')).status).toBe(415);
    expect((await send(cdr(0), 'application/json', 'none', 'ops')).body).toMatchObject({ status: 404, code: 'notFound' });
    expect((await send('{}\n'.repeat(5001), 'application/x-ndjson')).body).toMatchObject({ status: 413, detail: expect.stringContaining('5000') });
  });
});

describe('files', () => {
  it('stores nothing of a file with a wrong column, and says which', async () => {
    const before = (await api.store.pool.query('SELECT count(*) AS n FROM raw_message')).rows[0].n;
    const { status, body } = await upload([session(1)], 'wrong.csv', csvHeader.replace('El_kWh', 'kWh'));
    expect(status).toBe(422);
    expect(body).toMatchObject({ code: 'wrongFile', detail: expect.stringMatching(/column 10 is "kWh" where "El_kWh" belongs/) });
    expect((await api.store.pool.query('SELECT count(*) AS n FROM raw_message')).rows[0].n).toBe(before);
  });
  it('quarantines a corrupt line, an unknown site and an unknown user with their reasons, and books the rest', async () => {
    const lines = [session(1), '2;Bl2;Bl2-1;Private', session(3, { garage: 'Nowhere' }), session(4, { user: 'Stranger' }), session(5, { kWh: 'x' }), session(6)];
    const { status, body } = await upload(lines);
    expect(status).toBe(202);
    await imported(body.batchId, 6);
    const states = Object.fromEntries(await Promise.all([1, 2, 3, 4, 5, 6].map(async (id) => [id, await stateOf(`csms/se*wlt*${id}`)])));
    expect(states).toEqual({ 1: 'booked', 2: 'quarantined', 3: 'quarantined', 4: 'quarantined', 5: 'quarantined', 6: 'booked' });
    const answers = await Promise.all([2, 3, 4, 5].map(async (id) => (await api.call('auditor', 'GET', `/v1/records/${encodeURIComponent(`csms/se*wlt*${id}`)}/timeline`)).body.answer));
    expect(answers[0]).toContain('4 columns where 13 belong');
    expect(answers[1]).toContain('no site is mapped to "Nowhere"');
    expect(answers[2]).toContain('no account is mapped to token "Stranger"');
    expect(answers[3]).toContain('El_kWh "x" is not a number');
  });
  it('recognises the same file again and brings nothing in twice', async () => {
    const lines = [session(20), session(21)];
    const first = await upload(lines, 'first.csv');
    await imported(first.body.batchId, 2);
    const again = await upload(lines, 'renamed.csv');
    expect([again.status, again.body]).toEqual([200, { ...first.body, duplicate: true }]);
    // The same lines in another file are repeats.
    const other = await upload([...lines, session(22)], 'other.csv');
    await imported(other.body.batchId, 3);
    expect((await api.call('ops', 'GET', `/v1/imports/${other.body.batchId}`)).body.outcomes).toEqual({ accepted: 1, duplicate: 2 });
  });
});

describe('set-up', () => {
  it('is listed in pages, and read one by one', async () => {
    for (const [list, n] of [
      ['sources', 2],
      ['sites', 23],
      ['accounts', 47],
      ['contracts', 47],
      ['tariff-versions', 3],
      ['price-assignments', 3],
    ] as const) {
      const { body } = await api.call('auditor', 'GET', `/v1/${list}?limit=200`);
      expect(body.items, list).toHaveLength(n);
    }
    const page = (await api.call('auditor', 'GET', '/v1/mappings?limit=10')).body;
    expect(page.items[0]).toMatchObject({ sourceId: 'csms', kind: 'site', validFrom: null, validTo: null });
    expect((await api.call('auditor', 'GET', `/v1/mappings?limit=10&cursor=${page.nextCursor}`)).body.items[0]).not.toEqual(page.items[0]);
    expect((await api.call('auditor', 'GET', '/v1/sites?cursor=nonsense')).body).toMatchObject({ status: 422, detail: expect.stringContaining('cursor') });
    expect((await api.call('auditor', 'GET', '/v1/accounts/acc_fleet_taxi')).body).toMatchObject({ strategy: 'fleetInvoice', party: { name: 'Fleet taxi' } });
    expect((await api.call('auditor', 'GET', '/v1/tariff-versions/roaming%2F1')).body).toMatchObject({ tariffId: 'roaming', bodyHash: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect((await api.call('auditor', 'GET', '/v1/sites/none')).status).toBe(404);
    expect((await api.call('partner', 'GET', '/v1/accounts')).status).toBe(403);
  });
});

describe('the way out of waiting', () => {
  it('lets a mapping release what waited for it, in bulk and in the workflows', async () => {
    const { body } = await upload([session(30, { user: 'Share-19' }), session(31, { user: 'Share-19' })], 'share.csv');
    await imported(body.batchId, 2);
    expect(await stateOf('csms/se*wlt*30')).toBe('quarantined');
    const statusOf = async (id: number) => (await api.client.workflow.getHandle(`cdr/csms/se*wlt*${id}`).describe()).status.name;
    // Each waits in a workflow of its own, which the import leaves to others to start.
    for (const id of [30, 31]) await expect.poll(() => statusOf(id), { timeout: 20_000 }).toBe('RUNNING');
    const mapping = { sourceId: 'csms', kind: 'token', externalKey: 'Share-19', internalId: 'acc_emsp_aurora' };
    expect((await api.call('ops', 'POST', '/v1/mappings', { ...mapping, internalId: 'acc_none' })).body).toMatchObject({ status: 404 });
    expect((await api.call('preparer', 'POST', '/v1/mappings', mapping)).status).toBe(403);
    expect((await api.call('ops', 'POST', '/v1/mappings', mapping)).body).toMatchObject({ made: true, workflowId: expect.stringMatching(/^retry\/csms\/unknownToken\/[\w-]{22}$/) });
    for (const id of [30, 31]) {
      await expect.poll(() => stateOf(`csms/se*wlt*${id}`), { timeout: 20_000 }).toBe('booked');
      await expect.poll(() => statusOf(id), { timeout: 20_000 }).toBe('COMPLETED');
    }
    expect((await api.call('ops', 'POST', '/v1/mappings', { ...mapping, internalId: 'acc_emsp_fjord' })).body).toMatchObject({ status: 409, detail: expect.stringContaining('acc_emsp_aurora') });
  });
  it('lets a mapping hold until the next one of its key begins, which may be known already', async () => {
    const mapping = { sourceId: 'csms', kind: 'token', externalKey: 'Handed-on' };
    const map = (more: object) => api.call('ops', 'POST', '/v1/mappings', { ...mapping, ...more });
    expect((await map({ internalId: 'acc_emsp_fjord', validFrom: '2020-03-01T00:00:00Z' })).status).toBe(201);
    expect((await map({ internalId: 'acc_driver_18', validFrom: '2020-02-01T00:00:00Z' })).status).toBe(201);
    expect((await map({ internalId: 'acc_emsp_aurora' })).status).toBe(201);
    // Half-open: no instant has two payers.
    const spans = await api.store.pool.query('SELECT internal_id, valid_from::text AS from, valid_to::text AS to FROM mapping WHERE external_key = $1 ORDER BY valid_from', [mapping.externalKey]);
    expect(spans.rows.map((r) => [r.internal_id, r.from.slice(0, 10), r.to.slice(0, 10)])).toEqual([
      ['acc_emsp_aurora', '-infinity', '2020-02-01'],
      ['acc_driver_18', '2020-02-01', '2020-03-01'],
      ['acc_emsp_fjord', '2020-03-01', 'infinity'],
    ]);
  });
  it('takes signed decisions on what is implausible: accepted is billed, rejected is not', async () => {
    const { body } = await upload([session(40, { kWh: '250' }), session(41, { kWh: '250' })], 'much.csv');
    await imported(body.batchId, 2);
    const idOf = async (id: number) => (await api.call('auditor', 'GET', `/v1/records/${encodeURIComponent(`csms/se*wlt*${id}`)}`)).body.recordId;
    const decide = async (id: number, action: string, reason = 'meter read on site') => api.call('preparer', 'POST', '/v1/decisions', { recordIds: [await idOf(id)], action, reason });
    expect((await decide(40, 'accept', 'x')).body).toMatchObject({ status: 422, errors: [{ path: 'reason' }] });
    expect((await decide(40, 'accept')).body).toEqual({ decided: 1, awaitingSecond: 0 });
    expect((await decide(41, 'reject')).body).toEqual({ decided: 1, awaitingSecond: 0 });
    await expect.poll(() => stateOf('csms/se*wlt*40'), { timeout: 20_000 }).toBe('booked');
    await expect.poll(() => stateOf('csms/se*wlt*41'), { timeout: 20_000 }).toBe('rejected');
    expect((await decide(40, 'reject')).body).toMatchObject({ status: 409, detail: expect.stringContaining('booked') });
  });
  it('shows the quarantine by cause, decides a whole cause, corrects with evidence, and judges anew under other rules', async () => {
    const at = (id: number) => session(id, { kWh: '250', start: `1${id - 50}.12.2019 18:00`, end: `1${id - 50}.12.2019 21:00` });
    const { body } = await upload([at(50), at(51), at(52), session(53, { kWh: '15', start: '20.12.2019 18:00', end: '20.12.2019 18:10' })], 'more.csv');
    await imported(body.batchId, 4);
    const causes = async () =>
      Object.fromEntries((await api.call('auditor', 'GET', '/v1/quarantine?sourceId=csms')).body.items.map((c: { cause: string; records: number; energyWh: string; owner: string }) => [c.cause, c]));
    expect(await causes()).toMatchObject({
      energyOutOfRange: { records: 3, energyWh: '750000', owner: 'ops', waitingFor: 'decision', unpriced: 0, awaitingSecond: 0 },
      energyAboveConnector: { records: 1, energyWh: '15000' },
    });
    const idOf = async (id: number) => (await api.call('auditor', 'GET', `/v1/records/${encodeURIComponent(`csms/se*wlt*${id}`)}`)).body.recordId;
    const decide = async (decision: object) => (await api.call('preparer', 'POST', '/v1/decisions', { reason: 'photo of the meter', ...decision })).body;
    expect(await decide({ action: 'correct', recordIds: [await idOf(50)], correction: {} })).toMatchObject({ status: 422 });
    expect(await decide({ action: 'accept' })).toMatchObject({ status: 422, detail: 'Name either recordIds or a cause.' });
    expect(await decide({ action: 'correct', recordIds: [await idOf(50)], correction: { energyWh: 25_000 } })).toEqual({ decided: 1, awaitingSecond: 0 });
    await expect.poll(() => stateOf('csms/se*wlt*50'), { timeout: 20_000 }).toBe('booked');
    expect(await decide({ action: 'reject', cause: 'energyOutOfRange', sourceId: 'csms', expected: 3 })).toMatchObject({ status: 409, detail: expect.stringContaining('2 records wait') });
    expect(await decide({ action: 'reject', cause: 'energyOutOfRange', sourceId: 'csms', expected: 2 })).toEqual({ decided: 2, awaitingSecond: 0 });
    for (const id of [51, 52]) await expect.poll(() => stateOf(`csms/se*wlt*${id}`), { timeout: 20_000 }).toBe('rejected');

    const { rules } = (await api.call('auditor', 'GET', '/v1/sources/csms/rules')).body;
    expect(rules.find((r: { code: string }) => r.code === 'energyAboveConnector')).toMatchObject({ severity: 'blocks', limits: { slackPercent: 10, slackWh: 500, slackS: 60 }, owner: 'ops' });
    const set = (body: object) => api.call('approver', 'PUT', '/v1/sources/csms/rules', { reason: 'chargers of 150 kW', ...body });
    expect((await set({ profile: { rules: { energyAbove: { severity: 'warns' } } } })).body).toMatchObject({ status: 422, detail: expect.stringContaining('rules.energyAbove') });
    expect((await api.call('ops', 'PUT', '/v1/sources/csms/rules', { reason: 'let it pass', profile: { rules: {} } })).status).toBe(403);
    expect((await set({ profile: { rules: { energyAboveConnector: { severity: 'warns' } } } })).body).toEqual({ version: 1, workflowId: 'retry/csms/anyRule/v1' });
    await expect.poll(() => stateOf('csms/se*wlt*53'), { timeout: 20_000 }).toBe('booked');
    expect((await set({ profile: { rules: {} } })).body.version).toBe(2);
    expect((await api.call('ops', 'POST', '/v1/quarantine/retries', { sourceId: 'csms', cause: 'meterMismatch' })).status).toBe(404);
    expect((await api.call('auditor', 'GET', '/v1/sources/csms/register-gaps')).body).toEqual({ items: [], nextCursor: null });
  });
  it('lists records in pages', async () => {
    const first = (await api.call('auditor', 'GET', '/v1/records?limit=3')).body;
    const second = (await api.call('auditor', 'GET', `/v1/records?limit=3&cursor=${first.nextCursor}`)).body;
    const ids = [...first.items, ...second.items].map((r: { recordId: string }) => Number(r.recordId));
    expect(ids).toHaveLength(6);
    expect(ids).toEqual([...ids].sort((a, b) => b - a));
    expect((await api.call('auditor', 'GET', '/v1/records?limit=0')).status).toBe(422);
    expect((await api.call('auditor', 'GET', '/v1/records?state=gone')).body.errors[0].path).toBe('state');
  });
});

describe('erasure', () => {
  it('expunges the bytes of one message with a reason, shows it, and leaves what was sealed provable', async () => {
    const { body } = await upload([session(60), session(61, { user: 'Erased-1' })], 'erase.csv');
    await imported(body.batchId, 2);
    const messageOf = async (id: number) => {
      const timeline = (await api.call('auditor', 'GET', `/v1/records/${encodeURIComponent(`csms/se*wlt*${id}`)}/timeline`)).body;
      return { timeline, id: /message (\d+)/.exec(timeline.events[0].text)?.[1] };
    };
    const booked = (await messageOf(60)).id;
    const waiting = (await messageOf(61)).id;
    const expunge = (user: string, id: string | undefined, reason = 'asked for by the driver, case 12') => api.call(user, 'POST', `/v1/messages/${id}/expunge`, { reason });
    expect((await expunge('ops', booked)).status).toBe(403);
    expect((await expunge('admin', booked, '')).status).toBe(422);
    expect((await expunge('admin', '999999')).status).toBe(404);
    expect((await expunge('admin', waiting)).body).toMatchObject({ status: 409, detail: expect.stringContaining('waits on it') });
    expect((await expunge('admin', booked)).body).toEqual({ expunged: true });
    expect((await expunge('admin', booked)).body).toEqual({ expunged: false });
    expect((await messageOf(60)).timeline.events.map((e: { text: string }) => e.text).join()).toContain('by admin: asked for by the driver, case 12');
    const bodies = await api.store.pool.query('SELECT b.bytes, b.length FROM raw_message m JOIN raw_body b ON b.received_month = m.received_month AND b.hash = m.body_hash WHERE m.id = $1', [booked]);
    expect(bodies.rows).toEqual([{ bytes: null, length: Buffer.byteLength(session(60)) }]);
    const { sections } = await verifyAll(api.store, () => undefined);
    expect(sections.filter((s) => s.problem !== null)).toEqual([]);
    expect(sections.some((s) => s.counts['expunged'] === 1)).toBe(true);
  });
  it('cannot be done around the procedure, nor undone', async () => {
    const app = (sql: string) => api.store.pool.query(sql);
    await expect(app("UPDATE raw_body SET bytes = NULL, expunge_reason = 'x', expunged_by = 'x'")).rejects.toMatchObject({ code: '42501' });
    await expect(app("SELECT expunge_raw_body(current_date, 'x', '', 'x')")).rejects.toMatchObject({ code: 'WL003' });
    await expect(app('DELETE FROM raw_body')).rejects.toMatchObject({ code: '42501' });
  });
});
