import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planRun } from '../../src/store/commands/plan-run.ts';
import { addExclusion, withdrawExclusion } from '../../src/store/commands/shape-run.ts';
import { buildDocuments } from '../../src/store/cycle/build-documents.ts';
import { cancelRun } from '../../src/store/cycle/cancel-run.ts';
import { closeSets } from '../../src/store/cycle/close-sets.ts';
import { settlingAccounts } from '../../src/store/cycle/document-setup.ts';
import { closeOwnerSet } from '../../src/store/cycle/owner-set.ts';
import { advanceRun } from '../../src/store/cycle/run-state.ts';
import type { Store } from '../../src/store/db.ts';
import { closeSet, finishRun } from '../support/bill.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let drop: () => Promise<void>;
let store: Store;
const rows = async (sql: string, params: unknown[] = []) => (await store.pool.query(sql, params)).rows;
const owners = (runId: string) => store.tx((db) => closeOwnerSet(db, runId));
/** 10 kWh of a fleet at 2.234: 22.34 net, of which 12.5 % is 2.7925, so 2.79. */
const fleet = (id: number, day: string, kWh = '10', garage = 'Bl2') => session(id, { user: 'NR1-3', garage, kWh, start: `${day} 10:00`, end: `${day} 12:00` });
const share = { kind: 'netShare', id: 'share', percent: '12.5' };
const agree = (contractId: string, clauses: readonly object[], rest: object = {}) =>
  store.pool.query("INSERT INTO contract_version (contract_id, version, valid_from, valid_to, clauses, author) VALUES ($1, 2, '2019-11-01T00:00:00+01:00', 'infinity', $2, 'test')", [
    contractId,
    JSON.stringify({ kind: 'revenueShare', status: 'active', supplyModel: 'siteAccess', clauses, ...rest }),
  ]);
/** What a run states and bills for an owner, by month. */
const claimedOf = (runId: string, account: string) =>
  rows(
    `SELECT month, role, component, net FROM (
       SELECT c.service_month AS month, c.role, c.component, c.net_minor AS net FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id WHERE k.run_id = $1 AND k.account_id = $2 AND k.disposition = 'document'
       UNION ALL SELECT p.service_month, p.role, p.component, p.net_minor FROM period_charge p LEFT JOIN document d ON d.id = p.document_id WHERE p.run_id = $1 AND p.account_id = $2 AND d.state IS DISTINCT FROM 'issued') c
     ORDER BY month, role, component, net`,
    [runId, account],
  );
const recordOf = async (id: number) => (await rows('SELECT record_id::text AS id FROM record_head WHERE cdr_id = $1', [String(id)]))[0].id as string;
const sale = (id: number) => `charge_id IN (SELECT c.charge_id FROM rated_charge c JOIN record_head h ON h.record_id = c.record_id WHERE h.cdr_id = '${id}' AND c.payer_account_id IS NOT NULL)`;
const exclude = async (runId: string, id: number, outcome: 'carry' | 'writeOff') => {
  const subjectId = await recordOf(id);
  return store.tx((db) => addExclusion(db, runId, { scope: 'record', subjectId, outcome, reason: 'disputed' }, { actor: 'preparer' }));
};
const build = (runId: string) => store.tx((db) => buildDocuments(db, runId));
/** Closes the owners' side and builds the first preview. */
const preview = async (runId: string) => {
  await owners(runId);
  await store.tx((db) => advanceRun(db, runId, 'previewing'));
  await build(runId);
  await store.tx((db) => advanceRun(db, runId, 'inReview'));
};
const parkedOf = async (runId: string) => (await rows("SELECT account_id FROM run_account WHERE run_id = $1 AND state = 'parked' ORDER BY 1", [runId])).map((r) => r.account_id);
let december: string;
let january: string;
let february: string;

