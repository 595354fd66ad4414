import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type RetentionClass, retentionClasses } from '../../src/contracts/retention.ts';
import { changeRetention, dryRunRetention } from '../../src/store/commands/retention.ts';
import { openStore, type Store } from '../../src/store/db.ts';
import { retentionOverview } from '../../src/store/reads/retention.ts';
import { retainBatch } from '../../src/store/retention/retain.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
import { closeSet, issueRun } from '../support/bill.ts';
import { copyOf, type TestDatabase } from '../support/database.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';
import { fingerprint } from '../support/whole-database.ts';

// The clock is handed in; what is stored is stored now.
const now = new Date();
const year = now.getUTCFullYear();
const by = { actor: 'officer' };
/** The first instant of a month, so many from this one. */
const firstOfMonth = (months: number) => new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + months, 1));

let billed: TestDatabase;
let database: TestDatabase;
let store: Store;
let owner: pg.Client;
const rows = async (sql: string) => (await store.pool.query(sql)).rows;
const count = async (what: string) => (await rows(`SELECT count(*)::int AS n FROM ${what}`))[0].n;
const due = async (name: RetentionClass, at: Date) => (await retentionOverview(store.pool, at)).classes.find((c) => c.class === name)?.due;
const verified = async () => (await verifyAll(store)).sections.flatMap((s) => (s.problem === null ? [] : [`${s.name}: ${s.problem}`]));
let runs = 0;
async function retain(name: RetentionClass, at: Date, runId = `retention/${++runs}`) {
  for (;;) {
    const step = await store.tx((db) => retainBatch(db, { runId, class: name, actor: 'keeper' }, at));
    if (step.done) return { due: step.due, removed: step.removed };
  }
}

beforeAll(async () => {
  ({ store, database: billed } = await seeded());
  await storeLines(store, [session(1), session(2, { user: 'Bl2-2' }), session(3, { user: 'AdO3-2' })]);
  await processAll(store);
  await issueRun(store, await closeSet(store, '2019-12'), `${year}-01-06`);
  await store.close();
});
afterAll(() => billed.drop());
beforeEach(async () => {
  database = await copyOf(billed);
  store = openStore(database.url);
  owner = new pg.Client({ connectionString: database.adminUrl });
  await owner.connect();
  return async () => {
    await Promise.all([store.close(), owner.end()]);
    await database.drop();
  };
});

describe('raw bodies', () => {
  it('go when the whole month of their receipt is past the limit, and verify calls them expunged', async () => {
    expect(await due('rawBody', now)).toBe(0);
    // The last day on which none is due, and the first on which all of the month are.
    expect(await due('rawBody', new Date(firstOfMonth(27).getTime() - 1))).toBe(0);
    expect(await due('rawBody', firstOfMonth(27))).toBe(3);
    expect(await retain('rawBody', firstOfMonth(27))).toEqual({ due: 3, removed: 3 });
    expect(await rows('SELECT DISTINCT expunged_by, expunge_reason FROM raw_body')).toEqual([{ expunged_by: 'keeper', expunge_reason: 'retention: 26 months after the month of receipt' }]);
    expect(await verified()).toEqual([]);
    expect((await verifyAll(store)).sections[0]?.counts).toEqual({ expunged: 3 });
  });
  it('stay while their message is not processed, or a record waits on it', async () => {
    await storeLines(store, [session(4, { garage: 'Nowhere' })]);
    await processAll(store);
    await storeLines(store, [session(5)]);
    expect(await retain('rawBody', firstOfMonth(40))).toEqual({ due: 3, removed: 3 });
    expect(await count('raw_body WHERE bytes IS NOT NULL')).toBe(2);
    await processAll(store);
    expect(await retain('rawBody', firstOfMonth(40))).toEqual({ due: 1, removed: 1 });
    expect(await verified()).toEqual([]);
  });
});

