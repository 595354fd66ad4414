import { readFileSync } from 'node:fs';
import Big from 'big.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parserFor } from '../../src/adapters/sources/registry.ts';
import type { RunDiff } from '../../src/contracts/run-diff.ts';
import { accrueMonth } from '../../src/store/commands/accrue-month.ts';
import { importFile } from '../../src/store/commands/import-file.ts';
import { closeOwnerSet } from '../../src/store/cycle/owner-set.ts';
import type { Store } from '../../src/store/db.ts';
import { erpProof } from '../../src/store/reads/accounting-periods.ts';
import { energyBalance } from '../../src/store/reads/energy-balance.ts';
import { runDiff } from '../../src/store/reads/run-diff.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
import { closeSet, issueRun } from '../support/bill.ts';
import { processAll } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let store: Store;
let drop: () => Promise<void>;
type Session = { readonly garage: string; readonly user: string; readonly kWh: Big };
/** Of the export, without those that wait. */
let booked: readonly Session[];
let fjord: ReadonlySet<string>;
const rows = async (sql: string) => (await store.pool.query(sql)).rows;

beforeAll(async () => {
  const { seed, ...made } = await seeded('every-category');
  ({ store, drop } = made);
  const bytes = readFileSync(new URL('../../data/trondheim/sessions.csv', import.meta.url));
  await store.tx((db) => importFile(db, { sourceId: 'csms', fileName: 'sessions.csv', bytes, by: { actor: 'test' }, receivedAt: new Date() }, parserFor));
  await processAll(store);
  const waiting = new Set((await rows("SELECT cdr_id FROM record_head WHERE state <> 'booked'")).map((r) => r.cdr_id));
  const lines = bytes.toString('latin1').trim().split('\n').slice(1);
  booked = lines.map((line) => line.split(';')).flatMap(([id = '', garage = '', user = '', , , , , , , kWh = '']) => (waiting.has(id) ? [] : [{ garage, user, kWh: new Big(kWh.replace(',', '.')) }]));
  fjord = new Set(seed.emsps.find((e) => e.id === 'emsp_fjord')?.tokens);
}, 120_000);
afterAll(() => drop());

/** Net of sessions in minor units: each at its own price, rounded half up on its own. */
function expected(sessions: readonly Session[], price: (kWh: Big) => Big): bigint {
  return sessions.reduce((sum, s) => sum + BigInt(price(s.kWh).times(100).round(0, Big.roundHalfUp).toFixed(0)), 0n);
}

