import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { proposeExclusion, signExclusion } from '../../src/store/commands/exclusion-rules.ts';
import { addExclusion, withdrawExclusion } from '../../src/store/commands/shape-run.ts';
import { buildDocuments } from '../../src/store/cycle/build-documents.ts';
import { cancelRun } from '../../src/store/cycle/cancel-run.ts';
import type { Store } from '../../src/store/db.ts';
import { finishRun, reviewRun } from '../support/bill.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let store: Store;
let drop: () => Promise<void>;
const rows = async (sql: string, params: unknown[] = []) => (await store.pool.query(sql, params)).rows;
/** What a run drafts for an owner beside the shares of sessions. */
const drafted = async (runId: string, account = 'acc_brf_north') =>
  (await rows('SELECT service_month, component, net_minor FROM period_charge WHERE run_id = $1 AND account_id = $2 ORDER BY 1, 2', [runId, account])).map((r) => Object.values(r));
const parked = async (runId: string) => (await rows("SELECT account_id FROM run_account WHERE run_id = $1 AND state = 'parked' ORDER BY 1", [runId])).map((r) => r.account_id);
const agree = (contractId: string, agreement: object) =>
  rows("INSERT INTO contract_version (contract_id, version, valid_from, valid_to, clauses, author) VALUES ($1, 101, '2019-12-01T00:00:00+01:00', 'infinity', $2, 'test')", [
    contractId,
    JSON.stringify({ status: 'active', ...agreement }),
  ]);
const share = { kind: 'netShare', id: 'share', percent: '12.5' };
const ofOwner = (clauses: readonly object[]) => ({ kind: 'revenueShare', supplyModel: 'siteAccess', clauses });
/** 10 kWh of a fleet at 2.234: 22.34 net, of which 12.5 % are 2.79. */
const arrive = async (id: number, garage: string, day: string) => {
  await storeLines(store, [session(id, { user: 'NR1-3', garage, kWh: '10', start: `${day} 10:00`, end: `${day} 12:00` })]);
  await processAll(store);
};
const vatTable = (version: number, where: string) =>
  rows(
    `INSERT INTO vat_table (entity_id, version, valid_from, rows, reason, author)
     SELECT entity_id, $1, '2019-12-01', (SELECT jsonb_agg(r) FROM jsonb_array_elements(rows) r WHERE ${where}), 'test', 'test' FROM vat_table WHERE version = (SELECT min(version) FROM vat_table)`,
    [version],
  );

beforeEach(async () => {
  ({ store, drop } = await seeded());
}, 60_000);
afterEach(() => drop());

describe('the month of an owner who is parked', () => {
  it('is stated by the run that can, for each that waited, also when nobody charges', async () => {
    await agree('ctr_brf_north', ofOwner([share, { kind: 'guarantee', id: 'floor', netPerMonth: '100', carryForward: false }]));
    await arrive(1, 'Bl2', '10.03.2020');
    await vatTable(99, "r->'when'->>'direction' = 'sale'");
    for (const [period, on] of [
      ['2019-12', '2020-01-06'],
      ['2020-01', '2020-02-06'],
    ] as const) {
      const runId = await reviewRun(store, period);
      expect(await drafted(runId)).toEqual([]);
      expect(await parked(runId)).toEqual(['acc_brf_north']);
      await finishRun(store, runId, on);
    }
    await vatTable(100, 'true');
    const february = await reviewRun(store, '2020-02');
    // Nobody charged: 100.00 for each month.
    expect(await drafted(february)).toEqual([
      ['2019-12', 'guarantee/floor', 10_000n],
      ['2020-01', 'guarantee/floor', 10_000n],
      ['2020-02', 'guarantee/floor', 10_000n],
    ]);
    await finishRun(store, february, '2020-03-06');
    const march = await reviewRun(store, '2020-03');
    // 2.79 were shared; the rest to 100.00.
    expect(await drafted(march)).toEqual([['2020-03', 'guarantee/floor', 9721n]]);
    await finishRun(store, march, '2020-04-06');
  }, 60_000);

  it('is stated for what sessions of others moved of it meanwhile (D44)', async () => {
    await agree('ctr_brf_north', ofOwner([share]));
    await agree('ctr_brf_south', ofOwner([share]));
    await agree('ctr_fleet_home_care', { kind: 'supply', clauses: [{ kind: 'included', id: 'inc', kWhPerMonth: '10', rolloverMonths: 0 }] });
    // The first at South is included, and the second is paid: of 5.58 that were booked 2.79 go back.
    await arrive(1, 'Bl7', '20.12.2019');
    await arrive(2, 'Bl7', '21.12.2019');
    const december = await reviewRun(store, '2019-12');
    expect(await drafted(december, 'acc_brf_south')).toEqual([['2019-12', 'netShare/share', -279n]]);
    await finishRun(store, december, '2020-01-06');
    // A late one at North takes the allowance: what came first at South is paid too.
    await arrive(3, 'Bl2', '10.12.2019');
    await vatTable(99, "r->'when'->>'direction' = 'sale'");
    const january = await reviewRun(store, '2020-01');
    expect(await parked(january)).toEqual(['acc_brf_north', 'acc_brf_south']);
    await finishRun(store, january, '2020-02-06');
    await vatTable(100, 'true');
    const february = await reviewRun(store, '2020-02');
    expect(await drafted(february, 'acc_brf_south')).toEqual([['2019-12', 'netShare/share#2', 279n]]);
    await finishRun(store, february, '2020-03-06');
    expect(await drafted(await reviewRun(store, '2020-03'), 'acc_brf_south')).toEqual([]);
  }, 60_000);
});

