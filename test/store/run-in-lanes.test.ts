import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { processPage } from '../../src/activities/process-page.ts';
import { planRun } from '../../src/store/commands/plan-run.ts';
import { pullIn, putOut } from '../../src/store/commands/shape-run.ts';
import { buildDocuments } from '../../src/store/cycle/build-documents.ts';
import { closeOwnerSet } from '../../src/store/cycle/owner-set.ts';
import { closeRecordSet } from '../../src/store/cycle/record-set.ts';
import { advanceRun } from '../../src/store/cycle/run-state.ts';
import { openStore, type Store } from '../../src/store/db.ts';
import { pendingMessages } from '../../src/store/intake/store-raw.ts';
import { type Lanes, lanesOf } from '../../src/store/lanes.ts';
import { copyOf, type TestDatabase } from '../support/database.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

const users = [
  ['AdO1-2', 'AdO1'],
  ['AdO1-3', 'AdO1'],
  ['AdO1-4', 'AdO1'],
  ['AdO3-1', 'AdO3'],
  ['AdA6-1', 'AdA6'],
  ['Bl2-6', 'Bl2'],
  ['Share-2', 'Bl2'],
] as const;
const day = (id: number, user: string, garage: string, date: number) =>
  session(id, { user, garage, kWh: `${20 + (id % 17)},${id % 10}`, start: `${date}.12.2019 18:00`, end: `${date}.12.2019 21:00` });
const runId = 'run_ent_se_2019-12_live';
let base: TestDatabase;

/** Customers, owners and partners of every kind, with a run that collects. */
beforeAll(async () => {
  const { store, database } = await seeded('every-category');
  base = database;
  await storeLines(
    store,
    users.flatMap(([user, garage], u) => [0, 1, 2, 3].map((i) => day(10 * u + i, user, garage, 11 + u + i))),
  );
  await processAll(store);
  await store.tx((db) => planRun(db, { entityId: 'ent_se', period: '2019-12', by: { actor: 'preparer' } }));
  await store.tx((db) => advanceRun(db, runId, 'collecting'));
  await store.close();
}, 120_000);
afterAll(() => base.drop());

const none = { charges: 0, accounts: 0 };
const inThree = (store: Store) => lanesOf(store, 3, none);
const closeIn = (store: Store, lanes?: Lanes) =>
  store.tx(async (db) => {
    const { claimed } = await closeRecordSet(db, runId, lanes);
    const shares = await closeOwnerSet(db, runId, lanes);
    return { claimed, shares: shares.claimed };
  });
const buildIn = (store: Store, lanes?: Lanes) => store.tx((db) => buildDocuments(db, runId, lanes));

/** Lanes of which the transaction of this number, counted from 1, does its work and is lost before it is kept. */
function losing(store: Store, number: number): Lanes {
  let begun = 0;
  return lanesOf(
    {
      tx: (work) =>
        store.tx(async (db) => {
          begun += 1;
          const isLost = begun === number;
          const result = await work(db);
          if (isLost) throw new Error('the connection is gone');
          return result;
        }),
    },
    2,
    none,
  );
}

/** All that a run up to its preview leaves, less what differs from run to run. */
async function leftBy({ pool }: Store): Promise<Record<string, unknown>> {
  const told: Record<string, unknown> = {};
  for (const [name, sql] of Object.entries({
    runs: "SELECT state, takes_all, set_closed_at IS NOT NULL AS closed, encode(content_hash, 'hex') AS hash FROM billing_run",
    groups: "SELECT name, state, encode(content_hash, 'hex') AS hash FROM release_group ORDER BY name",
    accounts: 'SELECT account_id, group_name, state, reason, plain FROM run_account ORDER BY 1',
    claims: 'SELECT charge_id, account_id, document_id, line_no, disposition, hold_reason FROM claim ORDER BY 1',
    open: 'SELECT charge_id FROM open_charge ORDER BY 1',
    documents: "SELECT id, account_id, type, state, payable_minor, encode(content_hash, 'hex') AS hash FROM document ORDER BY 1",
    lines: 'SELECT document_id, line_no, description, net_minor, charge_count FROM document_line ORDER BY 1, 2',
    drafts: 'SELECT account_id, role, component, service_month, net_minor, document_id, line_no FROM period_charge ORDER BY 1, 2, 3, 4, 5',
    previews: 'SELECT account_id, build, currency, documents, net_minor, energy_wh, lines, sessions FROM preview_account ORDER BY 1, 2, 3',
    cells:
      'SELECT account_id, build, nature, excluded, role, component, unit_price, tariff_version_id, site_id, vat_code, quantity, net_minor, energy_wh, charges, unshared_minor FROM preview_cell ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10',
    findings: 'SELECT code, subject, params FROM finding WHERE run_id IS NOT NULL ORDER BY 1, 2, params::text',
  }))
    told[name] = (await pool.query(sql)).rows;
  return told;
}

