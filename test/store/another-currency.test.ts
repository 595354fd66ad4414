import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Seed } from '../../src/contracts/seed.ts';
import { checkPreview } from '../../src/store/cycle/check-preview.ts';
import type { Store } from '../../src/store/db.ts';
import { accountingBatch } from '../../src/store/reads/accounting-batch.ts';
import { finishRun, reviewRun } from '../support/bill.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let store: Store;
let drop: () => Promise<void>;
let runId: string;
const rows = async (sql: string, params: unknown[] = []) => (await store.pool.query(sql, params)).rows;
/** Has a fleet pay in EUR, by these clauses from an instant on. */
const payInEur = async (account: string, from: string, clauses: readonly object[]) => {
  await rows("UPDATE account SET currency = 'EUR' WHERE id = $1", [account]);
  await rows(
    "INSERT INTO contract_version (contract_id, version, valid_from, valid_to, clauses, author) SELECT id, 50, $2, 'infinity', $3, 'test' FROM contract WHERE account_id = $1 AND kind = 'supply'",
    [account, from, JSON.stringify({ kind: 'supply', status: 'active', clauses })],
  );
};
/** A tariff that gives away what the one in EUR sells. */
const forNothing = ({ body, ...rest }: Seed['tariffs'][number]) => {
  const elements = body.elements.map((e) => ({ ...e, price_components: e.price_components.map((c) => ({ ...c, price: '0' })) }));
  return body.id === 'roaming-eur' ? [{ ...rest, body: { ...body, id: 'free-eur', elements } }] : [];
};
/** What the month decides for an account: component, month, net, and of which day the rate into the books is. */
const drafts = async (account: string) => {
  expect(await rows('SELECT state, reason FROM run_account WHERE run_id = $1 AND account_id = $2', [runId, account])).toEqual([{ state: 'ready', reason: null }]);
  const found = await rows('SELECT component, service_month, net_minor, fx_rate FROM period_charge WHERE run_id = $1 AND account_id = $2 ORDER BY component, service_month', [runId, account]);
  return found.map((d) => [d.component, d.service_month, d.net_minor, d.fx_rate.split(' ')[1]]);
};

/** A seller whose books are in SEK, and the rates that are known when December is billed. */
beforeAll(async () => {
  ({ store, drop } = await seeded('every-category', (seed) => ({
    ...seed,
    fxRates: seed.fxRates.filter((r) => r.on < '2020-01-07'),
    tariffs: [...seed.tariffs, ...seed.tariffs.flatMap(forNothing)],
  })));
  await payInEur('acc_fleet_home_care', '2019-01-01T00:00:00+01:00', [
    { kind: 'priceList', id: 'own', tariffId: 'roaming-eur' },
    { kind: 'included', id: 'inc', kWhPerMonth: '15', rolloverMonths: 0 },
  ]);
  await payInEur('acc_fleet_taxi', '2019-12-01T00:00:00+01:00', [{ kind: 'fee', id: 'fee', amount: '20', billed: 'advance', refund: 'prorata' }]);
  await payInEur('acc_fleet_craft', '2019-01-01T00:00:00+01:00', [{ kind: 'priceList', id: 'own', tariffId: 'free-eur' }]);
  const at = (id: number, day: string, user = 'NR1-3') => session(id, { user, garage: 'Bl2', kWh: '10', start: `${day} 10:00`, end: `${day} 12:00` });
  await storeLines(store, [at(1, '11.06.2019'), at(2, '10.12.2019'), at(3, '11.12.2019', 'AsO4-2')]);
  await processAll(store);
  runId = await reviewRun(store, '2019-12');
}, 60_000);
afterAll(() => drop());

describe('a month of a customer in another currency', () => {
  it('takes the rate of the day of a late session, however old', async () => {
    // 10 kWh at 0.295 are 2.95. The Fridays before 11 June and 10 December.
    expect(await drafts('acc_fleet_home_care')).toEqual([
      ['included', '2019-06', -295n, '2019-06-07'],
      ['included', '2019-12', -295n, '2019-12-06'],
    ]);
  });

  it('takes for a fee in advance the rate of its first day: of its last there is none yet', async () => {
    // The Fridays before 1 December and 1 January.
    expect(await drafts('acc_fleet_taxi')).toEqual([
      ['advanceFee', '2019-12', 2000n, '2019-11-29'],
      ['advanceFee', '2020-01', 2000n, '2019-12-27'],
    ]);
  });

  it('is judged by limits that are in the currency of the books', async () => {
    // 50.00 EUR with VAT, at 10.60 of 27 December: 530.00 SEK.
    const above = async (limitMinor: number) => {
      await rows("INSERT INTO preview_rules_version (entity_id, version, body, reason, author) SELECT 'ent_se', count(*) + 1, $1, 'test', 'test' FROM preview_rules_version", [
        JSON.stringify({ rules: { documentAbove: { limits: { fleetInvoiceMinor: limitMinor } } } }),
      ]);
      await store.tx((db) => checkPreview(db, runId, ['acc_fleet_taxi'], []));
      return rows(
        "SELECT f.params ->> 'computed' AS computed, f.params ->> 'limit' AS allowed, f.params ->> 'currency' AS currency FROM run_finding l JOIN finding f ON f.id = l.finding_id WHERE l.run_id = $1 AND f.code = 'documentAbove' AND l.account_id = 'acc_fleet_taxi'",
        [runId],
      );
    };
    expect(await above(55_000)).toEqual([]);
    expect(await above(50_000)).toEqual([{ computed: '50.00', allowed: '47.17', currency: 'EUR' }]);
  });

  it('is in the files of its run, also where all of it was free: what books nothing names no rate', async () => {
    await finishRun(store, runId, '2020-01-06');
    const [free] = await rows(
      "SELECT d.id, s.legal_number AS number FROM document d JOIN issue_stamp s ON s.document_id = d.id WHERE d.run_id = $1 AND d.account_id = 'acc_fleet_craft' AND d.payable_minor = 0",
      [runId],
    );
    const batch = await accountingBatch(store.pool, runId);
    expect(batch?.vouchers.find((v) => v.key === free.id)).toMatchObject({ text: free.number, currency: 'EUR', lines: [{ part: 'party', amountMinor: 0n, documentMinor: 0n }] });
    // Beside it 20.00 EUR for December and January each, and 25 % VAT.
    expect(batch?.vouchers.find((v) => v.accountId === 'acc_fleet_taxi')?.lines.map((l) => [l.part, l.documentMinor])).toEqual([
      ['party', 5000n],
      ['net', -4000n],
      ['tax', -1000n],
    ]);
  });
});
