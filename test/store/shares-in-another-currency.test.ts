import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { authorityTasks, documentRulesSchema } from '../../src/contracts/document-rules.ts';
import { decidePayment, proposePayment } from '../../src/store/commands/payments.ts';
import { setDocumentRules } from '../../src/store/commands/set-document-rules.ts';
import { addExclusion, withdrawExclusion } from '../../src/store/commands/shape-run.ts';
import { buildDocuments } from '../../src/store/cycle/build-documents.ts';
import type { Store } from '../../src/store/db.ts';
import { paymentFile } from '../../src/store/reads/payments.ts';
import { finishRun, reviewRun } from '../support/bill.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let store: Store;
let drop: () => Promise<void>;
let december: string;
const rows = async (sql: string, params: unknown[] = []) => (await store.pool.query(sql, params)).rows;
/** A session of an eMSP that is settled in EUR, at a site of an owner in SEK: 10 kWh at 0.295 and a start at 0.40 are 3.35, of which 10 % is 0.335, so 0.34. */
const roaming = (id: number, day: string) => session(id, { user: 'Share-11', garage: 'Bl2', kWh: '10', start: `${day} 10:00`, end: `${day} 11:00` });
/** What a run states and bills for the owner in EUR. */
const earned = async (runId: string) =>
  (
    await rows(
      `SELECT c.component, c.net_minor FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id WHERE k.run_id = $1 AND k.account_id = 'acc_brf_north' AND k.disposition = 'document' AND c.currency = 'EUR'
       UNION ALL SELECT p.component, p.net_minor FROM period_charge p LEFT JOIN document d ON d.id = p.document_id WHERE p.run_id = $1 AND p.account_id = 'acc_brf_north' AND p.currency = 'EUR' AND d.state IS DISTINCT FROM 'issued'
       ORDER BY 1, 2`,
      [runId],
    )
  ).map((r) => [r.component, r.net_minor]);
const payable = (runId: string) => rows("SELECT payable_minor FROM document WHERE run_id = $1 AND account_id = 'acc_brf_north' AND currency = 'EUR'", [runId]);

beforeAll(async () => {
  // What bears no VAT needs no account for it.
  ({ store, drop } = await seeded('every-category', (seed) => ({ ...seed, glAccounts: Object.fromEntries(Object.entries(seed.glAccounts).filter(([key]) => !/^outputVat\.SE-/.test(key))) })));
  const clauses = JSON.stringify({ kind: 'revenueShare', status: 'active', supplyModel: 'siteAccess', clauses: [{ kind: 'netShare', id: 'share', percent: '10' }] });
  await rows(
    "INSERT INTO contract_version (contract_id, version, valid_from, valid_to, clauses, author) SELECT id, 50, '2019-11-01T00:00:00+01:00', 'infinity', $1, 'test' FROM contract WHERE account_id = 'acc_brf_north'",
    [clauses],
  );
  await storeLines(store, [roaming(1, '10.12.2019'), roaming(2, '11.12.2019')]);
  await processAll(store);
  december = await reviewRun(store, '2019-12');
});
afterAll(() => drop());

