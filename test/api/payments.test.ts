import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { authorityTasks } from '../../src/contracts/document-rules.ts';
import { formatMinor } from '../../src/core/money.ts';
import { closeOwnerSet } from '../../src/store/cycle/owner-set.ts';
import { keepPayments } from '../../src/store/erp-comparison.ts';
import { requireAuthorities } from '../../src/store/reads/document-rules.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
import { type ApiUnderTest, startApi } from '../support/api.ts';
import { closeSet, issueRun } from '../support/bill.ts';
import { processAll, session, storeLines } from '../support/intake.ts';

/** Where `npm run check:documents` wants the files. */
const folder = process.env['WATTLEDGER_DOCUMENTS'];
let api: ApiUnderTest;
const wanted = { entityId: 'ent_se', currency: 'SEK', dueUntil: '2020-12-31', executeOn: '2020-03-02', reason: 'due in February' };
const propose = (more: object = {}, user = 'preparer') => api.call(user, 'POST', '/v1/payments', { ...wanted, ...more });
const decide = (user: string, id: string, contentHash: string, decision = 'approve') =>
  api.call(user, 'POST', `/v1/payments/${id}/decision`, { contentHash, decision, comment: 'compared with the statements' });
const rules = (authorities: object[]) => api.call('payer', 'PUT', '/v1/entities/ent_se/document-rules', { rules: { authorities }, reason: 'we pay owners ourselves' });
const ours = (['settlementStatement', 'selfBilling', 'selfBillingCredit', 'reimbursement'] as const).flatMap((type) =>
  authorityTasks.map((task) => ({ type, task, authority: task === 'outgoingPayment' || task === 'number' ? 'wattledger' : 'erp' })),
);

/** Publishes a bank account of a payee, by two. */
async function bankAccount(accountId: string, scheme: string, number: string): Promise<void> {
  const proposed = await api.call('preparer', 'PUT', `/v1/accounts/${accountId}/payee-bank-account`, { scheme, number, reason: 'by letter of January' });
  const { status } = await api.call('approver', 'POST', `/v1/set-up/proposals/${proposed.body.proposalId}/decision`, { decision: 'publish', comment: 'called back' });
  expect([proposed.status, status]).toEqual([201, 200]);
}

beforeAll(async () => {
  api = await startApi(undefined, { extraUsers: { payer: ['finance-approver'] } });
  // North owns Bl2, South AdA6, East NR1.
  await storeLines(api.store, [session(1, { garage: 'Bl2', kWh: '40' }), session(2, { garage: 'AdA6', user: 'AdA6-1', kWh: '20' }), session(3, { garage: 'NR1', user: 'NR1-3', kWh: '30' })]);
  await processAll(api.store);
  const runId = await closeSet(api.store, '2019-12');
  await api.store.tx((db) => closeOwnerSet(db, runId));
  await issueRun(api.store, runId, '2020-01-07');
});
afterAll(() => api.stop());

