import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { archiveDocuments } from '../../src/activities/archive-documents.ts';
import { renderPain } from '../../src/adapters/documents/pain/render-pain.ts';
import { renderPdf } from '../../src/adapters/documents/pdf/render-pdf.ts';
import { paymentFileOf } from '../../src/api/payment-file.ts';
import { authorityTasks, documentRulesSchema } from '../../src/contracts/document-rules.ts';
import type { Seed } from '../../src/contracts/seed.ts';
import { accrueMonth } from '../../src/store/commands/accrue-month.ts';
import { addAdjustment } from '../../src/store/commands/adjust-run.ts';
import { eraseDriver } from '../../src/store/commands/erase-driver.ts';
import { proposeExclusion, signExclusion } from '../../src/store/commands/exclusion-rules.ts';
import { decidePayment, proposePayment } from '../../src/store/commands/payments.ts';
import { proposeBankAccount } from '../../src/store/commands/propose-bank-account.ts';
import { publishProposal } from '../../src/store/commands/publish-set-up.ts';
import { setDocumentRules } from '../../src/store/commands/set-document-rules.ts';
import { addExclusion, withdrawExclusion } from '../../src/store/commands/shape-run.ts';
import { statePayments } from '../../src/store/commands/state-payments.ts';
import { buildDocuments } from '../../src/store/cycle/build-documents.ts';
import { closeOwnerSet } from '../../src/store/cycle/owner-set.ts';
import { advanceRun } from '../../src/store/cycle/run-state.ts';
import { openStore, type Store } from '../../src/store/db.ts';
import { eraseParties } from '../../src/store/erase-parties.ts';
import { erpProof } from '../../src/store/reads/accounting-periods.ts';
import { issuedDocuments } from '../../src/store/reads/issued-document.ts';
import { findPayment, paymentFile } from '../../src/store/reads/payments.ts';
import { retentionOverview } from '../../src/store/reads/retention.ts';
import { traceRun } from '../../src/store/reads/trace-run.ts';
import { traceTree } from '../../src/store/reads/trace-tree.ts';
import { clearingOff } from '../../src/store/reads/verification/ledger-rows.ts';
import { inSnapshot } from '../../src/store/reads/verification/pages.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
import { closeSet, finishRun } from '../support/bill.ts';
import { copyOf, type TestDatabase } from '../support/database.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { textOfPages } from '../support/read-pdf.ts';
import { seeded } from '../support/seeded.ts';
import { placesOf } from '../support/whole-database.ts';

const by = { actor: 'preparer' };
let original: TestDatabase;
type World = { readonly store: Store; readonly rows: (sql: string, params?: unknown[]) => Promise<Record<string, unknown>[]>; readonly close: () => Promise<void> };
const open = (database: TestDatabase, store = openStore(database.url)): World => {
  return {
    store,
    rows: async (sql, params = []) => (await store.pool.query(sql, params)).rows,
    close: async () => {
      await store.close();
      await database.drop();
    },
  };
};
const world = async () => open(await copyOf(original));
const atCraft = (id: number, kWh: string, more = {}) => session(id, { user: 'MS22-1', garage: 'MS22', kWh, ...more });
const arrive = async ({ store }: World, ...lines: string[]) => {
  await storeLines(store, lines);
  await processAll(store);
};
/** A run of a month with both sides of its set, in review. */
async function review({ store }: World, period: string): Promise<string> {
  const runId = await closeSet(store, period);
  await store.tx((db) => closeOwnerSet(db, runId));
  await store.tx((db) => advanceRun(db, runId, 'previewing'));
  await store.tx((db) => buildDocuments(db, runId));
  await store.tx((db) => advanceRun(db, runId, 'inReview'));
  return runId;
}
async function bill(w: World, period: string, issuedOn: string): Promise<string> {
  const runId = await review(w, period);
  await finishRun(w.store, runId, issuedOn);
  return runId;
}
const drafts = async ({ rows }: World, runId: string) =>
  (await rows("SELECT account_id, type, net_minor AS net FROM document WHERE run_id = $1 AND account_id LIKE 'acc_home%' ORDER BY 1", [runId])).map((d) => [d['account_id'], d['type'], d['net']]);
