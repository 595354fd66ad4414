import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signWebhook } from '../../src/core/webhook/signature.ts';
import { type ApiUnderTest, startApi } from '../support/api.ts';

let api: ApiUnderTest;
let first: { secretId: string; secret: string };
const cdr = (id: string) => JSON.stringify({ transactionId: id, siteId: 'Bl2', idTag: 'Bl2-1', startTime: '2019-12-05T10:00:00Z', stopTime: '2019-12-05T12:00:00Z', energyWh: 10_000 });
const nowS = () => Math.round(Date.now() / 1000);
const rows = async (sql: string) => (await api.store.pool.query(sql)).rows;

beforeAll(async () => {
  api = await startApi(undefined, {
    setUp: (seed) => seed.sources.push({ ...(seed.sources[0] as (typeof seed.sources)[number]), id: 'hooked', format: 'json-csms', route: 'proprietary', controlTotals: [], expectations: [] }),
  });
  first = (await api.call('admin', 'POST', '/v1/sources/hooked/webhook-secrets', {})).body;
});
afterAll(() => api.stop());

function send(
  body: string,
  { event = 'cdr', secret = first.secret, atS = nowS(), source = 'hooked', headers = {} }: { event?: string; secret?: string; atS?: number; source?: string; headers?: Record<string, string> } = {},
) {
  return api.call(undefined, 'POST', `/webhooks/${source}`, body, {
    'content-type': 'application/json',
    'wattledger-event': event,
    'wattledger-signature': signWebhook(secret, atS, event, Buffer.from(body)),
    ...headers,
  });
}

describe('a signed call', () => {
  it('brings a CDR in, stored as it came, and says when it is sent again', async () => {
    const sent = await send(cdr('A1'));
    expect([sent.status, sent.body]).toEqual([202, { event: 'cdr', status: 'accepted', recordKey: 'se*wlt*a1', issues: [] }]);
    const [{ bytes }] = await rows("SELECT b.bytes FROM raw_message m JOIN raw_body b ON b.hash = m.body_hash WHERE m.record_key = 'se*wlt*a1'");
    expect(bytes.toString()).toBe(cdr('A1'));
  });

  it('is read over the byte order mark that its sender writes first, and signs', async () => {
    expect((await send(`\uFEFF${cdr('A2')}`)).body).toMatchObject({ status: 'accepted', recordKey: 'se*wlt*a2' });
    expect((await send(`\uFEFF${JSON.stringify({ on: '2019-11-05', count: 1, energyWh: 10_000 })}`, { event: 'day.counted' })).body.status).toBe('stated');
  });

  it('is kept and answered with its issues when it cannot be billed, so that its sender need not send it for ever', async () => {
    const sent = await send(JSON.stringify({ transactionId: 'B1' }));
    expect([sent.status, sent.body.status, sent.body.issues[0].code]).toEqual([202, 'held', 'badShape']);
  });

  it('opens, and cancels, what is to come', async () => {
    const started = await send(JSON.stringify({ key: 'S1', openedAt: '2019-12-05T10:00:00Z', evseId: 'SE*WLT*E1', estimatedWh: 12_000 }), { event: 'session.started' });
    expect([started.status, started.body.status]).toEqual([202, 'opened']);
    await send(JSON.stringify({ key: 'O1', openedAt: '2019-12-05T10:00:00Z', evseId: 'SE*WLT*E1' }), { event: 'charger.offline' });
    expect((await send(JSON.stringify({ key: 'S1', reason: 'no energy flowed' }), { event: 'session.cancelled' })).body.status).toBe('cancelled');
    expect(await rows("SELECT key, kind, resolution FROM expectation WHERE source_id = 'hooked' ORDER BY 1")).toEqual([
      { key: 'O1', kind: 'offline', resolution: null },
      { key: 'S1', kind: 'session', resolution: 'cancelled' },
    ]);
  });

  it('states a day’s control total', async () => {
    const total = JSON.stringify({ on: '2019-12-05', count: 1, energyWh: 10_000 });
    expect((await send(total, { event: 'day.counted' })).body.status).toBe('stated');
    expect((await send(total, { event: 'day.counted' })).body.status).toBe('repeated');
  });

  it.each([
    ['no signature', () => send(cdr('N1'), { headers: { 'wattledger-signature': '' } }), 400, 'signatureMalformed'],
    ['another secret', () => send(cdr('N2'), { secret: 'whsec_somebody-else-made-this-one-up' }), 401, 'signatureWrong'],
    ['a source that is not there', () => send(cdr('N3'), { source: 'nowhere' }), 401, 'signatureWrong'],
    ['another source of ours', () => send(cdr('N4'), { source: 'csms' }), 401, 'signatureWrong'],
    ['a signature of six minutes ago', () => send(cdr('N5'), { atS: nowS() - 360 }), 401, 'signatureStale'],
    ['one of time to come', () => send(cdr('N6'), { atS: nowS() + 360 }), 401, 'signatureStale'],
    ['another body than was signed', () => send(cdr('N7'), { headers: { 'wattledger-signature': signWebhook(first.secret, nowS(), 'cdr', Buffer.from(cdr('N8'))) } }), 401, 'signatureWrong'],
    ['another event than was signed', () => send('{"key":"N9","reason":"why"}', { headers: { 'wattledger-event': 'session.cancelled' } }), 401, 'signatureWrong'],
    ['an event nobody knows', () => send(cdr('N10'), { event: 'firmware.updated' }), 400, 'unknownEvent'],
    ['a body that is none of the event', () => send('{"key":""}', { event: 'session.started' }), 400, 'invalid'],
    ['no JSON', () => send('{', { event: 'session.started' }), 400, 'invalid'],
    ['more than a call holds', () => send(JSON.stringify({ x: 'y'.repeat(1_100_000) })), 413, 'tooLarge'],
  ])('with %s changes nothing and says why', async (_, call, status, code) => {
    const before = await rows('SELECT (SELECT count(*) FROM raw_message)::int AS m, (SELECT count(*) FROM expectation)::int AS e');
    const answer = await call();
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(await rows('SELECT (SELECT count(*) FROM raw_message)::int AS m, (SELECT count(*) FROM expectation)::int AS e')).toEqual(before);
  });
});

