import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { putEntity } from '../../src/store/commands/put-entity.ts';
import { putSetUp } from '../../src/store/commands/put-set-up.ts';
import { closeOwnerSet, freeWaitingShares } from '../../src/store/cycle/owner-set.ts';
import type { Store } from '../../src/store/db.ts';
import { closeSet, finishRun, issueRun, reviewRun } from '../support/bill.ts';
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
    expect(await rows("SELECT account_id, reason, net_minor, charge_count FROM held_document WHERE account_id LIKE 'acc_brf%'")).toEqual([
      { account_id: 'acc_brf_north', reason: 'zero', net_minor: 0n, charge_count: 2 },
    ]);
  });

  it('is taken back once, where a month that came to nothing is stated with more to come', async () => {
    const { runId } = { runId: 'run_ent_se_2019-12_live' };
    await rows("UPDATE billing_run SET state = 'closed', closed_at = now() WHERE id = $1", [runId]);
    await store.tx((db) => freeWaitingShares(db, runId));
    // Late: 10 kWh of December at north that no allowance covers. Its record booked a share of 2.79 too, and that is what north earns of December and January.
    await storeLines(store, [session(3, { user: 'Bl2-6', garage: 'Bl2', kWh: '10', start: '12.12.2019 10:00', end: '12.12.2019 12:00' })]);
    await processAll(store);
    const [late] = await rows("SELECT net_minor FROM rated_charge WHERE role = 'siteShareEstimate' AND payee_account_id = 'acc_brf_north' ORDER BY charge_id DESC LIMIT 1");
    const north = (await month('2020-01', '2020-02-06')).find((d) => d['account_id'] === 'acc_brf_north');
    expect(north).toEqual({
      account_id: 'acc_brf_north',
      net_minor: late?.['net_minor'],
      charges: ['siteShareEstimate netShare/share 279', `siteShareEstimate netShare/share ${late?.['net_minor']}`, 'statement netShare/share -279'],
    });
  });
});

describe('a plan that begins in a month that was billed', () => {
  it('moves what the sites’ owners earned of it, by the run that bills the difference, also of who earns nothing else in it', async () => {
    const { store: other, drop: close } = await seeded();
    const stated = async (period: string, issuedOn: string) => {
      const runId = await closeSet(other, period);
      await other.tx((db) => closeOwnerSet(db, runId));
      await issueRun(other, runId, issuedOn, true);
      const { rows: found } = await other.pool.query("SELECT account_id, net_minor FROM document WHERE run_id = $1 AND (account_id LIKE 'acc_brf%' OR account_id = 'acc_fleet_home_care') ORDER BY 1", [
        runId,
      ]);
      return found.map((d) => [d.account_id, d.net_minor]);
    };
    const version = (contractId: string, no: number, from: string, agreement: object) =>
      other.pool.query("INSERT INTO contract_version (contract_id, version, valid_from, valid_to, clauses, author) VALUES ($1, $2, $3, 'infinity', $4, 'test')", [
        contractId,
        no,
        from,
        JSON.stringify(agreement),
      ]);
    for (const owner of ['north', 'south']) await version(`ctr_brf_${owner}`, 101, '2019-11-01T00:00:00+01:00', share);
    await version('ctr_fleet_home_care', 101, '2019-11-01T00:00:00+01:00', { kind: 'supply', status: 'active', clauses: [] });
    const fleet = (id: number, day: string, garage: string) => session(id, { user: 'NR1-3', garage, kWh: '10', start: `${day} 10:00`, end: `${day} 12:00` });
    await storeLines(other, [fleet(1, '10.12.2019', 'Bl2'), fleet(2, '20.01.2020', 'Bl7')]);
    await processAll(other);
    expect(await stated('2019-12', '2020-01-06')).toEqual([
      ['acc_brf_north', 279n],
      ['acc_fleet_home_care', 2234n],
    ]);
    await version('ctr_fleet_home_care', 102, '2019-12-01T00:00:00+01:00', { kind: 'supply', status: 'active', clauses: [{ kind: 'included', id: 'inc', kWhPerMonth: '10', rolloverMonths: 0 }] });
    // Both months' 10 kWh are included: 22.34 of December goes back and nothing is due of January. North's share of it goes back too, and South earns nothing.
    expect(await stated('2020-01', '2020-02-06')).toEqual([
      ['acc_brf_north', -279n],
      ['acc_fleet_home_care', -2234n],
    ]);
    await close();
  }, 60_000);
});

