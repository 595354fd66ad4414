import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { archiveDocuments } from '../../src/activities/archive-documents.ts';
import { parserFor } from '../../src/adapters/sources/registry.ts';
import { holdsCardNumber } from '../../src/core/payment/card-number.ts';
import { decideRun } from '../../src/store/cycle/decide-run.ts';
import { issueDocuments } from '../../src/store/cycle/issue-documents.ts';
import { advanceRun } from '../../src/store/cycle/run-state.ts';
import { keepPayments } from '../../src/store/erp-comparison.ts';
import { storeRawMessages } from '../../src/store/intake/store-raw.ts';
import { erpProof } from '../../src/store/reads/accounting-periods.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
import { type ApiUnderTest, startApi } from '../support/api.ts';
import { closeSet, issueRun, reviewRun } from '../support/bill.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { textOfPages } from '../support/read-pdf.ts';

let api: ApiUnderTest;
let runId: string;
const [template = ''] = readFileSync(new URL('../../data/ocpi/cdrs.ndjson', import.meta.url), 'utf8').split('\n');
const visa = '4111 1111 1111 1111';
const rows = async (sql: string) => (await api.store.pool.query(sql)).rows;

/** A session that somebody without a contract paid for at a terminal. */
const terminalCdr = (id: string, day: number, more: object) => ({
  ...JSON.parse(template),
  id,
  session_id: id,
  start_date_time: `2019-12-0${day}T10:00:00Z`,
  end_date_time: `2019-12-0${day}T11:00:00Z`,
  cdr_token: { uid: `TERM-${id}`, type: 'AD_HOC_USER', contract_id: `TERM-${id}` },
  charging_periods: [{ start_date_time: `2019-12-0${day}T10:00:00Z`, dimensions: [{ type: 'ENERGY', volume: 10 }] }],
  total_energy: 10,
  total_time: 1,
  ...more,
});
const payments = async (query = '') => (await api.call('auditor', 'GET', `/v1/card-payments?entityId=ent_se${query}`)).body.items;
const answer = (answers: object[], user = 'preparer') => api.call(user, 'POST', '/v1/card-payments/answers', { answers });

beforeAll(async () => {
  api = await startApi(undefined, {
    setUp: (seed) => {
      const [csms] = seed.sources;
      if (csms === undefined) throw new Error('the sample set-up has a source');
      seed.sources.push({ ...csms, id: 'terminals', name: 'Terminals', format: 'ocpi-2-2-1', route: 'proprietary', repeatProfile: 'revise' });
      seed.drivers['adhoc'] = 'NOBODYS';
      seed.drivers['stored'] = 'STORED-1';
    },
  });
  const put = async (path: string, body: object) => expect((await api.call('preparer', 'PUT', path, body)).status, path).toBe(200);
  await put('/v1/accounts/acc_driver_adhoc', { strategy: 'cardReceipt', reason: 'terminals' });
  await put('/v1/accounts/acc_driver_stored', { strategy: 'cardInvoice', reason: 'pays by card' });
});
afterAll(() => api.stop());

