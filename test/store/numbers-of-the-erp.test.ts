import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { archiveDocuments } from '../../src/activities/archive-documents.ts';
import { handOver } from '../../src/activities/hand-over.ts';
import { httpErp } from '../../src/adapters/erp/http/http.ts';
import { authorityTasks } from '../../src/contracts/document-rules.ts';
import { retryPosting, skipPosting, stateErpNumber } from '../../src/store/commands/decide-postings.ts';
import { setDocumentRules } from '../../src/store/commands/set-document-rules.ts';
import { setPeriodState } from '../../src/store/commands/set-period-state.ts';
import { heldMonths } from '../../src/store/cycle/drafts.ts';
import { issueDocuments } from '../../src/store/cycle/issue-documents.ts';
import { numberByErp } from '../../src/store/cycle/number-by-erp.ts';
import { advanceRun } from '../../src/store/cycle/run-state.ts';
import { accountingBatch } from '../../src/store/reads/accounting-batch.ts';
import { documentRulesOf } from '../../src/store/reads/document-rules.ts';
import { countTaken, listPostings } from '../../src/store/reads/erp-postings.ts';
import { issuedDocuments } from '../../src/store/reads/issued-document.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
import { closeSet } from '../support/bill.ts';
import { ErpMiddleware } from '../support/erp-middleware.ts';
import { type Review, startReview } from '../support/review.ts';

let review: Review;
const middleware = new ErpMiddleware();
const by = { actor: 'ops' };
const problems = async () => (await verifyAll(review.store)).sections.filter((s) => s.problem !== null).map((s) => [s.name, s.problem]);
/** What verify says of the numbers. */
const numbers = async () => (await problems()).find(([name]) => name === 'numbers')?.[1];
const states = async () =>
  review.rows(
    "SELECT d.state, count(*)::int AS n, count(s.document_id)::int AS numbered, count(t.key)::int AS booked FROM document d LEFT JOIN issue_stamp s ON s.document_id = d.id LEFT JOIN ledger_transaction t ON t.key = 'issue/' || d.id GROUP BY 1 ORDER BY 1",
  );
const number = () => review.store.tx((db) => numberByErp(db, review.runId, 'all'));
const send = () =>
  handOver(
    review.store,
    httpErp(middleware.settings, async () => []),
    'erp_files',
  );
const state = (key: string, number: string, externalId?: string) => review.store.tx((db) => stateErpNumber(db, { key, number, externalId, reason: 'entered by hand' }, by));
const setJanuary = (action: 'softClose' | 'reopen') => review.store.tx((db) => setPeriodState(db, { entityId: 'ent_se', month: '2020-01', action, reason: 'month end' }, by));
let keys: string[] = [];

beforeAll(async () => {
  await middleware.start();
  review = await startReview();
  const authorities = authorityTasks.map((task) => ({ type: 'invoice' as const, task, authority: task === 'delivery' ? ('wattledger' as const) : ('erp' as const) }));
  await review.store.tx(async (db) => {
    const { own } = await documentRulesOf(db, 'ent_se');
    await setDocumentRules(db, { entityId: 'ent_se', rules: { ...own, authorities }, reason: 'the ERP numbers invoices' }, by);
  });
  expect(await review.decide('approver')).toMatchObject({ ok: true });
  await review.store.tx((db) => advanceRun(db, review.runId, 'issuing'));
  // Dated into a month that is not open they are not handed over.
  await setJanuary('softClose');
  await expect(review.store.tx((db) => issueDocuments(db, review.runId, '2020-01-06'))).rejects.toThrow(/accounting period 2020-01 of ent_se is not open/);
  await setJanuary('reopen');
  while ((await review.store.tx((db) => issueDocuments(db, review.runId, '2020-01-06'))).left > 0);
  keys = (await review.rows("SELECT id FROM document WHERE state = 'awaitingNumber' ORDER BY 1")).map((r) => String(r['id']));
  await review.store.tx((db) => advanceRun(db, review.runId, 'handingOver'));
});
afterAll(async () => {
  await middleware.stop();
  await review.stop();
});

