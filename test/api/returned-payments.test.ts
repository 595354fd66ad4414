import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { authorityTasks } from '../../src/contracts/document-rules.ts';
import { closeOwnerSet } from '../../src/store/cycle/owner-set.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
import { type ApiUnderTest, startApi } from '../support/api.ts';
import { closeSet, issueRun } from '../support/bill.ts';
import { signIn, textOf } from '../support/console.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seedOf } from '../support/seeded.ts';

let api: ApiUnderTest;
/** The payment of the driver's 33.55 and of what the owner is owed. */
let first: { paymentId: string; amount: string; items: { accountId: string; amount: string; endToEndId: string }[] };
const driver = 'acc_home_ms22';
const owner = 'acc_brf_north';
const wanted = { entityId: 'ent_se', currency: 'SEK', dueUntil: '2020-12-31', executeOn: '2020-03-02', reason: 'due in February' };
const propose = async (more: object = {}) => (await api.call('preparer', 'POST', '/v1/payments', { ...wanted, ...more })).body;
const shown = async (id: string) => (await api.call('auditor', 'GET', `/v1/payments/${id}`)).body;
const decide = async (id: string, decision = 'approve') =>
  api.call('payer', 'POST', `/v1/payments/${id}/decision`, { contentHash: (await shown(id)).contentHash, decision, comment: 'compared with the statements' });
const back = { returnedOn: '2020-03-05', reason: 'AC04, the account is closed' };
const report = (id: string, body: object, key?: string, user = 'preparer') =>
  api.call(user, 'POST', `/v1/payments/${id}/returns`, { ...back, ...body }, key === undefined ? {} : { 'idempotency-key': key });
const partOf = (accountId: string) => {
  const item = first.items.find((i) => i.accountId === accountId);
  return { endToEndId: item?.endToEndId, amount: item?.amount };
};
const rows = async (sql: string, values: unknown[] = []) => (await api.store.pool.query(sql, values)).rows;
/** What the books hold of payables and of what the bank clears. */
const balances = () =>
  rows(
    "SELECT ledger_account, account_id, unit, sum(amount)::text AS amount, sum(book_minor)::text AS book FROM ledger_entry WHERE ledger_account IN ('ownerPayable', 'driverPayable', 'bankClearing') GROUP BY 1, 2, 3 HAVING sum(amount) <> 0 OR sum(book_minor) <> 0 ORDER BY 1, 2, 3",
  );
const unproved = async () => (await verifyAll(api.store)).sections.filter((s) => s.problem !== null);

async function bankAccount(accountId: string, number: string): Promise<string> {
  const proposed = await api.call('preparer', 'PUT', `/v1/accounts/${accountId}/payee-bank-account`, { scheme: 'iban', number, reason: 'by letter of January' });
  if (proposed.body.proposalId === null) return proposed.body.outcome;
  const { status } = await api.call('approver', 'POST', `/v1/set-up/proposals/${proposed.body.proposalId}/decision`, { decision: 'publish', comment: 'called back' });
  expect(status).toBe(200);
  return 'published';
}

beforeAll(async () => {
  const everyCategory = await seedOf('every-category');
  api = await startApi(undefined, { setUp: (seed) => Object.assign(seed, everyCategory), extraUsers: { payer: ['finance-approver'] } });
  // An outlay of 30.5 kWh at 1.10: 33.55.
  await storeLines(api.store, [session(1, { user: 'MS22-1', garage: 'MS22', kWh: '30,5' }), session(2, { garage: 'Bl2', kWh: '40' })]);
  await processAll(api.store);
  const runId = await closeSet(api.store, '2019-12');
  await api.store.tx((db) => closeOwnerSet(db, runId));
  await issueRun(api.store, runId, '2020-01-07', true);
  const authorities = (['settlementStatement', 'selfBilling', 'selfBillingCredit', 'reimbursement'] as const).flatMap((type) =>
    authorityTasks.map((task) => ({ type, task, authority: task === 'outgoingPayment' || task === 'number' ? 'wattledger' : 'erp' })),
  );
  expect((await api.call('payer', 'PUT', '/v1/entities/ent_se/document-rules', { rules: { authorities }, reason: 'we pay ourselves' })).status).toBe(200);
  await bankAccount(driver, 'SE45 5000 0000 0583 9825 7466');
  await bankAccount(owner, 'SE35 5000 0000 0549 1000 0003');
}, 60_000);
afterAll(() => api.stop());

