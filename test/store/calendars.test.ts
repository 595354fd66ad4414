import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rebillDocument } from '../../src/activities/rebill.ts';
import type { Seed } from '../../src/contracts/seed.ts';
import { orderRebill } from '../../src/store/commands/order-rebill.ts';
import { planRun } from '../../src/store/commands/plan-run.ts';
import { putEntity } from '../../src/store/commands/put-entity.ts';
import { putSetUp } from '../../src/store/commands/put-set-up.ts';
import { buildDocuments } from '../../src/store/cycle/build-documents.ts';
import { advanceRun } from '../../src/store/cycle/run-state.ts';
import type { Store } from '../../src/store/db.ts';
import { energyBalance } from '../../src/store/reads/energy-balance.ts';
import { periodsToOpen } from '../../src/store/reads/periods-to-open.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
import { finishRun, reviewPlanned, reviewRun } from '../support/bill.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let store: Store;
let drop: () => Promise<void>;
const by = { actor: 'preparer' };
const rows = async (sql: string, params: unknown[] = []) => (await store.pool.query(sql, params)).rows;
const arrive = async (...lines: readonly string[]) => {
  await storeLines(store, lines);
  await processAll(store);
};
const plan = (period: string, more: object = {}) => store.tx((db) => planRun(db, { entityId: 'ent_se', period, by, ...more }));
const review = (period: string, more: object = {}) => reviewRun(store, period, more);
/** Who is billed by a run, and how much energy of which CDRs. */
const billedBy = (runId: string) =>
  rows(
    `SELECT k.account_id AS account, array_agg(DISTINCT h.cdr_id ORDER BY h.cdr_id) AS cdrs, sum(c.energy_wh)::int AS wh FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id AND c.payer_account_id IS NOT NULL
     JOIN record_head h ON h.record_id = c.record_id WHERE k.run_id = $1 GROUP BY 1 ORDER BY 1`,
    [runId],
  );
const monthly = (runId: string) =>
  rows("SELECT role, component, service_month AS month, net_minor AS net, quantity::int AS quantity FROM period_charge WHERE run_id = $1 AND account_id = 'acc_driver_16' ORDER BY 3, 2", [runId]);
const driver = (id: number, start: string, end: string, kWh = '10') => session(id, { user: 'Bl2-1', kWh, start, end });
const fleet = (id: number, on: string) => session(id, { user: 'NR1-3', kWh: '10', start: `${on} 10:00`, end: `${on} 12:00` });

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
  // Fleets are billed by quarters, one driver by weeks, whoever is left by months.
  const put = await store.tx((db) =>
    putEntity(
      db,
      'ent_se',
      {
        calendars: [
          { id: 'cal_weekly', cadence: 'weekly' },
          { id: 'cal_quarterly', cadence: 'quarterly', strategies: ['fleetInvoice'] },
        ],
      },
      undefined,
      'as agreed',
      by,
    ),
  );
  expect(put.errors).toEqual([]);
  await store.tx((db) => putSetUp(db, 'accounts', { id: 'acc_driver_16', calendarId: 'cal_weekly' }, 'as agreed', by));
  await arrive(
    driver(1, '03.12.2019 10:00', '03.12.2019 12:00'),
    driver(2, '10.12.2019 10:00', '10.12.2019 12:00'),
    // Ends half an hour into Monday, the 16th: it is of the next week.
    driver(3, '15.12.2019 22:30', '16.12.2019 00:30', '4'),
    driver(4, '30.12.2019 10:00', '30.12.2019 12:00', '4'),
    driver(5, '02.01.2020 10:00', '02.01.2020 12:00', '4'),
    fleet(11, '08.10.2019'),
    fleet(12, '08.11.2019'),
    fleet(13, '08.12.2019'),
    session(21, { user: 'AdO1-2', kWh: '10', start: '08.12.2019 10:00', end: '08.12.2019 12:00' }),
  );
}, 60_000);
afterAll(() => drop());