describe('sessions that are paid at a terminal', () => {
  it('are billed to an account that stands for nobody, if that is one that pays each session by itself', async () => {
    const map = (internalId: string) => api.call('ops', 'POST', '/v1/mappings', { sourceId: 'terminals', kind: 'token', externalKey: '*', internalId });
    expect((await map('acc_driver_stored')).body).toMatchObject({ status: 422, detail: expect.stringContaining('an account of strategy cardReceipt') });
    expect((await map('acc_driver_adhoc')).status).toBe(201);
    const parser = parserFor('ocpi-2-2-1');
    const context = { sourceId: 'terminals', ownerCountry: 'SE', ownerParty: 'WLT', timeZone: 'Europe/Stockholm' };
    const cdrs = [
      terminalCdr('T1', 2, { authorization_reference: 'AUTH-1' }),
      terminalCdr('T2', 3, { authorization_reference: 'AUTH-2' }),
      terminalCdr('T3', 4, {}),
      terminalCdr('T4', 5, { authorization_reference: visa }),
    ].map((cdr) => Buffer.from(JSON.stringify(cdr)));
    await api.store.tx((db) =>
      storeRawMessages(db, { sourceId: 'terminals', batchId: null, receivedAt: new Date(), messages: cdrs.map((bytes) => ({ recordKey: parser.keyOf(bytes, context), bytes, lineNo: null })) }),
    );
    await storeLines(api.store, [session(1, { user: 'STORED-1', kWh: '20' }), session(2, { user: 'STORED-1', kWh: '5', start: '07.12.2019 18:00', end: '07.12.2019 21:00' })]);
    await processAll(api.store);
    expect(await rows('SELECT state, count(*)::int AS n FROM record_head GROUP BY 1')).toEqual([{ state: 'booked', n: 6 }]);
  });

  it('have a receipt each, and what is asked of the card stands beside it', async () => {
    expect((await api.call('preparer', 'PUT', '/v1/accounts/acc_driver_stored/card', { reference: 'tok_8a1' })).status).toBe(200);
    runId = await closeSet(api.store, '2019-12');
    await issueRun(api.store, runId, '2020-01-07');
    await archiveDocuments(api.store, runId, 'all');
    // 10 kWh at 3.10 with VAT: 31.00 a session.
    expect(
      await rows(
        "SELECT type, payable_minor, energy_wh, charge_count, legal_number, due_on, ocr FROM document d JOIN issue_stamp s ON s.document_id = d.id WHERE type = 'receipt' ORDER BY legal_number",
      ),
    ).toEqual(
      [1, 2, 3, 4].map((n) => ({
        type: 'receipt',
        payable_minor: expect.anything(),
        energy_wh: 10_000n,
        charge_count: expect.any(Number),
        legal_number: `R-2020-00000${n}`,
        due_on: '2020-01-07',
        ocr: null,
      })),
    );
    const asked = await payments();
    expect(asked.map((p: { reference: string | null; state: string; origin: string; kind: string }) => [p.reference, p.state, p.origin, p.kind]).sort()).toEqual(
      [
        ['AUTH-1', 'requested', 'terminal', 'capture'],
        ['AUTH-2', 'requested', 'terminal', 'capture'],
        // Nothing was authorized, or it was a card's number.
        [null, 'failed', 'terminal', 'capture'],
        [null, 'failed', 'terminal', 'capture'],
        ['tok_8a1', 'requested', 'stored', 'capture'],
      ].sort(),
    );
    expect((await verifyAll(api.store)).sections.filter((s) => s.problem !== null)).toEqual([]);
  });

  it('have their receipt on paper: what was sold, with its VAT, that the card pays it, and no buyer’s name', async () => {
    const [{ documentId, amount }] = await payments('&reference=AUTH-1');
    const pdf = await rows(`SELECT body FROM archived_file WHERE subject_id = '${documentId}' AND form = 'pdf'`);
    const text = (await textOfPages(pdf[0]?.['body'])).join(' ');
    expect(text).toContain('Kvitto');
    expect(text).toContain('Betalas med kort');
    expect(text).toContain(amount.replace('.', ','));
    expect(text).not.toContain('acc_driver_adhoc');
    expect(text).not.toContain('Förfallodag');
    expect(await rows(`SELECT form FROM archived_file WHERE subject_id = '${documentId}'`)).toEqual([{ form: 'pdf' }]);
    expect(await rows("SELECT channel FROM document_delivery x JOIN document d ON d.id = x.document_id WHERE d.type = 'receipt'")).toEqual([]);
  });
});