describe('UIDs of tokens', () => {
  it('go when the token was not seen for the limit, unless something of it is open', async () => {
    await store.pool.query("UPDATE token SET last_seen_on = '2026-03-15'");
    expect(await due('tokenUid', new Date('2028-05-15T23:59:59Z'))).toBe(0);
    expect(await due('tokenUid', new Date('2028-05-16T00:00:00Z'))).toBe(3);
    await storeLines(store, [session(6, { user: 'Bl2-2', start: '03.01.2020 10:00', end: '03.01.2020 12:00' }), session(7, { user: 'AdO3-2', garage: 'Nowhere' })]);
    await processAll(store);
    expect(await retain('tokenUid', firstOfMonth(30))).toEqual({ due: 1, removed: 1 });
    expect((await rows('SELECT uid FROM token ORDER BY 1')).map((r) => r.uid)).toEqual(['AdO3-2', 'Bl2-2']);
    expect(await verified()).toEqual([]);
  });
  it('go from mappings that have ended too, together with their token', async () => {
    await store.pool.query("UPDATE mapping SET valid_to = '2020-02-01' WHERE external_key IN ('Bl2-1', 'Bl2-3')");
    // Of Bl2-1 the token was seen today.
    expect(await retain('tokenUid', now)).toEqual({ due: 1, removed: 1 });
    expect(await retain('tokenUid', firstOfMonth(27))).toEqual({ due: 4, removed: 4 });
    expect(await rows("SELECT external_key FROM mapping WHERE external_key IN ('Bl2-1', 'Bl2-2', 'Bl2-3')")).toEqual([{ external_key: 'Bl2-2' }]);
  });
});

describe('where sessions stood', () => {
  it('goes so long after their end, unless the record waits', async () => {
    await storeLines(store, [session(8, { garage: 'Nowhere' })]);
    await processAll(store);
    // Sessions of 2019, received this month.
    expect(await due('sessionTrail', firstOfMonth(13))).toBe(0);
    expect(await due('sessionTrail', firstOfMonth(14))).toBe(3);
    await store.pool.query("UPDATE session_span SET end_at = '2040-03-15 00:00:00Z' WHERE record_id <> (SELECT min(record_id) FROM session_span)");
    expect(await due('sessionTrail', new Date('2041-04-15T23:59:59Z'))).toBe(1);
    expect(await retain('sessionTrail', new Date('2041-04-16T00:00:00Z'))).toEqual({ due: 3, removed: 3 });
    expect(await count('session_span')).toBe(1);
  });
});

describe('idempotency keys', () => {
  it('go after thirty days, to the second', async () => {
    await store.pool.query(`INSERT INTO idempotency_key (actor, key, route, request_hash, status, answer, created_at)
      SELECT 'a', n::text, 'POST /', '\\x00', 200, '{}', timestamptz '2026-01-31 12:00:00Z' + n * interval '1 second' FROM generate_series(-2500, 2) n`);
    expect(await retain('idempotencyKey', new Date('2026-03-02T12:00:00Z'))).toEqual({ due: 2500, removed: 2500 });
    expect((await rows('SELECT key FROM idempotency_key ORDER BY created_at')).map((r) => r.key)).toEqual(['0', '1', '2']);
  });
});

describe('who drivers are', () => {
  it('goes after the seventh year that follows the year of the last document, with the tokens mapped to them', async () => {
    expect(await due('driverIdentity', new Date(`${year + 7}-12-31T23:59:59Z`))).toBe(0);
    expect(await retain('driverIdentity', new Date(`${year + 8}-01-01T00:00:00Z`))).toEqual({ due: 3, removed: 3 });
    expect(await rows("SELECT name FROM party WHERE id = 'pty_driver_16'")).toEqual([{ name: '(erased)' }]);
    expect(await rows("SELECT FROM mapping WHERE internal_id = 'acc_driver_16'")).toEqual([]);
    // Those who never got a document stay, and so do companies.
    expect(await count('party WHERE erased_at IS NOT NULL')).toBe(3);
    expect(await verified()).toEqual([]);
  });
  it('stays while something is open, and after a later charge', async () => {
    await storeLines(store, [session(9, { start: '03.01.2021 10:00', end: '03.01.2021 12:00' }), session(10, { user: 'Bl2-2', garage: 'Nowhere' })]);
    await processAll(store);
    expect(await retain('driverIdentity', new Date(`${year + 8}-06-01T00:00:00Z`))).toEqual({ due: 1, removed: 1 });
    await issueRun(store, await closeSet(store, '2021-01'), `${year + 1}-02-06`);
    expect(await due('driverIdentity', new Date(`${year + 8}-12-31T00:00:00Z`))).toBe(0);
    expect(await due('driverIdentity', new Date(`${year + 9}-01-01T00:00:00Z`))).toBe(1);
  });
});