describe('a late session that is billed elsewhere', () => {
  it.each(['off-cycle', 'weekly'])(
    'moves what others earned of its month, by their next run: %s',
    async (elsewhere) => {
      const { store: other, drop: close } = await seeded();
      const version = (contractId: string, agreement: object) =>
        other.pool.query("INSERT INTO contract_version (contract_id, version, valid_from, valid_to, clauses, author) VALUES ($1, 101, '2019-11-01T00:00:00+01:00', 'infinity', $2, 'test')", [
          contractId,
          JSON.stringify(agreement),
        ]);
      await version('ctr_brf_south', share);
      await version('ctr_fleet_home_care', { kind: 'supply', status: 'active', clauses: [{ kind: 'included', id: 'inc', kWhPerMonth: '15', rolloverMonths: 0 }] });
      const charge = async (id: number, user: string, garage: string, day: string, kWh = '10') => {
        await storeLines(other, [session(id, { user, garage, kWh, start: `${day} 10:00`, end: `${day} 12:00` })]);
        await processAll(other);
      };
      const south = async (period: string, issuedOn: string, more: Parameters<typeof reviewRun>[2] = {}) => {
        const runId = await reviewRun(other, period, more);
        await finishRun(other, runId, issuedOn);
        const { rows: found } = await other.pool.query("SELECT service_month, component, net_minor FROM period_charge WHERE run_id = $1 AND account_id = 'acc_brf_south' ORDER BY 1, 2", [runId]);
        return found.map((r) => Object.values(r));
      };
      if (elsewhere === 'weekly') {
        await other.tx((db) => putEntity(db, 'ent_se', { calendars: [{ id: 'cal_weekly', cadence: 'weekly' }] }, undefined, 'as agreed', { actor: 'preparer' }));
        await other.tx((db) => putSetUp(db, 'accounts', { id: 'acc_fleet_home_care', calendarId: 'cal_weekly' }, 'as agreed', { actor: 'preparer' }));
      }
      const ofFleet = (week: string, issuedOn: string) => (elsewhere === 'weekly' ? south(week, issuedOn) : south('2019-12', issuedOn, { selection: { accountIds: ['acc_fleet_home_care'] } }));
      // 15 of 20 kWh at South are included, and 5 are paid: of 11.17 12.5 % are 1.40, of all 44.68 5.59 were booked. Somebody else pays there too.
      await charge(1, 'NR1-3', 'Bl7', '20.12.2019', '20');
      await charge(2, 'Bl2-6', 'Bl7', '21.12.2019');
      if (elsewhere === 'weekly') expect(await ofFleet('2019-W51', '2019-12-24')).toEqual([]);
      expect(await south('2019-12', '2020-01-06')).toEqual([['2019-12', 'netShare/share', -419n]]);
      // 10 kWh before them, at North, take 10 of the 15: at South 15 kWh are paid, 33.51, of which 12.5 % are 4.19.
      await charge(3, 'NR1-3', 'Bl2', '12.12.2019');
      expect(await ofFleet('2020-W01', '2020-01-10')).toEqual([]);
      expect(await south('2020-01', '2020-02-06')).toEqual([['2019-12', 'netShare/share#2', 279n]]);
      expect(await south('2020-02', '2020-03-06')).toEqual([]);
      await close();
    },
    60_000,
  );
});
