import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { putSetUp } from '../../src/store/commands/put-set-up.ts';
import { releaseHeld } from '../../src/store/commands/release-held.ts';
import { buildDocuments } from '../../src/store/cycle/build-documents.ts';
import type { Store } from '../../src/store/db.ts';
import { issuedDocuments } from '../../src/store/reads/issued-document.ts';
import { listRunFindings } from '../../src/store/reads/run-findings.ts';
import { runSummary } from '../../src/store/reads/run-summary.ts';
import { shadowBalance } from '../../src/store/reads/shadow-balance.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
import { finishRun, reviewRun } from '../support/bill.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let store: Store;
let drop: () => Promise<void>;
const by = { actor: 'preparer' };
const fleet = 'acc_fleet_taxi';
const on = (id: number, day: string, kWh: string, user = 'AdA6-1') => session(id, { user, kWh, start: `${day} 10:00`, end: `${day} 12:00` });
const arrive = async (...lines: readonly string[]) => {
  await storeLines(store, lines);
  await processAll(store);
};
const order = (purchaseOrder: string | null) => store.tx((db) => putSetUp(db, 'accounts', { id: fleet, purchaseOrder }, 'by letter', by));
const documents = async (runId: string) =>
  (
    await store.pool.query(
      "SELECT account_id AS account, type, net_minor::int AS net, energy_wh::int AS wh FROM document WHERE run_id = $1 AND account_id !~ 'brf' AND state <> 'discarded' ORDER BY 1, 2",
      [runId],
    )
  ).rows;
const ofRun = async (runId: string) => {
  const run = await runSummary(store.pool, runId);
  return { held: run?.held, parked: run?.parked };
};
let november: string;
let december: string;

// A fleet pays 2.234 net a kWh: 10 kWh are 22.34, 4 kWh 8.936, so 8.94, and 20 kWh 44.68. A driver pays 2.65 by day.
beforeAll(async () => {
  ({ store, drop } = await seeded());
  await store.tx((db) => putSetUp(db, 'accounts', { id: fleet, purchaseOrderRequired: true, purchaseOrder: 'PO-11' }, 'as agreed', by));
  await arrive(on(1, '05.11.2019', '10'));
  november = await reviewRun(store, '2019-11');
  await finishRun(store, november, '2019-12-05');
  // The order ends with November; its session is corrected from 10 to 4 kWh, and 20 kWh of December come.
  await order(null);
  await arrive(on(1, '05.11.2019', '4'), on(2, '05.12.2019', '20'), on(3, '05.12.2019', '2', 'Bl2-1'));
  december = await reviewRun(store, '2019-12');
});
afterAll(() => drop());

