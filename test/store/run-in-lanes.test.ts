import { setTimeout } from 'node:timers/promises';
import type { PoolClient } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { processPage } from '../../src/activities/process-page.ts';
import { planRun } from '../../src/store/commands/plan-run.ts';
import { addExclusion, pullIn, putOut } from '../../src/store/commands/shape-run.ts';
import { buildDocuments } from '../../src/store/cycle/build-documents.ts';
import { cancelRun } from '../../src/store/cycle/cancel-run.ts';
import { closeOwnerSet, freeWaitingShares } from '../../src/store/cycle/owner-set.ts';
import { closeRecordSet } from '../../src/store/cycle/record-set.ts';
import { advanceRun } from '../../src/store/cycle/run-state.ts';
import type { Store } from '../../src/store/db.ts';
import { pendingMessages } from '../../src/store/intake/store-raw.ts';
import { type Lanes, lanesOf } from '../../src/store/lanes.ts';
import { buildIn, closeIn, collectingRun, corrected, day, inThree, leftBy, losing, onCopy, preview, runId } from '../support/collecting-run.ts';
import type { TestDatabase } from '../support/database.ts';
import { processAll, storeLines } from '../support/intake.ts';

let base: TestDatabase;
beforeAll(async () => {
  base = await collectingRun();
}, 120_000);
afterAll(() => base.drop());

const world = <T>(tell: (store: Store) => Promise<T>) => onCopy(base, tell);

/** Owners' shares that a run claims so. */
const shares = async ({ pool }: Store, disposition: string, run = runId) =>
  (
    await pool.query('SELECT k.charge_id FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id WHERE k.run_id = $1 AND k.disposition = $2 AND c.payer_account_id IS NULL ORDER BY 1', [
      run,
      disposition,
    ])
  ).rows;

/** Charges that take back what a run bills, and that no run will find. */
const lost = async ({ pool }: Store) =>
  (
    await pool.query(
      'SELECT m.charge_id FROM rated_charge m JOIN claim k ON k.charge_id = m.reversal_of LEFT JOIN claim own ON own.charge_id = m.charge_id LEFT JOIN open_charge o ON o.charge_id = m.charge_id WHERE own.charge_id IS NULL AND o.charge_id IS NULL',
    )
  ).rows;
const takenBack = async ({ pool }: Store) => Number((await pool.query('SELECT count(*) AS n FROM rated_charge WHERE reversal_of IS NOT NULL')).rows[0].n);

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

/** Something that is waited for. */
const gate = () => {
  let open: () => void = () => undefined;
  const promise = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { promise, resolve: () => open() };
};

