import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { problemOf } from '../../src/api/problem.ts';
import { planRun } from '../../src/store/commands/plan-run.ts';
import { putEntity } from '../../src/store/commands/put-entity.ts';
import { putSetUp } from '../../src/store/commands/put-set-up.ts';
import { pullIn } from '../../src/store/commands/shape-run.ts';
import { cancelRun } from '../../src/store/cycle/cancel-run.ts';
import { closeRecordSet } from '../../src/store/cycle/record-set.ts';
import { advanceRun } from '../../src/store/cycle/run-state.ts';
import type { Db, Store } from '../../src/store/db.ts';
import { type Lanes, lanesOf } from '../../src/store/lanes.ts';
import { energyBalance } from '../../src/store/reads/energy-balance.ts';
import { lateArrivals } from '../../src/store/reads/late-arrivals.ts';
import { finishRun, reviewPlanned, reviewRun } from '../support/bill.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let store: Store;
let drop: () => Promise<void>;
const by = { actor: 'preparer' };
const on = (id: number, day: string, kWh: string, user = 'Bl2-1') => session(id, { user, kWh, start: `${day} 10:00`, end: `${day} 12:00` });
const arrive = async (...lines: readonly string[]) => {
  await storeLines(store, lines);
  await processAll(store);
};
/** Plans a run that waits for what is late. */
async function collect(period: string, more: object = {}): Promise<string> {
  const { runId } = await store.tx((db) => planRun(db, { entityId: 'ent_se', period, by, ...more }));
  await store.tx((db) => advanceRun(db, runId, 'collecting'));
  return runId;
}
/** What a run's sales are: Wh and net in öre by service month. */
const sales = async (runId: string) =>
  (
    await store.pool.query(
      'SELECT c.service_month AS month, sum(c.energy_wh)::int AS wh, sum(c.net_minor)::int AS net FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id AND c.payer_account_id IS NOT NULL WHERE k.run_id = $1 GROUP BY 1 ORDER BY 1',
      [runId],
    )
  ).rows;

beforeEach(async () => {
  ({ store, drop } = await seeded());
});
afterEach(async () => {
  await drop();
});