describe('what is asked of cards', () => {
  it('is a file of what is not answered, the same however often it is asked for', async () => {
    const file = () => api.call('auditor', 'GET', '/v1/card-payments.csv?entityId=ent_se');
    const [one, two] = [await file(), await file()];
    expect(one.body).toBe(two.body);
    const lines = String(one.body).trim().split('\r\n');
    expect(lines[0]).toBe('key,kind,origin,reference,refunds,amount,currency,legalNumber,documentId,accountId,attempt');
    expect(lines).toHaveLength(4);
    expect(lines.filter((l) => l.includes(',capture,stored,tok_8a1,'))).toHaveLength(1);
  });

  it('is paid with what is captured, once; a part leaves the rest open; another answer is refused', async () => {
    const [first] = await payments('&reference=AUTH-1');
    const [second] = await payments('&reference=AUTH-2');
    const captured = { key: first.key, outcome: 'captured', settledOn: '2020-01-08', reference: 'psp-1' };
    expect((await answer([captured, { key: second.key, outcome: 'captured', settledOn: '2020-01-08', amount: '1.00' }])).body).toEqual({ kept: 2 });
    expect((await answer([captured])).body).toEqual({ kept: 0 });
    expect((await answer([{ ...captured, outcome: 'failed' }])).body).toMatchObject({ status: 409, detail: expect.stringContaining('captured already') });
    expect((await answer([{ ...captured, key: 'nothing' }])).status).toBe(404);
    const paymentOf = async (id: string) => (await api.call('auditor', 'GET', `/v1/documents/${id}`)).body.payment;
    expect(await paymentOf(first.documentId)).toMatchObject({ state: 'paid', open: '0.00' });
    expect(await paymentOf(second.documentId)).toMatchObject({ state: 'part', open: (Number(second.amount) - 1).toFixed(2) });
    // The acquirer owes what was captured, and the customers no longer do.
    const sum = BigInt(first.amount.replace('.', '')) + 100n;
    expect(await rows("SELECT ledger_account, sum(amount)::bigint AS amount, sum(book_minor)::bigint AS book FROM ledger_entry WHERE transaction_key LIKE 'card/%' GROUP BY 1 ORDER BY 1")).toEqual([
      { ledger_account: 'cardClearing', amount: sum, book: sum },
      { ledger_account: 'receivable', amount: -sum, book: -sum },
    ]);
    // The ERP learns of it from the acquirer: what we hand it stays what the documents say.
    expect((await erpProof(api.store.pool, 'ent_se', '2020-01')).rows.filter((r) => r.glAccount === '1510')).toEqual([expect.objectContaining({ differenceMinor: 0n })]);
  });

  it('is asked again when it failed, under a key of its own, by the reference that is known by then', async () => {
    const [stored] = await payments('&state=requested');
    expect(stored).toMatchObject({ reference: 'tok_8a1', attempt: 1 });
    // Who pays is needed until it is answered: the reference would be gone.
    expect((await api.call('admin', 'POST', '/v1/accounts/acc_driver_stored/erasure', { reason: 'asked to be forgotten', dryRun: true })).body).toMatchObject({
      status: 409,
      detail: expect.stringContaining(`the card is being charged for document ${stored.documentId}: note what became of it`),
    });
    const retry = () => api.call('preparer', 'POST', `/v1/documents/${stored.documentId}/card-payment/retry`, { reason: 'a new card' });
    expect((await retry()).body).toMatchObject({ status: 409, detail: expect.stringContaining('only what failed is asked again') });
    await answer([{ key: stored.key, outcome: 'failed', settledOn: '2020-01-08', words: 'expired' }]);
    expect((await api.call('preparer', 'PUT', '/v1/accounts/acc_driver_stored/card', { reference: null })).status).toBe(200);
    expect((await retry()).body).toMatchObject({ state: 'failed', key: `${stored.documentId}-2` });
    await api.call('preparer', 'PUT', '/v1/accounts/acc_driver_stored/card', { reference: 'tok_9b2' });
    // What came by transfer meanwhile is not charged again; that was somebody else's, and goes back to him.
    const transfer = (reference: string, amount: string) => api.call('preparer', 'POST', `/v1/documents/${stored.documentId}/payments`, { payments: [{ reference, paidOn: '2020-01-09', amount }] });
    expect((await transfer('bank-1', stored.amount)).status).toBe(200);
    expect((await retry()).body).toMatchObject({ status: 409, detail: expect.stringContaining('is paid or credited: nothing of it is left to charge') });
    expect((await transfer('bank-1-back', `-${stored.amount}`)).status).toBe(200);
    // Nor is what the ERP alone knows of: of all but 1.00 it has a transfer, which is sent back later.
    const minor = BigInt(stored.amount.replace('.', ''));
    const tell = (state: string, openMinor: bigint) => api.store.tx((db) => keepPayments(db, 'erp_files', [{ documentId: stored.documentId, state, openMinor }]));
    await tell('part', 100n);
    expect((await retry()).body).toEqual({ state: 'requested', key: `${stored.documentId}-3` });
    const asked = async () => (await payments('&state=requested')).map((p: { key: string; reference: string; amount: string }) => [p.key, p.reference, p.amount]);
    expect(await asked()).toEqual([[`${stored.documentId}-3`, 'tok_9b2', '1.00']]);
    await answer([{ key: `${stored.documentId}-3`, outcome: 'failed', settledOn: '2020-01-10', words: 'declined' }]);
    await tell('unpaid', minor);
    expect((await retry()).body).toEqual({ state: 'requested', key: `${stored.documentId}-4` });
    expect(await asked()).toEqual([[`${stored.documentId}-4`, 'tok_9b2', stored.amount]]);
    await expect(
      api.store.pool.query(
        `INSERT INTO card_payment SELECT key || 'x', document_id, entity_id, 9, kind, origin, authorization_id, amount_minor, currency, 'requested' FROM card_payment WHERE key = '${stored.documentId}-4'`,
      ),
    ).rejects.toThrow(/card_payment_live/);
  });

  it('is paid back for a credit note, by what the provider called the capture', async () => {
    const [first] = await payments('&reference=AUTH-1');
    expect((await api.call('preparer', 'POST', `/v1/documents/${first.documentId}/credit`, { lines: [{ lineNo: 1 }], reason: 'the charger failed' })).status).toBe(202);
    const next = await closeSet(api.store, '2020-01');
    await issueRun(api.store, next, '2020-02-05', true);
    // Nobody knows where to send it, as with the receipt.
    expect(await archiveDocuments(api.store, next, 'all')).toBeGreaterThan(0);
    expect(await rows("SELECT channel FROM document_delivery x JOIN document d ON d.id = x.document_id WHERE d.type = 'creditNote'")).toEqual([]);
    const [refund] = (await payments()).filter((p: { kind: string }) => p.kind === 'refund');
    expect(refund).toMatchObject({ origin: 'terminal', reference: 'AUTH-1', refunds: 'psp-1', state: 'requested' });
    expect((await answer([{ key: refund.key, outcome: 'captured', settledOn: '2020-02-06' }])).body).toEqual({ kept: 1 });
    expect((await api.call('auditor', 'GET', `/v1/documents/${refund.documentId}`)).body.payment).toMatchObject({ state: 'paid', open: '0.00' });
    expect((await verifyAll(api.store)).sections.filter((s) => s.problem !== null)).toEqual([]);
  });
});