const issued = async ({ rows }: World, runId: string) =>
  (
    await rows(
      `SELECT d.account_id, d.type, s.legal_number, d.net_minor AS net, d.vat_minor AS vat, d.payable_minor AS payable FROM document d JOIN issue_stamp s ON s.document_id = d.id
       WHERE d.run_id = $1 AND d.account_id LIKE 'acc_home%' ORDER BY 1, 3`,
      [runId],
    )
  ).map((d) => [d['account_id'], d['type'], d['legal_number'], d['net'], d['vat'], d['payable']]);
const held = async ({ rows }: World, ledgerAccount: string, accountId: string | null = null) =>
  (await rows('SELECT coalesce(sum(amount), 0)::bigint AS held FROM ledger_entry WHERE ledger_account = $1 AND ($2::text IS NULL OR account_id = $2)', [ledgerAccount, accountId]))[0]?.['held'];
const sound = async ({ store }: World) => expect((await verifyAll(store)).sections.filter((s) => s.problem !== null)).toEqual([]);

beforeAll(async () => {
  const { store, database } = await seeded('every-category');
  original = database;
  const w = open(database, store);
  // An outlay of 20 and 10.5 kWh at 1.10: 22.00 and 11.55. A resale of 40 kWh bought at 1.05: 42.00, and sold at 1.20: 48.00.
  await arrive(w, atCraft(1, '20'), atCraft(2, '10,5'), session(3, { user: 'UT15-1', garage: 'UT15', kWh: '40' }));
  await w.store.close();
}, 60_000);
afterAll(() => original.drop());

