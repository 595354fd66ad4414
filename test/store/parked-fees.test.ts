import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { touch } from '../../src/store/commands/shape-run.ts';
import { cancelRun } from '../../src/store/cycle/cancel-run.ts';
import { reportOf } from '../../src/store/reads/run-report.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
import { finishRun } from '../support/bill.ts';
import { type LeftOutStage, stageOf } from '../support/left-out.ts';

const driver = 'acc_driver_16';
const parkedMonths = [
  ['2019-12', '2020-01-06'],
  ['2020-01', '2020-02-06'],
  ['2020-02', '2020-03-06'],
  ['2020-03', '2020-04-06'],
  ['2020-04', '2020-05-06'],
] as const;
let on: LeftOutStage;

describe('fees of an account that is parked before it was ever billed', () => {
  beforeAll(async () => {
    on = await stageOf(driver);
    // 40.00 in arrears until February, 30.00 in advance, and no less than 20.00 of sessions.
    const advance = { kind: 'fee', id: 'adv', amount: '30', billed: 'advance', refund: 'prorata' };
    const minimum = { kind: 'minimum', id: 'min', netPerMonth: '20' };
    await on.subscribe([{ kind: 'fee', id: 'fee', amount: '40', billed: 'arrears', refund: 'prorata' }, advance, minimum], '2019-11-30T23:00:00Z');
    await on.subscribe([advance, minimum], '2020-02-29T23:00:00Z');
  }, 60_000);
  afterAll(() => on.drop());

  it('wait without an amount, each period by itself, and are seen', async () => {
    await on.park(true);
    for (const [period, by] of parkedMonths) {
      const runId = await on.review(period);
      expect(await on.rows('SELECT state FROM run_account WHERE run_id = $1 AND account_id = $2', [runId, driver])).toEqual([{ state: 'parked' }]);
      await on.signParked(runId);
      await finishRun(on.store, runId, by);
    }
    const [{ id: april }] = await on.rows("SELECT id FROM billing_run WHERE label = '2020-04'");
    expect((await on.leftOut(april)).map(([month, component, opening, net, outcome]) => [month, component, opening, net, outcome])).toEqual([
      ...['2019-12', '2020-01', '2020-02', '2020-03', '2020-04', '2020-05'].flatMap((month) => [
        [month, 'advanceFee', 0n, 0n, 'carried'],
        ...(month < '2020-03' ? [[month, 'fee', 0n, 0n, 'carried']] : []),
        ...(month < '2020-05' ? [[month, 'minimum', 0n, 0n, 'carried']] : []),
      ]),
    ]);
    expect((await reportOf(on.store.pool, april))?.heldBack).toMatchObject([{ reason: 'parked', accounts: 1, fees: '0.00' }]);
  });

  it('are billed by the run that first bills the account, each once, with its own month', async () => {
    await on.park(false);
    const may = await on.review('2020-05');
    // 3 × 40.00, and 7 × 30.00 of December to June, and 6 × 20.00 of December to May: 120.00 + 210.00 + 120.00 = 450.00.
    expect(await on.rows('SELECT net_minor AS net FROM document WHERE run_id = $1 AND account_id = $2', [may, driver])).toEqual([{ net: 45_000n }]);
    await finishRun(on.store, may, '2020-06-06');
    const months = ['2019-12', '2020-01', '2020-02', '2020-03', '2020-04', '2020-05', '2020-06'];
    const each = months.flatMap((month) => [[month, 'advanceFee', 3000n], ...(month < '2020-03' ? [[month, 'fee', 4000n]] : []), ...(month < '2020-06' ? [[month, 'minimum', 2000n]] : [])]);
    expect(await on.billed()).toEqual(each);
    // The lines show the month that each is for.
    expect(
      (
        await on.rows(
          'SELECT l.service_month AS month, sum(l.net_minor)::int AS net FROM document_line l JOIN document d ON d.id = l.document_id WHERE d.run_id = $1 AND d.account_id = $2 GROUP BY 1 ORDER BY 1',
          [may, driver],
        )
      ).map((r) => [r.month, r.net]),
    ).toEqual(months.map((month) => [month, month < '2020-03' ? 9000 : month < '2020-06' ? 5000 : 3000]));
    expect((await on.leftOut(may)).map((r) => r[4])).toEqual(each.filter(([month, c]) => (month as string) < '2020-05' || (month === '2020-05' && c === 'advanceFee')).map(() => 'billed'));
    await finishRun(on.store, await on.review('2020-06'), '2020-07-06');
    expect((await on.billed()).length).toBe(each.length + 2);
    expect((await verifyAll(on.store)).sections.filter((s) => s.problem !== null)).toEqual([]);
  });
});