async function world<T>(tell: (store: Store) => Promise<T>): Promise<T> {
  const database = await copyOf(base);
  const store = openStore(database.url);
  try {
    return await tell(store);
  } finally {
    await store.close();
    await database.drop();
  }
}

const preview = (store: Store, lanes?: Lanes) => store.tx((db) => advanceRun(db, runId, 'previewing')).then(() => buildIn(store, lanes));

/** Charges that take back what a run bills, and that no run will find. */
const lost = async ({ pool }: Store) =>
  (
    await pool.query(
      'SELECT m.charge_id FROM rated_charge m JOIN claim k ON k.charge_id = m.reversal_of LEFT JOIN claim own ON own.charge_id = m.charge_id LEFT JOIN open_charge o ON o.charge_id = m.charge_id WHERE own.charge_id IS NULL AND o.charge_id IS NULL',
    )
  ).rows;
const takenBack = async ({ pool }: Store) => Number((await pool.query('SELECT count(*) AS n FROM rated_charge WHERE reversal_of IS NOT NULL')).rows[0].n);
/** The first session once more, with other energy. */
const corrected = session(0, { user: 'AdO1-2', garage: 'AdO1', kWh: '15,5', start: '11.12.2019 18:00', end: '11.12.2019 21:00' });

describe('a correction while the set closes', () => {
  it('is open when it waited for the close', async () => {
    await world(async (store) => {
      await storeLines(store, [corrected]);
      let processed: Promise<void> | undefined;
      await store.tx(async (db) => {
        await closeRecordSet(db, runId);
        processed = processAll(store);
        await setTimeout(500);
      });
      await processed;
      expect(await takenBack(store)).toBeGreaterThan(0);
      expect(await lost(store)).toEqual([]);
    });
  });

  it('is open when the close waited for it', async () => {
    await world(async (store) => {
      await storeLines(store, [corrected]);
      const page = await pendingMessages(store.pool, { limit: 10, after: '0' });
      let closed: Promise<unknown> | undefined;
      await store.tx(async (db) => {
        await processPage(db, page);
        closed = closeIn(store);
        await setTimeout(500);
      });
      await closed;
      expect(await takenBack(store)).toBeGreaterThan(0);
      expect(await lost(store)).toEqual([]);
    });
  });
});