describe('a secret', () => {
  it('is made by an admin alone, told once, and neither listed nor kept for a repeat of the request', async () => {
    expect((await api.call('ops', 'POST', '/v1/sources/hooked/webhook-secrets', {})).status).toBe(403);
    const listed = await api.call('auditor', 'GET', '/v1/sources/hooked/webhook-secrets');
    expect(listed.body.items).toEqual([{ secretId: first.secretId, madeAt: expect.any(String), validUntil: null, author: 'admin' }]);
    const kept = await rows("SELECT (SELECT coalesce(string_agg(answer::text, ''), '') FROM idempotency_key) || (SELECT coalesce(string_agg(after::text, ''), '') FROM audit_event) AS text");
    expect(kept[0].text).not.toContain(first.secret);
  });

  it('holds beside the next one for the overlap, and not after it', async () => {
    const second = (await api.call('admin', 'POST', '/v1/sources/hooked/webhook-secrets', { overlapHours: 1 })).body;
    expect((await send(cdr('R1'))).status).toBe(202);
    expect((await send(cdr('R2'), { secret: second.secret })).status).toBe(202);
    const third = (await api.call('admin', 'POST', '/v1/sources/hooked/webhook-secrets', { overlapHours: 0 })).body;
    expect((await send(cdr('R3'), { secret: second.secret })).status).toBe(401);
    expect((await send(cdr('R4'), { secret: third.secret })).status).toBe(202);
    const revoked = await api.call('admin', 'POST', `/v1/sources/hooked/webhook-secrets/${third.secretId}/revocation`, { reason: 'it leaked' });
    expect(revoked.status).toBe(200);
    expect((await send(cdr('R5'), { secret: third.secret })).status).toBe(401);
  });

  it('is listed however many came after it', async () => {
    await rows("INSERT INTO webhook_secret (id, source_id, secret, author, made_at) SELECT 'whs_' || n, 'hooked', repeat('x', 40), 'admin', now() FROM generate_series(1, 120) n");
    const list = (more: string) => api.call('auditor', 'GET', `/v1/sources/hooked/webhook-secrets?limit=100${more}`);
    const { items, nextCursor } = (await list('')).body;
    const rest = (await list(`&cursor=${nextCursor}`)).body;
    expect([new Set([...items, ...rest.items].map((s: { secretId: string }) => s.secretId)).size, rest.nextCursor]).toEqual([123, null]);
    expect(rest.items.at(-1).secretId).toBe(first.secretId);
  });
});
