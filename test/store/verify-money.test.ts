import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { authorityTasks } from '../../src/contracts/document-rules.ts';
import { accrueMonth } from '../../src/store/commands/accrue-month.ts';
import { archiveFiles } from '../../src/store/commands/archive-files.ts';
import { answerCardPayments, setPayerCard } from '../../src/store/commands/card-payments.ts';
import { matchPartnerInvoice } from '../../src/store/commands/match-partner-invoice.ts';
import { decidePayment, proposePayment, returnPayment } from '../../src/store/commands/payments.ts';
import { setEntityRules } from '../../src/store/commands/set-entity-rules.ts';
import { closeOwnerSet } from '../../src/store/cycle/owner-set.ts';
import type { Store } from '../../src/store/db.ts';
import { closeSet, issueRun } from '../support/bill.ts';
import type { TestDatabase } from '../support/database.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';
import { problemsOf, verifiedAfter } from '../support/tampered.ts';

let original: TestDatabase;
const preparer = { actor: 'preparer' };

beforeAll(async () => {
  const { store, database } = await seeded('every-category');
  original = database;
  await payAMonth(store);
  await store.close();
}, 60_000);
afterAll(() => original.drop());

/** December with a card, a payment to an owner, a partner's invoice, in another currency and with a difference of each kind, and its accrual. */
async function payAMonth(store: Store): Promise<void> {
  await store.pool.query("UPDATE account SET strategy = 'cardInvoice' WHERE id = 'acc_driver_16'");
  await store.tx((db) => setPayerCard(db, { accountId: 'acc_driver_16', reference: 'tok_8a1' }, preparer));
  const rules = {
    authorities: (['settlementStatement', 'selfBilling', 'selfBillingCredit', 'reimbursement'] as const).flatMap((type) =>
      authorityTasks.map((task) => ({ type, task, authority: task === 'outgoingPayment' || task === 'number' ? 'wattledger' : 'erp' })),
    ),
  };
  await store.tx((db) => setEntityRules(db, { table: 'document_rules_version', action: 'documentRules.set' }, { entityId: 'ent_se', rules, reason: 'we pay owners ourselves' }, preparer));
  await store.pool.query(
    "INSERT INTO payee_bank_account (account_id, version, scheme, number, last_four, author, second_person) SELECT id, 1, 'bankgiro', '9912346', '2346', 'preparer', 'approver' FROM account WHERE category = 'siteOwner'",
  );
  const roaming = [8, 10, 2, 5].map((kWh, i) => session(i + 1, { user: 'SR14-1', garage: 'SR14', kWh: String(kWh) }));
  await storeLines(store, [
    ...roaming,
    session(11, { garage: 'Bl2', kWh: '40' }),
    session(12, { garage: 'AdA6', user: 'AdA6-1', kWh: '20' }),
    session(13, { garage: 'NR1', user: 'NR1-3', kWh: '30' }),
  ]);
  await processAll(store);
  // 16.80, 21.00 and 4.20 NOK are accrued for what it names: equal, disputed, accepted (0.5 % more), and one that never came.
  const lines = [
    { cdrId: '1', netMinor: 1680n },
    { cdrId: '2', netMinor: 2500n },
    { cdrId: '3', netMinor: 430n, ifDiffers: 'accept' as const },
    { cdrId: 'never-came', netMinor: 700n },
  ];
  await store.tx((db) => matchPartnerInvoice(db, { accountId: 'acc_op_nordlys', number: 'F-17', issuedOn: '2020-01-08', postedOn: '2020-01-08', currency: 'NOK', vatMinor: 0n, lines }, preparer));
  const runId = await closeSet(store, '2019-12');
  await store.tx((db) => closeOwnerSet(db, runId));
  await issueRun(store, runId, '2020-01-07', true);
  const { rows: asked } = await store.pool.query<{ key: string }>("SELECT key FROM card_payment WHERE state = 'requested'");
  await store.tx((db) =>
    answerCardPayments(
      db,
      asked.map(({ key }) => ({ key, outcome: 'captured' as const, settledOn: '2020-01-08' })),
      preparer,
    ),
  );
  const wanted = { entityId: 'ent_se', currency: 'SEK', format: 'pain.001.001.09' as const, dueUntil: '2020-12-31', executeOn: '2020-03-02', reason: 'due in February' };
  const { paymentId } = await store.tx((db) => proposePayment(db, wanted, preparer));
  const { rows: proposed } = await store.pool.query("SELECT encode(content_hash, 'hex') AS hash FROM payment");
  await store.tx((db) => decidePayment(db, { paymentId: paymentId ?? '', contentHash: proposed[0].hash, decision: 'approve', comment: 'compared' }, { actor: 'payer' }));
  await store.tx(async (db) => {
    await archiveFiles(db, [{ form: 'pain', fileName: 'pay.xml', contentType: 'application/xml', body: Buffer.from('pain'), subject: { kind: 'payment', id: paymentId ?? '' } }]);
    const [sent] = (await db.query<{ end: string; minor: bigint }>('SELECT end_to_end_id AS end, amount_minor AS minor FROM payment_item WHERE payment_id = $1 ORDER BY no DESC LIMIT 1', [paymentId]))
      .rows;
    await returnPayment(db, { paymentId: paymentId ?? '', endToEndId: sent?.end, amountMinor: sent?.minor ?? 0n, returnedOn: '2020-03-05', reason: 'AC04' }, preparer);
  });
  await store.tx((db) => accrueMonth(db, { entityId: 'ent_se', month: '2019-12' }, preparer));
}

