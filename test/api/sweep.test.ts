import { mkdtempSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filesErp } from '../../src/adapters/erp/files.ts';
import { type ApiUnderTest, startApi } from '../support/api.ts';
import { type PagedPeer, startPagedPeer } from '../support/paged-peer.ts';
import { placesOf } from '../support/whole-database.ts';

let api: ApiUnderTest;
let peer: PagedPeer;
const folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-sweep-'));
const tokenFile = path.join(folder, 'token');
const drops = path.join(folder, 'drops');
const hour = 3_600_000;

beforeAll(async () => {
  writeFileSync(tokenFile, 'secret-token\n');
  peer = await startPagedPeer('lines');
  const source = (id: string, format: string) => ({
    id,
    name: id,
    route: 'proprietary' as const,
    format,
    ownerCountry: 'SE',
    ownerParty: 'WLT',
    timeZone: 'Europe/Stockholm',
    repeatProfile: 'revise' as const,
    correctionChannel: 'none' as const,
    controlTotals: [],
    expectations: [],
  });
  const setUp = (seed: { sources: object[] }) => seed.sources.push(source('api', 'json-csms'), source('drops', 'json-csms'), source('csvdrops', 'csv-residential-csms'));
  api = await startApi(async () => filesErp('/nonexistent'), { setUp, dropsFolder: drops });
});
afterAll(async () => {
  await api.stop();
  await peer.stop();
});

const rows = async (sql: string) => (await api.store.pool.query(sql)).rows;
const transaction = (n: number, more: object = {}) => ({
  transactionId: `T${n}`,
  siteId: 'Bl2',
  idTag: 'AURORA-1',
  startTime: '2019-12-05T10:00:00Z',
  stopTime: '2019-12-05T12:00:00Z',
  energyWh: 10_000 + n,
  ...more,
});
const put = (settings: object, user = 'admin', source = 'api') => api.call(user, 'PUT', `/v1/sources/${source}/connection`, { settings, reason: 'first connection' });
const connected = { kind: 'jsonRest', url: '', pageSize: 3, tokenFile, timeoutMs: 2000, overlapMinutes: 60, from: '2019-12-01T00:00:00Z', completeAfterMinutes: 120, everyMinutes: 1440 };
const done = async (workflowId: string) => (await api.client.workflow.getHandle(workflowId).result()) as { pulled: number; fresh: number; files: number; problem: string | null };
async function sweep(body: object = {}, source = 'api') {
  const started = await api.call('ops', 'POST', `/v1/sources/${source}/sweeps`, body);
  expect(started.status).toBe(202);
  return done(started.body.workflowId);
}

describe('a source that is pulled', () => {
  it('has its connection set by an admin alone, and by nobody for a source that is not there', async () => {
    const settings = { ...connected, url: peer.url };
    expect((await put(settings, 'ops')).status).toBe(403);
    expect((await put(settings, 'admin', 'nowhere')).status).toBe(404);
    expect((await put({ ...settings, url: 'ftp://somewhere' })).status).toBe(422);
    const told = await put({ ...settings, url: peer.url.replace('://', '://reader:pa55word@') });
    expect(told).toMatchObject({ status: 422, body: { detail: 'url: it holds a user or a password: leave them out, and name a tokenFile of the worker' } });
    expect(await placesOf(api.store.pool, ['pa55word'])).toEqual([]);
    expect((await api.call('ops', 'POST', '/v1/sources/api/sweeps', {})).body.code).toBe('wrongState');
    expect((await put(settings)).body).toEqual({ version: 1, changed: true });
    expect((await put(settings)).body).toEqual({ version: 1, changed: false });
    const schedule = await api.client.schedule.getHandle('sweep-api').describe();
    expect([schedule.spec.intervals?.[0]?.every, schedule.policies.overlap]).toEqual([24 * hour, 'SKIP']);
  });

  it('is asked page by page with its token, and what it has is booked', async () => {
    for (let n = 1; n <= 7; n += 1) peer.cdrs.push({ changedAtMs: Date.now() - hour, body: transaction(n) });
    expect(await sweep()).toEqual({ pulled: 7, fresh: 7, files: 0, problem: null });
    expect(peer.asked.map((a) => a.authorization)).toEqual(Array(3).fill('Bearer secret-token'));
    expect(await rows("SELECT state, count(*)::int AS n FROM record_head WHERE source_id = 'api' GROUP BY 1")).toEqual([{ state: 'booked', n: 7 }]);
    const { body } = await api.call('auditor', 'GET', '/v1/sources/api/sweeps');
    expect(body.items).toMatchObject([{ state: 'done', pages: 3, pulled: 7, fresh: 7, stated: 7, problem: null }]);
  });

  it('states how far it is complete once it was seen to its end', async () => {
    const [sweepRow] = await rows("SELECT to_at FROM sweep WHERE source_id = 'api'");
    const [mark] = await rows("SELECT complete_until, origin, author FROM source_watermark WHERE source_id = 'api'");
    expect(mark).toEqual({ complete_until: new Date(sweepRow.to_at.getTime() - 120 * 60_000), origin: 'poll', author: 'sweep' });
    expect((await api.call('ops', 'GET', '/v1/sources/api/connection')).body.sweptUntil).toBe(sweepRow.to_at.toISOString());
  });

  it('has a push that was lost found by the next look, what is known is not stored again, and what changed is', async () => {
    const before = (await rows("SELECT count(*)::int AS n FROM raw_message WHERE source_id = 'api'"))[0].n;
    peer.cdrs.push({ changedAtMs: Date.now() - hour / 2, body: transaction(8) });
    peer.cdrs[0] = { changedAtMs: Date.now() - 1000, body: transaction(1, { energyWh: 5_000, updatedAt: '2019-12-06T00:00:00Z' }) };
    // The seven others changed an hour ago: the overlap reaches just beyond.
    const result = await sweep({ window: { from: new Date(Date.now() - 2 * hour).toISOString(), to: new Date().toISOString() } });
    expect(result).toMatchObject({ pulled: 8, fresh: 2 });
    expect((await rows("SELECT count(*)::int AS n FROM raw_message WHERE source_id = 'api'"))[0].n).toBe(before + 2);
    expect(await rows("SELECT revision, energy_wh FROM record_head WHERE source_id = 'api' AND cdr_id = 't1'")).toEqual([{ revision: 2, energy_wh: 5_000n }]);
  });

  it('is asked again where it stopped when it does not answer for a while', async () => {
    peer.asked.length = 0;
    peer.failing = { times: 2, status: 503, headers: { 'retry-after': '1' } };
    expect(await sweep()).toMatchObject({ problem: null });
    expect(peer.asked.length).toBeGreaterThanOrEqual(3);
  });

  it('that refuses the token fails the look at once and visibly, and moves nothing', async () => {
    const before = (await api.call('ops', 'GET', '/v1/sources/api/connection')).body.sweptUntil;
    peer.failing = { times: 1, status: 401 };
    await expect(sweep()).rejects.toThrow();
    const { body } = await api.call('auditor', 'GET', '/v1/sources/api/sweeps?limit=1');
    expect(body.items).toMatchObject([{ state: 'failed', problem: expect.stringContaining('answers 401: check the address and the token') }]);
    expect((await api.call('ops', 'GET', '/v1/sources/api/connection')).body.sweptUntil).toBe(before);
  });

  it('that states more than it delivers is looked at from the same place again', async () => {
    const before = (await api.call('ops', 'GET', '/v1/sources/api/connection')).body.sweptUntil;
    peer.statedMore = 2;
    expect((await sweep()).problem).toMatch(/CDRs came, \d+ were stated/);
    expect((await api.call('ops', 'GET', '/v1/sources/api/connection')).body.sweptUntil).toBe(before);
    peer.statedMore = 0;
    expect((await sweep()).problem).toBeNull();
  });
});

