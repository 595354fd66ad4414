import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endExclusion } from '../../src/store/commands/exclusion-rules.ts';
import { reportOf } from '../../src/store/reads/run-report.ts';
import { shadowBalance } from '../../src/store/reads/shadow-balance.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
import { finishRun } from '../support/bill.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { type LeftOutStage, stageOf } from '../support/left-out.ts';

const driver = 'acc_driver_16';
let on: LeftOutStage;
/** 80.00 net a month, for a consumer 100.00 gross. */
const minimum = (netPerMonth = '80') => ({ kind: 'minimum', id: 'min', netPerMonth });
/** At 2.65 a kWh, for a consumer 3.3125 gross. */
const arrive = async (no: number, month: string, kWh: string, garage = 'Bl2') => {
  const day = String(no + 4).padStart(2, '0');
  await storeLines(on.store, [session(no, { user: 'Bl2-1', garage, kWh, start: `${day}.${month} 12:00`, end: `${day}.${month} 18:00` })]);
  await processAll(on.store);
};
const drafts = async (runId: string) =>
  (await on.rows('SELECT service_month, component, net_minor FROM period_charge WHERE run_id = $1 AND account_id = $2 ORDER BY 1, 2, 3', [runId, driver])).map((r) => Object.values(r));
const holds = async () => {
  expect(await on.rows('SELECT unit FROM ledger_entry GROUP BY unit HAVING sum(amount) <> 0')).toEqual([]);
  expect((await verifyAll(on.store)).sections.filter((s) => s.problem !== null)).toEqual([]);
};

describe('the minimum of a month that is written off', () => {
  beforeAll(async () => {
    on = await stageOf(driver);
    await on.subscribe([minimum()], '2019-11-30T23:00:00Z');
    await arrive(1, '12.2019', '10');
  }, 60_000);
  afterAll(() => on.drop());

  it('is written off for good with what its sessions lack, and no later run bills it', async () => {
    const { runId, ruleId } = await on.leaveOut('2019-12', 'writeOff');
    // 10 kWh are 33.125, so 33.13 gross, 26.50 net. 100.00 − 33.13 = 66.87 gross, of which 13.37 are VAT: 53.50 net. 26.50 + 53.50 = 80.00.
    expect(await on.leftOut(runId)).toEqual([['2019-12', 'minimum', 0n, 5350n, 'excluded']]);
    expect((await shadowBalance(on.store.pool, runId)).totals).toMatchObject([{ writtenOff: { charges: 2, net: '80.00' }, closing: { net: '0.00' } }]);
    await finishRun(on.store, runId, '2020-01-06');
    expect((await reportOf(on.store.pool, runId))?.exclusions).toMatchObject([{ id: ruleId, net: '80.00', energyWh: '10000' }]);
    // A late session of December is billed; what it would lack of the minimum is written off.
    await arrive(2, '12.2019', '4');
    const january = await on.review('2020-01');
    expect(await drafts(january)).toEqual([['2020-01', 'minimum', 8000n]]);
    // 4 kWh are 13.25 gross, 10.60 net; 80.00 of January.
    expect(await on.rows('SELECT net_minor AS net FROM document WHERE run_id = $1 AND account_id = $2', [january, driver])).toEqual([{ net: 9060n }]);
    await finishRun(on.store, january, '2020-02-06');
  });

  it('stays so where its sessions came to more, and where its contract becomes dearer only what is more is billed', async () => {
    await arrive(3, '02.2020', '40');
    const { runId } = await on.leaveOut('2020-02', 'writeOff');
    // 40 kWh are 132.50 gross: nothing is lacking.
    expect(await on.leftOut(runId)).toEqual([['2020-02', 'minimum', 0n, 0n, 'excluded']]);
    await finishRun(on.store, runId, '2020-03-06');
    // 88.00 net since 1 February.
    await on.subscribe([minimum('88')], '2020-01-31T23:00:00Z');
    const march = await on.review('2020-03');
    // 88.00 − 80.00 = 8.00 more of February.
    expect(await drafts(march)).toEqual([
      ['2020-02', 'minimum#2', 800n],
      ['2020-03', 'minimum', 8800n],
    ]);
    await finishRun(on.store, march, '2020-04-06');
    await holds();
  });
});