describe('a credit note of what the card did not pay', () => {
  const minor = (amount: string) => BigInt(amount.replace('.', ''));
  const retry = (id: string) => api.call('preparer', 'POST', `/v1/documents/${id}/card-payment/retry`, { reason: 'asked for' });

  it('is paid back by no more than was taken beyond what is left, and a later charge is for what is left', async () => {
    // Of the second receipt 1.00 was captured; the invoice is refused once more.
    const [part] = await payments('&reference=AUTH-2');
    const [stored] = await payments('&state=requested');
    await answer([{ key: stored.key, outcome: 'failed', settledOn: '2020-02-06', words: 'declined' }]);
    for (const { documentId } of [part, stored]) await api.call('preparer', 'POST', `/v1/documents/${documentId}/credit`, { lines: [{ lineNo: 1, amount: '10.00' }], reason: 'goodwill' });
    await issueRun(api.store, await closeSet(api.store, '2020-02'), '2020-03-05', true);
    const notes = await rows(
      `SELECT d.id, d.credits_document_id AS of, d.payable_minor AS payable, c.kind, c.state, c.words FROM document d JOIN card_payment c ON c.document_id = d.id WHERE d.credits_document_id IN ('${part.documentId}', '${stored.documentId}')`,
    );
    const note = { payable: -1000n, kind: 'refund', state: 'failed', words: expect.stringContaining('took no more than is left') };
    expect(notes).toEqual([expect.objectContaining(note), expect.objectContaining(note)]);
    // 10.00 less than before is asked; what the card then pays is all that is left, so nothing goes back.
    expect((await retry(stored.documentId)).body).toMatchObject({ state: 'requested' });
    const [again] = await payments('&state=requested');
    expect([again.documentId, minor(stored.amount) - minor(again.amount)]).toEqual([stored.documentId, 1000n]);
    expect((await retry(notes.find((n) => n['of'] === stored.documentId)?.['id'])).body).toMatchObject({ status: 409, detail: expect.stringContaining('took no more than is left') });
    // All of the receipt credited: of the 1.00 it is paid back.
    const { lines } = (await api.call('auditor', 'GET', `/v1/documents/${part.documentId}`)).body;
    await api.call('preparer', 'POST', `/v1/documents/${part.documentId}/credit`, { lines: lines.map((l: { lineNo: number }) => ({ lineNo: l.lineNo })), reason: 'the charger failed' });
    await issueRun(api.store, await closeSet(api.store, '2020-03'), '2020-04-05', true);
    const last = await rows(
      `SELECT c.kind, c.state, c.amount_minor AS amount FROM document d JOIN card_payment c ON c.document_id = d.id WHERE d.credits_document_id = '${part.documentId}' ORDER BY c.requested_at DESC LIMIT 1`,
    );
    expect(last).toEqual([{ kind: 'refund', state: 'requested', amount: 100n }]);
    expect((await verifyAll(api.store)).sections.filter((s) => s.problem !== null)).toEqual([]);
  });
});