describe('the month of an owner that two runs have open', () => {
  const guaranteed = ofOwner([share, { kind: 'guarantee', id: 'floor', netPerMonth: '100', carryForward: false }]);
  /** All that an owner is given of a month, by issued documents. */
  const given = async (month: string) =>
    (
      await rows(
        "SELECT sum(c.net_minor)::int AS net FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id JOIN document d ON d.id = k.document_id AND d.state = 'issued' WHERE k.account_id = 'acc_brf_north' AND c.service_month = $1",
        [month],
      )
    )[0].net;

  it('comes to its guarantee where an off-cycle run of the owner was planned before its month’s own', async () => {
    await agree('ctr_brf_north', guaranteed);
    await arrive(1, 'Bl2', '10.12.2019');
    const own = await reviewRun(store, '2019-12', { selection: { accountIds: ['acc_brf_north'] } });
    const december = await reviewRun(store, '2019-12');
    // No sale is billed yet when the owner's run is issued.
    await finishRun(store, own, '2020-01-03');
    await finishRun(store, december, '2020-01-06');
    await finishRun(store, await reviewRun(store, '2020-01'), '2020-02-06');
    expect(await given('2019-12')).toBe(10_000);
    expect(await given('2020-01')).toBe(10_000);
  }, 60_000);

  it('comes to its guarantee where an off-cycle run bills a share beside the month’s own', async () => {
    await agree('ctr_brf_north', guaranteed);
    await arrive(1, 'Bl2', '10.12.2019');
    await arrive(2, 'Bl2', '11.12.2019');
    const december = await reviewRun(store, '2019-12');
    await arrive(3, 'Bl2', '12.12.2019');
    const beside = await reviewRun(store, '2019-12', { selection: { accountIds: ['acc_fleet_home_care', 'acc_brf_north'] } });
    await finishRun(store, december, '2020-01-06');
    await finishRun(store, beside, '2020-01-07');
    await finishRun(store, await reviewRun(store, '2020-01'), '2020-02-06');
    expect(await given('2019-12')).toBe(10_000);
    expect(await given('2020-01')).toBe(10_000);
  }, 60_000);

  it('comes to its guarantee where three months are open', async () => {
    await agree('ctr_brf_north', guaranteed);
    await arrive(1, 'Bl2', '10.12.2019');
    const december = await reviewRun(store, '2019-12');
    await arrive(2, 'Bl2', '11.12.2019');
    const january = await reviewRun(store, '2020-01');
    await finishRun(store, december, '2020-01-06');
    const february = await reviewRun(store, '2020-02');
    await finishRun(store, january, '2020-02-06');
    await finishRun(store, february, '2020-03-06');
    await finishRun(store, await reviewRun(store, '2020-03'), '2020-04-06');
    for (const month of ['2019-12', '2020-01', '2020-02', '2020-03']) expect([month, await given(month)]).toEqual([month, 10_000]);
  }, 60_000);

  it('comes to its guarantee where an off-cycle run that had it is cancelled after its month’s own was issued', async () => {
    await agree('ctr_brf_north', guaranteed);
    await arrive(1, 'Bl2', '10.12.2019');
    const own = await reviewRun(store, '2019-12', { selection: { accountIds: ['acc_brf_north'] } });
    await finishRun(store, await reviewRun(store, '2019-12'), '2020-01-06');
    await store.tx((db) => cancelRun(db, { runId: own, reason: 'not needed', by: { actor: 'preparer' } }));
    for (const [period, on] of [
      ['2020-01', '2020-02-06'],
      ['2020-02', '2020-03-06'],
    ] as const)
      await finishRun(store, await reviewRun(store, period), on);
    for (const month of ['2019-12', '2020-01', '2020-02']) expect([month, await given(month)]).toEqual([month, 10_000]);
  }, 60_000);
});