describe('an invoice that lacks the purchase order its customer wants', () => {
  it('is held by itself, says what is missing, and lets the account’s credit note and everybody else go on', async () => {
    expect(await documents(december)).toEqual([
      { account: 'acc_driver_16', type: 'invoice', net: 530, wh: 2000 },
      // What November’s invoice had too much is credited under its own order: all of its line, since the customer is a business (D13).
      { account: fleet, type: 'creditNote', net: -2234, wh: -10_000 },
    ]);
    const { held, parked } = await ofRun(december);
    expect(parked).toEqual([]);
    // 44.68 and the 8.94 that are billed in place of November’s.
    const why = 'an invoice of 53.62 SEK without VAT (24000 Wh) is held: the customer wants a purchase order on it, and none is entered';
    expect(held).toEqual([{ accountId: fleet, reason: expect.stringMatching(`^${why.replace(/[().]/g, '\\$&')}. Enter purchaseOrder of the account`) }]);
    const { items } = await listRunFindings(store.pool, december, 'warns', { limit: 50 });
    expect(items.filter((f) => f.rule === 'purchaseOrderMissing')).toMatchObject([{ accountId: fleet, computed: '53.62', text: why }]);
  });

  it('stands in the shadow balance until it is billed', async () => {
    const { rows } = await shadowBalance(store.pool, december);
    const figures = rows.map((r) => [r.cause, r.serviceMonth, r.added.energyWh, r.added.net, r.closing.net]);
    expect(figures).toEqual([
      ['purchaseOrder', '2019-11', '4000', '8.94', '8.94'],
      ['purchaseOrder', '2019-12', '20000', '44.68', '44.68'],
    ]);
  });

  it('is built in the same run once the order is there, and stands on the document that is issued', async () => {
    expect(await store.tx((db) => releaseHeld(db, fleet))).toEqual([]);
    await order('PO-12');
    expect(await store.tx((db) => releaseHeld(db, fleet))).toEqual([`run/ent_se/2019-12/live`]);
    expect((await runSummary(store.pool, december))?.contentHash).toBeNull();
    await store.tx((db) => buildDocuments(db, december));
    expect(await ofRun(december)).toEqual({ held: [], parked: [] });
    expect((await shadowBalance(store.pool, december)).rows).toEqual([]);
    expect(await documents(december)).toEqual([
      { account: 'acc_driver_16', type: 'invoice', net: 530, wh: 2000 },
      { account: fleet, type: 'creditNote', net: -2234, wh: -10_000 },
      { account: fleet, type: 'invoice', net: 5362, wh: 24_000 },
    ]);
    await finishRun(store, december, '2020-01-07');
    const { rows } = await store.pool.query<{ id: string }>("SELECT id FROM document WHERE account_id = $1 AND type = 'invoice' AND state = 'issued' ORDER BY run_id", [fleet]);
    const orders = async () =>
      (
        await issuedDocuments(
          store.pool,
          rows.map((r) => r.id),
        )
      ).map((d) => d.purchaseOrder);
    expect((await orders()).sort()).toEqual(['PO-11', 'PO-12']);
    // What was approved is kept: a later order changes nothing, and the document can be composed again from its bytes.
    await order('PO-13');
    expect((await orders()).sort()).toEqual(['PO-11', 'PO-12']);
  });

  it('is billed by the next run when the order comes after this one has closed, however long that takes', async () => {
    await order(null);
    await arrive(on(4, '05.01.2020', '10'));
    const january = await reviewRun(store, '2020-01');
    expect((await documents(january)).filter((d) => d.account === fleet)).toEqual([]);
    await finishRun(store, january, '2020-02-05');
    await arrive(on(5, '05.02.2020', '10'));
    const february = await reviewRun(store, '2020-02');
    await finishRun(store, february, '2020-03-05');
    await order('PO-14');
    const march = await reviewRun(store, '2020-03');
    expect((await documents(march)).filter((d) => d.account === fleet)).toEqual([{ account: fleet, type: 'invoice', net: 4468, wh: 20_000 }]);
    const figures = (await shadowBalance(store.pool, march)).rows.map((r) => [r.cause, r.serviceMonth, r.ageMonths, r.opening.net, r.billed.net, r.closing.net]);
    expect(figures).toEqual([
      ['purchaseOrder', '2020-01', 2, '22.34', '22.34', '0.00'],
      ['purchaseOrder', '2020-02', 1, '22.34', '22.34', '0.00'],
    ]);
    await finishRun(store, march, '2020-04-05');
    expect((await verifyAll(store)).sections.filter((s) => s.problem !== null)).toEqual([]);
  });

  it('is a finding with its amount, and released, where it has fees alone', async () => {
    // 80.00 a month, and not one session of April.
    await store.pool.query(
      `INSERT INTO contract_version (contract_id, version, valid_from, clauses, author, second_person)
       SELECT v.contract_id, 50, '2020-03-31T22:00:00Z', jsonb_set(v.clauses, '{clauses}', v.clauses->'clauses' || '[{"kind": "fee", "id": "fee", "amount": "80", "billed": "arrears", "refund": "prorata"}]'), 'sales', 'head'
       FROM contract k JOIN contract_version v ON v.contract_id = k.id WHERE k.account_id = $1 AND k.kind = 'supply' ORDER BY v.version DESC LIMIT 1`,
      [fleet],
    );
    await order(null);
    const april = await reviewRun(store, '2020-04');
    const why = 'an invoice of 80.00 SEK without VAT (0 Wh) is held: the customer wants a purchase order on it, and none is entered';
    const { items } = await listRunFindings(store.pool, april, 'warns', { limit: 50 });
    expect(items.filter((f) => f.rule === 'purchaseOrderMissing')).toMatchObject([{ accountId: fleet, computed: '80.00', text: why }]);
    expect((await ofRun(april)).held).toEqual([{ accountId: fleet, reason: expect.stringContaining(why) }]);
    await order('PO-15');
    expect(await store.tx((db) => releaseHeld(db, fleet))).toHaveLength(1);
    await store.tx((db) => buildDocuments(db, april));
    expect((await documents(april)).filter((d) => d.account === fleet)).toEqual([{ account: fleet, type: 'invoice', net: 8000, wh: 0 }]);
    expect((await listRunFindings(store.pool, april, 'warns', { limit: 50 })).items.filter((f) => f.rule === 'purchaseOrderMissing')).toEqual([]);
    expect((await store.pool.query('SELECT FROM held_document WHERE run_id = $1', [april])).rowCount).toBe(0);
  });
});