// By day a kWh costs 2.65 net: 10 kWh are 26.50, 5 kWh 13.25, 2 kWh 5.30.
describe('two months that collect at once', () => {
  it('each take the sessions of their own time, whichever closes its set first', async () => {
    await arrive(on(1, '05.11.2019', '10'), on(2, '05.12.2019', '5'), on(3, '05.10.2019', '2'));
    const november = await collect('2019-11');
    const december = await collect('2019-12');
    await reviewPlanned(store, december);
    expect(await sales(december)).toEqual([{ month: '2019-12', wh: 5000, net: 1325 }]);
    // Nothing of November is late in December, and nobody takes it in there, as long as November collects.
    expect(await lateArrivals(store.pool, december)).toEqual({ charges: 0n, energyWh: 0n, netMinor: 0n });
    expect(await store.tx((db) => pullIn(db, december, undefined, by))).toEqual({ charges: 0 });
    await finishRun(store, december, '2020-01-07');
    await arrive(on(4, '06.11.2019', '5'));
    await reviewPlanned(store, november);
    // October has no run: it is late, in the first that closes its set after it. 10 + 5 kWh of November.
    expect(await sales(november)).toEqual([
      { month: '2019-10', wh: 2000, net: 530 },
      { month: '2019-11', wh: 15_000, net: 3975 },
    ]);
    await finishRun(store, november, '2020-01-08');
    expect((await energyBalance(store.pool)).map((b) => [b.month, b.billed, b.difference])).toEqual([
      ['2019-10', 2000n, 0n],
      ['2019-11', 15_000n, 0n],
      ['2019-12', 5000n, 0n],
    ]);
  });

  it('what an earlier run gives up is late in the later one, and what it carries is the next one’s that closes its set', async () => {
    await arrive(on(1, '05.11.2019', '10'), on(2, '05.12.2019', '5'));
    const november = await collect('2019-11');
    const december = await reviewRun(store, '2019-12');
    await store.tx((db) => cancelRun(db, { runId: november, reason: 'planned by mistake', by }));
    expect(await lateArrivals(store.pool, december)).toEqual({ charges: 1n, energyWh: 10_000n, netMinor: 2650n });
    expect(await store.tx((db) => pullIn(db, december, undefined, by))).toEqual({ charges: 1 });
    await finishRun(store, december, '2020-01-07');
    expect(await sales(december)).toEqual([
      { month: '2019-11', wh: 10_000, net: 2650 },
      { month: '2019-12', wh: 5000, net: 1325 },
    ]);
  });

  it('a final invoice takes all that is open of its account, whichever run collects', async () => {
    await arrive(on(1, '05.11.2019', '10'), on(2, '05.12.2019', '5'), on(3, '05.11.2019', '2', 'Bl2-2'));
    const november = await collect('2019-11');
    const final = await reviewRun(store, '2019-12', { selection: { accountIds: ['acc_driver_16'] } });
    expect(await sales(final)).toEqual([
      { month: '2019-11', wh: 10_000, net: 2650 },
      { month: '2019-12', wh: 5000, net: 1325 },
    ]);
    await reviewPlanned(store, november);
    expect(await sales(november)).toEqual([{ month: '2019-11', wh: 2000, net: 530 }]);
  });

  it('weeks part by the end of a session, within a month', async () => {
    const put = await store.tx((db) => putEntity(db, 'ent_se', { calendars: [{ id: 'cal_weekly', cadence: 'weekly' }] }, undefined, 'as agreed', by));
    expect(put.errors).toEqual([]);
    await store.tx((db) => putSetUp(db, 'accounts', { id: 'acc_driver_16', calendarId: 'cal_weekly' }, 'as agreed', by));
    // Ends half an hour into Monday, the 16th: it is of the later week.
    await arrive(on(1, '10.12.2019', '10'), session(2, { user: 'Bl2-1', kWh: '2', start: '15.12.2019 22:30', end: '16.12.2019 00:30' }), on(3, '17.12.2019', '5'));
    const earlier = await collect('2019-W50');
    const later = await reviewRun(store, '2019-W51');
    expect((await sales(later)).map((s) => s.wh)).toEqual([7000]);
    await reviewPlanned(store, earlier);
    expect((await sales(earlier)).map((s) => s.wh)).toEqual([10_000]);
  });
});

/** Until somebody waits for a lock in this database, or has what was begun without waiting. */
async function waited(begun: Promise<unknown>): Promise<void> {
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  begun.then(over, over);
  const isMet = async () => isOver || (await store.pool.query("SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")).rowCount !== 0;
  await expect.poll(isMet, { timeout: 20_000 }).toBe(true);
}
/** Begins `other` before a transaction is kept, when it has done its work. */
async function beside(work: (db: Db) => Promise<unknown>, other: () => Promise<unknown>): Promise<PromiseSettledResult<unknown>> {
  let begun: Promise<unknown> | undefined;
  await store.tx(async (db) => {
    await work(db);
    begun = other();
    await waited(begun);
  });
  const [end] = await Promise.allSettled([begun]);
  return end as PromiseSettledResult<unknown>;
}
/** Lanes that do something once one has done its work, before that is kept. */
function lanesWith(meanwhile: () => Promise<void>): Lanes {
  let begun = 0;
  const tx: Store['tx'] = (work) =>
    store.tx(async (db) => {
      const result = await work(db);
      begun += 1;
      if (begun === 1) await meanwhile();
      return result;
    });
  return lanesOf({ tx }, 2, { charges: 0, accounts: 0 });
}