describe('payments to site owners', () => {
  it('are the ERP’s unless the entity says otherwise, for each task of a type exactly once', async () => {
    expect((await propose()).body).toMatchObject({ status: 409, detail: expect.stringContaining('the ERP is the authority for outgoing payment') });
    expect((await rules(ours.slice(1))).body).toMatchObject({ status: 422, detail: expect.stringContaining('nobody is the authority for number of settlementStatement') });
    expect((await rules([...ours, { type: 'selfBilling', task: 'delivery', authority: 'wattledger' }])).body).toMatchObject({
      status: 422,
      detail: expect.stringContaining('erp and wattledger as authority for delivery'),
    });
    expect((await rules(ours)).status).toBe(200);
    await requireAuthorities(api.store.pool);
    // What got in past the API keeps a worker from starting.
    const past = api.store.tx(async (db) => {
      await db.query(
        'INSERT INTO document_rules_version (entity_id, version, body, reason, author) SELECT entity_id, 99, body || \'{"authorities": [{"type": "invoice", "task": "number", "authority": "wattledger"}]}\', \'by hand\', \'somebody\' FROM document_rules_version',
      );
      await requireAuthorities(db);
    });
    await expect(past).rejects.toThrow('ent_se, invoice: nobody is the authority for delivery of invoice');
  });

  it('are proposed per payee with a published account, and approved by somebody else by their hash', async () => {
    await bankAccount('acc_brf_north', 'bankgiro', '991-2346');
    await bankAccount('acc_brf_south', 'iban', 'SE45 5000 0000 0583 9825 7466');
    const due = await api.store.pool.query<{ account_id: string; payable: string }>(
      "SELECT account_id, payable_minor::text AS payable FROM document WHERE type IN ('selfBilling', 'settlementStatement') ORDER BY 1",
    );
    expect(due.rows.map((r) => r.account_id)).toEqual(['acc_brf_east', 'acc_brf_north', 'acc_brf_south']);
    expect((await propose({}, 'auditor')).status).toBe(403);
    const proposed = await propose();
    expect(proposed.body.leftOut).toMatchObject([{ code: 'bankAccountMissing', subject: 'acc_brf_east' }]);
    const id = proposed.body.paymentId;
    const { body: shown } = await api.call('auditor', 'GET', `/v1/payments/${id}`);
    expect(shown.items.map((i: { accountId: string; bankAccount: string; endToEndId: string }) => [i.accountId, i.bankAccount, i.endToEndId])).toEqual([
      ['acc_brf_north', 'bankgiro …2346', `${id}-1`],
      ['acc_brf_south', 'iban …7466', `${id}-2`],
    ]);
    // What is in one payment is in no other.
    expect((await propose()).body).toMatchObject({ paymentId: null });
    expect((await api.call('payer', 'GET', `/v1/payments/${id}/file`)).body).toMatchObject({ status: 409, code: 'notApproved' });
    expect((await decide('preparer', id, shown.contentHash)).status).toBe(403);
    expect((await decide('payer', id, 'a'.repeat(64))).status).toBe(409);
    // Rejected, it lets go; proposed again it is another payment.
    expect((await decide('payer', id, shown.contentHash, 'reject')).body).toEqual({ state: 'rejected' });
    expect((await api.call('payer', 'GET', `/v1/payments/${id}/file`)).status).toBe(409);
  });

  it('are not approved to an account that a payee has no more', async () => {
    const { paymentId: id } = (await propose()).body;
    const { body: shown } = await api.call('auditor', 'GET', `/v1/payments/${id}`);
    await bankAccount('acc_brf_south', 'iban', 'SE35 5000 0000 0549 1000 0003');
    expect((await decide('payer', id, shown.contentHash)).body).toMatchObject({ status: 409, detail: expect.stringContaining('acc_brf_south has another bank account by now') });
    expect((await decide('payer', id, shown.contentHash, 'reject')).body).toEqual({ state: 'rejected' });
    await bankAccount('acc_brf_south', 'iban', 'SE45 5000 0000 0583 9825 7466');
  });

  it('are one file with stable ids and the sum of their items, and booked against the bank', async () => {
    const { paymentId: id } = (await propose({ format: 'pain.001.001.09' })).body;
    const { body: shown } = await api.call('auditor', 'GET', `/v1/payments/${id}`);
    expect((await decide('payer', id, shown.contentHash)).body).toEqual({ state: 'approved' });
    expect((await decide('payer', id, shown.contentHash)).status).toBe(409);
    const file = await api.call('payer', 'GET', `/v1/payments/${id}/file`);
    expect([file.status, (await api.call('payer', 'GET', `/v1/payments/${id}/file`)).body]).toEqual([200, file.body]);
    expect((await api.call('auditor', 'GET', `/v1/payments/${id}/file`)).status).toBe(403);
    if (folder !== undefined) writeFileSync(path.join(folder, `${id}.pain.xml`), file.body);
    for (const words of [
      `<MsgId>${id}</MsgId>`,
      `<CtrlSum>${shown.amount}</CtrlSum>`,
      '<NbOfTxs>2</NbOfTxs>',
      '<Prtry>BGNR</Prtry>',
      '<Cd>SESBA</Cd>',
      '<IBAN>SE4550000000058398257466</IBAN>',
      '<BICFI>',
      'pain.001.001.09',
    ])
      expect(file.body).toContain(words);
    const { rows } = await api.store.pool.query('SELECT ledger_account, sum(amount)::text AS amount FROM ledger_entry WHERE transaction_key = $1 GROUP BY 1 ORDER BY 1', [`payment/${id}`]);
    const minor = shown.amount.replace('.', '');
    expect(rows).toEqual([
      { ledger_account: 'bankClearing', amount: `-${minor}` },
      { ledger_account: 'ownerPayable', amount: minor },
    ]);
    expect((await verifyAll(api.store)).sections.filter((s) => s.problem !== null)).toEqual([]);
    const guarded = await api.store.pool.query('UPDATE payment SET amount_minor = 1 WHERE id = $1', [id]).catch((error: { code: string }) => error.code);
    expect(guarded).toBe('WL001');
  });

  it('stand open as the ERP tells it, which signs them as what a customer would owe', async () => {
    const [east] = (await api.store.pool.query("SELECT id, payable_minor FROM document WHERE account_id = 'acc_brf_east' AND type IN ('selfBilling', 'settlementStatement')")).rows;
    const standing = async () => (await api.call('auditor', 'GET', `/v1/documents/${east.id}`)).body.payment;
    const tell = (state: string, openMinor: bigint) => api.store.tx((db) => keepPayments(db, 'erp_files', [{ documentId: east.id, state, openMinor }]));
    await tell('unpaid', -BigInt(east.payable_minor));
    expect(await standing()).toMatchObject({ state: 'unpaid', open: formatMinor(east.payable_minor, 'SEK') });
    expect(await tell('unpaid', -BigInt(east.payable_minor))).toBe(0);
  });

  it('are not paid again where somebody else has paid them, and left out where a part is', async () => {
    await bankAccount('acc_brf_east', 'bankgiro', '5805-6201');
    const [east] = (await api.store.pool.query("SELECT id, payable_minor FROM document WHERE account_id = 'acc_brf_east' AND type IN ('selfBilling', 'settlementStatement')")).rows;
    const proposed = await propose();
    expect(proposed.body).toMatchObject({ paymentId: expect.any(String), leftOut: [] });
    const { body: shown } = await api.call('auditor', 'GET', `/v1/payments/${proposed.body.paymentId}`);
    expect((await decide('payer', shown.paymentId, shown.contentHash, 'reject')).body).toEqual({ state: 'rejected' });
    const pay = (reference: string, minor: bigint) =>
      api.call('preparer', 'POST', `/v1/documents/${east.id}/payments`, { payments: [{ reference, paidOn: '2020-02-03', amount: formatMinor(minor, 'SEK') }] });
    // By the bank's own page: 1.00 first, then the rest.
    expect((await pay('bank-1', 100n)).status).toBe(200);
    expect((await propose()).body).toMatchObject({ paymentId: null, leftOut: [{ code: 'paidInPart', subject: 'acc_brf_east' }] });
    expect((await pay('bank-2', east.payable_minor - 100n)).status).toBe(200);
    expect((await propose()).body).toEqual({ paymentId: null, leftOut: [] });
  });

  it('are not approved once somebody else has paid one of them, or a part', async () => {
    const [east] = (await api.store.pool.query("SELECT id, payable_minor FROM document WHERE account_id = 'acc_brf_east' AND type IN ('selfBilling', 'settlementStatement')")).rows;
    const pay = (reference: string, minor: bigint) =>
      api.call('preparer', 'POST', `/v1/documents/${east.id}/payments`, { payments: [{ reference, paidOn: '2020-02-10', amount: formatMinor(minor, 'SEK') }] });
    // The bank sends all of it back: it is owed again.
    expect((await pay('returned', -BigInt(east.payable_minor))).status).toBe(200);
    const { paymentId: id } = (await propose()).body;
    const { body: shown } = await api.call('auditor', 'GET', `/v1/payments/${id}`);
    expect((await pay('bank-3', 100n)).status).toBe(200);
    expect((await decide('payer', id, shown.contentHash)).body).toMatchObject({ status: 409, detail: expect.stringContaining(`somebody else has paid of ${east.id}`) });
    expect((await decide('payer', id, shown.contentHash, 'reject')).body).toEqual({ state: 'rejected' });
    expect((await pay('bank-3-back', -100n)).status).toBe(200);
  });

  it('are not approved once something of it was credited: what is owed is less by then', async () => {
    const { paymentId: id } = (await propose()).body;
    const { body: shown } = await api.call('auditor', 'GET', `/v1/payments/${id}`);
    // East's session was of 20 kWh, not 30: a third of its share goes back.
    await storeLines(api.store, [session(3, { garage: 'NR1', user: 'NR1-3', kWh: '20' })]);
    await processAll(api.store);
    const runId = await closeSet(api.store, '2020-01');
    await api.store.tx((db) => closeOwnerSet(db, runId));
    await issueRun(api.store, runId, '2020-02-07', true);
    const stated = (await api.store.pool.query("SELECT id, payable_minor FROM document WHERE run_id = $1 AND account_id = 'acc_brf_east' ORDER BY payable_minor", [runId])).rows;
    expect(stated[0]?.payable_minor).toBeLessThan(0n);
    expect((await decide('payer', id, shown.contentHash)).body).toMatchObject({ status: 409, detail: expect.stringContaining(`acc_brf_east is owed less by ${stated[0]?.id} by now`) });
    expect((await decide('payer', id, shown.contentHash, 'reject')).body).toEqual({ state: 'rejected' });
    const anew = (await propose()).body;
    const { body: less } = await api.call('auditor', 'GET', `/v1/payments/${anew.paymentId}`);
    const minor = (amount: string) => BigInt(amount.replace('.', ''));
    expect(minor(less.amount) - minor(shown.amount)).toBe(stated.reduce((sum: bigint, d: { payable_minor: bigint }) => sum + d.payable_minor, 0n));
    expect((await decide('payer', anew.paymentId, less.contentHash)).body).toEqual({ state: 'approved' });
  });
});

