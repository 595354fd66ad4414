import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { handOver } from '../../src/activities/hand-over.ts';
import { filesErp } from '../../src/adapters/erp/files.ts';
import { ErpOutcomeUnknown, type ErpPort, ErpRefused, ErpUnavailable } from '../../src/adapters/erp/port.ts';
import type { ErpDocument } from '../../src/contracts/erp-document.ts';
import type { ErpMapping } from '../../src/contracts/erp-mapping.ts';
import { retryPosting, skipPosting } from '../../src/store/commands/decide-postings.ts';
import { planRun } from '../../src/store/commands/plan-run.ts';
import { putErpMapping } from '../../src/store/commands/put-erp-mapping.ts';
import { setPeriodState } from '../../src/store/commands/set-period-state.ts';
import { retryRun } from '../../src/store/commands/steer-run.ts';
import { openStore, type Store } from '../../src/store/db.ts';
import { keepMasterData } from '../../src/store/erp-mapping.ts';
import { withErpWords } from '../../src/store/erp-words.ts';
import { asOnlyWriter, enqueue, erpConnection, handedOver, leftToHandOver, recordAnswers, runHandOver, settledRuns, takeBatch } from '../../src/store/outbox.ts';
import { erpMappingView } from '../../src/store/reads/erp-mapping.ts';
import { listPostings } from '../../src/store/reads/erp-postings.ts';
import { runSummary } from '../../src/store/reads/run-summary.ts';
import type { TestDatabase } from '../support/database.ts';
import { seeded } from '../support/seeded.ts';

let database: TestDatabase;
let store: Store;
let drop: () => Promise<void>;
let folder: string;
let runId: string;
const connectionId = 'erp_files';

beforeAll(async () => {
  ({ store, database, drop } = await seeded());
});
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-outbox-'));
  return () => rmSync(folder, { recursive: true });
});
afterAll(() => drop());

const journal = (key: string, minor = 100n) => ({
  key,
  kind: 'journal',
  runId,
  legalNumber: null as string | null,
  accountId: 'a1',
  currency: 'SEK',
  postedOn: '2020-01-06',
  lines: [
    { glAccount: '1510', costCenter: null, vatCode: null as string | null, amountMinor: minor.toString() },
    { glAccount: '3001', costCenter: null, vatCode: null as string | null, amountMinor: (-minor).toString() },
  ],
  documentId: null,
  controlMinor: minor,
});
const put = (...rows: ReturnType<typeof journal>[]) => store.tx((db) => enqueue(db, connectionId, rows));
const progress = async () => (await runSummary(store.pool, runId))?.postings;
const requeue = () => store.tx((db) => retryRun(db, runId, { actor: 'ops' }));