beforeAll(async () => {
  ({ store, drop } = await seeded());
  await agree('ctr_brf_north', [share, { kind: 'guarantee', id: 'floor', netPerMonth: '100', carryForward: true }]);
  await agree('ctr_brf_east', [{ kind: 'netShare', id: 'share', percent: '8' }], { basis: 'rated' });
  await storeLines(store, [fleet(1, '10.12.2019'), fleet(2, '11.12.2019'), fleet(3, '12.12.2019'), fleet(4, '13.12.2019'), fleet(5, '20.11.2019'), fleet(6, '14.12.2019', '10', 'NR1')]);
  await processAll(store);
});
afterAll(() => drop());

describe('the owners’ side of a closed set', () => {
  it('claims the shares whose sale is billed, takes back those of what is written off, and states each month', async () => {
    december = await closeSet(store, '2019-12');
    await preview(december);
    const before = await claimedOf(december, 'acc_brf_north');
    await exclude(december, 3, 'carry');
    const { id } = await exclude(december, 4, 'writeOff');
    await build(december);
    // November: 2.79 and 97.21 to the guarantee. December: 2.79 + 2.79, the written-off 2.79 given and taken back, and 94.42. The carried one waits.
    expect(await claimedOf(december, 'acc_brf_north')).toEqual([
      { month: '2019-11', role: 'siteShareEstimate', component: expect.any(String), net: 279n },
      { month: '2019-11', role: 'statement', component: 'guarantee/floor', net: 9721n },
      { month: '2019-12', role: 'siteShareEstimate', component: expect.any(String), net: 279n },
      { month: '2019-12', role: 'siteShareEstimate', component: expect.any(String), net: 279n },
      { month: '2019-12', role: 'siteShareEstimate', component: expect.any(String), net: 279n },
      { month: '2019-12', role: 'statement', component: 'guarantee/floor', net: 9442n },
      { month: '2019-12', role: 'statement', component: 'netShare/share', net: -279n },
    ]);
    // Taken back, the preview is as if it had never been: nothing of it was booked.
    await store.tx((db) => withdrawExclusion(db, december, id, { actor: 'preparer' }));
    const { id: carried } = (await rows('SELECT id FROM exclusion_rule WHERE withdrawn_at IS NULL'))[0];
    await store.tx((db) => withdrawExclusion(db, december, carried, { actor: 'preparer' }));
    await build(december);
    expect(await claimedOf(december, 'acc_brf_north')).toEqual(before);
    expect(await rows("SELECT count(*)::int AS n FROM rated_charge WHERE role = 'statement'")).toEqual([{ n: 0 }]);
    await exclude(december, 3, 'carry');
    await exclude(december, 4, 'writeOff');
    await finishRun(store, december, '2020-01-06');
    // 8 % of 22.34.
    expect(await claimedOf(december, 'acc_brf_east')).toMatchObject([{ net: 179n }]);
    expect(await rows("SELECT account_id, state FROM run_account WHERE run_id = $1 AND account_id LIKE 'acc_brf%' ORDER BY 1", [december])).toEqual([
      { account_id: 'acc_brf_east', state: 'done' },
      { account_id: 'acc_brf_north', state: 'done' },
    ]);
    const [row] = await rows("SELECT * FROM rated_charge WHERE component = 'guarantee/floor' AND service_month = '2019-12'");
    expect(row).toMatchObject({
      contract_id: 'ctr_brf_north',
      contract_version: 2,
      clause: 'floor',
      payer_account_id: null,
      payee_account_id: 'acc_brf_north',
      record_id: null,
      session_key: null,
      service_on: '2019-12-31',
      vat_code: 'SE-O',
      vat_rule: '1/owner-unregistered',
      gross_minor: 9442n,
      book_net_minor: 9442n,
      site_id: 'site_bl2',
      cost_center: '109',
      energy_wh: 0n,
      rounding_mode: 'netFirst',
    });
    expect(await rows('SELECT identity_key FROM charge_identity WHERE charge_id = $1', [row.charge_id])).toEqual([{ identity_key: 'ctr_brf_north|floor|2019-12|guarantee/floor|0' }]);
  });

  it('states a month anew with what came late, was corrected and was carried: the month comes to the same as at once', async () => {
    // Number 1 is corrected to 20 kWh: 44.68, of which 12.5 % is 5.585, so 5.59. Number 7 of December comes late.
    await storeLines(store, [fleet(1, '10.12.2019', '20'), fleet(7, '15.12.2019')]);
    await processAll(store);
    expect(await rows("SELECT revision FROM record_head WHERE cdr_id = '1'")).toEqual([{ revision: 2 }]);
    january = await closeSet(store, '2020-01');
    await preview(january);
    // +5.59 − 2.79 + 2.79 (late) + 2.79 (carried before) = 8.38 that the guarantee need not add any more. January has the guarantee alone.
    expect(await claimedOf(january, 'acc_brf_north')).toEqual([
      { month: '2019-12', role: 'siteShareEstimate', component: expect.any(String), net: -279n },
      { month: '2019-12', role: 'siteShareEstimate', component: expect.any(String), net: 279n },
      { month: '2019-12', role: 'siteShareEstimate', component: expect.any(String), net: 279n },
      { month: '2019-12', role: 'siteShareEstimate', component: expect.any(String), net: 559n },
      { month: '2019-12', role: 'statement', component: 'guarantee/floor#2', net: -838n },
      { month: '2020-01', role: 'statement', component: 'guarantee/floor', net: 10_000n },
    ]);
    await finishRun(store, january, '2020-02-06');
    expect(
      await rows(
        "SELECT c.service_month AS month, sum(c.net_minor)::bigint AS net FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id WHERE k.account_id = 'acc_brf_north' GROUP BY 1 ORDER BY 1",
      ),
    ).toEqual([
      { month: '2019-11', net: 10_000n },
      { month: '2019-12', net: 10_000n },
      { month: '2020-01', net: 10_000n },
    ]);
  });

  it('releases by the basis of the contract: on rated revenue without waiting for the bill', async () => {
    await storeLines(store, [fleet(20, '10.02.2020', '10', 'NR1'), fleet(21, '10.02.2020', '10', 'Bl2')]);
    await processAll(store);
    february = await closeSet(store, '2020-02');
    await rows(`DELETE FROM claim WHERE ${sale(20)} OR ${sale(21)}`);
    await preview(february);
    expect(await claimedOf(february, 'acc_brf_east')).toMatchObject([{ month: '2020-02', net: 179n }]);
    expect((await claimedOf(february, 'acc_brf_north')).map((r) => [r.role, r.net])).toEqual([['statement', 10_000n]]);
  });

  it('books nothing of a run that is cancelled: the next one states the month as if it had never been', async () => {
    const cancel = (runId: string) => store.tx((db) => cancelRun(db, { runId, reason: 'begun too early', by: { actor: 'test' } }));
    await cancel(february);
    // Cancelled before its sales are claimed, and between these and the shares: what was on its way to close the set claims nothing any more.
    for (const before of [0, 1]) {
      const { runId } = await store.tx((db) => planRun(db, { entityId: 'ent_se', period: '2020-02', by: { actor: 'preparer' } }));
      await store.tx((db) => advanceRun(db, runId, 'collecting'));
      let steps = 0;
      const tx: Store['tx'] = async (work) => {
        if (steps++ === before) await cancel(runId);
        return store.tx(work);
      };
      await closeSets({ tx }, runId);
      expect([before, await rows('SELECT charge_id FROM claim WHERE run_id = $1', [runId])]).toEqual([before, []]);
    }
    const again = await closeSet(store, '2020-02');
    await preview(again);
    expect(await claimedOf(again, 'acc_brf_north')).toEqual([
      { month: '2020-02', role: 'siteShareEstimate', component: expect.any(String), net: 279n },
      { month: '2020-02', role: 'statement', component: 'guarantee/floor', net: 9721n },
    ]);
    expect(await claimedOf(again, 'acc_brf_east')).toMatchObject([{ net: 179n }]);
    await finishRun(store, again, '2020-03-06');
  });

  it('parks a contract that something is missing for, with its findings, and goes on with the others', async () => {
    await storeLines(store, [fleet(30, '10.03.2020', '10', 'NR1'), fleet(31, '10.03.2020', '10', 'Bl2')]);
    await processAll(store);
    // From March on the table has no row for what is bought, so a guarantee has no VAT.
    await rows(
      "INSERT INTO vat_table (entity_id, version, valid_from, rows, reason, author) SELECT entity_id, 99, '2020-03-01', (SELECT jsonb_agg(r) FROM jsonb_array_elements(rows) r WHERE r->'when'->>'direction' = 'sale'), 'test', 'test' FROM vat_table",
    );
    const march = await closeSet(store, '2020-03');
    await preview(march);
    expect(await parkedOf(march)).toEqual(['acc_brf_north']);
    expect(await claimedOf(march, 'acc_brf_north')).toEqual([]);
    expect(await rows('SELECT code, subject FROM finding WHERE run_id = $1', [march])).toEqual([{ code: 'noVatRow', subject: 'ctr_brf_north 2020-03 guarantee/floor' }]);
    expect(await rows("SELECT account_id, state, reason FROM run_account WHERE run_id = $1 AND account_id LIKE 'acc_brf%' ORDER BY 1", [march])).toEqual([
      { account_id: 'acc_brf_east', state: 'ready', reason: null },
      { account_id: 'acc_brf_north', state: 'parked', reason: expect.stringContaining('no row of the VAT table covers this purchase') },
    ]);
    expect(await claimedOf(march, 'acc_brf_east')).toMatchObject([{ net: 179n }]);
  });

  it('parks an owner of no site of ours whose contracts still guarantee something, once for all of them', async () => {
    await rows("UPDATE site SET owner_account_id = NULL WHERE owner_account_id = 'acc_brf_north'");
    await rows("INSERT INTO contract (id, account_id, kind) VALUES ('ctr_brf_north_too', 'acc_brf_north', 'revenueShare')");
    await agree('ctr_brf_north_too', [
      { kind: 'guarantee', id: 'floor', netPerMonth: '50', carryForward: false },
      { kind: 'guarantee', id: 'more', netPerMonth: '80', carryForward: false },
    ]);
    const april = await closeSet(store, '2020-04');
    await preview(april);
    expect(await parkedOf(april)).toEqual(['acc_brf_north']);
    expect(await rows("SELECT subject FROM finding WHERE run_id = $1 AND code = 'ownerWithoutSite' ORDER BY 1", [april])).toEqual([{ subject: 'ctr_brf_north' }, { subject: 'ctr_brf_north_too' }]);
  });

  it('asks of an owner’s contracts the one that stands, not one that has ended, whether we write his invoice', async () => {
    await rows(
      "INSERT INTO vat_status (account_id, valid_from, status, established_in, vat_number, evidence, author) VALUES ('acc_brf_east', '2019-01-01', 'business', 'SE', 'SE556000000101', 'register of 2019-01-02', 'test')",
    );
    const [{ id: run }] = await rows("SELECT id FROM billing_run WHERE period = '2020-04'");
    const settling = () => store.tx((db) => settlingAccounts(db, run, 'ent_se', ['acc_brf_east']));
    expect(await settling()).toEqual(['acc_brf_east']);
    await rows("INSERT INTO contract_version (contract_id, version, valid_from, clauses, author) VALUES ('ctr_brf_east', 3, '2020-04-10T00:00:00+02:00', $1, 'test')", [
      JSON.stringify({ kind: 'revenueShare', status: 'ended', supplyModel: 'siteAccess', clauses: [] }),
    ]);
    await rows("INSERT INTO contract (id, account_id, kind) VALUES ('ctr_brf_east_too', 'acc_brf_east', 'revenueShare')");
    await rows("INSERT INTO contract_version (contract_id, version, valid_from, clauses, author) VALUES ('ctr_brf_east_too', 1, '2020-04-10T00:00:00+02:00', $1, 'test')", [
      JSON.stringify({ kind: 'revenueShare', status: 'active', supplyModel: 'siteAccess', clauses: [share], selfBilling: { agreedOn: '2020-04-01', evidence: 'agreement of April' } }),
    ]);
    expect(await settling()).toEqual([]);
  });
});