describe('a document that the ERP numbers', () => {
  it('is handed over without a number, and is neither issued, booked nor rendered', async () => {
    expect(keys.length).toBeGreaterThan(3);
    expect(await states()).toEqual([{ state: 'awaitingNumber', n: keys.length, numbered: 0, booked: 0 }]);
    expect(await review.rows("SELECT DISTINCT convert_from(payload, 'UTF8')::jsonb ->> 'legalNumber' AS number, state FROM erp_posting WHERE kind = 'invoice'")).toEqual([
      { number: null, state: 'queued' },
    ]);
    expect(await issuedDocuments(review.store.pool, keys)).toEqual([]);
    expect(await archiveDocuments(review.store, review.runId, 'all')).toBe(0);
    expect(await review.rows('SELECT next FROM number_series')).toEqual([]);
    expect(await number()).toEqual({ issued: 0, problems: keys.map((key) => expect.stringContaining(`${key}: it waits for the number of the ERP, where its posting is queued`)) });
    // Its month stays its own until then.
    const next = await closeSet(review.store, '2020-01');
    expect((await heldMonths(review.store.pool, next))('acc_driver_16')).toBe('2019-12');
    expect(await problems()).toEqual([]);
  });

  it('keeps the month it is dated into open: read back, it could not be booked any more', async () => {
    await expect(setJanuary('softClose')).rejects.toThrow(new RegExp(`${keys.length} documents dated into it or before wait for the number of the ERP`));
  });

  it('is refused where the ERP tells no number, and cannot be skipped', async () => {
    expect(await send()).toMatchObject({ verified: 0, refused: keys.length });
    const [first = ''] = keys;
    expect(await review.rows(`SELECT state, answer FROM erp_posting WHERE key = '${first}'`)).toEqual([{ state: 'refused', answer: expect.stringContaining('told no number of it') }]);
    await expect(review.store.tx((db) => skipPosting(db, first, 'not needed', by))).rejects.toThrow(/without its number it is not issued/);
    for (const key of keys) await review.store.tx((db) => retryPosting(db, key, 'the middleware tells it now', by));
  });

  it('that never answers is stated by a person to be there under a number, or looked for and sent again', async () => {
    const [lost = '', gone = ''] = keys.slice(-2);
    await review.rows(`UPDATE erp_posting SET state = 'unknown', attempt = 1, external_id = NULL WHERE key IN ('${lost}', '${gone}')`);
    // What is not there is sent by the next look, and nothing but the look is needed.
    middleware.forget(gone);
    expect(await review.store.tx((db) => retryPosting(db, gone, 'it is not there', by))).toMatchObject({ connections: ['erp_files'] });
    await expect(state('doc_none', 'F2020-0')).rejects.toThrow(/there is no posting/);
    await review.store.tx(async (db) => {
      await db.query("SELECT pg_advisory_xact_lock(hashtextextended('erp/erp_files', 0))");
      await expect(state(lost, 'F2020-0')).rejects.toThrow(/may be sent just now/);
    });
    expect(await state(lost, 'F2020-0')).toMatchObject({ connections: ['erp_files'], followers: 0 });
    // A wrong word is corrected as long as it is not issued.
    await state(lost, 'H-77', 'ledger entry 77');
    expect(await review.rows(`SELECT state, erp_number, external_id, answer FROM erp_posting WHERE key = '${lost}'`)).toEqual([
      { state: 'skipped', erp_number: 'H-77', external_id: 'ledger entry 77', answer: 'stated by ops to be there as H-77: entered by hand' },
    ]);
    await expect(review.store.tx((db) => skipPosting(db, lost, 'not needed', by))).rejects.toThrow(/there is nothing to decide/);
    const { issued, problems: waiting } = await number();
    expect([issued, waiting.length]).toEqual([1, keys.length - 1]);
    expect(await review.rows(`SELECT legal_number, issued_on FROM issue_stamp WHERE document_id = '${lost}'`)).toEqual([{ legal_number: 'H-77', issued_on: '2020-01-06' }]);
    await expect(state(lost, 'H-78')).rejects.toThrow(/it has its number/);
    await expect(state(gone, 'H-77')).rejects.toThrow(new RegExp(`H-77, which document ${lost} bears`));
    expect(await review.rows("SELECT actor, subject, reason, after FROM audit_event WHERE action = 'posting.number' AND after ->> 'number' = 'H-77'")).toEqual([
      { actor: 'ops', subject: lost, reason: 'entered by hand', after: { was: 'skipped', number: 'H-77', externalId: 'ledger entry 77' } },
    ]);
    expect(await problems()).toEqual([]);
  });

  it('is issued under what the ERP called it, dated as it was posted, and rendered with it', async () => {
    // Two of them under one number: the second waits.
    const numbers = new Map(keys.map((key, i) => [key, `F2020-${i === 1 ? 1 : i + 1}`]));
    middleware.numberOf = (key) => numbers.get(key);
    expect(await send()).toMatchObject({ verified: keys.length - 1, refused: 0 });
    const { issued, problems: waiting } = await number();
    expect([issued, waiting]).toEqual([keys.length - 2, [expect.stringContaining('gave it the number F2020-1')]]);
    expect(await states()).toEqual([
      { state: 'awaitingNumber', n: 1, numbered: 0, booked: 0 },
      { state: 'issued', n: keys.length - 1, numbered: keys.length - 1, booked: keys.length - 1 },
    ]);
    // It is for a person to decide, so it is listed beside what was refused, which verified postings are not.
    const undecided = async () => (await listPostings(review.store.pool, { states: ['refused', 'held'], orTaken: true }, { limit: 9 })).items.map((p) => [p.key, p.state, p.numberTakenBy]);
    expect(await undecided()).toEqual([[keys[1], 'verified', keys[0]]]);
    expect(await countTaken(review.store.pool)).toBe(1);
    await expect(state(keys[1] ?? '', 'F2020-3')).rejects.toThrow(/gave it the number F2020-3/);
    await state(keys[1] ?? '', 'F2020-2');
    expect(await undecided()).toEqual([]);
    expect(await review.rows(`SELECT state, erp_number FROM erp_posting WHERE key = '${keys[1]}'`)).toEqual([{ state: 'verified', erp_number: 'F2020-2' }]);
    expect(await number()).toEqual({ issued: 1, problems: [] });
    expect(await number()).toEqual({ issued: 0, problems: [] });
    expect(await review.rows('SELECT DISTINCT issued_on, series_id, number, ocr FROM issue_stamp')).toEqual([{ issued_on: '2020-01-06', series_id: null, number: null, ocr: null }]);
    expect(await archiveDocuments(review.store, review.runId, 'all')).toBe(keys.length);
    expect((await review.rows("SELECT file_name FROM archived_file WHERE form = 'pdf' ORDER BY 1"))[0]).toEqual({ file_name: 'F2020-1.pdf' });
    expect(await problems()).toEqual([]);
  });

  it('bears that number in the files for accounting', async () => {
    for (const to of ['reconciled', 'closed'] as const) await review.store.tx((db) => advanceRun(db, review.runId, to));
    const stamped = await review.rows('SELECT document_id AS key, legal_number AS text FROM issue_stamp ORDER BY 1');
    const { vouchers } = (await accountingBatch(review.store.pool, review.runId)) ?? { vouchers: [] };
    expect(vouchers.map(({ key, text }) => ({ key, text })).sort((a, b) => (a.key < b.key ? -1 : 1))).toEqual(stamped);
  });

  it('is named by verify when it bears another number than the ERP told, or one that another bears', async () => {
    const superuser = new pg.Client({ connectionString: review.superuserUrl });
    await superuser.connect();
    try {
      await superuser.query("SET session_replication_role = 'replica'");
      await superuser.query(`UPDATE issue_stamp SET legal_number = 'F2020-9x' WHERE document_id = '${keys[0]}'`);
      expect(await numbers()).toBe(`document ${keys[0]} bears F2020-9x, and the ERP called it F2020-1`);
      await superuser.query(`UPDATE issue_stamp SET legal_number = 'F2020-2' WHERE document_id = '${keys[0]}'`);
      await superuser.query(`UPDATE erp_posting SET erp_number = 'F2020-2' WHERE key = '${keys[0]}'`);
      expect(await numbers()).toBe('number F2020-2 of the ERP is on 2 documents of type invoice');
    } finally {
      await superuser.end();
    }
  });
});