describe('the month of an owner who is left out', () => {
  const exclude = (runId: string, outcome: 'carry' | 'writeOff') =>
    store.tx((db) => addExclusion(db, runId, { scope: 'account', subjectId: 'acc_brf_north', outcome, reason: 'whose site it is is disputed' }, { actor: 'preparer' }));
  const build = (runId: string) => store.tx((db) => buildDocuments(db, runId));
  const documents = (runId: string) => rows("SELECT net_minor FROM document WHERE run_id = $1 AND account_id = 'acc_brf_north' AND state <> 'discarded'", [runId]);

  it('waits with its shares, which the month’s statement gave all the same, and is stated by the run that bills it', async () => {
    await agree('ctr_brf_north', ofOwner([share, { kind: 'guarantee', id: 'floor', netPerMonth: '100', carryForward: false }]));
    await arrive(1, 'Bl2', '10.12.2019');
    const december = await reviewRun(store, '2019-12');
    const before = await drafted(december);
    // Taken back, it is as if it had never been.
    const { id } = await exclude(december, 'carry');
    await build(december);
    expect([await drafted(december), await documents(december), await parked(december)]).toEqual([[], [], ['acc_brf_north']]);
    await store.tx((db) => withdrawExclusion(db, december, id, { actor: 'preparer' }));
    await build(december);
    expect([await drafted(december), await documents(december), await parked(december)]).toEqual([before, [{ net_minor: 10_000n }], []]);
    await exclude(december, 'carry');
    await finishRun(store, december, '2020-01-06');
    // Nobody charges in January.
    const january = await reviewRun(store, '2020-01');
    await exclude(january, 'carry');
    await finishRun(store, january, '2020-02-06');
    const february = await reviewRun(store, '2020-02');
    expect(await documents(february)).toEqual([{ net_minor: 30_000n }]);
    expect(await drafted(february)).toEqual([
      ['2019-12', 'guarantee/floor', 9721n],
      ['2020-01', 'guarantee/floor', 10_000n],
      ['2020-02', 'guarantee/floor', 10_000n],
    ]);
  }, 60_000);

  /** A standing rule by which what the owner is owed waits a month at most. */
  const waitAMonth = async () => {
    const rule = {
      entityId: 'ent_se',
      scope: 'account',
      subjectId: 'acc_brf_north',
      predicate: {},
      outcome: 'carry',
      maxAgeMonths: 1,
      atOurCost: false,
      validFrom: '2019-01-01',
      reviewOn: '2030-01-01',
    } as const;
    const { id } = await store.tx((db) => proposeExclusion(db, rule, { reason: 'whose site it is is disputed' }, { actor: 'author' }));
    await store.tx((db) => signExclusion(db, id, 'seen the dispute', { actor: 'signer' }));
    return id;
  };
  const tooLong = async (runId: string) =>
    (await rows("SELECT f.subject, f.params FROM run_finding l JOIN finding f ON f.id = l.finding_id WHERE l.run_id = $1 AND f.code = 'carriedTooLong'", [runId])).map((r) => [r.subject, r.params]);

  it('waits no longer than a standing rule allows: then all that is owed is stated, with a finding, and what comes after it waits anew', async () => {
    await agree('ctr_brf_north', ofOwner([share]));
    const ruleId = await waitAMonth();
    await arrive(1, 'Bl2', '10.12.2019');
    const december = await reviewRun(store, '2019-12');
    expect([await documents(december), await parked(december)]).toEqual([[], ['acc_brf_north']]);
    await finishRun(store, december, '2020-01-06');
    await arrive(2, 'Bl2', '10.01.2020');
    const january = await reviewRun(store, '2020-01');
    // December's 2.79 have waited a month, January's 2.79 come along.
    expect([await documents(january), await parked(january)]).toEqual([[{ net_minor: 558n }], []]);
    expect(await tooLong(january)).toEqual([[ruleId, { rule: ruleId, charges: 2, wh: 0, computed: '5.58', currency: 'SEK' }]]);
    await finishRun(store, january, '2020-02-06');
    await arrive(3, 'Bl2', '10.02.2020');
    const february = await reviewRun(store, '2020-02');
    expect([await documents(february), await parked(february), await tooLong(february)]).toEqual([[], ['acc_brf_north'], []]);
    await finishRun(store, february, '2020-03-06');
    // 2.79 of February; nobody charged in March.
    expect(await documents(await reviewRun(store, '2020-03'))).toEqual([{ net_minor: 279n }]);
  }, 60_000);

  it('waits no longer than a standing rule allows where nobody charged', async () => {
    await agree('ctr_brf_north', ofOwner([share, { kind: 'guarantee', id: 'floor', netPerMonth: '100', carryForward: false }]));
    await waitAMonth();
    const december = await reviewRun(store, '2019-12');
    expect([await documents(december), await parked(december)]).toEqual([[], ['acc_brf_north']]);
    await finishRun(store, december, '2020-01-06');
    // 100.00 for each month.
    const january = await reviewRun(store, '2020-01');
    expect([await documents(january), await parked(january)]).toEqual([[{ net_minor: 20_000n }], []]);
  }, 60_000);

  it('is not written off: what is owed is owed', async () => {
    await agree('ctr_brf_north', ofOwner([share]));
    await arrive(1, 'Bl2', '10.12.2019');
    const december = await reviewRun(store, '2019-12');
    await expect(exclude(december, 'writeOff')).rejects.toThrow('what is owed is not written off');
  }, 60_000);
});