describe('the minimum of a month that is carried', () => {
  beforeAll(async () => {
    on = await stageOf(driver);
    await on.subscribe([minimum()], '2019-11-30T23:00:00Z');
  }, 60_000);
  afterAll(() => on.drop());

  it('waits as long as it takes, without a fee beside it, and is billed once', async () => {
    for (const [period, by] of [
      ['2019-12', '2020-01-06'],
      ['2020-01', '2020-02-06'],
      ['2020-02', '2020-03-06'],
      ['2020-03', '2020-04-06'],
    ] as const)
      await finishRun(on.store, (await on.leaveOut(period, 'carry')).runId, by);
    const april = await on.review('2020-04');
    const waited = ['2019-12', '2020-01', '2020-02', '2020-03'];
    expect(await on.leftOut(april)).toEqual(waited.map((month) => [month, 'minimum', 8000n, 8000n, 'billed']));
    await finishRun(on.store, april, '2020-05-06');
    expect(await on.billed()).toEqual([...waited, '2020-04'].map((month) => [month, 'minimum', 8000n]));
  });

  it('comes to what is lacking beside the sessions that wait with it', async () => {
    await arrive(1, '05.2020', '10');
    const { runId } = await on.leaveOut('2020-05', 'carry');
    // As above: 26.50 and 53.50 wait.
    expect(await on.leftOut(runId)).toEqual([['2020-05', 'minimum', 0n, 5350n, 'carried']]);
    expect((await shadowBalance(on.store.pool, runId)).totals).toMatchObject([{ closing: { charges: 2, net: '80.00' } }]);
    await finishRun(on.store, runId, '2020-06-06');
    await arrive(2, '05.2020', '4');
    const june = await on.review('2020-06');
    // 14 kWh are 33.13 + 13.25 = 46.38 gross: 53.62 are lacking, of which 10.72 are VAT: 42.90 net.
    expect(await on.leftOut(june)).toEqual([['2020-05', 'minimum', 5350n, 4290n, 'billed']]);
    // 26.50 + 10.60 + 42.90 = 80.00 of May, and 80.00 of June.
    expect(await on.rows('SELECT net_minor AS net FROM document WHERE run_id = $1 AND account_id = $2', [june, driver])).toEqual([{ net: 16_000n }]);
    await finishRun(on.store, june, '2020-07-06');
    await holds();
  });

  it('is billed once it is too old, with what it lacks beside sessions that still wait', async () => {
    const rule = await on.inForce('carry', 1);
    await arrive(3, '07.2020', '10');
    await finishRun(on.store, await on.review('2020-07'), '2020-08-06');
    await arrive(4, '07.2020', '4');
    const august = await on.review('2020-08');
    // July's first session is too old to wait, and its minimum; its second came a month later. 53.50 waited, 42.90 are lacking beside both.
    expect(await on.leftOut(august)).toEqual([
      ['2020-07', 'minimum', 5350n, 4290n, 'billed'],
      ['2020-08', 'minimum', 0n, 8000n, 'carried'],
    ]);
    expect(await on.rows('SELECT net_minor AS net FROM document WHERE run_id = $1 AND account_id = $2', [august, driver])).toEqual([{ net: 6940n }]);
    await finishRun(on.store, august, '2020-09-06');
    await on.store.tx((db) => endExclusion(db, rule, 'settled', { actor: 'signer' }));
    const september = await on.review('2020-09');
    // The second session of July, 10.60, which was counted; 80.00 of August, and of September: 69.40 + 10.60 = 80.00 of July in all.
    expect(await on.rows('SELECT net_minor AS net FROM document WHERE run_id = $1 AND account_id = $2', [september, driver])).toEqual([{ net: 17_060n }]);
    await finishRun(on.store, september, '2020-10-06');
    await holds();
  });

  it('of sessions at two sites waits as one, and burdens both once it is billed', async () => {
    await arrive(5, '10.2020', '4');
    await arrive(6, '10.2020', '6', 'Bl7');
    const { runId } = await on.leaveOut('2020-10', 'carry');
    // 13.25 and 19.88 gross, 10.60 and 15.90 net: 100.00 − 33.13 = 66.87 are lacking, 26.74 and 40.13 by the two, of which 5.35 and 8.03 are VAT: 21.39 + 32.10 = 53.49 net.
    expect(await on.leftOut(runId)).toEqual([['2020-10', 'minimum', 0n, 5349n, 'carried']]);
    // 10.60 + 15.90 + 53.49; gross it is 100.00.
    expect((await shadowBalance(on.store.pool, runId)).totals).toMatchObject([{ closing: { charges: 3, net: '79.99' } }]);
    await finishRun(on.store, runId, '2020-11-06');
    const november = await on.review('2020-11');
    expect((await drafts(november)).filter(([month]) => month === '2020-10')).toEqual([
      ['2020-10', 'minimum', 2139n],
      ['2020-10', 'minimum', 3210n],
    ]);
    expect(await on.leftOut(november)).toEqual([['2020-10', 'minimum', 5349n, 5349n, 'billed']]);
    // October and November, 100.00 gross each.
    expect(await on.rows('SELECT payable_minor AS payable FROM document WHERE run_id = $1 AND account_id = $2', [november, driver])).toEqual([{ payable: 20_000n }]);
    await finishRun(on.store, november, '2020-12-06');
    await holds();
  });

  it('of an invoice that is held waits by itself too', async () => {
    await on.rows('UPDATE account SET purchase_order_required = true WHERE id = $1', [driver]);
    for (const [period, by] of [
      ['2020-12', '2021-01-06'],
      ['2021-01', '2021-02-06'],
      ['2021-02', '2021-03-06'],
      ['2021-03', '2021-04-06'],
    ] as const)
      await finishRun(on.store, await on.review(period), by);
    await on.rows("UPDATE account SET purchase_order = 'PO 7' WHERE id = $1", [driver]);
    const april = await on.review('2021-04');
    expect(await drafts(april)).toEqual(['2020-12', '2021-01', '2021-02', '2021-03', '2021-04'].map((month) => [month, 'minimum', 8000n]));
    await finishRun(on.store, april, '2021-05-06');
    await holds();
  });
});