describe('a payment that the bank sends back', () => {
  let before: unknown;

  it('was sent before: approved, and its file fetched', async () => {
    before = await balances();
    const { paymentId } = await propose();
    first = await shown(paymentId);
    expect(first.items.map((i) => i.accountId)).toEqual([owner, driver]);
    expect(partOf(driver).amount).toBe('33.55');
    expect((await report(paymentId, partOf(driver))).body).toMatchObject({ status: 409, detail: expect.stringContaining(`payment ${paymentId} is proposed`) });
    expect((await decide(paymentId)).body).toEqual({ state: 'approved' });
    expect((await report(paymentId, partOf(driver))).body).toMatchObject({ status: 409, detail: expect.stringContaining('its file was never fetched') });
    expect((await api.call('payer', 'GET', `/v1/payments/${paymentId}/file`)).status).toBe(200);
    expect((await report('pay_none', { amount: '1.00' })).status).toBe(404);
  });

  it('is refused with another amount, a payee that it has not, a day to come, a number that would be kept for good, and of who only reads', async () => {
    const { paymentId: id } = first;
    expect((await report(id, { ...partOf(driver), amount: '33.50' })).body).toMatchObject({ status: 409, detail: expect.stringContaining('33.55 SEK were sent, not 33.50') });
    expect((await report(id, { amount: '33.55' })).body).toMatchObject({ status: 409, detail: expect.stringContaining(`${first.amount} SEK were sent, not 33.55`) });
    expect((await report(id, { endToEndId: `${id}-9`, amount: '33.55' })).body).toMatchObject({ status: 404, detail: expect.stringContaining(`${id}-9`) });
    expect((await report(id, { ...partOf(driver), returnedOn: '2999-01-01' })).status).toBe(422);
    expect((await report(id, { ...partOf(driver), reason: 'no account SE45 5000 0000 0583 9825 7466' })).body).toMatchObject({ status: 422, detail: expect.stringContaining('leave the number') });
    expect((await report(id, partOf(driver), undefined, 'auditor')).status).toBe(403);
    expect((await shown(id)).items.map((i: { returned: unknown }) => i.returned)).toEqual([null, null]);
  });

  it('is the mirror in the ledger, once, whatever is sent twice', async () => {
    const answer = await report(first.paymentId, partOf(driver), 'camt-1');
    expect(answer).toMatchObject({ status: 200, body: { returned: [{ accountId: driver, amount: '33.55', endToEndId: partOf(driver).endToEndId }] } });
    expect((await report(first.paymentId, partOf(driver), 'camt-1')).body).toEqual(answer.body);
    // The answer was lost after all was done: the request is met again by its key.
    await api.store.pool.query("DELETE FROM idempotency_key WHERE key = 'camt-1'");
    expect((await report(first.paymentId, partOf(driver), 'camt-1')).body).toEqual(answer.body);
    expect((await report(first.paymentId, partOf(driver), 'camt-2')).body).toMatchObject({ status: 409, detail: expect.stringContaining('came back already, on 2020-03-05') });
    expect((await report(first.paymentId, { amount: first.amount }, 'camt-3')).body).toMatchObject({ status: 409, detail: expect.stringContaining('came back already') });
    // 33.55 were owed to the driver, were paid, and are owed again; the bank has cleared nothing of it.
    expect(await rows('SELECT ledger_account, account_id, amount::text FROM ledger_entry WHERE transaction_key = $1 ORDER BY 1', [`paymentReturn/${partOf(driver).endToEndId}`])).toEqual([
      { ledger_account: 'bankClearing', account_id: driver, amount: '3355' },
      { ledger_account: 'driverPayable', account_id: driver, amount: '-3355' },
    ]);
    expect((await shown(first.paymentId)).items[1]).toMatchObject({ returned: { on: '2020-03-05', reason: back.reason, by: 'preparer' } });
    expect(await unproved()).toEqual([]);
  });

  it('is returned once by hand too, of what was sent and with its amount', async () => {
    const insert = (no: number, amount: string) =>
      api.store.pool
        .query("INSERT INTO payment_return (payment_id, no, return_id, amount_minor, returned_on, reason, author) VALUES ($1, $2, 'r', $3, '2020-03-05', 'by hand', 'x')", [
          first.paymentId,
          no,
          amount,
        ])
        .catch((error: { code: string }) => error.code);
    expect([await insert(2, '3355'), await insert(1, '1'), await insert(9, '1')]).toEqual(['23505', 'WL001', 'WL001']);
    const taken = (sql: string) => api.store.pool.query(sql).catch((error: { code: string }) => error.code);
    expect(await taken('UPDATE payment_document SET returned = true')).toBe('42501');
    expect(await taken('DELETE FROM payment_document WHERE returned')).toBe('WL001');
  });

  it('stands on the document, in the story of its session and on the console', async () => {
    const [{ id }] = await rows('SELECT document_id AS id FROM payment_document WHERE account_id = $1', [driver]);
    expect((await api.call('auditor', 'GET', `/v1/documents/${id}`)).body.paidBy).toEqual([
      { paymentId: first.paymentId, state: 'approved', executeOn: '2020-03-02', returned: { on: '2020-03-05', reason: back.reason, by: 'preparer' } },
    ]);
    const [{ record }] = await rows('SELECT c.record_id::text AS record FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id WHERE k.document_id = $1 LIMIT 1', [id]);
    const events = (await api.call('auditor', 'GET', `/v1/records/${record}/timeline`)).body.events as { event: string; text: string }[];
    expect(events.filter((e) => e.event === 'paid' || e.event === 'sentBack').map((e) => [e.event, e.text])).toEqual([
      ['paid', expect.stringContaining(`payment ${first.paymentId}`)],
      ['sentBack', expect.stringContaining('AC04, the account is closed')],
    ]);
    const person = await signIn(api, 'preparer');
    expect(textOf((await person.get(`/payments/${first.paymentId}`)).body)).toContain('sent back on 2020-03-05: AC04, the account is closed');
    expect(textOf((await person.get(`/documents/${id}`)).body)).toContain('sent back on 2020-03-05');
  });

  it('waits for a bank account that somebody has looked at again, and then is paid anew', async () => {
    expect(await propose()).toMatchObject({ paymentId: null, leftOut: [{ code: 'paymentReturned', subject: driver }] });
    // The payee says that it is right: entered anew by one and published by another.
    expect(await bankAccount(driver, 'SE45 5000 0000 0583 9825 7466')).toBe('published');
    expect(await bankAccount(driver, 'SE45 5000 0000 0583 9825 7466')).toBe('unchanged');
    const { paymentId } = await propose();
    expect((await shown(paymentId)).items).toMatchObject([{ accountId: driver, amount: '33.55', endToEndId: `${paymentId}-1`, returned: null }]);
    expect((await decide(paymentId)).body).toEqual({ state: 'approved' });
    expect((await api.call('payer', 'GET', `/v1/payments/${paymentId}/file`)).status).toBe(200);
    expect(await unproved()).toEqual([]);
    // The bank rejects the second file as a whole, by the console; another account is published then.
    const person = await signIn(api, 'preparer');
    expect((await person.order(`/payments/${paymentId}/returns`, { endToEndId: '', amount: '33.55', returnedOn: '2020-03-09', reason: 'AM04, no cover' })).status).toBe(303);
    expect(await bankAccount(driver, 'SE35 5000 0000 0549 1000 0003')).toBe('published');
  });

  it('leaves all balances as they were, once all of it came back', async () => {
    expect((await report(first.paymentId, partOf(owner), 'camt-4')).status).toBe(200);
    expect(await balances()).toEqual(before);
    expect(await unproved()).toEqual([]);
  });

  it('is not approved to an account that another came back from meanwhile', async () => {
    expect(await bankAccount(owner, 'SE45 5000 0000 0583 9825 7466')).toBe('published');
    const { paymentId: earlier } = await propose();
    const { amount, items } = await shown(earlier);
    expect(items.map((i: { accountId: string }) => i.accountId)).toEqual([owner, driver]);
    expect((await decide(earlier)).body).toEqual({ state: 'approved' });
    expect((await api.call('payer', 'GET', `/v1/payments/${earlier}/file`)).status).toBe(200);
    await storeLines(api.store, [session(3, { garage: 'Bl2', kWh: '20' })]);
    await processAll(api.store);
    const runId = await closeSet(api.store, '2020-01');
    await api.store.tx((db) => closeOwnerSet(db, runId));
    await issueRun(api.store, runId, '2020-02-07', true);
    const { paymentId: later } = await propose();
    // The bank rejects the earlier file as a whole (pain.002).
    expect((await report(earlier, { amount }, 'pain.002')).body.returned).toHaveLength(2);
    expect((await decide(later)).body).toMatchObject({ status: 409, detail: expect.stringContaining(`the bank sent back what was paid to the bank account of ${owner}`) });
    expect((await decide(later, 'reject')).body).toEqual({ state: 'rejected' });
    expect(await propose()).toMatchObject({ paymentId: null, leftOut: [{ code: 'paymentReturned' }, { code: 'paymentReturned' }] });
    expect((await balances()).map((b) => b.ledger_account)).toEqual(['driverPayable', 'ownerPayable']);
    expect(await unproved()).toEqual([]);
  });
});
