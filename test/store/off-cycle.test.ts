import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Seed } from '../../src/contracts/seed.ts';
import { addAdjustment } from '../../src/store/commands/adjust-run.ts';
import { planRun } from '../../src/store/commands/plan-run.ts';
import { buildDocuments } from '../../src/store/cycle/build-documents.ts';
import { unsignedWaiting } from '../../src/store/cycle/run-reads.ts';
import type { Store } from '../../src/store/db.ts';
import { energyBalance } from '../../src/store/reads/energy-balance.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
import { dryRun, finishRun, reviewRun } from '../support/bill.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let store: Store;
let drop: () => Promise<void>;
const by = { actor: 'preparer' };
const rows = async (sql: string, params: unknown[] = []) => (await store.pool.query(sql, params)).rows;
const december = (id: number, user: string, kWh: string) => session(id, { user, kWh, start: `1${id % 10}.12.2019 10:00`, end: `1${id % 10}.12.2019 12:00` });
const arrive = async (...lines: readonly string[]) => {
  await storeLines(store, lines);
  await processAll(store);
};
const review = (period: string, accountIds?: readonly string[]) => reviewRun(store, period, accountIds === undefined ? {} : { selection: { accountIds } });
const accountsOf = async (runId: string) => (await rows("SELECT DISTINCT account_id FROM document WHERE run_id = $1 AND state <> 'discarded' ORDER BY 1", [runId])).map((r) => r.account_id);
const feesOf = (runId: string) =>
  rows("SELECT c.net_minor AS net FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id WHERE k.run_id = $1 AND c.role = 'subscriptionFee' AND k.account_id = 'acc_driver_16'", [runId]);
let final: string;
let month: string;

beforeAll(async () => {
  const basic: Seed['plans'][string] = {
    kind: 'supply',
    status: 'active',
    clauses: [
      { kind: 'fee', id: 'fee', amount: '39.20', billed: 'arrears', refund: 'prorata' },
      { kind: 'included', id: 'energy', kWhPerMonth: '15', rolloverMonths: 0 },
    ],
  };
  ({ store, drop } = await seeded('demo', (seed) => ({ ...seed, plans: { ...seed.plans, basic }, drivers: { ...seed.drivers, '16': { token: 'Bl2-1', plan: 'basic' } } })));
  await arrive(december(1, 'Bl2-1', '10'), december(2, 'NR1-3', '20'), december(3, 'AdA6-1', '30'));
});
afterAll(() => drop());