describe('the real sessions under a set-up with every category', () => {
  it('wait only for what is wrong with themselves: nothing of the set-up is missing', async () => {
    expect(await rows("SELECT state, waiting_for, issues->0->>'code' AS code, count(*)::integer AS n FROM record_head WHERE state <> 'booked' GROUP BY 1, 2, 3")).toEqual([
      { state: 'quarantined', waiting_for: 'decision', code: 'missingEnd', n: 33 },
    ]);
    const made = await rows('SELECT DISTINCT role FROM rated_charge ORDER BY 1');
    expect(made.map((r) => r.role)).toEqual([
      'driverSale',
      'emspSale',
      'energyReimbursement',
      'fleetSale',
      'homePurchase',
      'homeRecharge',
      'homeReimbursement',
      'homeSale',
      'platformFee',
      'roamingPurchase',
      'siteShareEstimate',
    ]);
    expect((await rows("SELECT count(DISTINCT substring(vat_rule from '[a-z-]+')) AS n FROM rated_charge"))[0].n).toBeGreaterThanOrEqual(9n);
  });

  it('trace each kWh to one paying account, one account of the chart and one cost center', async () => {
    const [{ wh }] = await rows("SELECT sum(energy_wh)::bigint AS wh FROM record_head WHERE state = 'booked'");
    const [traced] = await rows(
      `SELECT sum(c.energy_wh)::bigint AS wh, count(*) FILTER (WHERE c.payer_account_id IS NULL OR c.gl_account = '' OR c.cost_center = '') AS lost
       FROM rated_charge c JOIN charge_identity i ON i.charge_id = c.charge_id WHERE c.energy_wh <> 0`,
    );
    expect(traced).toEqual({ wh, lost: 0n });
    const apart = await rows(
      `SELECT r.record_id FROM charge_record r JOIN rated_charge c ON c.record_id = r.record_id AND c.energy_wh <> 0
       GROUP BY r.record_id, r.energy_wh HAVING sum(c.energy_wh) <> r.energy_wh OR count(DISTINCT c.payer_account_id) <> 1`,
    );
    expect(apart).toEqual([]);
  });

  it('come to what another arithmetic makes of the export', async () => {
    const net = async (where: string) => (await rows(`SELECT sum(net_minor)::bigint AS net FROM rated_charge WHERE ${where}`))[0].net;
    const at = (...garages: string[]) => booked.filter((s) => garages.includes(s.garage));
    expect(await net("role = 'roamingPurchase'")).toBe(expected(at('SR14'), (kWh) => kWh.times('2.10')));
    expect(await net("role = 'homeReimbursement'")).toBe(expected(at('MS22'), (kWh) => kWh.times('1.10')));
    expect(await net("role = 'homeSale'")).toBe(expected(at('UT15'), (kWh) => kWh.times('1.20')));
    const ofFjord = booked.filter((s) => fjord.has(s.user));
    expect(await net("role = 'emspSale' AND currency = 'EUR'")).toBe(expected(ofFjord, (kWh) => kWh.times('0.295')) + 40n * BigInt(ofFjord.length));
  });

  it('reimburse at home exactly what the fleet pays, record by record', async () => {
    const unequal = `SELECT record_id FROM rated_charge WHERE role IN ('homeReimbursement', 'homeRecharge')
      GROUP BY record_id HAVING sum(CASE role WHEN 'homeRecharge' THEN net_minor ELSE -net_minor END) <> 0 OR sum(gross_minor) FILTER (WHERE role = 'homeRecharge') <> sum(net_minor) FILTER (WHERE role = 'homeRecharge')`;
    expect(await rows(unequal)).toEqual([]);
    expect((await rows("SELECT count(*)::integer AS n FROM rated_charge WHERE role = 'homeRecharge'"))[0].n).toBe(booked.filter((s) => s.garage === 'MS22').length);
  });

  it('are billed to drivers, fleets, partners and owners in three currencies, and everything balances to the öre and the Wh', async () => {
    const runId = await closeSet(store, '2019-12');
    await store.tx((db) => closeOwnerSet(db, runId));
    await issueRun(store, runId, '2020-01-07');
    const documents = await rows('SELECT a.category, d.type, d.currency, d.state, count(*)::integer AS n FROM document d JOIN account a ON a.id = d.account_id GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3');
    expect(documents).toEqual([
      { category: 'driver', type: 'invoice', currency: 'SEK', state: 'issued', n: expect.any(Number) },
      // Both homes: one outlay, one resale.
      { category: 'driver', type: 'reimbursement', currency: 'SEK', state: 'issued', n: 2 },
      { category: 'eMSP', type: 'invoice', currency: 'EUR', state: 'issued', n: 1 },
      // Businesses have one invoice per registration of the seller, and one for what is outside the scope of VAT; owners a statement per currency.
      { category: 'eMSP', type: 'invoice', currency: 'SEK', state: 'issued', n: 3 },
      { category: 'fleet', type: 'invoice', currency: 'SEK', state: 'issued', n: 6 },
      { category: 'siteOwner', type: 'selfBilling', currency: 'EUR', state: 'issued', n: 1 },
      { category: 'siteOwner', type: 'selfBilling', currency: 'SEK', state: 'issued', n: 1 },
      { category: 'siteOwner', type: 'settlementStatement', currency: 'EUR', state: 'issued', n: 2 },
      { category: 'siteOwner', type: 'settlementStatement', currency: 'SEK', state: 'issued', n: 2 },
    ]);
    expect(await rows("SELECT account_id, reason FROM run_account WHERE state = 'parked'")).toEqual([]);
    const made = (await rows('SELECT DISTINCT role FROM rated_charge WHERE record_id IS NULL ORDER BY 1')).map((r) => r.role);
    expect(made).toEqual(['advanceFee', 'allowance', 'cap', 'minimumTrueUp', 'statement', 'subscriptionFee', 'tierDiscount']);
    expect(await rows('SELECT unit, sum(amount)::bigint AS rest, sum(book_minor)::bigint AS books FROM ledger_entry GROUP BY unit ORDER BY unit')).toEqual(
      ['EUR', 'NOK', 'SEK', 'Wh'].map((unit) => expect.objectContaining({ unit, rest: 0n })),
    );
    expect((await rows('SELECT sum(book_minor)::bigint AS rest FROM ledger_entry'))[0].rest).toBe(0n);
    expect((await energyBalance(store.pool)).filter((month) => month.difference !== 0n)).toEqual([]);
    // Reimbursement clearing is zero as a whole, as it is per record.
    expect(await rows("SELECT sum(amount)::bigint AS rest, count(*) > 0 AS any FROM ledger_entry WHERE ledger_account = 'reimbursementClearing'")).toEqual([{ rest: 0n, any: true }]);
    const { sections } = await verifyAll(store);
    expect(sections.filter((section) => section.problem !== null)).toEqual([]);
  }, 120_000);

  it('are compared as they were billed: an owner of two currencies in each, whatever is on a page', async () => {
    const [{ id: runId }] = await rows("SELECT id FROM billing_run WHERE period = '2019-12'");
    const items: RunDiff['items'][number][] = [];
    let totals: RunDiff['totals'] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await runDiff(store.pool, runId, runId, { cursor, limit: 7 });
      items.push(...page.items);
      totals = page.totals;
      if (page.nextCursor === null) break;
      cursor = page.nextCursor;
    }
    const payable = '(sum(payable_minor) / 100.0)::numeric(20, 2)::text AS payable, sum(energy_wh)::text AS wh';
    const billed = await rows(`SELECT account_id, currency, count(*)::integer AS documents, ${payable} FROM document GROUP BY 1, 2 ORDER BY account_id COLLATE "C", 2`);
    const shown = items.map((i) => ({ account_id: i.accountId, currency: i.currency, documents: i.after.documents, payable: i.after.payable, wh: i.after.energyWh }));
    expect(shown.filter((i) => i.documents > 0)).toEqual(billed);
    const owners = new Set((await rows("SELECT id FROM account WHERE category = 'siteOwner'")).map((a) => a.id));
    expect(shown.filter((i) => owners.has(i.account_id)).map((i) => i.currency)).toEqual(['EUR', 'SEK', 'EUR', 'SEK', 'EUR', 'SEK']);
    const sums = await rows(`SELECT CASE WHEN type IN ('invoice', 'creditNote') THEN 'billed' ELSE 'owed' END AS side, currency, ${payable} FROM document GROUP BY 1, 2 ORDER BY 1, 2`);
    expect(totals.map((t) => ({ side: t.side, currency: t.currency, payable: t.after.payable, wh: t.after.energyWh }))).toEqual(sums);
    expect(totals.map((t) => t.difference.payable)).toEqual(sums.map(() => '0.00'));
  });

  it('are in the ERP month by month as in the ledger, per currency, account of the chart and cost center, to the minor unit', async () => {
    // December was issued on 7 January: at the end of December all of it was unbilled, at the end of January nothing but what no document asks for.
    for (const month of ['2019-11', '2019-12', '2020-01']) {
      await store.tx((db) => accrueMonth(db, { entityId: 'ent_se', month }, { actor: 'preparer' }));
      const { rows: proof, holds } = await erpProof(store.pool, 'ent_se', month);
      expect(proof.filter((r) => r.differenceMinor !== 0n)).toEqual([]);
      expect(holds).toBe(true);
      expect(proof.length).toBeGreaterThan(month === '2020-01' ? 40 : 20);
    }
    const january = (await erpProof(store.pool, 'ent_se', '2020-01')).rows.filter((r) => r.glAccount === '3001' && r.documentsMinor !== 0n);
    expect(january.length).toBeGreaterThan(5);
    // What documents brought in of what was accrued before is the ledger's of no month but December.
    expect(january.every((r) => r.accrualsMinor === r.ledgerMinor - r.documentsMinor)).toBe(true);
  }, 120_000);
});
