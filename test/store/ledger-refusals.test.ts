import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sessionRoles } from '../../src/contracts/charge-record.ts';
import { bearingRoles } from '../../src/core/ledger/event-of-charge.ts';
import { openStore, type Store } from '../../src/store/db.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let store: Store;
let session = 0;

beforeAll(async () => {
  database = await freshDatabase();
  store = openStore(database.url);
});
afterAll(async () => {
  await store.close();
  await database.drop();
});
beforeEach(() => {
  session += 1;
});

/** Figures of a charge row; what is left out is that of a driver's 2 kWh for 5.00 SEK in the session of the test. */
type Row = Record<string, string | number | null>;
const sale = (over: Row = {}): Row => ({
  record_id: session,
  revision: 1,
  session_key: `s${session}`,
  role: 'driverSale',
  component: 'ENERGY/0',
  split_no: 0,
  payer_account_id: 'acc_one',
  entity_id: 'ent',
  currency: 'SEK',
  net_minor: 500,
  gross_minor: 625,
  book_net_minor: 500,
  vat_code: 'SE25',
  rounding_mode: 'grossFirst',
  exact_net: '5.0000',
  unit_price: '2.5',
  energy_wh: 2000,
  quantity: 2000,
  quantity_unit: 'Wh',
  gl_account: '3001',
  cost_center: '100',
  service_on: '2026-03-01',
  service_month: '2026-03',
  mapping_version: 1,
  page_id: 'by-hand',
  charge_hash: '\\x00',
  ...over,
});
const fee = (over: Row = {}): Row =>
  sale({
    record_id: null,
    revision: null,
    session_key: null,
    role: 'subscriptionFee',
    contract_id: `c${session}`,
    clause: 'monthly',
    component: 'fee',
    energy_wh: 0,
    quantity: 1,
    quantity_unit: 'month',
    ...over,
  });
const mirror = (of: bigint, over: Row = {}): Row => sale({ net_minor: -500, gross_minor: -625, book_net_minor: -500, energy_wh: -2000, quantity: -2000, reversal_of: of.toString(), ...over });

/** Inserts rows of one statement as the application's role; answers their ids. */
async function insert(...rows: Row[]): Promise<bigint[]> {
  const columns = [...new Set(rows.flatMap((r) => Object.keys(r)))];
  const values = rows.map((r) => `(${columns.map((c) => (r[c] === null || r[c] === undefined ? 'NULL' : `'${r[c]}'`)).join(', ')})`);
  const { rows: made } = await store.pool.query<{ charge_id: bigint }>(`INSERT INTO rated_charge (${columns.join(', ')}) VALUES ${values.join(', ')} RETURNING charge_id`);
  return made.map((r) => r.charge_id);
}
async function one(row: Row): Promise<bigint> {
  const [id] = await insert(row);
  if (id === undefined) throw new Error('nothing was inserted');
  return id;
}
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'accepted',
    (error: pg.DatabaseError) => error.code,
  );
const live = async () =>
  (await store.pool.query<{ identity_key: string; charge_id: bigint }>('SELECT identity_key, charge_id FROM charge_identity WHERE identity_key LIKE $1 ORDER BY 1', [`%s${session}|%`])).rows;

