import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accrueMonth } from '../../src/store/commands/accrue-month.ts';
import { openExpectations } from '../../src/store/commands/expectations.ts';
import { putSetUp } from '../../src/store/commands/put-set-up.ts';
import { setPeriodState } from '../../src/store/commands/set-period-state.ts';
import { issueDocuments } from '../../src/store/cycle/issue-documents.ts';
import type { Store } from '../../src/store/db.ts';
import { accountingPeriods, accrualAgainstActual, erpProof, unaccruedMonths } from '../../src/store/reads/accounting-periods.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
import { closeSet, issueRun } from '../support/bill.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let store: Store;
let drop: () => Promise<void>;
const rows = async (sql: string, params: unknown[] = []) => (await store.pool.query(sql, params)).rows;
const accrue = (month: string) => store.tx((db) => accrueMonth(db, { entityId: 'ent_se', month }, { actor: 'preparer' }));
const setState = (month: string, action: 'softClose' | 'close' | 'reopen', actor: string) =>
  store.tx((db) => setPeriodState(db, { entityId: 'ent_se', month, action, reason: 'month end' }, { actor }));
const proof = (month: string) => erpProof(store.pool, 'ent_se', month);
const journal = async (key: string) => {
  const [row] = await rows("SELECT convert_from(payload, 'UTF8')::jsonb AS body FROM erp_posting WHERE key = $1", [key]);
  return {
    on: row.body.postedOn,
    lines: Object.fromEntries(row.body.lines.map((l: { glAccount: string; costCenter: string | null; amountMinor: string }) => [`${l.glAccount} ${l.costCenter}`, l.amountMinor])),
  };
};

/** By which rate a journal says what it comes to in the books, and what that is by account. */
const inBooks = async (key: string) => {
  const [row] = await rows("SELECT convert_from(payload, 'UTF8')::jsonb AS body FROM erp_posting WHERE key = $1", [key]);
  return [row.body.books?.rate, Object.fromEntries(row.body.lines.map((l: { glAccount: string; bookMinor?: string }) => [l.glAccount, l.bookMinor]))];
};

beforeAll(async () => {
  const { seed, ...made } = await seeded('every-category');
  ({ store, drop } = made);
  const [token] = seed.emsps.find((e) => e.id === 'emsp_fjord')?.tokens ?? [];
  await storeLines(store, [
    // 10 kWh for a partner in EUR, 20 kWh at a home, 8 kWh at another operator's in NOK, and 5 kWh of a fleet.
    session(1, { user: String(token), garage: 'Bl2', kWh: '10' }),
    session(2, { user: 'MS22-1', garage: 'MS22', kWh: '20' }),
    session(3, { user: 'SR14-1', garage: 'SR14', kWh: '8' }),
    session(4, { user: 'Bl2-5', garage: 'Bl7', kWh: '5' }),
  ]);
  await processAll(store);
}, 60_000);
afterAll(() => drop());