describe('an entity with calendars of its own for some', () => {
  it('opens of each calendar the latest period that has ended and has something to bill', async () => {
    const due = (at: string) => periodsToOpen(store.pool, 'ent_se', Date.parse(at));
    // Monday the 9th, a minute after midnight in Stockholm and an hour before it in UTC: the week of 2 December is over.
    expect(await due('2019-12-08T23:01:00Z')).toEqual([{ calendarId: 'cal_weekly', period: '2019-W49' }]);
    expect(await due('2019-12-08T22:59:00Z')).toEqual([]);
    expect(await due('2020-01-01T01:00:00Z')).toEqual([
      { calendarId: 'cal_monthly', period: '2019-12' },
      { calendarId: 'cal_quarterly', period: '2019-Q4' },
      { calendarId: 'cal_weekly', period: '2019-W51' },
    ]);
  });

  it('bills by the week what ended in it; the included energy of the month goes on from week to week, its fee waits for the month to end', async () => {
    const first = await review('2019-W49');
    expect(first).toBe('run_ent_se_2019-W49_live');
    expect(await billedBy(first)).toEqual([{ account: 'acc_driver_16', cdrs: ['1'], wh: 10_000 }]);
    // 10 of 15 included kWh cover it: an invoice of zero is not made, and what it would have shown goes into the next week's (D26).
    expect(await rows("SELECT id FROM document WHERE run_id = $1 AND state <> 'discarded' AND account_id = 'acc_driver_16'", [first])).toEqual([]);
    await finishRun(store, first, '2019-12-11');
    const second = await review('2019-W50');
    expect(await billedBy(second)).toEqual([{ account: 'acc_driver_16', cdrs: ['1', '2'], wh: 20_000 }]);
    // 10 kWh at 2.65 net are 33.125 with VAT, so 33.13. All of it and 5 of the next 10 kWh are covered: 33.13 + 16.565 is 49.70; 49.70 × 25/125 is 9.94 VAT, net 39.76.
    expect(await monthly(second)).toEqual([{ role: 'allowance', component: 'included', month: '2019-12', net: -3976n, quantity: 15_000 }]);
    await finishRun(store, second, '2019-12-18');
  });

  it('names weeks on documents by their days, and files them under the run’s own number of the period', async () => {
    // The allowance is for days from the 1st on.
    const [document] = await rows("SELECT convert_from(d.canonical, 'UTF8')::jsonb->'header' AS header FROM document d WHERE d.run_id = 'run_ent_se_2019-W50_live' AND d.state = 'issued'");
    expect(document.header).toMatchObject({ period: '2019-W50', serviceFrom: '2019-12-01', serviceTo: '2019-12-10' });
  });

  it('takes what was left out by weeks in the next one, and what the month decides once the runs before have issued', async () => {
    // Weeks 51 and 52 are taken by the first week of 2020, which ends December.
    const last = await review('2020-W01');
    expect(await billedBy(last)).toEqual([{ account: 'acc_driver_16', cdrs: ['3', '4', '5'], wh: 12_000 }]);
    // 15 kWh of December are used up; the 4 kWh of 2 January are covered by January’s, whose fee is not due.
    expect(await monthly(last)).toMatchObject([
      { role: 'subscriptionFee', component: 'fee', month: '2019-12', net: 3920n },
      { role: 'allowance', component: 'included', month: '2020-01', quantity: 4000 },
    ]);
    await finishRun(store, last, '2020-01-08');
  });

  it('bills months and quarters of the others, and nothing twice', async () => {
    const month = await review('2019-12');
    expect(await billedBy(month)).toEqual([{ account: 'acc_driver_01', cdrs: ['21'], wh: 10_000 }]);
    const quarter = await review('2019-Q4');
    expect(await billedBy(quarter)).toEqual([{ account: 'acc_fleet_home_care', cdrs: ['11', '12', '13'], wh: 30_000 }]);
    const [line] = await rows(
      "SELECT array_agg(DISTINCT l.service_month ORDER BY l.service_month) AS months FROM document d JOIN document_line l ON l.document_id = d.id WHERE d.run_id = $1 AND d.account_id = 'acc_fleet_home_care'",
      [quarter],
    );
    expect(line.months).toEqual(['2019-10', '2019-11', '2019-12']);
    await finishRun(store, month, '2020-01-06');
    await finishRun(store, quarter, '2020-01-07');
    // Every Wh that was received is on one document.
    expect(await rows("SELECT sum(d.energy_wh)::int AS wh FROM document d JOIN account a ON a.id = d.account_id AND a.category <> 'siteOwner' WHERE d.state = 'issued'")).toEqual([{ wh: 72_000 }]);
    expect(await rows('SELECT o.charge_id FROM open_charge o JOIN rated_charge c ON c.charge_id = o.charge_id AND c.payer_account_id IS NOT NULL')).toEqual([]);
    expect(await periodsToOpen(store.pool, 'ent_se', Date.parse('2020-01-06T03:00:00Z'))).toEqual([]);
  });

  it('never bills a charge twice when an account changes its calendar, even with runs of both open', async () => {
    await arrive(driver(6, '07.01.2020 10:00', '07.01.2020 12:00', '14'), driver(7, '14.01.2020 10:00', '14.01.2020 12:00'));
    const week = await review('2020-W02');
    expect(await billedBy(week)).toEqual([{ account: 'acc_driver_16', cdrs: ['6'], wh: 14_000 }]);
    // 11 kWh of January are left.
    expect(await monthly(week)).toMatchObject([{ role: 'allowance', component: 'included#2', month: '2020-01', quantity: 11_000 }]);
    await store.tx((db) => putSetUp(db, 'accounts', { id: 'acc_driver_16', calendarId: null }, 'by months again', by));
    const month = await review('2020-01');
    // The week holds its session, and what January decides of the account: the month bills the rest, and its fee comes with the next run.
    expect(await billedBy(month)).toEqual([{ account: 'acc_driver_16', cdrs: ['7'], wh: 10_000 }]);
    expect(await monthly(month)).toEqual([]);
    await finishRun(store, week, '2020-01-15');
    await finishRun(store, month, '2020-02-06');
    const february = await review('2020-02');
    await finishRun(store, february, '2020-03-06');
    // 4 + 11 kWh are January’s 15; a fee for each month.
    const sums = await rows(
      "SELECT role, service_month AS month, sum(CASE role WHEN 'allowance' THEN quantity ELSE net_minor END)::int AS sum FROM rated_charge WHERE payer_account_id = 'acc_driver_16' AND record_id IS NULL GROUP BY 1, 2 ORDER BY 1, 2",
    );
    expect(sums).toEqual([
      { role: 'allowance', month: '2019-12', sum: 15_000 },
      { role: 'allowance', month: '2020-01', sum: 15_000 },
      { role: 'subscriptionFee', month: '2019-12', sum: 3920 },
      { role: 'subscriptionFee', month: '2020-01', sum: 3920 },
      { role: 'subscriptionFee', month: '2020-02', sum: 3920 },
    ]);
  });

  it('leaves every balance whole', async () => {
    expect((await energyBalance(store.pool)).filter((m) => m.difference !== 0n)).toEqual([]);
    expect(await rows('SELECT unit FROM ledger_entry GROUP BY unit HAVING sum(amount) <> 0')).toEqual([]);
    for (const { report } of await rows("SELECT report FROM billing_run WHERE state = 'closed' ORDER BY id")) for (const row of report.equation.rows) expect(row.difference).toBe('0');
    expect((await verifyAll(store)).sections.filter((section) => section.problem !== null)).toEqual([]);
  });

  it('credits at once by the calendar that billed, whichever else there are', async () => {
    const calendars = [{ id: 'cal_roaming', cadence: 'monthly' as const, strategies: ['emspSettlement' as const] }];
    expect((await store.tx((db) => putEntity(db, 'ent_se', { calendars }, undefined, 'as agreed', by))).errors).toEqual([]);
    const credited = async (runId: string) => {
      const [invoice] = await rows("SELECT id, account_id AS account, -net_minor AS net FROM document WHERE run_id = $1 AND type = 'invoice' AND state = 'issued'", [runId]);
      const { orderId } = await store.tx((db) => orderRebill(db, { documentId: invoice.id, kind: 'credit', outcome: 'writeOff', now: true, reason: 'as agreed' }, by));
      const { problem, run } = await rebillDocument(store, orderId);
      expect(problem).toBeNull();
      await store.tx((db) => advanceRun(db, run?.runId ?? '', 'collecting'));
      await reviewPlanned(store, run?.runId ?? '');
      const [planned] = await rows('SELECT calendar_id AS calendar, label FROM billing_run WHERE id = $1', [run?.runId]);
      const documents = await rows("SELECT type, account_id AS account, net_minor AS net FROM document WHERE run_id = $1 AND account_id = $2 AND state <> 'discarded'", [run?.runId, invoice.account]);
      return { ...planned, documents, expected: [{ type: 'creditNote', account: invoice.account, net: invoice.net }] };
    };
    for (const [runId, calendar, label] of [
      ['run_ent_se_2019-W50_live', 'cal_weekly', '2019-W50'],
      ['run_ent_se_2019-12_live', 'cal_monthly', '2019-12'],
      ['run_ent_se_2019-Q4_live', 'cal_quarterly', '2019-Q4'],
    ] as const) {
      const { expected, ...seen } = await credited(runId);
      expect(seen).toEqual({ calendar, label, documents: expected });
    }
  });

  it('refuses a period that its calendar does not have, and set-up that bills somebody by two', async () => {
    await expect(plan('2019-W53')).rejects.toThrow(/no month, week or quarter/);
    await expect(plan('2019-12', { calendarId: 'cal_weekly' })).rejects.toThrow('calendar cal_weekly is weekly: write its period like 2019-W50');
    await expect(plan('2019-W49')).rejects.toThrow(/2019-W49 has the live run run_ent_se_2019-W49_live already/);
    const wrong = await store.tx((db) => putEntity(db, 'ent_se', { calendars: [{ id: 'cal_weekly', cadence: 'weekly', strategies: ['fleetInvoice', 'selfBilling'] }] }, undefined, 'as agreed', by));
    expect(wrong.errors.map((e) => e.params['detail'])).toEqual([
      'have fleetInvoice on both cal_quarterly and cal_weekly: leave it on one',
      'have selfBilling on cal_weekly, which is weekly: owners are stated by months or quarters',
    ]);
  });
});