describe('a run in lanes', () => {
  it('leaves what one transaction leaves', async () => {
    const alone = await world(async (store) => {
      const closed = await closeIn(store);
      await preview(store);
      return { closed, left: await leftBy(store) };
    });
    expect(alone.closed.claimed).toBeGreaterThan(40);
    expect(alone.closed.shares).toBeGreaterThan(0);
    expect((alone.left['documents'] as unknown[]).length).toBeGreaterThan(5);
    const parted = await world(async (store) => {
      const closed = await closeIn(store, inThree(store));
      await preview(store, inThree(store));
      return { closed, left: await leftBy(store) };
    });
    expect(parted).toEqual(alone);
  });

  it.each([1, 2, 3, 4])('closes the rest of the set when transaction %i of its lanes was lost', async (number) => {
    const undisturbed = await world(async (store) => {
      await closeIn(store);
      await preview(store);
      return leftBy(store);
    });
    await world(async (store) => {
      await expect(closeIn(store, losing(store, number))).rejects.toThrow('the connection is gone');
      expect((await store.pool.query('SELECT set_closed_at FROM billing_run')).rows).toEqual([{ set_closed_at: null }]);
      await closeIn(store, inThree(store));
      await preview(store, inThree(store));
      expect(await leftBy(store)).toEqual(undisturbed);
    });
  });

  it.each([1, 2, 4, 5, 7])('has no hash to approve when transaction %i of its build was lost, and is built by a repeat', async (number) => {
    await world(async (store) => {
      await closeIn(store);
      await preview(store);
      const undisturbed = await leftBy(store);
      await store.pool.query("UPDATE run_account SET state = 'pending'");
      await expect(buildIn(store, losing(store, number))).rejects.toThrow('the connection is gone');
      const [group] = (await store.pool.query('SELECT content_hash FROM release_group')).rows;
      // The first is the plan: with it is lost that anything is built.
      expect(group.content_hash === null).toBe(number > 1);
      await buildIn(store, inThree(store));
      expect(await leftBy(store)).toEqual(undisturbed);
    });
  });

  it('states owners anew when a bill that they earn of turns out to have to wait', async () => {
    const told = async (store: Store, lanes?: Lanes) => {
      await closeIn(store, lanes);
      // Nothing of it waits yet: that is found as the bill is built.
      await store.pool.query("UPDATE account SET purchase_order_required = true WHERE category = 'fleet'");
      await preview(store, lanes);
      return leftBy(store);
    };
    const alone = await world((store) => told(store));
    const waits = (alone['claims'] as { disposition: string; account_id: string; hold_reason: string | null }[]).filter((c) => c.disposition === 'carried');
    expect(new Set(waits.map((c) => c.hold_reason))).toEqual(new Set(['purchaseOrder', null]));
    expect(await world((store) => told(store, inThree(store)))).toEqual(alone);
  });

  it('comes to the same by the sums that were kept and without them, and keeps none of what was touched', async () => {
    await world(async (store) => {
      await closeIn(store);
      const kept = async () => (await store.pool.query<{ account_id: string; n: bigint }>('SELECT account_id, sum(cardinality(charge_ids))::bigint AS n FROM claim_sum GROUP BY 1 ORDER BY 1')).rows;
      const claimed = async () => (await store.pool.query('SELECT account_id, count(*) AS n FROM claim GROUP BY 1 ORDER BY 1')).rows;
      expect(await kept()).toEqual(await claimed());
      await storeLines(store, [day(901, 'AdO1-2', 'AdO1', 21)]);
      await processAll(store);
      const { charges } = await store.tx((db) => pullIn(db, runId, undefined, { actor: 'preparer' }));
      expect(charges).toBeGreaterThan(0);
      const [pulled] = (await store.pool.query('SELECT DISTINCT account_id FROM claim WHERE pulled_in_by IS NOT NULL')).rows;
      expect(await kept()).toEqual((await claimed()).filter((c) => c.account_id !== pulled.account_id));
      await preview(store);
      const bySums = await leftBy(store);
      await store.pool.query('DELETE FROM claim_sum');
      await store.pool.query("UPDATE run_account SET state = 'pending'");
      await buildIn(store);
      expect(await leftBy(store)).toEqual(bySums);
    });
  });

  /** What the documents of the run count, against what it claims for them. */
  const counted = async ({ pool }: Store) =>
    (
      await pool.query(
        `SELECT k.account_id, k.n, coalesce(d.n, 0) AS counted FROM (SELECT account_id, count(*)::int AS n FROM claim WHERE disposition = 'document' GROUP BY 1) k
         LEFT JOIN (SELECT account_id, sum(charge_count)::int AS n FROM document GROUP BY 1) d ON d.account_id = k.account_id WHERE k.n <> coalesce(d.n, 0) - (SELECT count(*) FROM period_charge p WHERE p.account_id = k.account_id) ORDER BY 1`,
      )
    ).rows;

  it('bills what was pulled in while it collected beside what came until its set closed', async () => {
    await world(async (store) => {
      expect((await store.tx((db) => pullIn(db, runId, undefined, { actor: 'preparer' }))).charges).toBeGreaterThan(0);
      await storeLines(store, [day(901, 'AdO1-2', 'AdO1', 21)]);
      await processAll(store);
      await closeIn(store);
      await preview(store);
      expect(await counted(store)).toEqual([]);
    });
  });

  it('bills a correction that came after a lane of its set, and before the repeat', async () => {
    await world(async (store) => {
      await expect(closeIn(store, losing(store, 3))).rejects.toThrow('the connection is gone');
      await storeLines(store, [corrected, day(901, 'AdO1-2', 'AdO1', 21)]);
      await processAll(store);
      expect(await takenBack(store)).toBeGreaterThan(0);
      await closeIn(store, inThree(store));
      await preview(store, inThree(store));
      expect(await counted(store)).toEqual([]);
    });
  });

  it('takes what was pulled in while it collected for part of its set: it is not put out again from under the owners’ shares', async () => {
    const owed = async ({ pool }: Store) =>
      (await pool.query("SELECT d.account_id, d.net_minor FROM document d JOIN account a ON a.id = d.account_id AND a.category = 'siteOwner' ORDER BY 1, 2")).rows;
    const undisturbed = await world(async (store) => {
      await closeIn(store);
      await preview(store);
      return owed(store);
    });
    await world(async (store) => {
      await store.tx((db) => pullIn(db, runId, undefined, { actor: 'preparer' }));
      await closeIn(store);
      await preview(store);
      expect(await owed(store)).toEqual(undisturbed);
      // Put out, the sales would be on no bill, and their shares on the owners' statements, on top of what is guaranteed (D16).
      expect(await store.tx((db) => putOut(db, runId, undefined, { actor: 'preparer' }))).toEqual({ charges: 0 });
      await buildIn(store);
      expect(await owed(store)).toEqual(undisturbed);
      expect(await counted(store)).toEqual([]);
    });
  });
});
