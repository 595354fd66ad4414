import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeOwnerSet } from '../../src/store/cycle/owner-set.ts';
import type { Store } from '../../src/store/db.ts';
import { closeSet, issueRun } from '../support/bill.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let store: Store;
let drop: () => Promise<void>;
const rows = async (sql: string, params: unknown[] = []) => (await store.pool.query(sql, params)).rows;
const agree = (contractId: string, agreement: object) =>
  rows("INSERT INTO contract_version (contract_id, version, valid_from, valid_to, clauses, author) VALUES ($1, 101, '2019-11-01T00:00:00+01:00', 'infinity', $2, 'test')", [
    contractId,
    JSON.stringify(agreement),
  ]);
const share = { kind: 'revenueShare', status: 'active', supplyModel: 'siteAccess', clauses: [{ kind: 'netShare', id: 'share', percent: '12.5' }] };
const month = async (period: string, issuedOn: string) => {
  const runId = await closeSet(store, period);
  await store.tx((db) => closeOwnerSet(db, runId));
  await issueRun(store, runId, issuedOn, true);
  return rows(
    `SELECT d.account_id, d.net_minor, (SELECT array_agg(c.role || ' ' || c.component || ' ' || c.net_minor ORDER BY c.charge_id) FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id WHERE k.document_id = d.id) AS charges
     FROM document d WHERE d.run_id = $1 AND d.account_id LIKE 'acc_brf%' ORDER BY 1`,
    [runId],
  );
};

beforeAll(async () => {
  ({ store, drop } = await seeded());
  await agree('ctr_fleet_home_care', { kind: 'supply', status: 'active', clauses: [{ kind: 'included', id: 'inc', kWhPerMonth: '15', rolloverMonths: 0 }] });
  await agree('ctr_brf_north', share);
  await agree('ctr_brf_south', { ...share, includedKwhValue: '1.00' });
  const fleet = (id: number, day: string, garage: string) => session(id, { user: 'NR1-3', garage, kWh: '10', start: `${day} 10:00`, end: `${day} 12:00` });
  // 10 kWh each at 2.234: 22.34 net, at a site of each of two owners.
  await storeLines(store, [fleet(1, '10.12.2019', 'Bl2'), fleet(2, '11.12.2019', 'Bl7')]);
  await processAll(store);
}, 60_000);
afterAll(() => drop());

describe('the share of energy that an allowance covers', () => {
  it('is of what the sale came to within the customer’s month, or of the contract’s value of a covered kWh', async () => {
    // 15 kWh are included: all of the first session (north), half of the second (south).
    // North: base 22.34 − 22.34 = 0, so nothing; the 12.5 % of 22.34 (2.79) that its record booked is taken back: no document.
    // South: base 22.34 − 11.17 + 5 kWh × 1.00 = 16.17; 12.5 % is 2.02 (2.02125), 0.77 less than the 2.79 that was booked.
    expect(await month('2019-12', '2020-01-06')).toEqual([{ account_id: 'acc_brf_south', net_minor: 202n, charges: ['siteShareEstimate netShare/share 279', 'statement netShare/share -77'] }]);
  });
});
