import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planRun } from '../../src/store/commands/plan-run.ts';
import { addExclusion, pullIn, putOut } from '../../src/store/commands/shape-run.ts';
import { cancelRun } from '../../src/store/cycle/cancel-run.ts';
import { closeOwnerSet } from '../../src/store/cycle/owner-set.ts';
import { closeRecordSet } from '../../src/store/cycle/record-set.ts';
import { advanceRun } from '../../src/store/cycle/run-state.ts';
import { sumAhead } from '../../src/store/cycle/sums-ahead.ts';
import type { Db, Store } from '../../src/store/db.ts';
import { type Lanes, within } from '../../src/store/lanes.ts';
import { closeIn, collectingRun, corrected, day, inThree, leftBy, losing, onCopy, preview, runId } from '../support/collecting-run.ts';
import type { TestDatabase } from '../support/database.ts';
import { processAll, session, storeLines } from '../support/intake.ts';

let base: TestDatabase;
beforeAll(async () => {
  base = await collectingRun();
}, 120_000);
afterAll(() => base.drop());

const by = { actor: 'preparer' };
const arrive = async (store: Store, ...lines: string[]) => {
  await storeLines(store, lines);
  await processAll(store);
};
const late = day(901, 'AdO1-2', 'AdO1', 21);
const sum = (store: Store) => sumAhead(store.pool, runId, inThree(store));
const aheadOf = async ({ pool }: Store) => (await pool.query<{ account_id: string }>('SELECT account_id FROM sum_ahead ORDER BY 1')).rows.map((r) => r.account_id);
const summed = async ({ pool }: Store) => (await pool.query('SELECT account_id, sum(cardinality(charge_ids))::int AS n FROM claim_sum GROUP BY 1 ORDER BY 1')).rows;
const openOf = async ({ pool }: Store) => (await pool.query('SELECT account_id, count(*)::int AS n FROM open_charge GROUP BY 1 ORDER BY 1')).rows;

type Event = (store: Store) => Promise<unknown>;

/** What a run leaves of which `event` came before its cut-off, summed ahead before that or not. */
const left = (event: Event, isSummed: boolean, lanes: (store: Store) => Lanes | undefined = () => undefined) =>
  onCopy(base, async (store) => {
    if (isSummed) await sum(store);
    await event(store);
    const closed = await closeIn(store, lanes(store));
    const sums = await summed(store);
    await preview(store, lanes(store));
    return { closed, sums, ...(await leftBy(store)) };
  });

/** One after the other. */
const both =
  (first: Event, then: Event): Event =>
  async (store) => {
    await first(store);
    await then(store);
  };
const nothing: Event = async () => undefined;
const onOtherCalendar: Event = async ({ pool }) => {
  await pool.query("INSERT INTO billing_calendar (id, entity_id, cadence, strategies) VALUES ('cal_own', 'ent_se', 'quarterly', '{fleetInvoice}')");
};

