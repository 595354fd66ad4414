import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Seed } from '../../src/contracts/seed.ts';
import { putSetUp } from '../../src/store/commands/put-set-up.ts';
import { closeOwnerSet } from '../../src/store/cycle/owner-set.ts';
import { openStore, type Store } from '../../src/store/db.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
import { closeSet, issueRun } from '../support/bill.ts';
import { copyOf, type TestDatabase } from '../support/database.ts';
import { processAll, retryAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let original: TestDatabase;
const by = { actor: 'preparer' };
const rows = async (store: Store, sql: string, params: unknown[] = []) => (await store.pool.query(sql, params)).rows;
/** 10 kWh of a fleet at 2.234: 22.34 net. North's share is 12.5 %: 2.7925, so 2.79; East's 8 %: 1.7872, so 1.79. */
const fleet = (id: number, at: string) =>
  session(id, { user: 'NR1-3', garage: 'Bl2', kWh: '10', start: at, end: at.replace(/(\d\d):(\d\d)$/, (_m, h, m) => `${String(Number(h) + 1).padStart(2, '0')}:${m}`) });
const hold = (store: Store, values: Record<string, unknown>) => store.tx((db) => putSetUp(db, 'siteHolders', { siteId: 'site_bl2', ...values }, 'the ground was sold', by));
const sharesOf = (store: Store) =>
  rows(
    store,
    "SELECT h.cdr_id, c.payee_account_id AS payee, c.net_minor AS net FROM rated_charge c JOIN record_head h ON h.record_id = c.record_id WHERE c.role = 'siteShareEstimate' AND c.reversal_of IS NULL ORDER BY h.cdr_id::integer",
  ).then((all) => all.map((r) => [r.cdr_id, r.payee, r.net]));
const bill = async (store: Store, period: string, issuedOn: string) => {
  const runId = await closeSet(store, period);
  await store.tx((db) => closeOwnerSet(db, runId));
  await issueRun(store, runId, issuedOn, true);
  return runId;
};
const owed = (store: Store, runId: string) =>
  rows(store, "SELECT account_id, net_minor AS net FROM document WHERE run_id = $1 AND type IN ('selfBilling', 'selfBillingCredit', 'settlementStatement') ORDER BY 1", [runId]).then((all) =>
    all.map((r) => [r.account_id, r.net]),
  );
const share = (percent: string) => ({ kind: 'revenueShare', status: 'active', supplyModel: 'siteAccess', clauses: [{ kind: 'netShare', id: 'share', percent }] });
const withShares = (seed: Seed): Seed => ({ ...seed, siteOwners: seed.siteOwners.map((o) => ({ ...o, agreement: { ...o.agreement, ...share(o.id === 'brf_north' ? '12.5' : '8') } })) }) as Seed;
const world = async () => openStore((await copyOf(original)).url);

beforeAll(async () => {
  const { store, database } = await seeded('demo', withShares);
  original = database;
  await store.close();
}, 60_000);
afterAll(() => original.drop());

describe('a site that changes hands', () => {
  it('shares each session with whose it was at its start, and states the month of both', async () => {
    const store = await world();
    expect(await hold(store, { ownerAccountId: 'acc_brf_east', validFrom: '2019-12-16T00:00:00+01:00' })).toMatchObject({ outcome: 'created' });
    // The second begins on the evening before and ends after midnight: it is North's.
    await storeLines(store, [
      fleet(1, '10.12.2019 10:00'),
      session(2, { user: 'NR1-3', garage: 'Bl2', kWh: '10', start: '15.12.2019 23:30', end: '16.12.2019 01:00' }),
      fleet(3, '16.12.2019 00:00'),
      fleet(4, '20.12.2019 10:00'),
    ]);
    await processAll(store);
    expect(await sharesOf(store)).toEqual([
      ['1', 'acc_brf_north', 279n],
      ['2', 'acc_brf_north', 279n],
      ['3', 'acc_brf_east', 179n],
      ['4', 'acc_brf_east', 179n],
    ]);
    const runId = await bill(store, '2019-12', '2020-01-07');
    expect(await owed(store, runId)).toEqual([
      ['acc_brf_east', 358n],
      ['acc_brf_north', 558n],
    ]);
    expect((await verifyAll(store)).sections.filter((s) => s.problem !== null)).toEqual([]);
    await store.close();
  }, 60_000);

  it('known too late, it moves by the statements what records had booked for the one before', async () => {
    const store = await world();
    await storeLines(store, [fleet(1, '10.12.2019 10:00'), fleet(2, '20.12.2019 10:00')]);
    await processAll(store);
    await hold(store, { ownerAccountId: 'acc_brf_east', validFrom: '2019-12-16T00:00:00+01:00' });
    expect((await sharesOf(store)).map(([, payee]) => payee)).toEqual(['acc_brf_north', 'acc_brf_north']);
    const runId = await bill(store, '2019-12', '2020-01-07');
    // North: 2.79 + 2.79 − 2.79. East has no share of a record, and 1.79 by the month.
    expect(await owed(store, runId)).toEqual([
      ['acc_brf_east', 179n],
      ['acc_brf_north', 279n],
    ]);
    // What is issued stays as it is.
    expect(await hold(store, { ownerAccountId: 'acc_brf_south', validFrom: '2019-12-09T00:00:00+01:00' })).toMatchObject({ outcome: 'refused', errors: [{ code: 'rowPastIssued' }] });
    await store.close();
  }, 60_000);

  it('known months later, moves what came late of them too, and what the run’s own month had booked', async () => {
    const store = await world();
    await bill(store, '2019-12', '2020-01-07');
    // A late one of December and one of January, both before anybody said that East had the site by then.
    await storeLines(store, [fleet(1, '20.12.2019 10:00'), fleet(2, '05.01.2020 10:00')]);
    await processAll(store);
    expect((await sharesOf(store)).map(([, payee]) => payee)).toEqual(['acc_brf_north', 'acc_brf_north']);
    expect(await hold(store, { ownerAccountId: 'acc_brf_east', validFrom: '2019-12-16T00:00:00+01:00' })).toMatchObject({ outcome: 'created' });
    // North has nothing left of either. East has no share of a record, and 1.79 by each of both months.
    const runId = await bill(store, '2020-01', '2020-02-07');
    expect(await owed(store, runId)).toEqual([['acc_brf_east', 358n]]);
    expect(await owed(store, await bill(store, '2020-02', '2020-03-07'))).toEqual([]);
    await store.close();
  }, 60_000);

  it('owned by nobody from a day on earns nobody a share from there', async () => {
    const store = await world();
    await hold(store, { ownerAccountId: null, validFrom: '2019-12-16T00:00:00+01:00' });
    await storeLines(store, [fleet(1, '10.12.2019 10:00'), fleet(2, '20.12.2019 10:00')]);
    await processAll(store);
    expect(await sharesOf(store)).toEqual([['1', 'acc_brf_north', 279n]]);
    expect(await owed(store, await bill(store, '2019-12', '2020-01-07'))).toEqual([['acc_brf_north', 279n]]);
    await store.close();
  }, 60_000);

  it('with a gap, or two at once, holds its sessions by name until somebody says whose it is', async () => {
    const store = await world();
    const span = (from: string, to: string, owner: string) =>
      store.pool.query("INSERT INTO site_holder (site_id, valid_from, valid_to, owner_account_id, author) VALUES ('site_bl2', $1, $2, $3, 'test')", [from, to, owner]);
    await span('2019-12-01T00:00:00+01:00', '2019-12-12T00:00:00+01:00', 'acc_brf_east');
    await span('2019-12-18T00:00:00+01:00', 'infinity', 'acc_brf_north');
    await span('2019-12-19T00:00:00+01:00', 'infinity', 'acc_brf_east');
    await storeLines(store, [fleet(1, '10.12.2019 10:00'), fleet(2, '14.12.2019 10:00'), fleet(3, '20.12.2019 10:00')]);
    await processAll(store);
    const waiting = () => rows(store, "SELECT cdr_id, state, issues->0->>'code' AS code FROM record_head ORDER BY cdr_id");
    expect(await waiting()).toEqual([
      { cdr_id: '1', state: 'booked', code: null },
      { cdr_id: '2', state: 'quarantined', code: 'siteHolderMissing' },
      { cdr_id: '3', state: 'quarantined', code: 'siteHolderAmbiguous' },
    ]);
    await hold(store, { ownerAccountId: 'acc_brf_south', validFrom: '2019-12-12T00:00:00+01:00' });
    await retryAll(store);
    expect(await sharesOf(store)).toEqual([
      ['1', 'acc_brf_east', 179n],
      ['2', 'acc_brf_south', expect.any(BigInt)],
    ]);
    await store.close();
  }, 60_000);

  it('is refused what does not fit: another category, another entity’s, a site that does not exist', async () => {
    const store = await world();
    const refused = async (values: Record<string, unknown>) => (await hold(store, { validFrom: '2019-12-16T00:00:00Z', ...values })).errors.map((e) => e.code);
    expect(await refused({ ownerAccountId: 'acc_fleet_home_care' })).toEqual(['rowDoesNotFit']);
    expect(await refused({ operatorAccountId: 'acc_brf_east' })).toContain('rowDoesNotFit');
    expect(await refused({ ownerAccountId: 'acc_nobody' })).toEqual(['rowReference']);
    expect(await refused({ siteId: 'site_none', ownerAccountId: 'acc_brf_east' })).toContain('rowReference');
    await store.close();
  }, 60_000);

  it('says so in the seed too', async () => {
    const holders = [
      { from: '2019-12-20T00:00:00Z', owner: 'brf_south' },
      { from: '2019-12-16T00:00:00Z', owner: 'brf_east' },
    ];
    const { store, drop } = await seeded('demo', (seed) => ({ ...withShares(seed), sites: seed.sites.map((s) => (s.key === 'Bl2' ? { ...s, holders } : s)) }));
    await storeLines(store, [fleet(1, '10.12.2019 10:00'), fleet(2, '17.12.2019 10:00'), fleet(3, '21.12.2019 10:00')]);
    await processAll(store);
    expect((await sharesOf(store)).map(([, payee]) => payee)).toEqual(['acc_brf_north', 'acc_brf_east', 'acc_brf_south']);
    await drop();
  }, 60_000);
});