describe('a document of a card whose account pays otherwise by now', () => {
  const strategy = async (name: string) => expect((await api.call('preparer', 'PUT', '/v1/accounts/acc_driver_stored', { strategy: name, reason: 'asked for' })).status).toBe(200);
  const asked = async (type: string) =>
    rows(
      `SELECT c.kind, c.origin, c.amount_minor = abs(d.payable_minor) AS whole, s.ocr IS NOT NULL AS transfer FROM document d JOIN issue_stamp s ON s.document_id = d.id LEFT JOIN card_payment c ON c.document_id = d.id
       WHERE d.run_id = '${runId}' AND d.account_id = 'acc_driver_stored' AND d.type = '${type}'`,
    );

  it('is charged to the card as it was approved, and says so', async () => {
    await storeLines(api.store, [session(3, { user: 'STORED-1', kWh: '20', start: '05.04.2020 18:00', end: '05.04.2020 21:00' })]);
    await processAll(api.store);
    runId = await reviewRun(api.store, '2020-04');
    const [run] = await rows(`SELECT encode(content_hash, 'hex') AS hash FROM billing_run WHERE id = '${runId}'`);
    expect(await api.store.tx((db) => decideRun(db, { runId, approvalId: 'apr_card', decision: 'approve', contentHash: run?.['hash'], actor: 'approver', comment: 'looked at it' }))).toMatchObject({
      ok: true,
    });
    await strategy('driverInvoice');
    await api.store.tx((db) => advanceRun(db, runId, 'issuing'));
    await api.store.tx((db) => issueDocuments(db, runId, '2020-05-05'));
    expect(await asked('invoice')).toEqual([{ kind: 'capture', origin: 'stored', whole: true, transfer: false }]);
    await archiveDocuments(api.store, runId, 'all');
    const pdf = await rows(`SELECT f.body FROM archived_file f JOIN document d ON d.id = f.subject_id WHERE d.run_id = '${runId}' AND d.account_id = 'acc_driver_stored' AND f.form = 'pdf'`);
    expect((await textOfPages(pdf[0]?.['body'])).join(' ')).toContain('Betalas med kort');
    for (const to of ['handingOver', 'reconciled', 'closed'] as const) await api.store.tx((db) => advanceRun(db, runId, to));
  });

  it('is paid back to the card', async () => {
    const [invoice] = await rows(`SELECT id FROM document WHERE run_id = '${runId}' AND account_id = 'acc_driver_stored'`);
    const [capture] = await payments(`&documentId=${invoice?.['id']}`);
    await answer([{ key: capture.key, outcome: 'captured', settledOn: '2020-05-06', reference: 'psp-9' }]);
    expect((await api.call('preparer', 'POST', `/v1/documents/${invoice?.['id']}/credit`, { lines: [{ lineNo: 1 }], reason: 'the charger failed' })).status).toBe(202);
    runId = await closeSet(api.store, '2020-05');
    await issueRun(api.store, runId, '2020-06-05', true);
    expect(await asked('creditNote')).toEqual([{ kind: 'refund', origin: 'stored', whole: true, transfer: false }]);
    expect((await verifyAll(api.store)).sections.filter((s) => s.problem !== null)).toEqual([]);
  });
});

