import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { authorityTasks } from '../../src/contracts/document-rules.ts';
import { closeOwnerSet } from '../../src/store/cycle/owner-set.ts';
import { type ApiUnderTest, startApi } from '../support/api.ts';
import { closeSet, issueRun } from '../support/bill.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seedOf } from '../support/seeded.ts';

/** Where `npm run check:documents` wants the files. */
const folder = process.env['WATTLEDGER_DOCUMENTS'];
let api: ApiUnderTest;

beforeAll(async () => {
  const everyCategory = await seedOf('every-category');
  api = await startApi(undefined, { setUp: (seed) => Object.assign(seed, everyCategory), extraUsers: { payer: ['finance-approver'] } });
  // An outlay of 30.5 kWh at 1.10: 33.55.
  await storeLines(api.store, [session(1, { user: 'MS22-1', garage: 'MS22', kWh: '30,5' })]);
  await processAll(api.store);
  const runId = await closeSet(api.store, '2019-12');
  await api.store.tx((db) => closeOwnerSet(db, runId));
  await issueRun(api.store, runId, '2020-01-07');
});
afterAll(() => api.stop());

it('a driver who charged at home is paid by a proposal that somebody else approves, to an account that is one', async () => {
  const authorities = authorityTasks.map((task) => ({ type: 'reimbursement', task, authority: 'wattledger' }));
  expect((await api.call('approver', 'PUT', '/v1/entities/ent_se/document-rules', { rules: { authorities }, reason: 'we pay drivers ourselves' })).status).toBe(200);
  const account = (number: string) => api.call('preparer', 'PUT', '/v1/accounts/acc_home_ms22/payee-bank-account', { scheme: 'iban', number, reason: 'by letter of January' });
  // One figure wrong: its check digits do not hold.
  expect((await account('SE45 5000 0000 0583 9825 7467')).status).toBe(422);
  const { body: entered } = await account('SE45 5000 0000 0583 9825 7466');
  expect((await api.call('approver', 'POST', `/v1/set-up/proposals/${entered.proposalId}/decision`, { decision: 'publish', comment: 'called back' })).status).toBe(200);
  const wanted = { entityId: 'ent_se', currency: 'SEK', dueUntil: '2020-12-31', executeOn: '2020-03-02', reason: 'due in February' };
  const { paymentId: id } = (await api.call('preparer', 'POST', '/v1/payments', wanted)).body;
  const { body: shown } = await api.call('auditor', 'GET', `/v1/payments/${id}`);
  expect(shown).toMatchObject({ amount: '33.55', items: [{ accountId: 'acc_home_ms22', amount: '33.55', bankAccount: 'iban …7466', endToEndId: `${id}-1`, remittance: 'RE-2020-000001' }] });
  const decide = (user: string) => api.call(user, 'POST', `/v1/payments/${id}/decision`, { contentHash: shown.contentHash, decision: 'approve', comment: 'compared with the reimbursement' });
  expect((await decide('preparer')).status).toBe(403);
  expect((await decide('payer')).body).toEqual({ state: 'approved' });
  const file = await api.call('payer', 'GET', `/v1/payments/${id}/file`);
  expect((await api.call('payer', 'GET', `/v1/payments/${id}/file`)).body).toBe(file.body);
  if (folder !== undefined) writeFileSync(path.join(folder, `${id}.pain.xml`), file.body);
  for (const words of [`<MsgId>${id}</MsgId>`, `<EndToEndId>${id}-1</EndToEndId>`, '<CtrlSum>33.55</CtrlSum>', '<IBAN>SE4550000000058398257466</IBAN>']) expect(file.body).toContain(words);
});