describe('the database bills a session once', () => {
  it('gives a charge its identity, whoever inserts it', async () => {
    const id = await one(sale());
    expect(await live()).toEqual([{ identity_key: `s${session}|sale|ENERGY/0|0`, charge_id: id }]);
  });
  it.each([
    ['to a second payer', { payer_account_id: 'acc_two' }],
    ['as a sale of another kind', { role: 'fleetSale', payer_account_id: 'acc_fleet' }],
    ['by a second record of it', { record_id: 900_000 }],
    ['by a later revision, the first not reversed', { revision: 2 }],
    ['again at home', { role: 'homeRecharge' }],
  ])('refuses to sell it %s', async (_what, over) => {
    await insert(sale());
    expect(await codeOf(insert(sale(over)))).toBe('23505');
    expect(await live()).toHaveLength(1);
  });
  it('refuses it twice in one statement too', async () => {
    expect(await codeOf(insert(sale(), sale({ payer_account_id: 'acc_two' })))).toBe('23505');
  });
  it.each(['driverSale', 'homeRecharge', 'roamingPurchase', 'idleFee', 'homeReimbursement'])('refuses a second part of it, which would be another payer’s or payee’s: %s', async (role) => {
    expect(await codeOf(insert(sale({ role, split_no: 1, energy_wh: 0, payer_account_id: 'acc_two' })))).toBe('23514');
  });
  it('lets its components, other roles and the parts of who shares in it stand beside each other', async () => {
    const share = { role: 'siteShareEstimate', component: 'netShare/a', payer_account_id: null, energy_wh: 0 };
    expect(
      await codeOf(
        insert(
          sale(),
          sale({ ...share, payee_account_id: 'acc_owner' }),
          sale({ ...share, payee_account_id: 'acc_other', split_no: 1 }),
          sale({ component: 'TIME/0', energy_wh: 0 }),
          sale({ role: 'idleFee', component: 'idle', energy_wh: 0 }),
        ),
      ),
    ).toBe('accepted');
  });
  it('refuses a fee twice for a month, and takes it for the next', async () => {
    await insert(fee());
    expect(await codeOf(insert(fee({ payer_account_id: 'acc_two' })))).toBe('23505');
    expect(await codeOf(insert(fee({ service_month: '2026-04' })))).toBe('accepted');
    expect(await codeOf(insert(fee({ component: 'fee#2' })))).toBe('accepted');
  });
  it.each(sessionRoles.map((role) => [role, bearingRoles.includes(role) ? 'accepted' : '23514']))('energy on %s: %s', async (role, code) => {
    expect(await codeOf(insert(sale({ role })))).toBe(code);
  });
  it('refuses energy on a fee', async () => {
    expect(await codeOf(insert(fee({ energy_wh: 1 })))).toBe('23514');
  });
});

describe('the database takes exact mirrors only', () => {
  it('frees what is reversed, in the statement that puts another in its place', async () => {
    const id = await one(sale());
    const [, next] = await insert(mirror(id), sale({ revision: 2, net_minor: 700 }));
    expect(await live()).toEqual([{ identity_key: `s${session}|sale|ENERGY/0|0`, charge_id: next }]);
  });
  it('reverses a fee by its clause and month', async () => {
    const id = await one(fee());
    const back = fee({ net_minor: -500, gross_minor: -625, book_net_minor: -500, quantity: -1, reversal_of: id.toString() });
    expect(await codeOf(insert(back, fee({ net_minor: 400 })))).toBe('accepted');
  });
  it.each([
    ['money', { net_minor: -499 }],
    ['money in the books', { book_net_minor: -501 }],
    ['VAT', { gross_minor: -600 }],
    ['energy', { energy_wh: -1999 }],
    ['quantity', { quantity: -1 }],
    ['payer', { payer_account_id: 'acc_two' }],
    ['account of the chart', { gl_account: '3002' }],
    ['month', { service_month: '2026-04' }],
    ['session', { session_key: 'another' }],
    ['service date', { service_on: '2026-03-02' }],
    ['VAT rule', { vat_rule: '2/other' }],
    ['cost center of the customer', { customer_cost_center: 'CC2' }],
    ['price', { unit_price: '2.6' }],
    ['rate', { fx_rate: 'ECB 2026-03-01 EUR/SEK 10.50 v1' }],
    ['version of the contract', { contract_version: 2 }],
    ['way of rounding', { rounding_mode: 'netFirst' }],
  ])('refuses one of other %s', async (_what, over) => {
    const id = await one(sale());
    expect(await codeOf(insert(mirror(id, over)))).toBe('WL003');
    expect(await live()).toHaveLength(1);
  });
  it('refuses to reverse a charge twice, at once or later, a reversal, and what is not there', async () => {
    const id = await one(sale());
    expect(await codeOf(insert(mirror(id), mirror(id)))).toBe('WL003');
    const back = await one(mirror(id));
    expect(await codeOf(insert(mirror(id)))).toBe('WL003');
    expect(await codeOf(insert(sale({ reversal_of: back.toString() })))).toBe('WL003');
    expect(await codeOf(insert(mirror(999_999n)))).toBe('WL003');
  });
  it('lets nobody write an identity by hand, such as one of a reversal, nor free one', async () => {
    const id = await one(sale());
    const back = await one(mirror(id));
    expect(await codeOf(store.pool.query('INSERT INTO charge_identity (identity_key, charge_id) VALUES ($1, $2)', [`s${session}|sale|ENERGY/0|0`, back]))).toBe('42501');
    expect(await codeOf(store.pool.query('UPDATE charge_identity SET charge_id = $1', [back]))).toBe('42501');
    expect(await codeOf(store.pool.query('DELETE FROM charge_identity'))).toBe('42501');
  });
});