describe('what charging at home cost drivers', () => {
  it('is paid back by a document of its own, outside VAT, in the run that bills the fleet; both ways', async () => {
    const w = await world();
    const runId = await bill(w, '2019-12', '2020-01-07');
    expect(await issued(w, runId)).toEqual([
      ['acc_home_ms22', 'reimbursement', 'RE-2020-000001', 3355n, 0n, 3355n],
      ['acc_home_ut15', 'reimbursement', 'RE-2020-000002', 4200n, 0n, 4200n],
    ]);
    // The fleet of the outlay is billed the same 33.55, without VAT, apart from the rest; that of the resale 48.00 + 12.00.
    const billed = await w.rows(
      "SELECT l.net_minor AS net, l.gross_minor AS gross FROM document_line l JOIN document d ON d.id = l.document_id WHERE d.run_id = $1 AND d.type = 'invoice' AND l.gl_account IN ('2891', '3004') ORDER BY 1",
      [runId],
    );
    expect(billed).toEqual([
      { net: 3355n, gross: 3355n },
      { net: 4800n, gross: 6000n },
    ]);
    expect([await held(w, 'reimbursementClearing'), await held(w, 'accruedReimbursement'), await held(w, 'driverPayable')]).toEqual([0n, 0n, -7555n]);
    const bills = await w.rows("SELECT convert_from(payload, 'UTF8')::jsonb AS body FROM erp_posting p JOIN document d ON d.id = p.document_id WHERE d.type = 'reimbursement' ORDER BY d.account_id");
    expect(bills.map((b) => b['body'])).toMatchObject([
      {
        kind: 'vendorBill',
        legalNumber: 'RE-2020-000001',
        lines: [
          { part: 'net', glAccount: '2891', costCenter: '113', vatCode: 'SE-O', amountMinor: '3355' },
          { part: 'party', glAccount: '2892', costCenter: null, vatCode: null, amountMinor: '-3355' },
        ],
      },
      {
        kind: 'vendorBill',
        lines: [
          { glAccount: '4030', costCenter: '119', amountMinor: '4200' },
          { glAccount: '2892', amountMinor: '-4200' },
        ],
      },
    ]);
    // Traced, what its journal took out of accrued is the document's net.
    expect(await traceTree(w.store.pool, { document: 'RE-2020-000001' })).toMatchObject({ documents: [{ net: '33.55', journal: { net: '33.55', equal: true } }], equal: true });
    for (const c of await traceRun(w.store.pool, runId)) expect(c.net.journals).toBe(c.net.lines);
    await sound(w);
    await w.close();
  }, 60_000);

  it('is shown on paper with its sessions, as no invoice', async () => {
    const w = await world();
    await bill(w, '2019-12', '2020-01-07');
    const [row] = await w.rows("SELECT id FROM document WHERE account_id = 'acc_home_ms22'");
    const [document] = await issuedDocuments(w.store.pool, [String(row?.['id'])]);
    const text = (await textOfPages(await renderPdf(document ?? expect.fail(), 'en'))).join('\n');
    for (const words of ['Reimbursement', 'RE-2020-000001', 'Payee', 'Paid by', 'Statement without VAT. It is no invoice.', '33.55', '20', '10.5']) expect(text).toContain(words);
    expect(text).not.toContain('Seller');
    await w.close();
  }, 60_000);

  it('is what the driver is owed in the ERP too: accrued at month-end, on the document afterwards', async () => {
    const w = await world();
    await bill(w, '2019-12', '2020-01-07');
    for (const month of ['2019-12', '2020-01']) {
      await w.store.tx((db) => accrueMonth(db, { entityId: 'ent_se', month }, by));
      const { rows, holds } = await erpProof(w.store.pool, 'ent_se', month);
      expect([rows.filter((r) => r.differenceMinor !== 0n), holds]).toEqual([[], true]);
    }
    await w.close();
  }, 60_000);

  it('is corrected by lines of the next document, below zero where less was charged', async () => {
    const w = await world();
    await bill(w, '2019-12', '2020-01-07');
    // 12 kWh instead of 10.5: 13.20 − 11.55 = 1.65 more. 30 kWh instead of 40: 31.50 − 42.00 = −10.50.
    await arrive(w, atCraft(2, '12'), session(3, { user: 'UT15-1', garage: 'UT15', kWh: '30' }));
    const runId = await bill(w, '2020-01', '2020-02-06');
    expect(await issued(w, runId)).toEqual([
      ['acc_home_ms22', 'reimbursement', 'RE-2020-000003', 165n, 0n, 165n],
      ['acc_home_ut15', 'reimbursement', 'RE-2020-000004', -1050n, 0n, -1050n],
    ]);
    const named = await w.rows(
      "SELECT l.net_minor AS net, s.legal_number AS of FROM document_line l JOIN document d ON d.id = l.document_id LEFT JOIN issue_stamp s ON s.document_id = l.credits_document_id WHERE d.run_id = $1 AND d.account_id = 'acc_home_ms22' ORDER BY 1",
      [runId],
    );
    expect(named).toEqual([
      { net: -1155n, of: 'RE-2020-000001' },
      { net: 1320n, of: null },
    ]);
    expect([await held(w, 'reimbursementClearing'), await held(w, 'accruedReimbursement'), await held(w, 'driverPayable')]).toEqual([0n, 0n, -(3355n + 4200n + 165n - 1050n)]);
    await sound(w);
    await w.close();
  }, 60_000);

  it('waits while the fleet’s side is carried, and is paid all the same when that is written off', async () => {
    const w = await world();
    const runId = await review(w, '2019-12');
    const carry = { scope: 'account', subjectId: 'acc_fleet_craft', reason: 'disputed by the fleet' } as const;
    const { id } = await w.store.tx((db) => addExclusion(db, runId, { ...carry, outcome: 'carry' }, by));
    await w.store.tx((db) => buildDocuments(db, runId));
    expect(await drafts(w, runId)).toEqual([['acc_home_ut15', 'reimbursement', 4200n]]);
    await w.store.tx((db) => withdrawExclusion(db, runId, id, by));
    await w.store.tx((db) => addExclusion(db, runId, { ...carry, outcome: 'writeOff' }, by));
    await w.store.tx((db) => buildDocuments(db, runId));
    expect(await drafts(w, runId)).toEqual([
      ['acc_home_ms22', 'reimbursement', 3355n],
      ['acc_home_ut15', 'reimbursement', 4200n],
    ]);
    await finishRun(w.store, runId, '2020-01-07');
    await sound(w);
    await w.close();
  }, 60_000);

  it('waits no longer than a standing rule on the driver allows', async () => {
    const w = await world();
    const rule = {
      entityId: 'ent_se',
      scope: 'account',
      subjectId: 'acc_home_ms22',
      predicate: {},
      outcome: 'carry',
      maxAgeMonths: 1,
      atOurCost: false,
      validFrom: '2019-01-01',
      reviewOn: '2030-01-01',
    } as const;
    const { id } = await w.store.tx((db) => proposeExclusion(db, rule, { reason: 'disputed meter' }, { actor: 'author' }));
    await w.store.tx((db) => signExclusion(db, id, 'seen the dispute', { actor: 'signer' }));
    expect(await issued(w, await bill(w, '2019-12', '2020-01-07'))).toEqual([['acc_home_ut15', 'reimbursement', 'RE-2020-000001', 4200n, 0n, 4200n]]);
    // A month later the 22.00 and 11.55 have waited as long as they may.
    expect(await issued(w, await bill(w, '2020-01', '2020-02-06'))).toEqual([['acc_home_ms22', 'reimbursement', 'RE-2020-000002', 3355n, 0n, 3355n]]);
    await sound(w);
    await w.close();
  }, 60_000);

  it('takes a manual amount as something that is owed, on its own account of the chart', async () => {
    const w = await world();
    const runId = await review(w, '2019-12');
    const adjustment = { accountId: 'acc_home_ms22', amountMinor: 500n, vatCode: 'SE-O', glKey: 'energyCost', costCenter: '113', description: 'Grid fee of the autumn', reason: 'agreed by letter' };
    await w.store.tx((db) => addAdjustment(db, runId, adjustment, by));
    await finishRun(w.store, runId, '2020-01-07');
    expect((await issued(w, runId))[0]).toEqual(['acc_home_ms22', 'reimbursement', 'RE-2020-000001', 3855n, 0n, 3855n]);
    expect([await held(w, 'accruedReimbursement'), await held(w, 'driverPayable'), await held(w, 'adjustment')]).toEqual([0n, -(3855n + 4200n), 500n]);
    const { rows } = await erpProof(w.store.pool, 'ent_se', '2020-01');
    expect(rows.find((r) => r.glAccount === '4010')).toMatchObject({ costCenter: '113', ledgerMinor: 500n, documentsMinor: 500n, differenceMinor: 0n });
    expect(await traceTree(w.store.pool, { document: 'RE-2020-000001' })).toMatchObject({ documents: [{ net: '38.55', journal: { net: '38.55', equal: true } }], equal: true });
    await w.close();
  }, 60_000);

  it('is paid out where we pay, to an account that two published, and booked against the bank', async () => {
    const w = await world();
    const runId = await bill(w, '2019-12', '2020-01-07');
    const authorities = authorityTasks.map((task) => ({ type: 'reimbursement' as const, task, authority: 'wattledger' as const }));
    await w.store.tx((db) => setDocumentRules(db, { entityId: 'ent_se', rules: documentRulesSchema.parse({ authorities }), reason: 'we pay drivers ourselves' }, by));
    const { proposalId } = await w.store.tx((db) => proposeBankAccount(db, 'acc_home_ms22', { scheme: 'iban', number: 'SE4550000000058398257466' }, 'by letter', by));
    await w.store.tx((db) => publishProposal(db, proposalId ?? '', 'called back', { actor: 'approver' }));
    const wanted = { entityId: 'ent_se', currency: 'SEK', format: 'pain.001.001.03', dueUntil: '2020-12-31', executeOn: '2020-03-02', reason: 'due' } as const;
    const { paymentId, leftOut } = await w.store.tx((db) => proposePayment(db, wanted, by));
    expect(leftOut).toMatchObject([{ code: 'bankAccountMissing', subject: 'acc_home_ut15' }]);
    const payment = await findPayment(w.store.pool, paymentId ?? '');
    expect(payment).toMatchObject({ amount: '33.55', items: [{ accountId: 'acc_home_ms22', remittance: 'RE-2020-000001' }] });
    const decide = (actor: string) =>
      w.store.tx((db) => decidePayment(db, { paymentId: paymentId ?? '', contentHash: payment?.contentHash ?? '', decision: 'approve', comment: 'compared' }, { actor }));
    await expect(decide(by.actor)).rejects.toThrow('somebody else has to decide');
    await decide('payer');
    expect([await held(w, 'driverPayable'), await held(w, 'bankClearing')]).toEqual([-4200n, -3355n]);
    expect(runId).toBe('run_ent_se_2019-12_live');
    // 33.55 in one item, under ids that never change, to the account that two published.
    const file = async () => {
      const found = await paymentFile(w.store.pool, paymentId ?? '');
      return found === undefined ? '' : renderPain(found).toString('utf8');
    };
    const text = await file();
    expect(await file()).toBe(text);
    for (const words of [
      `<MsgId>${paymentId}</MsgId>`,
      `<EndToEndId>${paymentId}-1</EndToEndId>`,
      '<CtrlSum>33.55</CtrlSum>',
      '<IBAN>SE4550000000058398257466</IBAN>',
      '<Ustrd>RE-2020-000001</Ustrd>',
    ])
      expect(text).toContain(words);
    await w.close();
  }, 60_000);

  it('keeps who the driver is until it is paid, where we pay: to the file for the bank', async () => {
    const w = await world();
    await archiveDocuments(w.store, await bill(w, '2019-12', '2020-01-07'), 'all');
    const due = async () => (await retentionOverview(w.store.pool, new Date('2028-06-01T00:00:00Z'))).classes.find((c) => c.class === 'driverIdentity')?.due ?? 0;
    const erase = (accountId: string) => w.store.tx((db) => eraseDriver(db, { accountId, reason: 'asked to be forgotten', dryRun: true }, by));
    // By default the ERP pays, from what it knows itself.
    const all = await due();
    await erase('acc_home_ms22');
    const authorities = authorityTasks.map((task) => ({ type: 'reimbursement' as const, task, authority: 'wattledger' as const }));
    await w.store.tx((db) => setDocumentRules(db, { entityId: 'ent_se', rules: documentRulesSchema.parse({ authorities }), reason: 'we pay drivers ourselves' }, by));
    await expect(erase('acc_home_ms22')).rejects.toThrow(/document doc_\w+ is owed and not paid: pay it, or state that it is paid/);
    expect(await due()).toBe(all - 2);
    // One is paid by somebody else, the other by a payment of ours: 33.55.
    const [ut15] = await w.rows("SELECT id FROM document WHERE account_id = 'acc_home_ut15'");
    await w.store.tx((db) => statePayments(db, [{ documentId: String(ut15?.['id']), reference: 'cash', paidOn: '2020-02-01', amountMinor: 4200n }], 'person', by));
    await erase('acc_home_ut15');
    const { proposalId } = await w.store.tx((db) => proposeBankAccount(db, 'acc_home_ms22', { scheme: 'iban', number: 'SE4550000000058398257466' }, 'by letter', by));
    await w.store.tx((db) => publishProposal(db, proposalId ?? '', 'called back', { actor: 'approver' }));
    const wanted = { entityId: 'ent_se', currency: 'SEK', format: 'pain.001.001.03', dueUntil: '2020-12-31', executeOn: '2020-03-02', reason: 'due' } as const;
    const paymentId = (await w.store.tx((db) => proposePayment(db, wanted, by))).paymentId ?? '';
    const { contentHash = '' } = (await findPayment(w.store.pool, paymentId)) ?? {};
    for (const step of ['decided', 'fetched']) {
      await expect(erase('acc_home_ms22'), step).rejects.toThrow(`payment ${paymentId} is under way: have it decided, and fetch its file`);
      expect(await due(), step).toBe(all - 1);
      if (step === 'decided') await w.store.tx((db) => decidePayment(db, { paymentId, contentHash, decision: 'approve', comment: 'compared' }, { actor: 'payer' }));
    }
    expect((await paymentFileOf(w.store.pool, paymentId)).body.toString('utf8')).toContain('<IBAN>SE4550000000058398257466</IBAN>');
    await erase('acc_home_ms22');
    expect(await due()).toBe(all);
    // Once it is erased, that file alone says where it was paid to, as the voucher of the payment: the seller here has an account of the same number.
    await w.store.tx((db) => eraseDriver(db, { accountId: 'acc_home_ms22', reason: 'asked to be forgotten', dryRun: false }, by));
    expect(await placesOf(w.store.pool, ['SE4550000000058398257466'])).toEqual(['archived_file.body', 'legal_entity.letterhead']);
    expect((await paymentFileOf(w.store.pool, paymentId)).body.toString('utf8')).toContain('<IBAN>SE4550000000058398257466</IBAN>');
    await w.close();
  }, 60_000);

  it('is paid by no payment whose payee was erased meanwhile: it has to be proposed anew', async () => {
    const w = await world();
    await bill(w, '2019-12', '2020-01-07');
    const authorities = authorityTasks.map((task) => ({ type: 'reimbursement' as const, task, authority: 'wattledger' as const }));
    await w.store.tx((db) => setDocumentRules(db, { entityId: 'ent_se', rules: documentRulesSchema.parse({ authorities }), reason: 'we pay drivers ourselves' }, by));
    const { proposalId } = await w.store.tx((db) => proposeBankAccount(db, 'acc_home_ms22', { scheme: 'iban', number: 'SE4550000000058398257466' }, 'by letter', by));
    await w.store.tx((db) => publishProposal(db, proposalId ?? '', 'called back', { actor: 'approver' }));
    const wanted = { entityId: 'ent_se', currency: 'SEK', format: 'pain.001.001.03', dueUntil: '2020-12-31', executeOn: '2020-03-02', reason: 'due' } as const;
    const paymentId = (await w.store.tx((db) => proposePayment(db, wanted, by))).paymentId ?? '';
    const [{ party_id } = {}] = await w.rows("SELECT party_id FROM account WHERE id = 'acc_home_ms22'");
    await w.store.tx((db) => eraseParties(db, [String(party_id)]));
    const { contentHash = '' } = (await findPayment(w.store.pool, paymentId)) ?? {};
    const decide = (decision: 'approve' | 'reject') => w.store.tx((db) => decidePayment(db, { paymentId, contentHash, decision, comment: 'compared' }, { actor: 'payer' }));
    await expect(decide('approve')).rejects.toThrow('the bank account of acc_home_ms22 was erased');
    expect(await decide('reject')).toEqual({ state: 'rejected' });
    await w.close();
  }, 60_000);

  it('keeps who the driver is as long as some of it is on no document, whenever the last one was', async () => {
    const w = await world();
    await bill(w, '2019-12', '2020-01-07');
    const due = async (at: string) => (await retentionOverview(w.store.pool, new Date(at))).classes.find((c) => c.class === 'driverIdentity')?.due;
    const before = await due('2028-06-01T00:00:00Z');
    await arrive(w, atCraft(4, '5', { start: '02.01.2020 10:00', end: '02.01.2020 12:00' }));
    // All had their last document in 2020, and the seven years after that are over; this one is owed something again.
    expect(await due('2028-06-01T00:00:00Z')).toBe((before ?? 0) - 1);
    await w.close();
  }, 60_000);

  it('names a record whose driver would be paid another amount than its fleet is charged', async () => {
    const database = await copyOf(original);
    const w = open(database);
    const superuser = new pg.Client({ connectionString: database.superuserUrl });
    await superuser.connect();
    await superuser.query('SET session_replication_role = replica');
    await superuser.query("UPDATE rated_charge SET net_minor = net_minor + 1 WHERE role = 'homeReimbursement' AND net_minor = 1155");
    await superuser.end();
    const problems = await inSnapshot(w.store, async (db) => {
      const found: (string | null)[] = [];
      for await (const page of clearingOff(db)) found.push(...page.map((r) => r.problem));
      return found;
    });
    expect(problems).toEqual([expect.stringMatching(/^record \d+ charges the fleet 1155 and pays its driver 1156 for the same outlay$/)]);
    await w.close();
  }, 60_000);

  it('has the VAT of a driver who is registered and lets us write the invoice, where the energy is resold', async () => {
    const registered = (h: Seed['homes'][number]) => ({
      ...h,
      vat: { status: 'business' as const, establishedIn: 'SE', vatNumber: 'SE556000000101', evidence: 'register of 2019-01-02', validFrom: '2019-01-02' },
      agreement: { ...h.agreement, selfBilling: { agreedOn: '2019-01-02', evidence: 'agreement of 2 January' } },
    });
    const { store, database } = await seeded('every-category', (seed) => ({ ...seed, homes: seed.homes.map((h) => (h.id === 'home_ut15' ? registered(h) : h)) }) as Seed);
    const w = open(database, store);
    await arrive(w, session(3, { user: 'UT15-1', garage: 'UT15', kWh: '40' }));
    const runId = await bill(w, '2019-12', '2020-01-07');
    // 25 % of 42.00 is 10.50.
    expect(await issued(w, runId)).toEqual([['acc_home_ut15', 'selfBilling', 'SB-home_ut15-2020-000001', 4200n, 1050n, 5250n]]);
    expect([await held(w, 'accruedReimbursement'), await held(w, 'inputVat', 'acc_home_ut15'), await held(w, 'driverPayable')]).toEqual([0n, 1050n, -5250n]);
    await sound(w);
    await w.close();
  }, 60_000);

  it('is booked anew by whoever verifies: an entry, its place or its kind that was changed is named', async () => {
    const database = await copyOf(original);
    const w = open(database);
    await bill(w, '2019-12', '2020-01-07');
    await sound(w);
    const superuser = new pg.Client({ connectionString: database.superuserUrl });
    await superuser.connect();
    await superuser.query('SET session_replication_role = replica');
    const problemsAfter = async (sql: string): Promise<string[]> => {
      await superuser.query('BEGIN');
      await superuser.query(sql);
      await superuser.query('COMMIT');
      return (await verifyAll(w.store)).sections.flatMap((s) => s.problem ?? []);
    };
    const ofResale = "transaction_key = (SELECT 'issue/' || id FROM document WHERE account_id = 'acc_home_ut15')";
    // Both sides alike, so that it is even in itself: 42.00 and 1 öre.
    expect(await problemsAfter(`UPDATE ledger_entry SET amount = amount + sign(amount), book_minor = book_minor + sign(book_minor) WHERE ${ofResale}`)).toEqual([
      expect.stringMatching(/^ledger transaction issue\/doc_\w+: (driverPayable|accruedReimbursement) is -?1 SEK and -?1 in the books more than it was made of$/),
    ]);
    await problemsAfter(`UPDATE ledger_entry SET amount = amount - sign(amount), book_minor = book_minor - sign(book_minor) WHERE ${ofResale}`);
    expect(await problemsAfter(`UPDATE ledger_entry SET cost_center = '999' WHERE ${ofResale} AND ledger_account = 'accruedReimbursement'`)).toEqual([
      expect.stringMatching(/: accruedReimbursement is -?4200 SEK and -?4200 in the books more than it was made of$/),
    ]);
    await problemsAfter(`UPDATE ledger_entry SET cost_center = '119' WHERE ${ofResale} AND ledger_account = 'accruedReimbursement'`);
    await sound(w);
    expect(await problemsAfter(`UPDATE ledger_transaction SET effective_on = effective_on + 1 WHERE ${ofResale.replace('transaction_key', 'key')}`)).toEqual([
      expect.stringMatching(/has another seller, date or source than what it books$/),
    ]);
    await superuser.end();
    await w.close();
  }, 60_000);
});
