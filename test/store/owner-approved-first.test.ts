import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { addExclusion, pullIn, withdrawExclusion } from '../../src/store/commands/shape-run.ts';
import { buildDocuments } from '../../src/store/cycle/build-documents.ts';
import { decideRun } from '../../src/store/cycle/decide-run.ts';
import { finishRun, reviewRun } from '../support/bill.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

const customer = 'acc_fleet_home_care';
const by = { actor: 'preparer' };
const share = { kind: 'revenueShare', status: 'active', supplyModel: 'siteAccess', clauses: [{ kind: 'netShare', id: 'share', percent: '12.5' }] };
const supply = (clauses: readonly object[]) => ({ kind: 'supply', status: 'active', clauses });
/** 10 kWh of a fleet at 2.234: 22.34 net, of which 12.5 % is 2.7925, so 2.79. */
const fleet = (id: number, day: string, garage: string) => session(id, { user: 'NR1-3', garage, kWh: '10', start: `${day} 10:00`, end: `${day} 12:00` });

/** Two owners whose group is released apart from their customers', with sessions of December at each. */
async function stage(clauses: readonly object[] = []) {
  const { store, drop } = await seeded();
  const rows = async (sql: string, params: unknown[] = []) => (await store.pool.query(sql, params)).rows;
  const agree = (contractId: string, agreement: object) =>
    rows("INSERT INTO contract_version (contract_id, version, valid_from, valid_to, clauses, author) VALUES ($1, 101, '2019-11-01T00:00:00+01:00', 'infinity', $2, 'test')", [
      contractId,
      JSON.stringify(agreement),
    ]);
  await agree('ctr_brf_north', share);
  await agree('ctr_brf_south', share);
  await agree('ctr_fleet_home_care', supply(clauses));
  await rows("UPDATE account SET release_group = 'owners' WHERE id LIKE 'acc_brf%'");
  const arrive = async (...lines: string[]) => {
    await storeLines(store, lines);
    await processAll(store);
  };
  // Somebody else pays there too, so that no statement comes to nothing.
  const driver = (id: number, garage: string) => session(id, { user: 'Bl2-6', garage, kWh: '10', start: '20.12.2019 10:00', end: '20.12.2019 12:00' });
  await arrive(fleet(1, '10.12.2019', 'Bl2'), fleet(2, '11.12.2019', 'Bl7'), driver(11, 'Bl2'), driver(12, 'Bl7'));
  const exclude = (runId: string, outcome: 'carry' | 'writeOff') => store.tx((db) => addExclusion(db, runId, { scope: 'account', subjectId: customer, outcome, reason: 'disputed' }, by));
  const build = (runId: string) => store.tx((db) => buildDocuments(db, runId));
  /** Approves the owners while their customers are in review still. */
  const approveOwners = async (runId: string) => {
    await build(runId);
    const [group] = await rows("SELECT encode(content_hash, 'hex') AS hash FROM release_group WHERE run_id = $1 AND name = 'owners'", [runId]);
    expect(
      await store.tx((db) => decideRun(db, { runId, approvalId: randomUUID(), decision: 'approve', contentHash: group.hash, group: 'owners', actor: 'approver', comment: 'looked at it' })),
    ).toEqual({ ok: true });
  };
  /** What a run states of owners' months beside what records booked. */
  const stated = async (runId: string) =>
    (await rows("SELECT account_id, service_month, component, net_minor::int AS net FROM period_charge WHERE run_id = $1 AND account_id LIKE 'acc_brf%' ORDER BY 1, 2, 3", [runId])).map((r) =>
      Object.values(r),
    );
  /** What owners were given of each month by all documents that are issued. */
  const given = async () =>
    (
      await rows(
        "SELECT d.account_id, l.service_month, sum(l.net_minor)::int AS net FROM document d JOIN document_line l ON l.document_id = d.id WHERE d.state = 'issued' AND d.account_id LIKE 'acc_brf%' GROUP BY 1, 2 ORDER BY 1, 2",
      )
    ).map((r) => Object.values(r));
  return { store, drop, rows, arrive, exclude, build, approveOwners, stated, given };
}