describe('a refund that was asked for while its charge was under way', () => {
  const credited = async (documentId: string, amount: string, period: string, issuedOn: string) => {
    expect((await api.call('preparer', 'POST', `/v1/documents/${documentId}/credit`, { lines: [{ lineNo: 1, amount }], reason: 'goodwill' })).status).toBe(202);
    const run = await closeSet(api.store, period);
    await issueRun(api.store, run, issuedOn, true);
    return (await rows(`SELECT id FROM document WHERE run_id = '${run}' AND credits_document_id = '${documentId}'`))[0]?.['id'];
  };
  const refundsOf = (noteId: string) => rows(`SELECT state, amount_minor AS amount, words, answered_by AS by FROM card_payment WHERE document_id = '${noteId}' ORDER BY attempt`);

  it('is taken back when that fails, and asked anew for what is left when it takes less', async () => {
    const [capture] = (await payments('&state=requested')).filter((p: { kind: string; origin: string }) => p.kind === 'capture' && p.origin === 'stored');
    const { documentId } = capture;
    const first = await credited(documentId, '5.00', '2020-06', '2020-07-05');
    expect(await refundsOf(first)).toMatchObject([{ state: 'requested', amount: 500n }]);
    await answer([{ key: capture.key, outcome: 'failed', settledOn: '2020-07-06', words: 'declined' }]);
    const tookNoMore = { state: 'failed', words: expect.stringContaining('took no more than is left'), by: 'wattledger' };
    expect(await refundsOf(first)).toMatchObject([tookNoMore]);
    const again = (await api.call('preparer', 'POST', `/v1/documents/${documentId}/card-payment/retry`, { reason: 'another card' })).body;
    const second = await credited(documentId, '4.00', '2020-07', '2020-08-05');
    expect(await refundsOf(second)).toMatchObject([{ state: 'requested', amount: 400n }]);
    const [asked] = await payments(`&documentId=${documentId}&state=requested`);
    expect(asked.key).toBe(again.key);
    await answer([{ key: again.key, outcome: 'captured', settledOn: '2020-08-06', amount: (Number(asked.amount) - 1).toFixed(2) }]);
    expect(await refundsOf(second)).toMatchObject([tookNoMore, { state: 'requested', amount: 300n }]);
    expect(await rows(`SELECT action, actor FROM audit_event WHERE subject = '${second}' AND action LIKE 'card.%'`)).toEqual([{ action: 'card.failed', actor: 'preparer' }]);
    expect((await verifyAll(api.store)).sections.filter((s) => s.problem !== null)).toEqual([]);
  });
});

describe('the number of a card', () => {
  it('is refused wherever a payment is spoken of, and stands in none of its tables', async () => {
    const [live] = await payments('&state=requested');
    for (const more of [{ reference: visa }, { words: `declined ${visa}` }, { words: `declined ${visa} 12/27` }])
      expect((await answer([{ key: live.key, outcome: 'failed', settledOn: '2020-01-08', ...more }])).body).toMatchObject({ status: 422, detail: expect.stringContaining('holds a card number') });
    expect((await api.call('preparer', 'PUT', '/v1/accounts/acc_driver_stored/card', { reference: '5555-5555-5555-4444' })).body).toMatchObject({
      status: 422,
      detail: expect.stringContaining('holds a card number'),
    });
    // In the reason to ask again it would stand in the audit trail for good.
    expect((await api.call('preparer', 'POST', `/v1/documents/${live.documentId}/card-payment/retry`, { reason: `the new card ${visa}` })).body).toMatchObject({
      status: 422,
      detail: expect.stringContaining('holds a card number'),
    });
    // Past the API the database refuses it.
    for (const number of [visa, `${visa} 12/27`]) await expect(api.store.pool.query(`UPDATE payer_card SET reference = '${number}'`)).rejects.toThrow(/payer_card_reference_check/);
    await expect(api.store.pool.query(`UPDATE card_payment SET state = 'failed', words = '${visa}', answered_by = 'x' WHERE key = '${live.key}'`)).rejects.toThrow(/card_payment_words_check/);
    for (const table of ['payer_card', 'card_payment', 'payment_fact', 'idempotency_key'])
      for (const { row } of await rows(`SELECT t::text AS row FROM ${table} t`)) expect(holdsCardNumber(row), `${table}: ${row}`).toBe(false);
    for (const { row } of await rows("SELECT after::text AS row FROM audit_event WHERE action LIKE 'card.%' AND after IS NOT NULL")) expect(holdsCardNumber(row)).toBe(false);
  });
});