describe('a run that is cancelled while a lane outlives the transaction that ordered it', () => {
  /** A step whose own connection is lost once a lane has come to a statement, which is asked when that lets go. */
  const cancelledMeanwhile = (store: Store, last: string, close: (lanes: Lanes, db: PoolClient) => Promise<unknown>) => {
    const gates = { begun: gate(), letGo: gate() };
    const lanes = lanesOf(
      {
        tx: (work) =>
          store.tx(async (db) => {
            const query = db.query.bind(db) as (...args: unknown[]) => unknown;
            const held = async (...args: unknown[]) => {
              if (String(args[0]).includes(last)) {
                gates.begun.resolve();
                await gates.letGo.promise;
              }
              return query(...args);
            };
            return work(Object.assign(db, { query: held as typeof db.query })).finally(() => Object.assign(db, { query }));
          }),
      },
      2,
      { charges: 0, accounts: 0 },
    );
    const closing = store.tx(async (db) => {
      const [{ pid }] = (await db.query('SELECT pg_backend_pid() AS pid')).rows;
      void gates.begun.promise.then(() => store.pool.query('SELECT pg_terminate_backend($1)', [pid]));
      return close(lanes, db);
    });
    return { closing, ...gates };
  };
  const held = async ({ pool }: Store) => (await pool.query("SELECT count(*)::int AS n FROM claim k JOIN billing_run r ON r.id = k.run_id AND r.state = 'cancelled'")).rows[0].n;
  const open = async ({ pool }: Store) => (await pool.query('SELECT charge_id FROM open_charge ORDER BY 1')).rows;

  it.each([
    ['sold', closeRecordSet, 'INSERT INTO claim ('],
    ['owed', closeOwnerSet, 'INSERT INTO claim ('],
    ['built', buildDocuments, 'DELETE FROM document '],
  ])('leaves nothing of it that is %s', async (side, step, last) => {
    await world(async (store) => {
      const before = await open(store);
      if (side === 'owed') await store.tx((db) => closeRecordSet(db, runId));
      if (side === 'built') await closeIn(store);
      if (side === 'built') await store.tx((db) => advanceRun(db, runId, 'previewing'));
      const { closing, begun, letGo } = cancelledMeanwhile(store, last, (lanes, db) => step(db, runId, lanes));
      const lost = expect(closing).rejects.toThrow();
      await begun.promise;
      const cancelling = store.tx((db) => cancelRun(db, { runId, reason: 'planned too early', by: { actor: 'preparer' } }));
      await setTimeout(500);
      letGo.resolve();
      await Promise.all([lost, cancelling]);
      expect(await held(store)).toBe(0);
      expect(await open(store)).toEqual(before);
      expect((await store.pool.query("SELECT id FROM document WHERE state <> 'discarded' UNION ALL SELECT id::text FROM period_charge")).rows).toEqual([]);
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
      // What is sold is closed first.
      expect((await store.pool.query('SELECT set_closed_at IS NOT NULL AS closed FROM billing_run')).rows).toEqual([{ closed: number > 2 }]);
      await closeIn(store, inThree(store));
      await preview(store, inThree(store));
      expect(await leftBy(store)).toEqual(undisturbed);
    });
  });

  it('claims what owners earn of a sale that the run before had carried', async () => {
    const told = (lanes: (store: Store) => Lanes | undefined) =>
      world(async (store) => {
        const { rows: payers } = await store.pool.query('SELECT DISTINCT payer_account_id AS id FROM rated_charge WHERE payer_account_id IS NOT NULL');
        for (const { id } of payers) await store.tx((db) => addExclusion(db, runId, { scope: 'account', subjectId: id, outcome: 'carry', reason: 'disputed' }, { actor: 'preparer' }));
        await closeIn(store);
        await preview(store);
        const waiting = await shares(store, 'carried');
        // As closing the run leaves it: what waits is carried, and its shares are open.
        await store.pool.query("UPDATE billing_run SET state = 'closed', closed_at = now()");
        await store.tx((db) => freeWaitingShares(db, runId));
        const { runId: january } = await store.tx((db) => planRun(db, { entityId: 'ent_se', period: '2020-01', by: { actor: 'preparer' } }));
        await store.tx((db) => advanceRun(db, january, 'collecting'));
        await closeIn(store, lanes(store), january);
        return { waiting, claimed: await shares(store, 'document', january) };
      });
    const alone = await told(() => undefined);
    expect(alone.waiting.length).toBeGreaterThan(0);
    expect(alone.claimed).toEqual(alone.waiting);
    expect(await told(inThree)).toEqual(alone);
  });

  it.each([1, 5, 6, 7, 8])('has no hash to approve when transaction %i of its build was lost, and is built by a repeat', async (number) => {
    await world(async (store) => {
      await closeIn(store);
      await preview(store);
      const undisturbed = await leftBy(store);
      await store.pool.query("UPDATE run_account SET state = 'pending'");
      await expect(buildIn(store, losing(store, number))).rejects.toThrow('the connection is gone');
      const [group] = (await store.pool.query('SELECT content_hash FROM release_group')).rows;
      // With the first is lost that anything is built; those after it plan the rest, side by side.
      expect(group.content_hash === null).toBe(number > 1);
      await buildIn(store, inThree(store));
      expect(await leftBy(store)).toEqual(undisturbed);
    });
  });

  it.each([5, 6, 8, 13])('keeps nothing of a first build of which transaction %i was lost', async (number) => {
    const undisturbed = await world(async (store) => {
      await closeIn(store);
      await preview(store, inThree(store));
      return leftBy(store);
    });
    await world(async (store) => {
      await closeIn(store);
      await expect(preview(store, losing(store, number))).rejects.toThrow('the connection is gone');
      expect((await store.pool.query('SELECT FROM preview_build')).rowCount).toBe(0);
      // Who left the run meanwhile is in no preview of it.
      const left = await store.pool.query(
        `INSERT INTO preview_account (run_id, account_id, build, currency, documents, net_minor, vat_minor, rounding_minor, energy_wh, lines, sessions, strategy)
         SELECT $1, id, 1, 'SEK', 1, 100, 25, 0, 1, 1, 1, 'driverInvoice' FROM account WHERE id NOT IN (SELECT account_id FROM run_account) ORDER BY id LIMIT 1`,
        [runId],
      );
      expect(left.rowCount).toBe(1);
      await buildIn(store, inThree(store));
      expect(await leftBy(store)).toEqual(undisturbed);
    });
  });

  it('states owners anew, and asks the rules on sessions anew, when a bill turns out to have to wait', async () => {
    const told = async (store: Store, lanes?: Lanes) => {
      await closeIn(store, lanes);
      // Each session of more than the rule's slack is found.
      await store.pool.query('UPDATE site SET connector_power_w = 1');
      // Nothing of it waits yet: that is found as the bill is built.
      await store.pool.query("UPDATE account SET purchase_order_required = true WHERE category = 'fleet'");
      await preview(store, lanes);
      return leftBy(store);
    };
    const alone = await world((store) => told(store));
    const waits = (alone['claims'] as { disposition: string; account_id: string; hold_reason: string | null }[]).filter((c) => c.disposition === 'carried');
    expect(new Set(waits.map((c) => c.hold_reason))).toEqual(new Set(['purchaseOrder', null]));
    const above = (alone['findings'] as { code: string; account_id: string; document_id: string | null }[]).filter((f) => f.code === 'sessionAbovePower');
    expect(above.length).toBeGreaterThan(5);
    expect(above.filter((f) => f.document_id === null || waits.some((w) => w.account_id === f.account_id))).toEqual([]);
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
