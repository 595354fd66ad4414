import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Store } from '../../src/store/db.ts';
import { finishRun, reviewRun } from '../support/bill.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let store: Store;
let drop: () => Promise<void>;
const rows = async (sql: string, params: unknown[] = []) => (await store.pool.query(sql, params)).rows;
const agree = (contractId: string, agreement: object) =>
  rows("INSERT INTO contract_version (contract_id, version, valid_from, valid_to, clauses, author) VALUES ($1, 101, '2019-12-01T00:00:00+01:00', 'infinity', $2, 'test')", [
    contractId,
    JSON.stringify(agreement),
  ]);
const charge = async (id: number, user: string, garage: string, kWh: string, day: string) => {
  await storeLines(store, [session(id, { user, garage, kWh, start: `${day} 10:00`, end: `${day} 12:00` })]);
  await processAll(store);
};
/** What the run of a month states for South. */
const south = async (period: string, issuedOn: string) => {
  const runId = await reviewRun(store, period);
  const stated = await rows("SELECT service_month, component, net_minor FROM period_charge WHERE run_id = $1 AND account_id = 'acc_brf_south' ORDER BY 1, 2", [runId]);
  await finishRun(store, runId, issuedOn);
  return stated.map((r) => Object.values(r));
};

beforeAll(async () => {
  ({ store, drop } = await seeded());
  // With a fee, so that there is an invoice each month.
  const clauses = [
    { kind: 'included', id: 'inc', kWhPerMonth: '15', rolloverMonths: 1 },
    { kind: 'fee', id: 'fee', amount: '50' },
  ];
  await agree('ctr_fleet_home_care', { kind: 'supply', status: 'active', clauses });
  const share = { kind: 'revenueShare', status: 'active', supplyModel: 'siteAccess', clauses: [{ kind: 'netShare', id: 'share', percent: '12.5' }] };
  await agree('ctr_brf_north', share);
  await agree('ctr_brf_south', share);
}, 60_000);
afterAll(() => drop());

describe('the share of energy that rolled over', () => {
  it('is stated anew where a late session of the month before used what it was covered by', async () => {
    // 5 of December's 15 kWh at North; 10 go on. In January 25 kWh at South are covered by them and January's 15. Somebody else charges at both, so that there is something to pay.
    await charge(1, 'NR1-3', 'Bl2', '5', '10.12.2019');
    await charge(2, 'Bl2-6', 'Bl2', '10', '11.12.2019');
    expect(await south('2019-12', '2020-01-06')).toEqual([]);
    await charge(3, 'NR1-3', 'Bl7', '25', '10.01.2020');
    await charge(4, 'Bl2-6', 'Bl7', '10', '11.01.2020');
    // 25 kWh at 2.234 are 55.85, of which 12.5 % (6.98) were booked, and nothing is earned.
    expect(await south('2020-01', '2020-02-06')).toEqual([['2020-01', 'netShare/share', -698n]]);
    // 10 kWh of December come late, at North, and use what went on: of January's session 10 kWh are paid, 22.34, of which 12.5 % are 2.79.
    await charge(5, 'NR1-3', 'Bl2', '10', '12.12.2019');
    await charge(6, 'Bl2-6', 'Bl7', '10', '11.02.2020');
    expect(await south('2020-02', '2020-03-06')).toEqual([['2020-01', 'netShare/share#2', 279n]]);
  }, 60_000);

  it('is stated anew in the run of the late session, also where its owner has nothing else in it', async () => {
    // 10 kWh of January come late, at North and before South's, whose 25 kWh are covered by 5 of January's 15 now. 20 kWh are paid there, 44.68, of which 12.5 % are 5.59, less
    // the 2.79 that were stated. Nobody charges at South in March.
    await charge(7, 'NR1-3', 'Bl2', '10', '05.01.2020');
    expect(await south('2020-03', '2020-04-06')).toEqual([['2020-01', 'netShare/share#3', 280n]]);
  }, 60_000);
});