describe('the owner of a site', () => {
  const owner = 'acc_brf_north';
  const arriveAt = async (no: number, kWh: string, user = 'NR1-3') => {
    await storeLines(on.store, [session(no, { user, garage: 'Bl2', kWh, start: `${10 + no}.12.2019 10:00`, end: `${10 + no}.12.2019 12:00` })]);
    await processAll(on.store);
  };
  beforeAll(async () => {
    on = await stageOf('acc_fleet_home_care');
    await on.subscribe([{ kind: 'minimum', id: 'min', netPerMonth: '100' }], '2019-11-30T23:00:00Z');
    await on.rows("INSERT INTO contract_version (contract_id, version, valid_from, valid_to, clauses, author) VALUES ('ctr_brf_north', 101, '2019-11-01T00:00:00+01:00', 'infinity', $1, 'test')", [
      JSON.stringify({ kind: 'revenueShare', status: 'active', supplyModel: 'siteAccess', clauses: [{ kind: 'netShare', id: 'share', percent: '12.5' }] }),
    ]);
  }, 60_000);
  afterAll(() => on.drop());

  it('earns nothing of a minimum that was written off', async () => {
    await arriveAt(1, '10');
    await arriveAt(3, '10', 'Bl2-2');
    const { runId: december } = await on.leaveOut('2019-12', 'writeOff');
    // 12.5 % of another driver's 26.50 is 3.3125, so 3.31; of what is written off it earns nothing.
    expect(await on.rows('SELECT net_minor AS net FROM document WHERE run_id = $1 AND account_id = $2', [december, owner])).toEqual([{ net: 331n }]);
    await finishRun(on.store, december, '2020-01-06');
    // Late, 20 kWh at 2.234: 44.68 net; without it the minimum would lack all of 100.00, which is written off.
    await arriveAt(2, '20');
    const january = await on.review('2020-01');
    // 12.5 % of 44.68 is 5.585, so 5.59. It booked that, and the month adds nothing.
    expect(await on.rows('SELECT net_minor AS net FROM document WHERE run_id = $1 AND account_id = $2', [january, owner])).toEqual([{ net: 559n }]);
    await finishRun(on.store, january, '2020-02-06');
    await holds();
  });
});