describe('shares of sales in another currency than their owner’s', () => {
  it('takes back the share of a sale that is written off, in the currency of the sale', async () => {
    expect(await earned(december)).toEqual([
      ['netShare/share', 34n],
      ['netShare/share', 34n],
    ]);
    const [{ record_id: subjectId }] = await rows("SELECT record_id::text FROM record_head WHERE cdr_id = '2'");
    const writeOff = () => store.tx((db) => addExclusion(db, december, { scope: 'record', subjectId, outcome: 'writeOff', reason: 'disputed' }, { actor: 'preparer' }));
    const { id } = await writeOff();
    await store.tx((db) => buildDocuments(db, december));
    expect(await earned(december)).toEqual([
      ['netShare/share', 34n],
      ['netShare/share', 34n],
      ['netShare/share@EUR', -34n],
    ]);
    expect(await payable(december)).toEqual([{ payable_minor: 34n }]);
    await store.tx((db) => withdrawExclusion(db, december, id, { actor: 'preparer' }));
    await store.tx((db) => buildDocuments(db, december));
    expect(await payable(december)).toEqual([{ payable_minor: 68n }]);
    await writeOff();
    await finishRun(store, december, '2020-01-06');
    expect(await payable(december)).toEqual([{ payable_minor: 34n }]);
  });

  it('is of a sale under reverse charge, which is handed over without an account for the VAT that it does not bear', async () => {
    const [posting] = await rows(
      "SELECT d.canonical, convert_from(p.payload, 'UTF8')::jsonb AS body FROM document d JOIN erp_posting p ON p.document_id = d.id WHERE d.run_id = $1 AND d.type = 'invoice' AND d.currency = 'EUR'",
      [december],
    );
    expect(JSON.parse(posting.canonical).vat).toMatchObject([{ vatCode: 'SE-AE', vatMinor: '0' }]);
    // 3.35 of the session that is billed.
    expect(posting.body.lines.map((l: { part: string; amountMinor: string }) => [l.part, l.amountMinor])).toEqual([
      ['party', '335'],
      ['net', '-335'],
    ]);
  });

  it('is paid out to an IBAN, from an IBAN: a bankgiro takes kronor alone', async () => {
    const by = { actor: 'preparer' };
    const authorities = (['selfBilling', 'selfBillingCredit', 'settlementStatement'] as const).flatMap((type) =>
      authorityTasks.map((task) => ({ type, task, authority: task === 'outgoingPayment' || task === 'number' ? ('wattledger' as const) : ('erp' as const) })),
    );
    await store.tx((db) => setDocumentRules(db, { entityId: 'ent_se', rules: documentRulesSchema.parse({ authorities }), reason: 'we pay owners ourselves' }, by));
    const wanted = { entityId: 'ent_se', format: 'pain.001.001.09', dueUntil: '2020-12-31', executeOn: '2020-03-02', reason: 'due' } as const;
    const proposed = (currency: string) => store.tx((db) => proposePayment(db, { ...wanted, currency }, by));
    const account = (version: number, scheme: string, number: string) =>
      rows("INSERT INTO payee_bank_account (account_id, version, scheme, number, last_four, author, second_person) VALUES ('acc_brf_north', $1, $2, $3, right($3, 4), 'preparer', 'approver')", [
        version,
        scheme,
        number,
      ]);
    await account(1, 'bankgiro', '9912346');
    expect(await proposed('EUR')).toMatchObject({ paymentId: null, leftOut: [{ code: 'bankAccountMissing', subject: 'acc_brf_north', params: { amount: '0.34', currency: 'EUR' } }] });
    await account(2, 'iban', 'SE4550000000058398257466');
    const letterhead = "UPDATE legal_entity SET letterhead = CASE WHEN $1 THEN letterhead - 'iban' - 'bic' ELSE letterhead || '{\"iban\": \"SE4550000000058398257466\"}' END WHERE id = 'ent_se'";
    await rows(letterhead, [true]);
    await expect(proposed('EUR')).rejects.toThrow('no account that EUR can be paid from');
    await rows(letterhead, [false]);
    const made = await proposed('EUR');
    expect(made).toMatchObject({ paymentId: expect.any(String), leftOut: [] });
    // The IBAN may be taken off the letterhead meanwhile: approved, it would be booked, and no bank takes its file.
    const paymentId = made.paymentId ?? '';
    const [{ hash: contentHash }] = await rows("SELECT encode(content_hash, 'hex') AS hash FROM payment WHERE id = $1", [paymentId]);
    const approve = () => store.tx((db) => decidePayment(db, { paymentId, contentHash, decision: 'approve', comment: 'compared' }, { actor: 'payer' }));
    await rows(letterhead, [true]);
    await expect(approve()).rejects.toThrow('no account that EUR can be paid from');
    await rows(letterhead, [false]);
    expect(await approve()).toEqual({ state: 'approved' });
    await rows(letterhead, [true]);
    await expect(paymentFile(store.pool, paymentId)).rejects.toThrow('no account that EUR can be paid from');
    await rows(letterhead, [false]);
    expect(await paymentFile(store.pool, paymentId)).toMatchObject({ currency: 'EUR', totalMinor: 34n, debtor: { account: { scheme: 'iban', number: 'SE4550000000058398257466' } } });
  });

  it('does so once: the month that is stated anew with what came late states nothing more of it', async () => {
    await storeLines(store, [roaming(3, '12.12.2019')]);
    await processAll(store);
    const january = await reviewRun(store, '2020-01');
    expect(await earned(january)).toEqual([['netShare/share', 34n]]);
    await finishRun(store, january, '2020-02-06');
  });
});