describe('a small sum of who has no contract any more', () => {
  let own: ApiUnderTest;
  const version = (contractId: string, no: number, from: string, more: object) =>
    own.store.pool.query("INSERT INTO contract_version (contract_id, version, valid_from, clauses, author) VALUES ($1, $2, $3, $4, 'test')", [
      contractId,
      no,
      from,
      JSON.stringify({ kind: 'revenueShare', status: 'active', supplyModel: 'siteAccess', clauses: [{ kind: 'netShare', id: 'share', percent: '12.5' }], ...more }),
    ]);
  beforeAll(async () => {
    own = await startApi();
    // South earns by a part in North's contract alone; in February that part ends, and in March North's contract. East's goes on.
    const part = { beneficiaries: [{ accountId: 'acc_brf_south', percent: '40' }] };
    await version('ctr_brf_south', 101, '2019-11-01T00:00:00+01:00', { status: 'ended', clauses: [] });
    await version('ctr_brf_north', 101, '2019-11-01T00:00:00+01:00', part);
    await version('ctr_brf_north', 102, '2020-02-01T00:00:00+01:00', {});
    await version('ctr_brf_north', 103, '2020-03-01T00:00:00+01:00', { ...part, status: 'ended' });
    await storeLines(own.store, [session(1, { garage: 'Bl2', kWh: '40' }), session(3, { garage: 'NR1', user: 'NR1-3', kWh: '30' })]);
    await processAll(own.store);
    const runId = await closeSet(own.store, '2019-12');
    await own.store.tx((db) => closeOwnerSet(db, runId));
    await issueRun(own.store, runId, '2020-01-07');
    const body = { rules: { authorities: ours, payoutThresholdMinor: 1_000_000 }, reason: 'small sums wait' };
    expect((await own.call('approver', 'PUT', '/v1/entities/ent_se/document-rules', body)).status).toBe(200);
  }, 60_000);
  afterAll(() => own.stop());

  it.each([
    ['2020-01-31', ['acc_brf_east', 'acc_brf_north', 'acc_brf_south']],
    ['2020-02-01', ['acc_brf_east', 'acc_brf_north']],
    ['2020-03-01', ['acc_brf_east']],
  ])('waits no longer (D32): on %s', async (executeOn, waiting) => {
    const { body } = await own.call('preparer', 'POST', '/v1/payments', { ...wanted, executeOn });
    // Nobody's bank account is known: who is to be paid is left out for that.
    const of = (code: string) => body.leftOut.filter((i: { code: string }) => i.code === code).map((i: { subject: string }) => i.subject);
    expect(of('payableBelowThreshold')).toEqual(waiting);
    expect(of('bankAccountMissing')).toEqual(['acc_brf_north', 'acc_brf_south'].filter((id) => !waiting.includes(id)));
  });
});
