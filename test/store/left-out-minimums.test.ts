import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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
const arrive = async (no: number, month: string, kWh: string) => {
  await storeLines(on.store, [session(no, { user: 'Bl2-1', kWh, start: `05.${month} 12:00`, end: `05.${month} 18:00` })]);
  await processAll(on.store);
};
const drafts = async (runId: string) =>
  (await on.rows('SELECT service_month, component, net_minor FROM period_charge WHERE run_id = $1 AND account_id = $2 ORDER BY 1, 2', [runId, driver])).map((r) => Object.values(r));
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

  it('of an invoice that is held waits by itself too', async () => {
    await on.rows('UPDATE account SET purchase_order_required = true WHERE id = $1', [driver]);
    for (const [period, by] of [
      ['2020-07', '2020-08-06'],
      ['2020-08', '2020-09-06'],
      ['2020-09', '2020-10-06'],
      ['2020-10', '2020-11-06'],
    ] as const)
      await finishRun(on.store, await on.review(period), by);
    await on.rows("UPDATE account SET purchase_order = 'PO 7' WHERE id = $1", [driver]);
    const november = await on.review('2020-11');
    expect(await drafts(november)).toEqual(['2020-07', '2020-08', '2020-09', '2020-10', '2020-11'].map((month) => [month, 'minimum', 8000n]));
    await finishRun(on.store, november, '2020-12-06');
    await holds();
  });
});