describe('an owner whose group was approved before that of a customer changed', () => {
  it('gives back the share of what was written off, by the next run', async () => {
    const on = await stage();
    const december = await reviewRun(on.store, '2019-12');
    await on.approveOwners(december);
    await on.exclude(december, 'writeOff');
    await finishRun(on.store, december, '2020-01-06');
    expect(await on.stated(december)).toEqual([]);
    const january = await reviewRun(on.store, '2020-01');
    expect(await on.stated(january)).toEqual([
      ['acc_brf_north', '2019-12', 'netShare/share', -279],
      ['acc_brf_south', '2019-12', 'netShare/share', -279],
    ]);
    await finishRun(on.store, january, '2020-02-06');
    expect(await on.stated(await reviewRun(on.store, '2020-02'))).toEqual([]);
    await on.drop();
  }, 60_000);

  it.each(['record', 'site'] as const)(
    'gives it back the same where a %s was left out, which the approval does not keep from happening',
    async (scope) => {
      const on = await stage();
      const december = await reviewRun(on.store, '2019-12');
      await on.approveOwners(december);
      const [record] = await on.rows("SELECT record_id::text AS id FROM record_head WHERE cdr_id = '1'");
      const subjectId = scope === 'record' ? record.id : 'site_bl2';
      const { id } = await on.store.tx((db) => addExclusion(db, december, { scope, subjectId, outcome: 'writeOff', reason: 'charger was out of order' }, by));
      await on.build(december);
      await on.store.tx((db) => withdrawExclusion(db, december, id, by));
      await on.store.tx((db) => addExclusion(db, december, { scope, subjectId, outcome: 'writeOff', reason: 'charger was out of order' }, by));
      await finishRun(on.store, december, '2020-01-06');
      // Of the record 2.79; at the site somebody else paid as much.
      expect(await on.stated(await reviewRun(on.store, '2020-01'))).toEqual([['acc_brf_north', '2019-12', 'netShare/share', scope === 'record' ? -279 : -558]]);
      await on.drop();
    },
    60_000,
  );

  it('gives it back by the first run that may state its month, where three months are open', async () => {
    const on = await stage();
    const december = await reviewRun(on.store, '2019-12');
    await on.approveOwners(december);
    await on.exclude(december, 'writeOff');
    const january = await reviewRun(on.store, '2020-01');
    await finishRun(on.store, december, '2020-01-06');
    const february = await reviewRun(on.store, '2020-02');
    await finishRun(on.store, january, '2020-02-06');
    await finishRun(on.store, february, '2020-03-06');
    await finishRun(on.store, await reviewRun(on.store, '2020-03'), '2020-04-06');
    // What the driver paid at each site is left to them: 2.79.
    expect(await on.given()).toEqual([
      ['acc_brf_north', '2019-12', 279],
      ['acc_brf_south', '2019-12', 279],
    ]);
    await on.drop();
  }, 60_000);

  it('gives back the share of what was carried, and written off by a run that left its month alone', async () => {
    const on = await stage();
    const december = await reviewRun(on.store, '2019-12');
    await on.approveOwners(december);
    await on.exclude(december, 'carry');
    const january = await reviewRun(on.store, '2020-01');
    await finishRun(on.store, december, '2020-01-06');
    const february = await reviewRun(on.store, '2020-02');
    await on.exclude(february, 'writeOff');
    await on.build(february);
    await finishRun(on.store, january, '2020-02-06');
    await finishRun(on.store, february, '2020-03-06');
    await finishRun(on.store, await reviewRun(on.store, '2020-03'), '2020-04-06');
    expect(await on.given()).toEqual([
      ['acc_brf_north', '2019-12', 279],
      ['acc_brf_south', '2019-12', 279],
    ]);
    await on.drop();
  }, 60_000);

  it('has the share of what is billed after all, by the next run', async () => {
    const on = await stage();
    const december = await reviewRun(on.store, '2019-12');
    const { id } = await on.exclude(december, 'writeOff');
    await on.approveOwners(december);
    expect(await on.stated(december)).toEqual([
      ['acc_brf_north', '2019-12', 'netShare/share', -279],
      ['acc_brf_south', '2019-12', 'netShare/share', -279],
    ]);
    await on.store.tx((db) => withdrawExclusion(db, december, id, by));
    await finishRun(on.store, december, '2020-01-06');
    expect(await on.stated(await reviewRun(on.store, '2020-01'))).toEqual([
      ['acc_brf_north', '2019-12', 'netShare/share#2', 279],
      ['acc_brf_south', '2019-12', 'netShare/share#2', 279],
    ]);
    await on.drop();
  }, 60_000);

  it('gives back the share of what was carried, and written off by the next run', async () => {
    const on = await stage();
    const december = await reviewRun(on.store, '2019-12');
    await on.approveOwners(december);
    await on.exclude(december, 'carry');
    await finishRun(on.store, december, '2020-01-06');
    const january = await reviewRun(on.store, '2020-01');
    await on.exclude(january, 'writeOff');
    await on.build(january);
    expect(await on.stated(january)).toEqual([
      ['acc_brf_north', '2019-12', 'netShare/share', -279],
      ['acc_brf_south', '2019-12', 'netShare/share', -279],
    ]);
    await on.drop();
  }, 60_000);

  it('has what moved as a late session took the allowance of others, by the next run', async () => {
    const on = await stage([{ kind: 'included', id: 'inc', kWhPerMonth: '10', rolloverMonths: 0 }]);
    const december = await reviewRun(on.store, '2019-12');
    await on.approveOwners(december);
    // 10 kWh are included, all of number 1 at north: nothing is earned of it.
    expect(await on.stated(december)).toEqual([['acc_brf_north', '2019-12', 'netShare/share', -279]]);
    // Earlier, at south: now they are its own, and what north earned is due after all.
    await on.arrive(fleet(3, '09.12.2019', 'Bl7'));
    await on.store.tx((db) => pullIn(db, december, customer, by));
    await finishRun(on.store, december, '2020-01-06');
    // What number 3 booked for south is taken back as it is claimed, which comes to no statement.
    expect(await on.stated(await reviewRun(on.store, '2020-01'))).toEqual([['acc_brf_north', '2019-12', 'netShare/share#2', 279]]);
    await on.drop();
  }, 60_000);
});