describe('a month that is planned while a later run takes in what is open', () => {
  const refused = {
    reason: expect.objectContaining({ message: expect.stringMatching(/run_ent_se_2019-12_live is collecting and has taken in what was open of 2019-11: let it close, or cancel it/) }),
  };
  const planNovember = (db: Db) => planRun(db, { entityId: 'ent_se', period: '2019-11', by });
  const plan = () => store.tx(planNovember);
  const of = async () => [await sales('run_ent_se_2019-11_live'), await sales('run_ent_se_2019-12_live')];
  const november = [{ month: '2019-11', wh: 12_000, net: 3180 }];
  const inDecember = { month: '2019-12', wh: 5000, net: 1325 };
  let december: string;
  beforeEach(async () => {
    await arrive(on(1, '05.11.2019', '10'), on(2, '05.12.2019', '5'), on(3, '06.11.2019', '2', 'Bl2-2'));
    december = await collect('2019-12');
  });

  it('is refused after the set has closed', async () => {
    expect(await beside((db) => closeRecordSet(db, december), plan)).toMatchObject(refused);
    expect(await of()).toEqual([[], [...november, inDecember]]);
  });

  it('is refused when it comes between two lanes of the closing', async () => {
    let planned: Promise<unknown> | undefined;
    const lanes = lanesWith(() => {
      planned = plan();
      planned.catch(() => undefined);
      return waited(planned);
    });
    expect(await store.tx((db) => closeRecordSet(db, december, lanes))).toEqual({ claimed: 3 });
    expect((await Promise.allSettled([planned]))[0]).toMatchObject(refused);
    expect(await of()).toEqual([[], [...november, inDecember]]);
  });

  it('is refused when a lane outlives the closing that ordered it, and after that', async () => {
    let planned: Promise<unknown> | undefined;
    await expect(
      store.tx(async (db) => {
        const { rows } = await db.query('SELECT pg_backend_pid() AS pid');
        const lanes = lanesWith(async () => {
          await store.pool.query('SELECT pg_terminate_backend($1, 10000)', [rows[0].pid]);
          planned = plan();
          planned.catch(() => undefined);
          await waited(planned);
        });
        await closeRecordSet(db, december, lanes);
      }),
    ).rejects.toThrow();
    expect((await Promise.allSettled([planned]))[0]).toMatchObject(refused);
    expect((await Promise.allSettled([plan()]))[0]).toMatchObject(refused);
    // A cancel opens what the lanes had claimed.
    await store.tx((db) => cancelRun(db, { runId: december, reason: 'november first', by }));
    const runId = await collect('2019-11');
    await store.tx((db) => closeRecordSet(db, runId));
    expect(await of()).toEqual([november, []]);
  });

  it('is told to try again when the closing takes long', async () => {
    const impatient = () =>
      store.tx(async (db) => {
        await db.query("SET LOCAL lock_timeout = '20ms'");
        await planNovember(db);
      });
    let told: unknown;
    await store.tx(async (db) => {
      await closeRecordSet(db, december);
      told = await impatient().catch((error: Error) => problemOf(error));
    });
    expect(told).toMatchObject({ status: 503, code: 'busy' });
  });

  it('is refused after a pull-in', async () => {
    expect(await beside((db) => pullIn(db, december, 'acc_driver_16', by), plan)).toMatchObject(refused);
    expect(await of()).toEqual([[], [{ month: '2019-11', wh: 10_000, net: 2650 }, inDecember]]);
  });

  it.each([
    ['closing', (db: Db) => closeRecordSet(db, december), [inDecember]],
    ['closing in lanes', (db: Db) => closeRecordSet(db, december, lanesOf(store, 2, { charges: 0, accounts: 0 })), [inDecember]],
    ['pull-in', (db: Db) => pullIn(db, december, undefined, by), [inDecember]],
  ])('keeps its sessions from a %s that begins before the plan is kept', async (_name, takeIn, taken) => {
    expect((await beside(planNovember, () => store.tx<unknown>(takeIn))).status).toBe('fulfilled');
    await store.tx((db) => advanceRun(db, 'run_ent_se_2019-11_live', 'collecting'));
    await store.tx((db) => closeRecordSet(db, 'run_ent_se_2019-11_live'));
    expect(await of()).toEqual([november, taken]);
  });
});
