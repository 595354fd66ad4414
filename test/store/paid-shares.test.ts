import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { creditLines } from '../../src/store/commands/credit-lines.ts';
import { statePayments } from '../../src/store/commands/state-payments.ts';
import { closeOwnerSet } from '../../src/store/cycle/owner-set.ts';
import type { Store } from '../../src/store/db.ts';
import { closeSet, issueRun } from '../support/bill.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let drop: () => Promise<void>;
let store: Store;
const rows = async (sql: string, params: unknown[] = []) => (await store.pool.query(sql, params)).rows;
const statedOf = async (runId: string) => (await rows("SELECT type, net_minor, state FROM document WHERE run_id = $1 AND account_id = 'acc_brf_north'", [runId])).map((d) => [d.type, d.net_minor]);
const pay = (documentId: string, reference: string, amountMinor: bigint) =>
  store.tx((db) => statePayments(db, [{ documentId, reference, paidOn: '2020-01-20', amountMinor }], 'person', { actor: 'ar' }));
const month = async (period: string, issuedOn: string) => {
  const runId = await closeSet(store, period);
  await store.tx((db) => closeOwnerSet(db, runId));
  await issueRun(store, runId, issuedOn, true);
  return runId;
};
let invoice: { id: string; payable_minor: bigint };

beforeAll(async () => {
  ({ store, drop } = await seeded());
  await store.pool.query(
    "INSERT INTO contract_version (contract_id, version, valid_from, valid_to, clauses, author) VALUES ('ctr_brf_north', 2, '2019-11-01T00:00:00+01:00', 'infinity', $1, 'test')",
    [JSON.stringify({ kind: 'revenueShare', status: 'active', supplyModel: 'siteAccess', basis: 'paid', clauses: [{ kind: 'netShare', id: 'share', percent: '12.5' }] })],
  );
  // 10 kWh of a fleet at 2.234 at the owner's site: 22.34 net, of which 12.5 % is 2.7925, so 2.79.
  await storeLines(store, [session(1, { user: 'NR1-3', garage: 'Bl2', kWh: '10', start: '10.12.2019 10:00', end: '10.12.2019 12:00' })]);
  await processAll(store);
}, 60_000);
afterAll(() => drop());

describe('a share of what is paid', () => {
  it('waits while the invoice is not paid, or only in part', async () => {
    const december = await month('2019-12', '2020-01-06');
    expect(await statedOf(december)).toEqual([]);
    [invoice] = (await rows("SELECT id, payable_minor FROM document WHERE run_id = $1 AND type = 'invoice'", [december])) as [typeof invoice];
    // 22.34 and 25 % VAT (5.585, so 5.59) are 27.93.
    expect(invoice.payable_minor).toBe(2793n);
    await pay(invoice.id, 'bank-1', 2000n);
    const january = await month('2020-01', '2020-02-06');
    expect(await statedOf(january)).toEqual([]);
  });

  it('is released to the next statement once all of it is paid', async () => {
    await pay(invoice.id, 'bank-2', 793n);
    const february = await month('2020-02', '2020-03-06');
    expect(await statedOf(february)).toEqual([['settlementStatement', 279n]]);
  });

  it('is released too where what is not paid of the invoice is credited', async () => {
    await storeLines(store, [session(2, { user: 'NR1-3', garage: 'Bl2', kWh: '10', start: '10.03.2020 10:00', end: '10.03.2020 12:00' })]);
    await processAll(store);
    const march = await month('2020-03', '2020-04-06');
    const [sold] = await rows("SELECT id FROM document WHERE run_id = $1 AND type = 'invoice'", [march]);
    await store.tx((db) => creditLines(db, { documentId: sold.id, lines: [{ lineNo: 1, amountMinor: 800n }], reason: 'goodwill' }, { actor: 'preparer' }));
    await pay(sold.id, 'bank-4', 1792n);
    const april = await month('2020-04', '2020-05-06');
    // 8.00 and 25 % VAT are 10.00; 17.92 of 27.93 are paid, and 0.01 is left.
    expect(await rows("SELECT payable_minor FROM document WHERE run_id = $1 AND type = 'creditNote'", [april])).toEqual([{ payable_minor: -1000n }]);
    expect(await statedOf(await month('2020-05', '2020-06-06'))).toEqual([]);
    await pay(sold.id, 'bank-5', 1n);
    expect(await statedOf(await month('2020-06', '2020-07-06'))).toEqual([['settlementStatement', 279n]]);
  });

  it('is released too where all of the invoice is credited before anything of it was paid', async () => {
    await storeLines(store, [session(3, { user: 'NR1-3', garage: 'Bl2', kWh: '10', start: '10.07.2020 10:00', end: '10.07.2020 12:00' })]);
    await processAll(store);
    const july = await month('2020-07', '2020-08-06');
    const [sold] = await rows("SELECT id FROM document WHERE run_id = $1 AND type = 'invoice'", [july]);
    await store.tx((db) => creditLines(db, { documentId: sold.id, lines: [{ lineNo: 1, amountMinor: 2234n }], reason: 'goodwill' }, { actor: 'preparer' }));
    const august = await month('2020-08', '2020-09-06');
    expect(await rows("SELECT payable_minor FROM document WHERE run_id = $1 AND type = 'creditNote'", [august])).toEqual([{ payable_minor: -2793n }]);
    expect(await statedOf(await month('2020-09', '2020-10-06'))).toEqual([['settlementStatement', 279n]]);
  });

  it('keeps a payment once, and refuses another amount under its reference, or one of what is not issued', async () => {
    expect(await pay(invoice.id, 'bank-2', 793n)).toEqual({ kept: 0 });
    await expect(pay(invoice.id, 'bank-2', 794n)).rejects.toThrow(/another amount or day/);
    await expect(pay('doc_none', 'bank-3', 1n)).rejects.toThrow(/no issued document doc_none/);
  });
});
