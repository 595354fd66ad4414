import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addPricePoints, addPriceSeries } from '../../src/store/commands/price-series.ts';
import { buildDocuments } from '../../src/store/cycle/build-documents.ts';
import { closeOwnerSet } from '../../src/store/cycle/owner-set.ts';
import { advanceRun } from '../../src/store/cycle/run-state.ts';
import type { Store } from '../../src/store/db.ts';
import { closeSet } from '../support/bill.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let store: Store;
let drop: () => Promise<void>;
const rows = async (sql: string, params: unknown[] = []) => (await store.pool.query(sql, params)).rows;
const by = { actor: 'test' };
const fleet = (id: number, kWh: string) => session(id, { user: 'NR1-3', garage: 'Bl2', kWh, start: '10.12.2019 10:00', end: '10.12.2019 12:00' });
/** What a run bills and states for the owner. */
const statedIn = (runId: string) =>
  rows(
    `SELECT role, component, net FROM (
       SELECT c.role, c.component, c.net_minor AS net FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id WHERE k.run_id = $1 AND k.account_id = 'acc_brf_north' AND k.disposition = 'document'
       UNION ALL SELECT role, component, net_minor FROM period_charge WHERE run_id = $1 AND account_id = 'acc_brf_north') c ORDER BY role, component, net`,
    [runId],
  );

beforeAll(async () => {
  ({ store, drop } = await seeded());
  await store.tx(async (db) => {
    await addPriceSeries(db, { id: 'se3', zone: 'SE3', currency: 'SEK', unit: 'MWh', marketZone: 'Europe/Brussels' }, by);
    const points = ['09', '10'].map((hour, i) => ({ row: i + 1, start: `2019-12-10T${hour}:00:00Z`, seconds: undefined, price: '1000' }));
    await addPricePoints(db, 'se3', { format: 'json', body: '', points }, by);
  });
  await rows("INSERT INTO contract_version (contract_id, version, valid_from, valid_to, clauses, author) VALUES ('ctr_brf_north', 2, '2019-11-01T00:00:00+01:00', 'infinity', $1, 'test')", [
    JSON.stringify({ kind: 'revenueShare', status: 'active', supplyModel: 'siteAccess', clauses: [{ kind: 'passThrough', id: 'power', price: { by: 'series', seriesId: 'se3' } }] }),
  ]);
  await storeLines(store, [fleet(1, '10')]);
  await processAll(store);
}, 60_000);
afterAll(() => drop());

describe('electricity that is paid back by a price series', () => {
  it('is that of the version that the run bills: a correction beside the set moves no statement', async () => {
    const runId = await closeSet(store, '2019-12');
    await store.tx((db) => closeOwnerSet(db, runId));
    // 20 kWh instead of 10, once the set is closed.
    await storeLines(store, [fleet(1, '20')]);
    await processAll(store);
    expect(await rows("SELECT revision FROM record_head WHERE cdr_id = '1'")).toEqual([{ revision: 2 }]);
    await store.tx((db) => advanceRun(db, runId, 'previewing'));
    await store.tx((db) => buildDocuments(db, runId));
    // 10 kWh at 1.00, as it was booked.
    expect(await statedIn(runId)).toEqual([{ role: 'energyReimbursement', component: 'passThrough/power', net: 1000n }]);
  });
});
