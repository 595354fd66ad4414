import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildDocuments } from '../../src/store/cycle/build-documents.ts';
import { advanceRun } from '../../src/store/cycle/run-state.ts';
import type { Store } from '../../src/store/db.ts';
import { closeSet } from '../support/bill.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let store: Store;
let drop: () => Promise<void>;
const rows = async (sql: string, params: unknown[] = []) => (await store.pool.query(sql, params)).rows;
/** 40 kWh over four hours, across a change of price: half by day at 2.65 net, half by night (22 to 6 o'clock) at 1.85. */
const across = (id: number, user: string, start: string, end: string) => session(id, { user, kWh: '40', start, end });

beforeAll(async () => {
  ({ store, drop } = await seeded('demo', (said) => {
    // On the 4th drivers charge for nothing.
    const gift = { restrictions: { start_date: '2019-12-04', end_date: '2019-12-05' }, price_components: [{ type: 'ENERGY' as const, price: '0', vat: '25', step_size: 1 }] };
    said.tariffs.find((t) => t.body.id === 'driver-day-night')?.body.elements.unshift(gift);
    return said;
  }));
  await storeLines(store, [
    across(1, 'Bl2-1', '05.12.2019 20:00', '06.12.2019 00:00'),
    across(2, 'Bl2-2', '05.12.2019 04:00', '05.12.2019 08:00'),
    session(3, { user: 'Bl2-3', kWh: '20', start: '04.12.2019 10:00', end: '04.12.2019 12:00' }),
    across(4, 'Bl2-3', '05.12.2019 20:00', '06.12.2019 00:00'),
  ]);
  await processAll(store);
  const contracts = await rows("SELECT DISTINCT contract_id FROM rated_charge WHERE role = 'driverSale'");
  for (const { contract_id: contractId } of contracts)
    await rows("INSERT INTO contract_version (contract_id, version, valid_from, clauses, author, second_person) VALUES ($1, 101, '2019-11-30T23:00:00Z', $2, 'sales', 'head')", [
      contractId,
      JSON.stringify({ kind: 'supply', status: 'active', clauses: [{ kind: 'included', id: 'inc', kWhPerMonth: '30', rolloverMonths: 0 }] }),
    ]);
  const runId = await closeSet(store, '2019-12');
  await store.tx((db) => advanceRun(db, runId, 'previewing'));
  await store.tx((db) => buildDocuments(db, runId));
});
afterAll(() => drop());

it('an allowance is used within a session in the order of time, whichever price stands first in the tariff (D09)', async () => {
  const covered = await rows(
    `SELECT h.cdr_id, p.gross_minor AS gross, p.quantity FROM period_charge p JOIN rated_charge c ON c.payer_account_id = p.account_id AND c.component = 'ENERGY/1' JOIN record_head h ON h.record_id = c.record_id
     WHERE p.role = 'allowance' ORDER BY 1`,
  );
  expect(covered).toEqual([
    // From 20 o'clock: 20 kWh by day are 66.25 with VAT, then 10 of the 20 by night, half of 46.25: 89.375, so 89.38.
    { cdr_id: '1', gross: -8938n, quantity: 30_000n },
    // From 4 o'clock: 20 kWh by night are 46.25, then 10 of the 20 by day, half of 66.25: 79.375, so 79.38.
    { cdr_id: '2', gross: -7938n, quantity: 30_000n },
    // The 20 kWh of the day before were free: they use nothing (D14), and it is as with the first.
    { cdr_id: '4', gross: -8938n, quantity: 30_000n },
  ]);
});