describe('a run that was summed ahead', () => {
  it('has the sums of all that is open, and closes by them alone', async () => {
    await onCopy(base, async (store) => {
      await sum(store);
      const open = await openOf(store);
      expect(open.length).toBeGreaterThan(5);
      expect(await summed(store)).toEqual(open);
      expect(await aheadOf(store)).toEqual(open.map((o) => o.account_id));
      const asked: string[] = [];
      await store.tx(async (own) => {
        const db = {
          query: (text: string, ...rest: unknown[]) => {
            asked.push(text);
            return (own.query as (...all: unknown[]) => Promise<unknown>)(text, ...rest);
          },
        } as unknown as Db;
        await closeRecordSet(db, runId, within(db));
        await closeOwnerSet(db, runId, within(db));
      });
      // What is open is read by statements that sum it.
      expect(asked.filter((text) => /INSERT INTO claim\b/.test(text) && /GROUP BY .*unit_price/s.test(text) && !text.includes('carried')).length).toBe(0);
      expect(asked.some((text) => text.includes('sum_ahead') && text.includes('INSERT INTO claim'))).toBe(true);
      expect([await aheadOf(store), await openOf(store), await summed(store)]).toEqual([[], [], open]);
    });
  });

  it.each<[string, Event]>([
    ['nothing came', nothing],
    ['a session came', (store) => arrive(store, late)],
    [
      'sessions of all came',
      (store) => arrive(store, late, day(902, 'AdO3-1', 'AdO3', 22), day(903, 'AdA6-1', 'AdA6', 22), day(904, 'Bl2-6', 'Bl2', 22), day(905, 'Share-2', 'Bl2', 22), day(906, 'AdO1-4', 'AdO1', 23)),
    ],
    ['one came of who had none', (store) => arrive(store, day(907, 'Bl2-2', 'Bl2', 22))],
    ['one came of the month after', (store) => arrive(store, session(908, { user: 'AdO1-2', garage: 'AdO1', kWh: '7,5', start: '03.01.2020 18:00', end: '03.01.2020 21:00' }))],
    ['one was corrected', (store) => arrive(store, corrected)],
    [
      'one was corrected, and it was summed once more',
      both(
        (store) => arrive(store, corrected),
        (store) => sum(store),
      ),
    ],
    [
      'one came, and it was summed once more',
      both(
        (store) => arrive(store, late),
        (store) => sum(store),
      ),
    ],
    [
      'one came after it was summed once more',
      both(
        (store) => sum(store),
        (store) => arrive(store, late),
      ),
    ],
    ['what was open was pulled in', (store) => store.tx((db) => pullIn(db, runId, undefined, by))],
    [
      'what is open was pulled in, and it was summed once more',
      both(
        (store) => store.tx((db) => pullIn(db, runId, undefined, by)),
        (store) => sum(store),
      ),
    ],
    [
      'what was pulled in was put out again',
      both(
        (store) => store.tx((db) => pullIn(db, runId, undefined, by)),
        (store) => store.tx((db) => putOut(db, runId, undefined, by)),
      ),
    ],
    ['customers went to another calendar', onOtherCalendar],
    [
      'customers went to another calendar, and it was summed once more',
      both(
        (store) => onOtherCalendar(store),
        (store) => sum(store),
      ),
    ],
    ['customers get a receipt for each session', ({ pool }) => pool.query("UPDATE account SET strategy = 'cardReceipt' WHERE strategy = 'driverInvoice'")],
    [
      'somebody is left out',
      async (store) => {
        const [{ id }] = (await store.pool.query('SELECT min(payer_account_id) AS id FROM rated_charge WHERE payer_account_id IS NOT NULL')).rows;
        await store.tx((db) => addExclusion(db, runId, { scope: 'account', subjectId: id, outcome: 'carry', reason: 'disputed' }, by));
      },
    ],
    [
      'the month before was planned',
      async (store) => {
        await arrive(store, session(909, { user: 'AdO1-2', garage: 'AdO1', kWh: '9', start: '05.11.2019 18:00', end: '05.11.2019 21:00' }));
        await sum(store);
        const planned = await store.tx((db) => planRun(db, { entityId: 'ent_se', period: '2019-11', by }));
        await store.tx((db) => advanceRun(db, planned.runId, 'collecting'));
      },
    ],
    [
      'a run of one account took what it has',
      async (store) => {
        const [{ id }] = (await store.pool.query('SELECT min(payer_account_id) AS id FROM rated_charge WHERE payer_account_id IS NOT NULL')).rows;
        const final = await store.tx((db) => planRun(db, { entityId: 'ent_se', period: '2019-12', selection: { accountIds: [id] }, by }));
        await store.tx((db) => advanceRun(db, final.runId, 'collecting'));
        expect((await store.tx((db) => closeRecordSet(db, final.runId))).claimed).toBeGreaterThan(0);
      },
    ],
  ])('leaves what it leaves without that, when %s before its cut-off', async (_, event) => {
    const without = await left(event, false);
    expect(without.closed.claimed).toBeGreaterThan(0);
    expect(await left(event, true)).toEqual(without);
    expect(await left(event, true, inThree)).toEqual(without);
  });

  it.each([1, 2, 3, 4])('closes the rest when transaction %i of its lanes was lost', async (number) => {
    const undisturbed = await left((store) => arrive(store, late), false);
    await onCopy(base, async (store) => {
      await sum(store);
      await arrive(store, late);
      await expect(closeIn(store, losing(store, number))).rejects.toThrow('the connection is gone');
      await closeIn(store, inThree(store));
      await preview(store, inThree(store));
      const { closed: _closed, sums: _sums, ...without } = undisturbed;
      expect(await leftBy(store)).toEqual(without);
    });
  });

  it('closes when that comes while it is summed, or the other way round', async () => {
    const without = await left(nothing, false);
    for (let round = 0; round < 4; round += 1) {
      const both = await onCopy(base, async (store) => {
        if (round % 2 === 1) await sum(store);
        const [closed] = await Promise.all([closeIn(store), sum(store)]);
        const sums = await summed(store);
        expect(await aheadOf(store)).toEqual([]);
        await preview(store);
        return { closed, sums, ...(await leftBy(store)) };
      });
      expect(both).toEqual(without);
    }
  });

  it('is summed no more once its set has closed, nor when it is of some accounts, of a part of a month, or dry', async () => {
    await onCopy(base, async (store) => {
      await closeIn(store);
      const sums = await summed(store);
      await sum(store);
      expect([await aheadOf(store), await summed(store)]).toEqual([[], sums]);
      await arrive(store, late);
      for (const own of [
        { period: '2020-01', selection: { accountIds: ['acc_brf_north'] } },
        { period: '2020-01', kind: 'dry' as const },
      ]) {
        const planned = await store.tx((db) => planRun(db, { entityId: 'ent_se', by, ...own }));
        await store.tx((db) => advanceRun(db, planned.runId, 'collecting'));
        await sumAhead(store.pool, planned.runId, inThree(store));
        expect(await aheadOf(store)).toEqual([]);
      }
    });
  });

  it('leaves nothing behind when it is cancelled', async () => {
    await onCopy(base, async (store) => {
      const open = await openOf(store);
      await sum(store);
      await store.tx((db) => cancelRun(db, { runId, reason: 'planned too early', by }));
      expect([await aheadOf(store), await summed(store), await openOf(store)]).toEqual([[], [], open]);
    });
  });
});
