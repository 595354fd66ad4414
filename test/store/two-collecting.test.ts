import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { planRun } from '../../src/store/commands/plan-run.ts';
import { putEntity } from '../../src/store/commands/put-entity.ts';
import { putSetUp } from '../../src/store/commands/put-set-up.ts';
import { pullIn } from '../../src/store/commands/shape-run.ts';
import { cancelRun } from '../../src/store/cycle/cancel-run.ts';
import { advanceRun } from '../../src/store/cycle/run-state.ts';
import { openStore, type Store } from '../../src/store/db.ts';
import { energyBalance } from '../../src/store/reads/energy-balance.ts';
import { lateArrivals } from '../../src/store/reads/late-arrivals.ts';
import { applySeed, readSeed } from '../../src/store/seed.ts';
import { finishRun, reviewPlanned, reviewRun } from '../support/bill.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { processAll, session, storeLines } from '../support/intake.ts';

let database: TestDatabase;
let store: Store;
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
  database = await freshDatabase();
  store = openStore(database.url);
  await store.tx(async (db) => applySeed(db, await readSeed(new URL('../../seed/demo.yaml', import.meta.url).pathname)));
});
afterEach(async () => {
  await store.close();
  await database.drop();
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
