import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Store } from '../../src/store/db.ts';
import { finishRun, reviewRun } from '../support/bill.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let store: Store;
let drop: () => Promise<void>;
const rows = async (sql: string, params: unknown[] = []) => (await store.pool.query(sql, params)).rows;
const guaranteed = (version: number, from: string, carryForward: boolean) =>
  rows("INSERT INTO contract_version (contract_id, version, valid_from, valid_to, clauses, author) VALUES ('ctr_brf_north', $1, $2, 'infinity', $3, 'test')", [
    version,
    from,
    JSON.stringify({
      kind: 'revenueShare',
      status: 'active',
      supplyModel: 'siteAccess',
      clauses: [
        { kind: 'netShare', id: 'share', percent: '12.5' },
        { kind: 'guarantee', id: 'floor', netPerMonth: '5', carryForward },
      ],
    }),
  ]);
/** What the run of a month states of the guarantee. */
const stated = async (period: string, issuedOn: string) => {
  const runId = await reviewRun(store, period);
  const found = await rows("SELECT service_month, component, net_minor FROM period_charge WHERE run_id = $1 AND account_id = 'acc_brf_north' ORDER BY 1, 2", [runId]);
  await finishRun(store, runId, issuedOn);
  return found.map((r) => Object.values(r));
};

beforeAll(async () => {
  ({ store, drop } = await seeded());
  await guaranteed(101, '2019-12-01T00:00:00+01:00', false);
  await guaranteed(102, '2020-01-01T00:00:00+01:00', true);
  // 10 kWh each at 2.234: 22.34 net, of which 12.5 % are 2.79.
  const at = (id: number, day: string) => session(id, { user: 'NR1-3', garage: 'Bl2', kWh: '10', start: `${day} 10:00`, end: `${day} 12:00` });
  await storeLines(store, [at(1, '10.12.2019'), at(2, '10.01.2020'), at(3, '10.02.2020'), at(4, '11.02.2020'), at(5, '12.02.2020')]);
  await processAll(store);
}, 60_000);
afterAll(() => drop());

describe('a guarantee that is carried forward by a later version alone', () => {
  it('takes back what it added since, and nothing of before', async () => {
    // December and January lack 5.00 − 2.79 each. February is 8.37 − 5.00 = 3.37 above, of which the 2.21 of January go back.
    expect(await stated('2019-12', '2020-01-06')).toEqual([['2019-12', 'guarantee/floor', 221n]]);
    expect(await stated('2020-01', '2020-02-06')).toEqual([['2020-01', 'guarantee/floor', 221n]]);
    expect(await stated('2020-02', '2020-03-06')).toEqual([['2020-02', 'guarantee/floor', -221n]]);
  }, 60_000);
});