describe('an off-cycle run', () => {
  it('takes what is open of its accounts, and nothing of anybody else; the month’s own run goes on without it', async () => {
    final = await review('2019-12', ['acc_driver_16']);
    expect(final).toBe('run_ent_se_2019-12_live');
    expect(await accountsOf(final)).toEqual(['acc_driver_16']);
    month = await review('2019-12');
    expect(month).toBe('run_ent_se_2019-12_live_2');
    expect(await accountsOf(month)).not.toContain('acc_driver_16');
    // Whoever was planned first bills the fee of the account, once.
    expect((await rows("SELECT run_id FROM period_charge WHERE role = 'subscriptionFee' AND account_id = 'acc_driver_16'")).map((r) => r.run_id)).toEqual([final]);
  });

  it('asks nothing of records, sources and customers that are no part of it', async () => {
    expect(await unsignedWaiting(store.pool, final)).toEqual([]);
    const found = await rows("SELECT f.code FROM run_finding l JOIN finding f ON f.id = l.finding_id WHERE l.run_id = $1 AND f.code IN ('siteEarnsNothing', 'customerMissing', 'ownerShareMissing')", [
      final,
    ]);
    expect(found).toEqual([]);
  });

  it('is issued before the month closes, and what comes of the account afterwards the month makes up: fee and allowance once', async () => {
    await finishRun(store, final, '2020-01-02');
    expect(await feesOf(final)).toEqual([{ net: 3920n }]);
    await finishRun(store, month, '2020-01-06');
    await arrive(december(4, 'Bl2-1', '10'));
    const january = await review('2020-01');
    await finishRun(store, january, '2020-02-06');
    const fees = await rows("SELECT service_month AS month, sum(net_minor)::int AS net FROM rated_charge WHERE role = 'subscriptionFee' AND payer_account_id = 'acc_driver_16' GROUP BY 1 ORDER BY 1");
    expect(fees).toEqual([
      { month: '2019-12', net: 3920 },
      { month: '2020-01', net: 3920 },
    ]);
    // 10 kWh covered by the final invoice, 5 of the late 10 by the run after it: 15 in all.
    const covered = await rows("SELECT sum(quantity)::int AS wh FROM rated_charge WHERE role = 'allowance' AND payer_account_id = 'acc_driver_16' AND service_month = '2019-12'");
    expect(covered).toEqual([{ wh: 15_000 }]);
  });

  it('is shown by a dry run of some accounts, which has these alone, whether or not the month has its run yet', async () => {
    const contentOf = (runId: string, account: string) => rows("SELECT content_hash AS hash FROM document WHERE run_id = $1 AND account_id = $2 AND state <> 'discarded'", [runId, account]);
    expect((await accountsOf(month)).length).toBeGreaterThan(1);
    const shown = await dryRun(store, '2019-12', { selection: { accountIds: ['acc_fleet_taxi'] } });
    expect(await rows('SELECT account_id FROM run_account WHERE run_id = $1', [shown])).toEqual([{ account_id: 'acc_fleet_taxi' }]);
    expect(await accountsOf(shown)).toEqual(['acc_fleet_taxi']);
    expect(await contentOf(shown, 'acc_fleet_taxi')).toEqual(await contentOf(month, 'acc_fleet_taxi'));
    // Of a month to come: a fee.
    const ahead = await dryRun(store, '2020-02', { selection: { accountIds: ['acc_driver_16'] } });
    expect(await accountsOf(ahead)).toEqual(['acc_driver_16']);
  });

  it('takes no manual amount of an account that it does not bill: with the line it would bill that account’s month, without its sessions', async () => {
    await arrive(
      session(5, { user: 'Bl2-1', kWh: '10', start: '10.02.2020 10:00', end: '10.02.2020 12:00' }),
      session(6, { user: 'Bl2-2', kWh: '5', start: '11.02.2020 10:00', end: '11.02.2020 12:00' }),
    );
    const alone = await review('2020-02', ['acc_driver_17']);
    const line = { amountMinor: -1000n, vatCode: 'SE25', glKey: 'rounding', costCenter: '900', description: 'Goodwill', reason: 'cable broken' };
    const adjust = (accountId: string) => store.tx((db) => addAdjustment(db, alone, { accountId, ...line }, by));
    await expect(adjust('acc_driver_16')).rejects.toThrow('does not bill account acc_driver_16');
    await adjust('acc_driver_17');
    await store.tx((db) => buildDocuments(db, alone));
    expect(await accountsOf(alone)).toEqual(['acc_driver_17']);
    expect(await rows('SELECT role FROM period_charge WHERE run_id = $1', [alone])).toEqual([]);
    await finishRun(store, alone, '2020-03-02');
  });

  it('leaves every balance whole', async () => {
    expect((await energyBalance(store.pool)).filter((m) => m.difference !== 0n)).toEqual([]);
    expect(await rows('SELECT unit FROM ledger_entry GROUP BY unit HAVING sum(amount) <> 0')).toEqual([]);
    for (const { report } of await rows("SELECT report FROM billing_run WHERE kind = 'live' ORDER BY id")) for (const row of report.equation.rows) expect(row.difference).toBe('0');
    expect((await verifyAll(store)).sections.filter((section) => section.problem !== null)).toEqual([]);
  });

  it('is refused for an account that there is not; a month is not planned behind a later one that has taken it in', async () => {
    await expect(store.tx((db) => planRun(db, { entityId: 'ent_se', period: '2020-01', by, selection: { accountIds: ['acc_nobody'] } }))).rejects.toThrow('has no account "acc_nobody"');
    await review('2020-03');
    await expect(store.tx((db) => planRun(db, { entityId: 'ent_se', period: '2020-02', by }))).rejects.toThrow(/has taken in what was open of 2020-02/);
  });
});