describe('files dropped into a folder', () => {
  const inbox = path.join(drops, 'drops');
  it('are taken once, moved to done, and booked by an import', async () => {
    await put({ kind: 'folder', settleSeconds: 0 }, 'admin', 'drops');
    await mkdir(inbox, { recursive: true });
    const text = [transaction(101), transaction(102)].map((t) => JSON.stringify(t)).join('\n');
    await writeFile(path.join(inbox, 'a.ndjson'), text);
    await writeFile(path.join(inbox, 'still.ndjson.part'), text);
    expect(await sweep({}, 'drops')).toMatchObject({ files: 1, problem: null });
    await expect.poll(() => rows("SELECT count(*)::int AS n FROM record_head WHERE source_id = 'drops' AND state = 'booked'"), { timeout: 20_000 }).toEqual([{ n: 2 }]);
    expect([await readdir(path.join(inbox, 'done')), (await readdir(inbox)).sort()]).toEqual([['a.ndjson'], ['done', 'failed', 'still.ndjson.part']]);
    expect(await sweep({}, 'drops')).toMatchObject({ files: 0 });
  });

  it('that come again, as after a kill between storing and moving, are one batch', async () => {
    await writeFile(path.join(inbox, 'a.ndjson'), [transaction(101), transaction(102)].map((t) => JSON.stringify(t)).join('\n'));
    expect(await sweep({}, 'drops')).toMatchObject({ files: 1 });
    expect(await rows("SELECT count(*)::int AS n FROM import_batch WHERE source_id = 'drops'")).toEqual([{ n: 1 }]);
    expect((await readdir(path.join(inbox, 'done'))).sort()).toEqual(['a.2.ndjson', 'a.ndjson']);
  });

  it('of the wrong shape go to failed with the reason beside them, and the others are taken', async () => {
    await put({ kind: 'folder', settleSeconds: 0 }, 'admin', 'csvdrops');
    const csv = path.join(drops, 'csvdrops');
    await mkdir(csv, { recursive: true });
    await writeFile(path.join(csv, 'bad.csv'), 'wrong;header\n1;2\n');
    const header = 'session_ID;Garage_ID;User_ID;User_type;Shared_ID;Start_plugin;Start_plugin_hour;End_plugout;End_plugout_hour;El_kWh;Duration_hours;month_plugin;weekdays_plugin';
    await writeFile(path.join(csv, 'good.csv'), `${header}\n900001;Bl2;Bl2-1;Private;NA;05.12.2019 18:00;18;05.12.2019 21:00;21;10,5;NA;Dec;Thursday\n`);
    const result = await sweep({}, 'csvdrops');
    expect([result.files, result.problem]).toEqual([1, expect.stringContaining('bad.csv')]);
    expect(await readdir(path.join(csv, 'failed'))).toEqual(['bad.csv', 'bad.csv.why.txt']);
    expect(await readFile(path.join(csv, 'failed/bad.csv.why.txt'), 'utf8')).toContain('session_ID');
  });
});
