import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Store } from '../../src/store/db.ts';
import { energyBalance, energyBalanceDetails } from '../../src/store/reads/energy-balance.ts';
import { balancesBy, listEntries, trialBalance } from '../../src/store/reads/ledger.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
import { closeSet, issueRun } from '../support/bill.ts';
import type { TestDatabase } from '../support/database.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let database: TestDatabase;
let store: Store;
let drop: () => Promise<void>;
const rows = async (sql: string, params: unknown[] = []) => (await store.pool.query(sql, params)).rows;
const everything = { limit: 200 };

/** What each ledger account holds: amount, and in the books where that differs. */
async function trial(): Promise<Record<string, string>> {
  const { items } = await trialBalance(store.pool, {}, everything);
  return Object.fromEntries(items.map((b) => [`${b.ledgerAccount} ${b.unit}`, b.unit === 'EUR' || b.unit === 'NOK' ? `${b.amount} = ${b.book}` : b.amount]));
}
async function energyAt(siteId: string): Promise<unknown> {
  const { items } = await energyBalanceDetails(store.pool, { siteId }, everything);
  return items.map(({ month, sourceId, kind, received, open, billed, free, held, difference }) => ({ month, sourceId, kind, received, open, billed, free, held, difference }));
}
const nothing = { received: 0n, open: 0n, billed: 0n, free: 0n, held: 0n, difference: 0n };
const december = { month: '2019-12', sourceId: 'csms' };

beforeAll(async () => {
  const { seed, ...made } = await seeded('every-category', (said) => {
    const fleet = said.tariffs.find((t) => t.body.id === 'fleet-flat');
    const [component] = fleet?.body.elements[0]?.price_components ?? [];
    if (component === undefined) throw new Error('the seed has no tariff fleet-flat');
    // Fleets charge for nothing here.
    Object.assign(component, { price: '0' });
    return said;
  });
  ({ store, database, drop } = made);
  const [token] = seed.emsps.find((e) => e.id === 'emsp_fjord')?.tokens ?? [];
  // All end on 5 December 2019: a EUR is 10.35 SEK by the rate of 29 November, a NOK 1.04.
  await storeLines(store, [
    session(1, { user: String(token), garage: 'Bl2', kWh: '10' }),
    session(2, { user: 'MS22-1', garage: 'MS22', kWh: '20' }),
    session(3, { user: 'SR14-1', garage: 'SR14', kWh: '8' }),
    session(4, { user: 'Bl2-5', garage: 'Bl7', kWh: '5' }),
    session(5, { user: 'Nobody', garage: 'NR1', kWh: '3' }),
  ]);
  await processAll(store);
}, 60_000);
afterAll(() => drop());