describe('the outbox', () => {
  beforeAll(async () => {
    ({ runId } = await store.tx((db) => planRun(db, { entityId: 'ent_se', period: '2019-12', by: { actor: 'preparer' } })));
  });

  it('takes the same payload twice as one row and refuses another payload under its key', async () => {
    await put(journal('j1'), journal('j2'));
    await put(journal('j1'));
    await expect(put(journal('j3'), journal('j1', 200n))).rejects.toThrow('j1 is in the outbox with another payload');
    expect(await progress()).toEqual({ queued: 2 });
  });

  it('allows an answer only from the state it follows', async () => {
    await expect(recordAnswers(store.pool, [{ key: 'j1', state: 'posted', externalId: 'X' }])).rejects.toThrow('j1 cannot become posted: it is not sending or drafted');
    expect((await takeBatch(store.pool, connectionId, 1)).map((r) => [r.key, r.attempt, r.externalId])).toEqual([['j1', 1, null]]);
    await expect(recordAnswers(store.pool, [{ key: 'j1', state: 'verified' }])).rejects.toThrow('it is not posted');
    await recordAnswers(store.pool, [{ key: 'j1', state: 'posted', externalId: 'X' }]);
    expect(await progress()).toEqual({ posted: 1, queued: 1 });
    // A run tells its problem for a moment longer than it lasts.
    expect(await withErpWords(store.pool, ['j1: see posting j1'])).toEqual(['j1: it went on since']);
  });

  it('brings back what was posted without read-back and what a killed worker left in sending, and counts it as left', async () => {
    await takeBatch(store.pool, connectionId, 2);
    expect(await progress()).toEqual({ sending: 2 });
    expect(await leftToHandOver(store.pool, connectionId)).toBe(2);
    expect((await takeBatch(store.pool, connectionId, 5)).map((r) => [r.key, r.attempt, r.externalId])).toEqual([
      ['j1', 3, 'X'],
      ['j2', 2, null],
    ]);
    await recordAnswers(store.pool, [{ key: 'j1', state: 'refused', words: 'period closed' }]);
    await recordAnswers(store.pool, [{ key: 'j2', state: 'queued', words: 'ERP away' }]);
    // Temporal is told where the words stand, and whoever looks is told them.
    expect(await runHandOver(store.pool, runId)).toEqual({ left: 1, connections: [connectionId], problem: 'j2 is tried again by itself: see posting j2' });
    expect(await withErpWords(store.pool, ['j1 is refused: see posting j1; j2: see posting j2', null, 'see posting j0'])).toEqual([
      'j1 is refused: period closed; j2: ERP away',
      null,
      'see posting j0',
    ]);
    expect(await settledRuns(store.pool, ['j1', 'j2'])).toEqual([]);
    expect(await leftToHandOver(store.pool, connectionId)).toBe(1);
    expect(await requeue()).toEqual({ requeued: 1, others: [] });
  });

  it('stops only the refused row; its neighbours go on, and after a retry all are verified', async () => {
    await put(journal('j4'));
    const erp = filesErp(folder);
    const closed: ErpPort = { ...erp, post: (document) => (document.key === 'j2' ? Promise.reject(new ErpRefused('period closed')) : erp.post(document)) };
    expect(await handOver(store, closed, connectionId, 1)).toMatchObject({ verified: 2, refused: 1, left: 0 });
    expect(await requeue()).toEqual({ requeued: 1, others: [] });
    expect(await handOver(store, erp, connectionId)).toMatchObject({ verified: 1, refused: 0, left: 0 });
    expect(await progress()).toEqual({ verified: 3 });
    expect(await settledRuns(store.pool, ['j1', 'j2'])).toEqual(['run/ent_se/2019-12/live']);
  });

  it('has one writer a connection: the second waits for its turn, and two at once post each row once', async () => {
    const order: string[] = [];
    const first = asOnlyWriter(store, connectionId, async () => {
      order.push('first in');
      await new Promise((resolve) => setTimeout(resolve, 300));
      order.push('first out');
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    await Promise.all([first, asOnlyWriter(store, connectionId, async () => order.push('second in'))]);
    expect(order).toEqual(['first in', 'first out', 'second in']);

    await put(...Array.from({ length: 40 }, (_, i) => journal(`k${i}`)));
    const posts: string[] = [];
    const erp = filesErp(folder);
    const counted: ErpPort = {
      ...erp,
      async post(document) {
        posts.push(document.key);
        return erp.post(document);
      },
    };
    const totals = await Promise.all([handOver(store, counted, connectionId, 7), handOver(store, counted, connectionId, 7)]);
    expect(totals.reduce((sum, t) => sum + t.verified, 0)).toBe(40);
    expect(new Set(posts).size).toBe(posts.length);
    expect(posts).toHaveLength(40);
  });

  it('gives up its turn after the lock time-out, and stops when the connection that holds the lock is cut', async () => {
    const impatient = openStore(database.url);
    impatient.pool.on('connect', (client) => void client.query("SET lock_timeout = '200ms'"));
    const cut = asOnlyWriter(store, connectionId, async (db) => {
      expect(await asOnlyWriter(impatient, connectionId, async () => 1)).toBeUndefined();
      const { rows } = await db.query('SELECT pg_backend_pid() AS pid');
      const admin = new pg.Client({ connectionString: database.superuserUrl });
      await admin.connect();
      await admin.query('SELECT pg_terminate_backend($1)', [rows[0].pid]);
      await admin.end();
      await new Promise((resolve) => setTimeout(resolve, 100));
      await takeBatch(db, connectionId, 1);
    });
    await expect(cut).rejects.toThrow();
    expect(await asOnlyWriter(impatient, connectionId, async () => 1)).toEqual({ result: 1 });
    await impatient.close();
  });

  it('sends nothing before the document it follows, holds it while that one is refused, and lets it go on once somebody has decided', async () => {
    const note = (key: string, after: string) => ({ ...journal(key), kind: 'creditNote', legalNumber: `K-${key}`, credits: { key: after, legalNumber: '1', externalId: null } });
    const stateOf = async (key: string) => (await listPostings(store.pool, { key }, { limit: 1 })).items[0];
    // The note is the older row: its invoice was queued again meanwhile.
    await put(note('f2', 'f1'), note('f4', 'f3'));
    await put(journal('f1'), journal('f3'));
    const posts: string[] = [];
    const erp = filesErp(folder);
    let open = false;
    const picky: ErpPort = {
      ...erp,
      async post(document) {
        posts.push(document.key);
        if (!open && (document.key === 'f1' || document.key === 'f3')) throw new ErpRefused('no account 1510');
        return erp.post(document);
      },
    };
    expect(await handOver(store, picky, connectionId)).toMatchObject({ verified: 0, refused: 2, left: 0 });
    expect(await handOver(store, picky, connectionId)).toMatchObject({ verified: 0, refused: 0, left: 0 });
    expect(await stateOf('f2')).toMatchObject({ state: 'held', heldFor: 'predecessor', followsKey: 'f1', answer: 'waits for f1, which is refused' });
    const by = { actor: 'finance' };
    await expect(store.tx((db) => retryPosting(db, 'j1', 'mended', by))).rejects.toThrow('posting j1 is verified');
    open = true;
    expect(await store.tx((db) => retryPosting(db, 'f1', 'account added', by))).toMatchObject({ connections: [connectionId], followers: 1, runs: [{ runId }] });
    expect(await handOver(store, picky, connectionId)).toMatchObject({ verified: 2, refused: 0, left: 0 });
    expect(posts.filter((key) => key === 'f1' || key === 'f2')).toEqual(['f1', 'f1', 'f2']);
    expect(await store.tx((db) => skipPosting(db, 'f3', 'entered there by hand', by))).toMatchObject({ followers: 1 });
    expect(await handOver(store, picky, connectionId)).toMatchObject({ verified: 1, refused: 0, left: 0 });
    expect(await stateOf('f3')).toMatchObject({ state: 'skipped', heldFor: null, answer: 'skipped by finance: entered there by hand' });
    expect(posts.filter((key) => key === 'f3' || key === 'f4')).toEqual(['f3', 'f4']);
    // Neither takes part in the comparison nor keeps a run from its close.
    expect((await handedOver(store.pool, runId, connectionId)).stopped).toEqual([]);
    expect((await store.pool.query("SELECT action, reason FROM audit_event WHERE subject IN ('f1', 'f3') ORDER BY id")).rows).toEqual([
      { action: 'posting.retry', reason: 'account added' },
      { action: 'posting.skip', reason: 'entered there by hand' },
    ]);
  });

  it('lets somebody decide on what the ERP never tells of: look again now, or go on without it, but not while it is being sent', async () => {
    const by = { actor: 'finance' };
    const erp = filesErp(folder);
    const silent: ErpPort = {
      ...erp,
      post: (document) => (document.key === 'u1' ? Promise.reject(new ErpOutcomeUnknown('no answer')) : erp.post(document)),
      find: (document) => (document.key === 'u1' ? Promise.reject(new ErpUnavailable('breaks on it')) : erp.find(document)),
    };
    await put(journal('u1'), { ...journal('u2'), ...{ credits: { key: 'u1', legalNumber: '1', externalId: null } } }, journal('u3'));
    await expect(store.tx((db) => skipPosting(db, 'u1', 'not yet sent', by))).rejects.toThrow('u1 is queued: it has not been sent yet');
    await expect(handOver(store, silent, connectionId)).rejects.toThrow('no answer');
    await expect(handOver(store, silent, connectionId)).rejects.toThrow('breaks on it');
    // Its neighbour waits behind it.
    expect(await leftToHandOver(store.pool, connectionId)).toBe(2);
    expect(await store.tx((db) => retryPosting(db, 'u1', 'look again', by))).toMatchObject({ connections: [connectionId], runs: [{ runId }], followers: 0 });
    expect((await listPostings(store.pool, { key: 'u1' }, { limit: 1 })).items[0]).toMatchObject({ state: 'unknown', answer: 'breaks on it' });
    await asOnlyWriter(store, connectionId, async () => {
      await expect(store.tx((db) => skipPosting(db, 'u1', 'it is there as 4711', by))).rejects.toThrow('may be sent just now: wait until erp_files has answered or given up');
    });
    expect(await store.tx((db) => skipPosting(db, 'u1', 'it is there as 4711', by))).toMatchObject({ connections: [connectionId], followers: 0 });
    expect(await handOver(store, silent, connectionId)).toMatchObject({ verified: 2, left: 0 });
    expect((await store.pool.query("SELECT action, reason, after ->> 'was' AS was FROM audit_event WHERE subject = 'u1' ORDER BY id")).rows).toEqual([
      { action: 'posting.retry', reason: 'look again', was: 'unknown' },
      { action: 'posting.skip', reason: 'it is there as 4711', was: 'unknown' },
    ]);
  });

  it('tells every run of a decision that something of it waited for, not only that of the posting itself', async () => {
    const { runId: later } = await store.tx((db) => planRun(db, { entityId: 'ent_se', period: '2020-01', by: { actor: 'preparer' } }));
    await put(journal('r1'), { ...journal('r2'), runId: later, ...{ credits: { key: 'r1', legalNumber: '1', externalId: null } } });
    const erp = filesErp(folder);
    const closed: ErpPort = { ...erp, post: (document) => (document.key === 'r1' ? Promise.reject(new ErpRefused('no account 1510')) : erp.post(document)) };
    expect(await handOver(store, closed, connectionId)).toMatchObject({ verified: 0, refused: 1 });
    await handOver(store, closed, connectionId);
    const decided = await store.tx((db) => retryPosting(db, 'r1', 'account added', { actor: 'finance' }));
    expect(decided).toMatchObject({ followers: 1 });
    expect(decided.runs.map((r) => r.runId).sort()).toEqual([later, runId].sort());
    // The same when all that a run was refused goes again.
    expect(await handOver(store, closed, connectionId)).toMatchObject({ refused: 1 });
    await handOver(store, closed, connectionId);
    expect(await requeue()).toMatchObject({ requeued: 1, others: [{ runId: later }] });
    expect(await handOver(store, erp, connectionId)).toMatchObject({ verified: 2 });
  });

  it('holds what falls into a month that the ERP has closed, before anything is sent, says how the month stands here, and sends it once it is open there', async () => {
    const posts: string[] = [];
    const erp = filesErp(folder);
    const counted: ErpPort = {
      ...erp,
      async post(document) {
        posts.push(document.key);
        return erp.post(document);
      },
    };
    const answerOf = async (key: string) => (await listPostings(store.pool, { key }, { limit: 1 })).items[0];
    const marker = path.join(folder, 'closed', '2020-01');
    mkdirSync(path.dirname(marker));
    writeFileSync(marker, '');
    await put(journal('p1'), { ...journal('p2'), postedOn: '2020-02-03' });
    expect(await handOver(store, counted, connectionId)).toMatchObject({ verified: 1, refused: 1, left: 0 });
    expect(await answerOf('p1')).toMatchObject({
      state: 'held',
      heldFor: 'period',
      answer: expect.stringContaining('the ERP takes nothing of 2020-01-06, and 2020-01 is open here (2020-01 is closed'),
    });
    const by = { actor: 'finance' };
    await store.tx((db) => setPeriodState(db, { entityId: 'ent_se', month: '2020-01', action: 'softClose', reason: 'month end' }, by));
    await store.tx((db) => retryPosting(db, 'p1', 'look again', by));
    expect(await handOver(store, counted, connectionId)).toMatchObject({ refused: 1 });
    expect((await answerOf('p1'))?.answer).toContain('2020-01 is softClosed here');
    expect(posts).toEqual(['p2']);
    rmSync(marker);
    await store.tx((db) => retryPosting(db, 'p1', 'reopened there', by));
    expect(await handOver(store, counted, connectionId)).toMatchObject({ verified: 1 });
    await store.tx((db) => setPeriodState(db, { entityId: 'ent_se', month: '2020-01', action: 'reopen', reason: 'go on' }, by));
  });

  it('finds what is there already and was mended there, also once its month is closed there', async () => {
    const erp = filesErp(folder);
    const file = path.join(folder, 'journal', 'there.json');
    const changed: ErpPort = {
      ...erp,
      async post(document) {
        const posted = await erp.post(document);
        writeFileSync(file, readFileSync(file, 'utf8').replace('2020-01-06', '2020-01-07'));
        return posted;
      },
    };
    await put(journal('there'));
    expect(await handOver(store, changed, connectionId)).toMatchObject({ verified: 0, refused: 1 });
    writeFileSync(file, readFileSync(file, 'utf8').replace('2020-01-07', '2020-01-06'));
    mkdirSync(path.join(folder, 'closed'));
    writeFileSync(path.join(folder, 'closed', '2020-01'), '');
    await store.tx((db) => retryPosting(db, 'there', 'the date is mended there', { actor: 'finance' }));
    expect(await handOver(store, erp, connectionId)).toMatchObject({ verified: 1, refused: 0 });
  });

  it('says what it sends by the newest mapping, refuses what that does not name or the ERP has not, and sends it once somebody has mended it', async () => {
    const posts: ErpDocument[] = [];
    let has = ['120000', '3001'];
    let vat: string[] = [];
    let readings = 0;
    const files = filesErp(folder);
    const erp: ErpPort = {
      ...files,
      async post(document) {
        posts.push(document);
        return files.post(document);
      },
      async masterData() {
        readings += 1;
        return { accounts: has.map((code) => ({ code, name: `Account ${code}` })), costCenters: [], vatCodes: vat.map((code) => ({ code, name: '' })) };
      },
    };
    const stateOf = async (key: string) => (await listPostings(store.pool, { key }, { limit: 1 })).items[0];
    const put1 = (mapping: ErpMapping, expectedVersion?: number) => store.tx((db) => putErpMapping(db, { connectionId, mapping, expectedVersion }, 'another chart', { actor: 'finance' }));
    const again = async (key: string) => {
      await store.tx((db) => retryPosting(db, key, 'mended', { actor: 'finance' }));
      return handOver(store, erp, connectionId);
    };
    expect(await put1({ accounts: { '1510': '120000' } }, 0)).toEqual({ version: 1 });
    await expect(put1({}, 0)).rejects.toThrow('the mapping is at 1');
    await put(journal('m1'));
    expect(await handOver(store, erp, connectionId)).toMatchObject({ refused: 1 });
    expect((await stateOf('m1'))?.answer).toMatch(/^the mapping of erp_files does not name account 3001.*: add it, then retry$/);
    await put1({ accounts: { '1510': '120000', '3001': '400100' } });
    expect(await again('m1')).toMatchObject({ refused: 1 });
    expect((await stateOf('m1'))?.answer).toBe('erp_files has no account 400100: add it there, or map it to another, then retry');
    has = ['120000', '400100'];
    expect(await again('m1')).toMatchObject({ verified: 1 });
    expect(posts.map((d) => d.lines.map((l) => l.glAccount))).toEqual([['120000', '400100']]);
    // What the ERP has is kept: another document has it read no more.
    const before = readings;
    await put(journal('m2'));
    expect(await handOver(store, erp, connectionId)).toMatchObject({ verified: 1 });
    expect(readings).toBe(before);
    // VAT codes are checked once the ERP tells of some, and what looks alike is suggested.
    vat = ['SE25N', 'SE12'];
    const taxed = journal('m3');
    await put({ ...taxed, lines: taxed.lines.map((l) => ({ ...l, vatCode: 'SE25' })) });
    await store.tx((db) => keepMasterData(db, connectionId, { accounts: [], costCenters: [], vatCodes: [] }));
    expect(await handOver(store, erp, connectionId)).toMatchObject({ refused: 1 });
    expect((await stateOf('m3'))?.answer).toBe('erp_files has no VAT code SE25 (SE25N, or SE12?): add it there, or map it to another, then retry');
    expect((await erpMappingView(store.pool, connectionId))?.unmapped).toContainEqual({ kind: 'vatCode', code: 'SE25', why: 'notInErp', suggestions: ['SE25N', 'SE12'] });
    await put1({ accounts: { '1510': '120000', '3001': '400100' }, vatCodes: { SE25: 'SE25N' } });
    expect(await again('m3')).toMatchObject({ verified: 1 });
    expect(posts.at(-1)?.lines.map((l) => l.vatCode)).toEqual(['SE25N', 'SE25N']);
    // A later version does not make what lies there differ.
    await put1({ accounts: { '1510': '120001', '3001': '400101' } });
    const view = await erpMappingView(store.pool, connectionId);
    expect(view).toMatchObject({ version: 4, masterDataRead: true });
    expect(view?.unmapped).toContainEqual({ kind: 'account', code: '1510', why: 'notInErp', suggestions: [] });
    expect(view?.unmapped).toContainEqual({ kind: 'account', code: '2611', why: 'notMapped', suggestions: [] });
    await put1({});
  });

  it('goes by the newest mapping with what was never sent, and by its own with what may be there', async () => {
    const mapTo = (account: string) => store.tx((db) => putErpMapping(db, { connectionId, mapping: { accounts: { '1510': account, '3001': '3001' } } }, 'another chart', { actor: 'finance' }));
    const accountsThere = (key: string) => (JSON.parse(readFileSync(path.join(folder, 'journal', `${key}.json`), 'utf8')) as ErpDocument).lines.map((l) => l.glAccount);
    const statesOf = async () => Object.fromEntries((await store.pool.query("SELECT key, state FROM erp_posting WHERE key IN ('n1', 'n2', 'n3') ORDER BY 1")).rows.map((r) => [r.key, r.state]));
    const files = filesErp(folder);
    let away = true;
    const erp: ErpPort = {
      ...files,
      // The first is written and its answer lost; from then on nobody answers.
      async post(document) {
        const posted = await files.post(document);
        if (away) throw new ErpOutcomeUnknown('no answer');
        return posted;
      },
      find: (document) => (away ? Promise.reject(new ErpUnavailable('away')) : files.find(document)),
    };
    await mapTo('120000');
    await put(journal('n1'), journal('n2'));
    await expect(handOver(store, erp, connectionId)).rejects.toThrow('no answer');
    expect(await statesOf()).toEqual({ n1: 'unknown', n2: 'queued' });
    await expect(handOver(store, erp, connectionId)).rejects.toThrow('away');
    expect(await statesOf()).toEqual({ n1: 'unknown', n2: 'queued' });
    await mapTo('120001');
    away = false;
    expect(await handOver(store, erp, connectionId)).toMatchObject({ verified: 2, refused: 0 });
    expect([accountsThere('n1'), accountsThere('n2')]).toEqual([
      ['120000', '3001'],
      ['120001', '3001'],
    ]);
    // Not even said: what the ERP has could not be asked.
    const silent: ErpPort = { ...files, masterData: () => Promise.reject(new ErpUnavailable('silent')) };
    await store.pool.query('DELETE FROM erp_master_data');
    await put(journal('n3'));
    await expect(handOver(store, silent, connectionId)).rejects.toThrow('silent');
    expect(await statesOf()).toMatchObject({ n3: 'queued' });
    await mapTo('120002');
    expect(await handOver(store, files, connectionId)).toMatchObject({ verified: 1 });
    expect(accountsThere('n3')).toEqual(['120002', '3001']);
    await store.tx((db) => putErpMapping(db, { connectionId, mapping: {} }, 'as it was', { actor: 'finance' }));
  });

  it('takes what is there by the words it was sent in, also where the mapping is another by the time it is sent again, and keeps by which', async () => {
    const mapTo = (account: string) => store.tx((db) => putErpMapping(db, { connectionId, mapping: { accounts: { '1510': account, '3001': '3001' } } }, 'another chart', { actor: 'finance' }));
    const { version } = await mapTo('120000');
    const erp = filesErp(folder);
    const file = (key: string) => path.join(folder, 'journal', `${key}.json`);
    const edit = (key: string, from: string, to: string) => writeFileSync(file(key), readFileSync(file(key), 'utf8').replaceAll(from, to));
    const changed: ErpPort = {
      ...erp,
      async post(document) {
        const posted = await erp.post(document);
        edit(document.key, '2020-01-06', '2020-01-07');
        return posted;
      },
    };
    await put(journal('o1'), journal('o2'), journal('o3'));
    expect(await handOver(store, changed, connectionId)).toMatchObject({ verified: 0, refused: 3 });
    await mapTo('120001');
    // One is mended as it was sent, one as the mapping now says; the third is as nobody sent it.
    edit('o1', '2020-01-07', '2020-01-06');
    edit('o2', '2020-01-07', '2020-01-06');
    edit('o2', '120000', '120001');
    for (const key of ['o1', 'o2', 'o3']) await store.tx((db) => retryPosting(db, key, 'mended there', { actor: 'finance' }));
    expect(await handOver(store, erp, connectionId)).toMatchObject({ verified: 2, refused: 1 });
    expect((await store.pool.query("SELECT key, state, mapping_version FROM erp_posting WHERE key IN ('o1', 'o2', 'o3') ORDER BY 1")).rows).toEqual([
      { key: 'o1', state: 'verified', mapping_version: version },
      { key: 'o2', state: 'verified', mapping_version: version + 1 },
      { key: 'o3', state: 'refused', mapping_version: version },
    ]);
    await store.tx((db) => putErpMapping(db, { connectionId, mapping: {} }, 'as it was', { actor: 'finance' }));
  });

  it('tells adapter, settings and production mark of a connection', async () => {
    expect(await erpConnection(store.pool, connectionId)).toEqual({ id: connectionId, adapter: 'files', settings: { faults: ['unavailable', 'unavailable', 'timeoutAfterWrite'] }, production: false });
    await expect(erpConnection(store.pool, 'none')).rejects.toThrow('there is no ERP connection none');
  });
});