describe('verifying what was paid and bought', () => {
  it('finds nothing where nothing was tampered with', async () => {
    expect(
      problemsOf(
        await verifiedAfter(
          original,
          "UPDATE payment SET reason = 'due in February' WHERE state = 'approved'",
          "UPDATE card_payment SET words = 'thanks' WHERE state = 'captured'",
          "UPDATE partner_invoice SET author = 'clerk'",
        ),
      ),
    ).toEqual({});
  });

  const away = (key: string) => [`DELETE FROM ledger_entry WHERE transaction_key LIKE '${key}'`, `DELETE FROM ledger_transaction WHERE key LIKE '${key}'`];
  const doubled = (key: string) => [`UPDATE ledger_entry SET amount = amount * 2, book_minor = book_minor * 2 WHERE transaction_key LIKE '${key}'`];
  it.each<[string, string[], RegExp]>([
    ['what a card was charged, twice in the ledger', doubled('card/%'), /^ledger transaction card\/doc_\S+: cardClearing is \d+ SEK and \d+ in the books more than was paid$/],
    ['a card’s charge that the ledger lost', away('card/%'), /^ledger transaction card\/doc_\S+: cardClearing is -\d+ SEK and -\d+ in the books more than was paid$/],
    ['a card that took another amount', ["UPDATE card_payment SET captured_minor = captured_minor - 1 WHERE state = 'captured'"], /^ledger transaction card\/doc_\S+: cardClearing is 1 SEK/],
    ['a payment, twice in the ledger', doubled('payment/%'), /^ledger transaction payment\/pay_\w+: bankClearing is -\d+ SEK and -\d+ in the books more than was paid$/],
    ['a payment that the ledger lost', away('payment/%'), /^ledger transaction payment\/pay_\w+: bankClearing is \d+ SEK/],
    ['a payment that came back, which the ledger lost', away('paymentReturn/%'), /^ledger transaction paymentReturn\/pay_\w+-\d: bankClearing is -\d+ SEK/],
    ['a payment that came back, twice in the ledger', doubled('paymentReturn/%'), /^ledger transaction paymentReturn\/pay_\w+-\d: bankClearing is \d+ SEK and \d+ in the books more than was paid$/],
    ['a payment that never came back, for the ledger', ['DELETE FROM payment_return'], /^ledger transaction paymentReturn\/pay_\w+-\d has another seller, date or source than what it books$/],
    ['a payment under another account', ["UPDATE ledger_entry SET account_id = 'acc_other' WHERE transaction_key LIKE 'payment/%'"], /^ledger transaction payment\/pay_\w+: bankClearing is /],
    ['a partner’s invoice, twice in the ledger', doubled('partnerInvoice/%'), /^ledger transaction partnerInvoice\/pinv_\w+: \w+ is other than the invoice and what it settles make it$/],
    ['a partner’s invoice that the ledger lost', away('partnerInvoice/%'), /^partner invoice pinv_\w+ is booked by nothing$/],
    [
      'a partner’s invoice at another rate',
      ["UPDATE ledger_transaction SET fx_rate = 'ECB 2019-01-01 NOK/SEK 9 v1' WHERE kind = 'matched'"],
      /was converted by ECB 2019-01-01 NOK\/SEK 9 v1, which is no rate of its date$/,
    ],
    ['VAT of a partner’s invoice', ['UPDATE partner_invoice SET self_assessed_minor = self_assessed_minor + 1'], /: inputVat is other than the invoice/],
    [
      'a line of a partner’s invoice',
      ["UPDATE partner_invoice_line SET net_minor = net_minor + 1 WHERE outcome = 'disputed'"],
      /^partner invoice pinv_\w+ comes to other than its lines and the charges it settles$/,
    ],
    [
      'a charge that a partner invoiced, to be invoiced again',
      ['DELETE FROM partner_invoice_charge WHERE charge_id = (SELECT min(charge_id) FROM partner_invoice_charge)'],
      /comes to other than its lines and the charges it settles$/,
    ],
    [
      'a journal of nothing',
      [
        "INSERT INTO ledger_transaction (key, entity_id, kind, effective_on, source_ref, period) VALUES ('issue/doc_x', 'ent_se', 'stated', '2020-01-07', 'doc_x', '2020-01')",
        "INSERT INTO ledger_entry (transaction_key, ledger_account, unit, amount, book_minor) VALUES ('issue/doc_x', 'ownerPayable', 'SEK', -100, -100), ('issue/doc_x', 'bank', 'SEK', 100, 100)",
      ],
      /^ledger transaction issue\/doc_x has another seller, date or source than what it books$/,
    ],
    ['a journal of a kind that there is not', ["UPDATE ledger_transaction SET kind = 'other' WHERE kind = 'paid'"], /has another seller, date or source than what it books$/],
    [
      'the date of a payment that came back',
      ["UPDATE ledger_transaction SET effective_on = effective_on + 1 WHERE key LIKE 'paymentReturn/%'"],
      /^ledger transaction paymentReturn\/pay_\w+-\d has another seller, date or source/,
    ],
    [
      'the date of a payment',
      ["UPDATE ledger_transaction SET effective_on = effective_on + 1 WHERE kind = 'paid' AND key LIKE 'payment/%'"],
      /^ledger transaction payment\/pay_\w+ has another seller, date or source/,
    ],
    [
      'the seller of a partner’s invoice',
      ["UPDATE ledger_transaction SET entity_id = 'ent_other' WHERE kind = 'matched'"],
      /^ledger transaction partnerInvoice\/pinv_\w+ has another seller, date or source/,
    ],
  ])('names %s', async (_, sql, words) => {
    expect(problemsOf(await verifiedAfter(original, ...sql))).toMatchObject({ 'ledger against its sources': expect.stringMatching(words) });
  });

  it.each<[string, string[], RegExp]>([
    ['an amount that a payee is paid', ['UPDATE payment_item SET amount_minor = amount_minor + 1 WHERE no = 1'], /^payment pay_\w+ has another content than its hash says$/],
    ['the bank account that a payee is paid to', ['UPDATE payment_item SET bank_account_version = bank_account_version + 1 WHERE no = 1'], /^payment pay_\w+ has another content than its hash says$/],
    ['what came back of a payment', ['UPDATE payment_return SET amount_minor = amount_minor - 1'], /^payment pay_\w+ to acc_\w+ came back otherwise than its documents say$/],
    ['a document that a payment holds no more', ['UPDATE payment_document SET returned = NOT returned'], /^payment pay_\w+ to acc_\w+ came back otherwise than its documents say$/],
    ['what a payment is of', ['UPDATE payment SET amount_minor = amount_minor + 1'], /^payment pay_\w+ is of another amount than its items come to$/],
    [
      'a document that could be paid again',
      ['DELETE FROM payment_document WHERE document_id = (SELECT min(document_id) FROM payment_document)'],
      /^payment pay_\w+ has another content than its hash says$/,
    ],
  ])('names %s', async (_, sql, words) => {
    expect(problemsOf(await verifiedAfter(original, ...sql))).toMatchObject({ payments: expect.stringMatching(words) });
  });

  // Whoever changes what an ERP is to be told can hash it anew.
  const rewritten = (where: string, from: string, to: string) => [
    `UPDATE erp_posting SET payload = convert_to(regexp_replace(convert_from(payload, 'UTF8'), '${from}', '${to}'), 'UTF8') WHERE ${where}`,
    `UPDATE erp_posting SET payload_hash = sha256(payload) WHERE ${where}`,
  ];
  const oneInvoice = "key = (SELECT min(key) FROM erp_posting WHERE kind = 'invoice')";
  it.each<[string, string[], RegExp]>([
    ['an amount that is accrued', ['UPDATE accrual_line SET amount_minor = amount_minor + 1 WHERE line_no = 1'], /^posting accrual\/ent_se\/2019-12\/1\/\w+ has other net lines than what it posts$/],
    [
      'an accrual that was not handed over',
      ["DELETE FROM erp_posting WHERE key LIKE 'accrual/%/reversal'"],
      /^posting accrual\/ent_se\/2019-12\/1\/\w+\/reversal lacks net lines of what it posts, or is gone$/,
    ],
    ['an accrual that only the outbox knows', ['DELETE FROM accrual_line'], /^posting accrual\/ent_se\/2019-12\/1\/\w+ has other net lines than what it posts$/],
    ['a partner’s invoice that was not handed over', ["DELETE FROM erp_posting WHERE key LIKE 'partnerInvoice/%'"], /^partner invoice pinv_\w+ is in no outbox, or with another amount$/],
    ['the cost center of an invoice for the ERP, hashed anew', rewritten(oneInvoice, '"costCenter":"', '"costCenter":"9'), /^posting doc_\w+ (has other|lacks) net lines/],
    ['VAT of an invoice for the ERP, hashed anew', rewritten("kind = 'invoice'", '("amountMinor":"-)(\\d+","baseMinor")', '\\19\\2'), /^posting doc_\w+ (has other|lacks) tax lines/],
    ['whom an invoice for the ERP is for, hashed anew', rewritten(oneInvoice, '"accountId":"', '"accountId":"x'), /^posting doc_\w+ is for another account than its document$/],
  ])('names %s', async (_, sql, words) => {
    expect(problemsOf(await verifiedAfter(original, ...sql))).toMatchObject({ outbox: expect.stringMatching(words) });
  });
});