describe('what a customer of a quarter or a week is sold at an owner’s site', () => {
  it.each([
    ['quarterly', '2019-Q4', '08.11.2019', 'site_bl2'],
    ['weekly', '2019-W50', '10.12.2019', 'site_bl2'],
  ] as const)('is missed by its owner as it would be in a month (%s)', async (cadence, period, on, site) => {
    const own = await seeded();
    try {
      await own.store.pool.query('INSERT INTO billing_calendar (id, entity_id, cadence, strategies) VALUES ($1, $2, $3, $4)', ['cal_own', 'ent_se', cadence, ['fleetInvoice']]);
      const [{ owner }] = (await own.store.pool.query('SELECT owner_account_id AS owner FROM site WHERE id = $1', [site])).rows;
      // Booked while nobody held the site: nothing is shared.
      await own.store.pool.query('UPDATE site SET owner_account_id = NULL WHERE id = $1', [site]);
      await storeLines(own.store, [fleet(11, on), fleet(12, on.replace('08', '09'))]);
      await processAll(own.store);
      await own.store.pool.query('UPDATE site SET owner_account_id = $2 WHERE id = $1', [site, owner]);
      const runId = await reviewRun(own.store, period);
      const found = async () =>
        (await own.store.pool.query("SELECT f.subject, f.severity FROM run_finding l JOIN finding f ON f.id = l.finding_id WHERE l.run_id = $1 AND f.code = 'ownerShareMissing'", [runId])).rows;
      expect(await found()).toEqual([{ subject: site, severity: 'blocks' }]);
      // So without the sums that were kept as the set closed.
      await own.store.pool.query('DELETE FROM claim_sum');
      await own.store.pool.query("UPDATE run_account SET state = 'pending'");
      await own.store.tx((db) => buildDocuments(db, runId));
      expect(await found()).toEqual([{ subject: site, severity: 'blocks' }]);
    } finally {
      await own.drop();
    }
  });
});