describe('the ledger of a month in three currencies', () => {
  it('holds what was rated in the currency it was sold or bought in, and in the books at the rate of the day', async () => {
    const held = await trial();
    // 10 kWh for a partner in EUR: 0.40 to start and 2.95 are 3.35; 4.14 + 30.53 (30.5325) = 34.67 SEK.
    expect(held['unbilledReceivable EUR']).toBe('3.35 = 34.67');
    expect(held['revenue EUR']).toBe('-3.35 = -34.67');
    // 8 kWh of another operator at 2.10 NOK: 16.80, 17.47 SEK (17.472).
    expect(held['roamingCost NOK']).toBe('16.80 = 17.47');
    expect(held['accruedPartnerCost NOK']).toBe('-16.80 = -17.47');
    // 20 kWh at home at 1.10: 22.00 to the driver, and by the fleet; nothing of it is ours.
    expect(held['accruedReimbursement SEK']).toBe('-22.00');
    expect((await balancesBy(store.pool, 'glAccount', { ledgerAccount: 'reimbursementClearing' }, everything)).items).toMatchObject([{ value: '2891', amount: '0.00' }]);
    // 10 + 20 + 8 kWh were sold, 5 were free; 3 wait, and are no charge yet.
    expect([held['energyReceived Wh'], held['energyUnbilled Wh'], held['energyFree Wh']]).toEqual(['-43000', '38000', '5000']);
    expect((await trialBalance(store.pool, {}, everything)).rest.filter((r) => !/^0(\.00)?$/.test(r.amount))).toEqual([]);
  });

  it('balances the energy of own, foreign and home charging apart', async () => {
    expect(await energyAt('site_bl2')).toEqual([{ ...nothing, ...december, kind: 'own', received: 10_000n, open: 10_000n }]);
    expect(await energyAt('site_ms22')).toEqual([{ ...nothing, ...december, kind: 'home', received: 20_000n, open: 20_000n }]);
    expect(await energyAt('site_sr14')).toEqual([{ ...nothing, ...december, kind: 'foreign', received: 8_000n, open: 8_000n }]);
    expect(await energyAt('site_bl7')).toEqual([{ ...nothing, ...december, kind: 'own', received: 5_000n, free: 5_000n }]);
    expect(await energyBalance(store.pool)).toMatchObject([{ month: '2019-12', received: 46_000n, open: 38_000n, free: 5_000n, held: 3_000n, difference: 0n }]);
  });

  it('comes in pages that neither repeat nor hide a row', async () => {
    const whole = (await energyBalanceDetails(store.pool, {}, everything)).items;
    const paged = [];
    let cursor: string | undefined;
    do {
      const page = await energyBalanceDetails(store.pool, {}, { limit: 2, cursor });
      paged.push(...page.items);
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    expect(paged).toEqual(whole);
    expect(whole.length).toBeGreaterThanOrEqual(5);
  });

  it('is invoiced at the rate of the issue date: the receivable is the sum of its parts, and the rest is fx difference', async () => {
    await issueRun(store, await closeSet(store, '2019-12'), '2020-01-08');
    const [document] = await rows("SELECT id FROM document WHERE account_id = 'acc_emsp_fjord'");
    const { items } = await listEntries(store.pool, { transactionKey: `issue/${document.id}` }, everything);
    const money = items.filter((e) => e.unit !== 'Wh').map((e) => [e.ledgerAccount, e.unit, e.amount, e.book]);
    // On 8 January a EUR is 10.56 by the rate of 3 January: 3.35 EUR are 35.38 SEK (35.376), 0.71 more than the 34.67 that were rated.
    expect(money.filter(([account]) => account !== 'unbilledReceivable')).toEqual([
      ['receivable', 'EUR', '3.35', '35.38'],
      ['fxDifference', 'EUR', '0.00', '-0.71'],
    ]);
    const held = await trial();
    expect([held['unbilledReceivable EUR'], held['unbilledReceivable SEK'], held['energyUnbilled Wh']]).toEqual(['0.00 = 0.00', '0.00', '0']);
    expect([held['energyBilled Wh'], held['energyFree Wh']]).toEqual(['38000', '5000']);
  });

  it('leaves nothing unbilled of any account, site, cost center, VAT code, month or source', async () => {
    for (const by of ['account', 'site', 'costCenter', 'vatCode', 'serviceMonth', 'source'] as const) {
      const { items } = await balancesBy(store.pool, by, { ledgerAccount: 'unbilledReceivable' }, everything);
      expect(items.length, by).toBeGreaterThan(0);
      expect(
        items.filter((b) => b.amount !== '0.00' || b.book !== '0.00'),
        by,
      ).toEqual([]);
    }
    expect(await energyAt('site_bl2')).toEqual([{ ...nothing, ...december, kind: 'own', received: 10_000n, billed: 10_000n }]);
    expect(await energyAt('site_bl7')).toEqual([{ ...nothing, ...december, kind: 'own', received: 5_000n, free: 5_000n }]);
  });

  it('verifies against charges and documents, in every currency and in the books', async () => {
    expect((await verifyAll(store)).sections.filter((s) => s.problem !== null)).toEqual([]);
  });

  it('names a document that came into the books by another rate than it says', async () => {
    const superuser = new pg.Client({ connectionString: database.superuserUrl });
    await superuser.connect();
    // 1 öre more owed, 1 öre more of fx difference: even in itself.
    await superuser.query('SET session_replication_role = replica');
    await superuser.query(
      `UPDATE ledger_entry SET book_minor = book_minor + CASE ledger_account WHEN 'receivable' THEN 1 ELSE -1 END WHERE unit = 'EUR' AND ledger_account IN ('receivable', 'fxDifference')`,
    );
    await superuser.end();
    expect((await verifyAll(store)).sections.flatMap((s) => s.problem ?? [])).toEqual([
      expect.stringMatching(/^ledger transaction issue\/doc_\w+: (receivable|fxDifference) is off by -?1 in the books, by the rate sample 2020-01-03 EUR\/SEK 10\.56/),
    ]);
  });
});