describe('month ends', () => {
  it('are accrued before their run, per currency, account and cost center, and taken back on the next day', async () => {
    const made = await accrue('2019-12');
    expect(made.accrualId).toBe('ent_se/2019-12/1');
    expect(made.connections).toEqual(['erp_files']);
    const center = async (site: string) => (await rows('SELECT cost_center FROM site WHERE id = $1', [site]))[0].cost_center;
    const [bl2, sr14, ms22] = [await center('site_bl2'), await center('site_sr14'), await center('site_ms22')];
    // The partner's session: 0.40 EUR to start and 10 kWh at 0.295 are 3.35 EUR, not invoiced yet. Of it the site's owner earns, after 1.5 % card
    // fees, 12.5 % of 3.29975 (0.41), and 0.50 SEK a session, at the day's rate 0.05 EUR: 0.46 EUR without a statement.
    expect(await journal('accrual/ent_se/2019-12/1/EUR')).toEqual({ on: '2019-12-31', lines: { [`1790 ${bl2}`]: '335', [`3051 ${bl2}`]: '-335', [`4600 ${bl2}`]: '46', [`2990 ${bl2}`]: '-46' } });
    expect(await journal('accrual/ent_se/2019-12/1/EUR/reversal')).toEqual({
      on: '2020-01-01',
      lines: { [`1790 ${bl2}`]: '-335', [`3051 ${bl2}`]: '335', [`4600 ${bl2}`]: '-46', [`2990 ${bl2}`]: '46' },
    });
    // At 10.60 SEK for a euro on 27 December, the last rate before the month's end: 35.51 and 4.876 SEK, taken back by the same although January's rate is another.
    expect(await inBooks('accrual/ent_se/2019-12/1/EUR')).toEqual(['sample 2019-12-27 EUR/SEK 10.60000000 v1', { 1790: '3551', 3051: '-3551', 4600: '488', 2990: '-488' }]);
    expect(await inBooks('accrual/ent_se/2019-12/1/EUR/reversal')).toEqual(['sample 2019-12-27 EUR/SEK 10.60000000 v1', { 1790: '-3551', 3051: '3551', 4600: '-488', 2990: '488' }]);
    // 8 kWh at 2.10 NOK of the other operator are 16.80 NOK, without a bill.
    expect(await journal('accrual/ent_se/2019-12/1/NOK')).toEqual({ on: '2019-12-31', lines: { [`4020 ${sr14}`]: '1680', [`2991 ${sr14}`]: '-1680' } });
    // 20 kWh at home at 1.10: the fleet owes what the driver is owed, and a platform fee of 1.00; the clearing account comes to nothing.
    const sek = (await journal('accrual/ent_se/2019-12/1/SEK')).lines;
    expect([sek[`2993 ${ms22}`], sek[`1790 ${ms22}`], sek[`2891 ${ms22}`]]).toEqual(['-2200', '2300', undefined]);
    expect(await proof('2019-12')).toMatchObject({ fromMonth: null, holds: true });
  });

  it('adds nothing when it is made again, and the difference when something came since', async () => {
    // Its journals still wait: whoever asks again, as the answer was lost, wakes the ERP all the same.
    expect(await accrue('2019-12')).toMatchObject({ accrualId: null, n: 1, lines: [], connections: ['erp_files'] });
    await storeLines(store, [session(5, { user: 'Bl2-1', kWh: '4' })]);
    await processAll(store);
    expect(await proof('2019-12')).toMatchObject({ holds: false });
    const { lines } = await accrue('2019-12');
    const [charges] = await rows(
      "SELECT sum(net_minor) FILTER (WHERE payer_account_id IS NOT NULL)::bigint AS sold FROM rated_charge c JOIN record_head h ON h.record_id = c.record_id WHERE h.cdr_id = '5'",
    );
    expect(lines.filter((l) => l.kind === 'sale').map((l) => l.amountMinor)).toEqual([charges.sold, -charges.sold]);
    expect(await proof('2019-12')).toMatchObject({ holds: true });
  });

  it('are wanted of each month that was missed since the last one, oldest first', async () => {
    const [{ ended }] = await rows("SELECT to_char(date_trunc('month', now() AT TIME ZONE 'Europe/Stockholm') - interval '1 month', 'YYYY-MM') AS ended");
    const months = await unaccruedMonths(store.pool, 'ent_se');
    expect([months[0], months[1], months.at(-1)]).toEqual(['2020-01', '2020-02', ended]);
    expect(await unaccruedMonths(store.pool, 'ent_other')).toEqual([]);
  });

  it('holds an estimate apart for sessions without a CDR', async () => {
    const expected = { key: 'seen-1', kind: 'session', openedAt: '2019-12-31T20:00:00Z', estimatedWh: 10_000, amount: '26.50', currency: 'SEK' } as const;
    await store.tx((db) => openExpectations(db, 'csms', [expected], { actor: 'ops' }));
    await accrue('2019-12');
    expect(await journal('estimate/ent_se/2019-12/3/SEK')).toEqual({ on: '2019-12-31', lines: { '1790 900': '2650', '3095 900': '-2650' } });
    expect(await proof('2019-12')).toMatchObject({ holds: true });
    expect((await accrualAgainstActual(store.pool, 'ent_se', '2019-12')).filter((a) => a.kind === 'estimate')).toMatchObject([{ accruedMinor: 2650n, invoicedMinor: 0n, openMinor: 2650n }]);
  });

  it('close with what is left accrued; what comes later counts for the next open month', async () => {
    await storeLines(store, [session(6, { user: 'Bl2-1', kWh: '6' })]);
    await processAll(store);
    expect(await setState('2019-12', 'close', 'approver')).toMatchObject({ state: 'closed', waitsForSecond: false });
    expect(await proof('2019-12')).toMatchObject({ holds: true });
    await expect(accrue('2019-12')).rejects.toThrow(/is closed/);
    await storeLines(store, [session(7, { user: 'Bl2-1', kWh: '7' })]);
    await processAll(store);
    const [late] = await rows(
      "SELECT t.period, t.effective_on::text FROM ledger_transaction t JOIN rated_charge c ON t.key = c.page_id || '/' || c.service_month JOIN record_head h ON h.record_id = c.record_id WHERE h.cdr_id = '7' LIMIT 1",
    );
    expect(late).toEqual({ period: '2020-01', effective_on: '2019-12-05' });
    expect(await proof('2019-12')).toMatchObject({ holds: true });
  });

  it('refuse a document dated into a closed month, and take it in the next', async () => {
    const runId = await closeSet(store, '2019-12');
    await expect(issueRun(store, runId, '2019-12-31', true)).rejects.toThrow(/accounting period 2019-12 of ent_se is not open/);
    const { rows: states } = await store.pool.query('SELECT state FROM billing_run WHERE id = $1', [runId]);
    expect(states[0].state).toBe('issuing');
    await store.tx((db) => issueDocuments(db, runId, '2020-01-08'));
    await accrue('2020-01');
    // Documents of January, less the accrual of December, and what January still lacks are the sub-ledger of January.
    const january = await proof('2020-01');
    expect(january).toMatchObject({ fromMonth: '2019-12', holds: true });
    expect(january.rows.filter((r) => r.documentsMinor !== 0n).length).toBeGreaterThan(5);
    const against = await accrualAgainstActual(store.pool, 'ent_se', '2019-12');
    expect(against.filter((a) => a.kind === 'sale').every((a) => a.openMinor === 0n && a.invoicedMinor === a.accruedMinor)).toBe(true);
    // Nobody has billed the roaming sessions yet.
    expect(against.filter((a) => a.kind === 'roaming')).toMatchObject([{ accruedMinor: 1680n, openMinor: 1680n }]);
  });

  it('hold as revenue what was paid in advance for days that are over, though its run has not closed', async () => {
    // The run of December billed a fleet's fee of December and that of January, 490.00 each; both months have ended.
    const fees = await rows("SELECT service_month, sum(net_minor)::bigint AS net FROM rated_charge WHERE role = 'advanceFee' GROUP BY 1 ORDER BY 1");
    expect(fees).toEqual([
      { service_month: '2019-12', net: 49_000n },
      { service_month: '2020-01', net: 49_000n },
    ]);
    expect(await rows("SELECT state FROM billing_run WHERE state = 'closed'")).toEqual([]);
    expect(await rows("SELECT coalesce(sum(amount), 0)::bigint AS deferred FROM ledger_entry WHERE ledger_account = 'deferredRevenue'")).toEqual([{ deferred: 0n }]);
    expect(
      await rows(
        "SELECT sum(l.amount_minor)::bigint AS deferred FROM accrual_line l JOIN accrual a ON a.id = l.accrual_id JOIN gl_mapping m ON m.key = 'deferredRevenue' AND m.gl_account = l.gl_account WHERE a.month = '2020-01'",
      ),
    ).toEqual([{ deferred: null }]);
    expect(await proof('2020-01')).toMatchObject({ holds: true });
  });

  it('are reopened by two, the last one first, and take postings again', async () => {
    await setState('2020-01', 'close', 'approver');
    await expect(setState('2019-12', 'reopen', 'approver')).rejects.toThrow(/2020-01 is closed too/);
    expect(await setState('2020-01', 'reopen', 'approver')).toMatchObject({ state: 'closed', waitsForSecond: true });
    await expect(setState('2020-01', 'reopen', 'approver')).rejects.toThrow(/somebody else/);
    expect(await setState('2020-01', 'reopen', 'second')).toMatchObject({ state: 'open', waitsForSecond: false });
    expect((await accountingPeriods(store.pool, 'ent_se')).map((p) => [p.month, p.state, p.events.map((e) => e.action)])).toEqual([
      ['2020-01', 'open', ['close', 'askReopen', 'reopen']],
      ['2019-12', 'closed', ['close']],
    ]);
    expect((await verifyAll(store)).sections.filter((s) => s.problem !== null)).toEqual([]);
  });

  it('hold what a correction left open although its bookings came to nothing together', async () => {
    // The fleet's session of 5 kWh began an hour earlier than was said: at the same price, so that its mirror and what replaces it cancel out in the ledger.
    const [{ account, net }] = await rows(
      "SELECT max(c.payer_account_id) AS account, sum(c.net_minor)::bigint AS net FROM rated_charge c JOIN record_head h ON h.record_id = c.record_id WHERE h.cdr_id = '4' AND c.payer_account_id IS NOT NULL",
    );
    await storeLines(store, [session(4, { user: 'Bl2-5', garage: 'Bl7', kWh: '5', start: '05.12.2019 17:00' })]);
    await processAll(store);
    expect(
      await rows(
        "SELECT c.page_id FROM rated_charge c JOIN record_head h ON h.record_id = c.record_id WHERE h.cdr_id = '4' AND c.revision = 2 AND NOT EXISTS (SELECT FROM ledger_transaction t WHERE t.key = c.page_id || '/' || c.service_month)",
      ),
    ).not.toEqual([]);
    // Its credit note goes, and the invoice of what replaces it waits for a purchase order.
    await store.tx((db) => putSetUp(db, 'accounts', { id: account, purchaseOrderRequired: true }, 'as agreed', { actor: 'preparer' }));
    const runId = await closeSet(store, '2020-01');
    await issueRun(store, runId, '2020-01-31', true);
    expect(await rows('SELECT type, net_minor FROM document WHERE run_id = $1 AND account_id = $2', [runId, account])).toEqual([{ type: 'creditNote', net_minor: -net }]);
    await accrue('2020-01');
    const january = await proof('2020-01');
    expect(january.rows.filter((r) => r.differenceMinor !== 0n)).toEqual([]);
    const saleAt110 = async (month: string) => (await accrualAgainstActual(store.pool, 'ent_se', month)).filter((a) => a.kind === 'sale' && a.costCenter === '110');
    expect(await saleAt110('2020-01')).toMatchObject([{ accruedMinor: net, invoicedMinor: 0n, openMinor: net }]);
    expect(await saleAt110('2019-12')).toMatchObject([{ accruedMinor: net, invoicedMinor: net, openMinor: 0n }]);
  });
});