describe('fees of a contract that ended while its account is parked', () => {
  beforeAll(async () => {
    on = await stageOf(driver);
    // 10.00 in arrears and 30.00 in advance, in January 2020 alone: three months later nothing of the contract is looked for any more, were it not for what waits.
    await on.subscribe(
      [
        { kind: 'fee', id: 'fee', amount: '10', billed: 'arrears', refund: 'prorata' },
        { kind: 'fee', id: 'adv', amount: '30', billed: 'advance', refund: 'prorata' },
      ],
      '2019-12-31T23:00:00Z',
      '2020-01-31T23:00:00Z',
    );
  }, 60_000);
  afterAll(() => on.drop());

  it('are billed all the same', async () => {
    await on.park(true);
    for (const [period, by] of [...parkedMonths, ['2020-05', '2020-06-06']] as const) {
      const runId = await on.review(period);
      expect(await on.rows('SELECT state FROM run_account WHERE run_id = $1 AND account_id = $2', [runId, driver])).toEqual([{ state: 'parked' }]);
      await on.signParked(runId);
      await finishRun(on.store, runId, by);
    }
    await on.park(false);
    await finishRun(on.store, await on.review('2020-06'), '2020-07-06');
    expect(await on.billed()).toEqual([
      ['2020-01', 'advanceFee', 3000n],
      ['2020-01', 'fee', 1000n],
    ]);
    expect((await verifyAll(on.store)).sections.filter((s) => s.problem !== null)).toEqual([]);
  });
});

describe('fees that wait since an account is parked', () => {
  const fee = { kind: 'fee', id: 'fee', amount: '10', billed: 'arrears', refund: 'prorata' };
  const parked = async (runId: string, issuedOn: string) => {
    await on.signParked(runId);
    await finishRun(on.store, runId, issuedOn);
  };
  beforeAll(async () => {
    on = await stageOf(driver);
    await on.subscribe([fee], '2019-11-30T23:00:00Z');
    await on.park(true);
  }, 60_000);
  afterAll(() => on.drop());

  it('are billed once by an off-cycle run, though others were cancelled, and while a run of the month is open', async () => {
    for (const [period, by] of parkedMonths.slice(0, 4)) {
      const cancelled = await on.review(period);
      await on.store.tx((db) => cancelRun(db, { runId: cancelled, reason: 'planned too early', by: { actor: 'preparer' } }));
      await parked(await on.review(period), by);
    }
    // The run of April is in review, parked still; the account is billed of March and what is before by a run of its own, which was planned later.
    const april = await on.review('2020-04');
    await on.park(false);
    const alone = await on.reviewAlone('2020-03');
    // What an open run has is left to it.
    expect(await on.rows('SELECT FROM period_charge WHERE run_id = $1', [alone])).toEqual([]);
    await finishRun(on.store, alone, '2020-04-20');
    await on.store.tx((db) => touch(db, april, [driver]));
    await on.build(april);
    await finishRun(on.store, april, '2020-05-06');
    const months = ['2019-12', '2020-01', '2020-02', '2020-03', '2020-04'];
    expect(await on.billed()).toEqual(months.map((month) => [month, 'fee', 1000n]));
    await on.park(true);
    await parked(await on.review('2020-05'), '2020-06-06');
    await on.park(false);
    const ahead = await on.reviewAlone('2020-05');
    expect(await on.leftOut(ahead)).toEqual([['2020-05', 'fee', 0n, 1000n, 'billed']]);
    await finishRun(on.store, ahead, '2020-06-20');
    await finishRun(on.store, await on.review('2020-06'), '2020-07-06');
    expect(await on.billed()).toEqual([...months, '2020-05', '2020-06'].map((month) => [month, 'fee', 1000n]));
    expect((await verifyAll(on.store)).sections.filter((s) => s.problem !== null)).toEqual([]);
  });
});
