import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decideRecords } from '../../src/store/commands/decide-records.ts';
import { mapExternal } from '../../src/store/commands/map-external.ts';
import { addExclusion } from '../../src/store/commands/shape-run.ts';
import { buildDocuments } from '../../src/store/cycle/build-documents.ts';
import { cancelRun } from '../../src/store/cycle/cancel-run.ts';
import { closeOwnerSet } from '../../src/store/cycle/owner-set.ts';
import { advanceRun } from '../../src/store/cycle/run-state.ts';
import type { Store } from '../../src/store/db.ts';
import { type BalanceRow, energyBalance, energyBalanceDetails } from '../../src/store/reads/energy-balance.ts';
import { closeSet, finishRun, reviewRun } from '../support/bill.ts';
import { processAll, retryAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let drop: () => Promise<void>;
let store: Store;
const by = { actor: 'preparer' };
const seen: { readonly step: string; readonly at: Date; readonly balance: readonly BalanceRow[] }[] = [];
/** Keeps how it stands now, by the clock of the database. */
const keep = async (step: string) => {
  const [{ at }] = (await store.pool.query("SELECT date_trunc('milliseconds', clock_timestamp()) + interval '1 ms' AS at")).rows;
  seen.push({ step, at, balance: await energyBalance(store.pool) });
  await store.pool.query('SELECT pg_sleep(0.01)');
};
const arrive = async (...lines: string[]) => {
  await storeLines(store, lines);
  await processAll(store);
};
const december = (balance: readonly BalanceRow[]) => balance.find((b) => b.month === '2019-12');

beforeAll(async () => {
  ({ store, drop } = await seeded());
  await keep('nothing');
  // 10 kWh of a driver, 20 of a fleet, 3 of a token that nobody knows.
  await arrive(session(1, { kWh: '10' }), session(2, { user: 'NR1-3', garage: 'NR1', kWh: '20' }), session(3, { user: 'Nobody', garage: 'NR1', kWh: '3' }));
  await keep('arrived');
  await store.tx((db) => mapExternal(db, { sourceId: 'csms', kind: 'token', externalKey: 'Nobody', internalId: 'acc_fleet_home_care' }, by));
  await retryAll(store);
  await keep('mapped');
  const runId = await closeSet(store, '2019-12');
  await store.tx((db) => closeOwnerSet(db, runId));
  await store.tx((db) => advanceRun(db, runId, 'previewing'));
  await store.tx((db) => buildDocuments(db, runId));
  await store.tx((db) => advanceRun(db, runId, 'inReview'));
  await store.tx((db) => addExclusion(db, runId, { scope: 'account', subjectId: 'acc_driver_16', outcome: 'writeOff', reason: 'a gift' }, by));
  await finishRun(store, runId, '2020-01-07');
  await keep('issued');
  // 12 kWh instead of 20: what was billed is, and the difference waits for January; and 5 kWh came late.
  await arrive(session(2, { user: 'NR1-3', garage: 'NR1', kWh: '12' }), session(4, { user: 'NR1-3', garage: 'NR1', kWh: '5', start: '06.12.2019 18:00', end: '06.12.2019 19:00' }));
  await keep('corrected');
  await arrive(session(5, { user: 'Ghost', garage: 'NR1', kWh: '7' }));
  await keep('held');
  const { rows } = await store.pool.query("SELECT record_id::text AS id FROM record_head WHERE cdr_id = '5'");
  await store.tx((db) => decideRecords(db, { selection: { recordIds: [rows[0].id] }, action: 'reject', reason: 'a test of the charger' }, by));
  await retryAll(store);
  await keep('rejected');
  // A session of the time that the system before us still bills.
  await arrive(session(6, { user: 'Legacy', garage: 'NR1', kWh: '9' }));
  const legacy = await store.pool.query("SELECT record_id::text AS id FROM record_head WHERE cdr_id = '6'");
  await store.tx((db) => decideRecords(db, { selection: { recordIds: [legacy.rows[0].id] }, action: 'reject', billedBy: 'the system before us, until 2019', reason: 'before the take-over' }, by));
  await retryAll(store);
  await keep('elsewhere');
  // A run carries what waits of the fleet, and is cancelled.
  const january = await reviewRun(store, '2020-01');
  const [{ fleet }] = (
    await store.pool.query("SELECT payer_account_id AS fleet FROM rated_charge c JOIN record_head h ON h.record_id = c.record_id WHERE h.cdr_id = '4' AND payer_account_id IS NOT NULL LIMIT 1")
  ).rows;
  await store.tx((db) => addExclusion(db, january, { scope: 'account', subjectId: fleet, outcome: 'carry', reason: 'in dispute' }, by));
  await store.tx((db) => buildDocuments(db, january));
  await keep('carried');
  await store.tx((db) => cancelRun(db, { runId: january, reason: 'too early', by }));
  await keep('cancelled');
  // Another one carries it and closes; the next takes it over, to bill it.
  const again = await reviewRun(store, '2020-01');
  await store.tx((db) => addExclusion(db, again, { scope: 'account', subjectId: fleet, outcome: 'carry', reason: 'in dispute' }, by));
  await finishRun(store, again, '2020-02-07');
  await keep('carried and closed');
  await reviewRun(store, '2020-02');
  await keep('taken over');
}, 120_000);
afterAll(() => drop());

describe('the energy balance as of an instant', () => {
  it('is what it was then, whatever came afterwards', async () => {
    for (const { step, at, balance } of seen) expect([step, await energyBalance(store.pool, { asOf: at })]).toEqual([step, balance]);
  });
  it('accounts for every Wh at every instant, by source and site too', async () => {
    for (const { at } of seen) {
      const { items } = await energyBalanceDetails(store.pool, { asOf: at }, { limit: 100 });
      expect(items.filter((b) => b.difference !== 0n)).toEqual([]);
    }
  });
  it('by hand: held until the token was mapped, open until it was issued', async () => {
    const at = (step: string) => seen.find((s) => s.step === step)?.at;
    expect(december(await energyBalance(store.pool, { asOf: at('nothing') }))).toBeUndefined();
    expect(december(await energyBalance(store.pool, { asOf: at('arrived') }))).toMatchObject({ received: 33_000n, open: 30_000n, held: 3_000n });
    expect(december(await energyBalance(store.pool, { asOf: at('mapped') }))).toMatchObject({ received: 33_000n, open: 33_000n, held: 0n });
    expect(december(await energyBalance(store.pool, { asOf: at('issued') }))).toMatchObject({ received: 33_000n, billed: 23_000n, excluded: 10_000n, open: 0n });
    // −20 and +12 wait, and 5 that came late.
    expect(december(await energyBalance(store.pool, { asOf: at('corrected') }))).toMatchObject({ received: 30_000n, billed: 23_000n, excluded: 10_000n, open: -3_000n });
    expect(december(await energyBalance(store.pool, { asOf: at('rejected') }))).toMatchObject({ received: 37_000n, rejected: 7_000n, held: 0n });
    expect(december(await energyBalance(store.pool, { asOf: at('elsewhere') }))).toMatchObject({ received: 46_000n, rejected: 7_000n, billedElsewhere: 9_000n, difference: 0n });
    expect(december(await energyBalance(store.pool, { asOf: at('carried') }))).toMatchObject({ carried: -3_000n, open: 0n });
    expect(december(await energyBalance(store.pool, { asOf: at('cancelled') }))).toMatchObject({ carried: 0n, open: -3_000n });
    expect(december(await energyBalance(store.pool, { asOf: at('carried and closed') }))).toMatchObject({ carried: -3_000n, open: 0n });
    expect(december(await energyBalance(store.pool, { asOf: at('taken over') }))).toMatchObject({ carried: 0n, open: -3_000n });
  });
});