describe('a run', () => {
  it('is logged once, by class, also when it finds nothing, and nobody changes that', async () => {
    for (const name of retentionClasses) expect(await retain(name, now, 'retention/empty')).toEqual({ due: 0, removed: 0 });
    expect(await retain('rawBody', firstOfMonth(40), 'retention/empty')).toEqual({ due: 0, removed: 0 });
    expect(
      (await rows("SELECT class, dry_run, due::int, removed::int, oldest, actor FROM retention_run WHERE run_id = 'retention/empty' ORDER BY class")).map(({ class: name, ...r }) => [name, r]),
    ).toEqual([...retentionClasses].sort().map((name) => [name, { dry_run: false, due: 0, removed: 0, oldest: null, actor: 'keeper' }]));
    await expect(owner.query('DELETE FROM retention_run')).rejects.toMatchObject({ code: 'WL001' });
    await expect(store.pool.query('UPDATE retention_run SET removed = 1')).rejects.toMatchObject({ code: '42501' });
    expect(await count('retention_progress')).toBe(0);
  });
  it('goes on where it was, and counts what was done before', async () => {
    await store.pool.query(
      "INSERT INTO idempotency_key (actor, key, route, request_hash, status, answer, created_at) SELECT 'a', n::text, 'POST /', '\\x00', 200, '{}', '2020-01-01' FROM generate_series(1, 1500) n",
    );
    const order = { runId: 'retention/killed', class: 'idempotencyKey', actor: 'keeper' } as const;
    expect(await store.tx((db) => retainBatch(db, order, now))).toEqual({ done: false, due: 1500, removed: 1000 });
    expect(await retain('idempotencyKey', firstOfMonth(2), order.runId)).toEqual({ due: 1500, removed: 1500 });
    expect((await retentionOverview(store.pool, now)).runs).toMatchObject([{ runId: order.runId, removed: 1500, startedAt: now.toISOString(), oldest: '2020-01-01T00:00:00.000Z' }]);
  });
  it('only counts when it is dry', async () => {
    const before = await fingerprint(owner);
    const found = await store.tx((db) => dryRunRetention(db, { runId: 'retention/dry', class: undefined }, firstOfMonth(27), by));
    expect(found.map((f) => [f.class, f.due])).toEqual([
      ['sessionTrail', 3],
      ['rawBody', 3],
      ['tokenUid', 3],
      ['idempotencyKey', 0],
      ['driverIdentity', 0],
    ]);
    const after = await fingerprint(owner);
    expect(Object.keys(before).filter((table) => before[table] !== after[table])).toEqual(['retention_run']);
    expect(await rows('SELECT DISTINCT dry_run, removed::int FROM retention_run')).toEqual([{ dry_run: true, removed: 0 }]);
  });
});

describe('how long a class is kept', () => {
  const change = (name: RetentionClass, keep: number, unit: 'months' | 'days') => store.tx((db) => changeRetention(db, { class: name, keep, unit, reason: 'as the officer decided' }, by));
  it('is changed with a reason, by which the next run goes', async () => {
    await change('rawBody', 3, 'months');
    expect(await due('rawBody', firstOfMonth(4))).toBe(3);
    expect(await rows("SELECT subject, reason, after FROM audit_event WHERE action = 'retention.change'")).toEqual([
      { subject: 'rawBody', reason: 'as the officer decided', after: { before: 26, keep: 3, unit: 'months' } },
    ]);
  });
  it('is not shorter than law or work needs, by the command or past it, and not in another unit', async () => {
    await expect(change('driverIdentity', 83, 'months')).rejects.toThrow(/at least 84 months: bookkeeping law/);
    await expect(change('idempotencyKey', 1, 'months')).rejects.toThrow('is kept by days');
    await expect(store.pool.query("UPDATE retention_policy SET keep = 1 WHERE class = 'driverIdentity'")).rejects.toMatchObject({ code: '23514' });
    await expect(store.pool.query('UPDATE retention_policy SET floor = 1')).rejects.toMatchObject({ code: '42501' });
  });
});
