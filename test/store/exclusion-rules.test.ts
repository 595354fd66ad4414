import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExclusionRule } from '../../src/contracts/exclusion-rule.ts';
import { endExclusion, proposeExclusion, signExclusion } from '../../src/store/commands/exclusion-rules.ts';
import { addExclusion, pullIn, withdrawExclusion } from '../../src/store/commands/shape-run.ts';
import { buildDocuments } from '../../src/store/cycle/build-documents.ts';
import { cancelRun } from '../../src/store/cycle/cancel-run.ts';
import { decideRun } from '../../src/store/cycle/decide-run.ts';
import { advanceRun } from '../../src/store/cycle/run-state.ts';
import type { Store } from '../../src/store/db.ts';
import { energyBalance } from '../../src/store/reads/energy-balance.ts';
import { exclusionReach, exclusionRuleOf, listExclusionRules } from '../../src/store/reads/exclusion-rules.ts';
import { hitsOfRule, shadowBalance } from '../../src/store/reads/shadow-balance.ts';
import { closeSet, finishRun } from '../support/bill.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let store: Store;
let drop: () => Promise<void>;
const author = { actor: 'author' };
const signer = { actor: 'signer' };
const rows = async (sql: string, params: unknown[] = []) => (await store.pool.query(sql, params)).rows;
const rule = (more: Partial<ExclusionRule>): ExclusionRule => ({
  entityId: 'ent_se',
  scope: 'account',
  subjectId: 'acc_driver_16',
  predicate: {},
  outcome: 'carry',
  atOurCost: false,
  validFrom: '2019-01-01',
  reviewOn: '2030-01-01',
  ...more,
});
const propose = (more: Partial<ExclusionRule>, replaces?: string) => store.tx((db) => proposeExclusion(db, rule(more), { replaces, reason: 'disputed meter' }, author));
const sign = (id: string) => store.tx((db) => signExclusion(db, id, 'seen the dispute', signer));
const inForce = async (more: Partial<ExclusionRule>, replaces?: string) => {
  const { id } = await propose(more, replaces);
  await sign(id);
  return id;
};
const end = (id: string) => store.tx((db) => endExclusion(db, id, 'no longer needed', signer));
const review = async (period: string) => {
  const runId = await closeSet(store, period);
  await store.tx((db) => advanceRun(db, runId, 'previewing'));
  await build(runId);
  await store.tx((db) => advanceRun(db, runId, 'inReview'));
  return runId;
};
const build = (runId: string) => store.tx((db) => buildDocuments(db, runId));
/** What becomes of each session's charges in a run, by CDR id. */
const fates = async (runId: string) =>
  Object.fromEntries(
    (
      await rows(
        "SELECT h.cdr_id, string_agg(DISTINCT k.disposition || CASE WHEN c.reversal_of IS NULL THEN '' ELSE ' back' END, ', ' ORDER BY k.disposition || CASE WHEN c.reversal_of IS NULL THEN '' ELSE ' back' END) AS fate FROM claim k JOIN rated_charge c USING (charge_id) JOIN record_head h ON h.record_id = c.record_id WHERE k.run_id = $1 AND c.payer_account_id IS NOT NULL GROUP BY 1 ORDER BY 1",
        [runId],
      )
    ).map((r) => [r.cdr_id, r.fate]),
  );
const findings = async (runId: string) =>
  (await rows('SELECT f.code, f.severity, f.subject, f.params FROM run_finding l JOIN finding f ON f.id = l.finding_id WHERE l.run_id = $1 ORDER BY 1, 3', [runId])).filter((f) =>
    /exclusion|carried/.test(f.code),
  );
/** A session of a month that ends on its 5th, by day. */
const on = (month: string, id: number, user: string, kWh: string) => session(id, { user, kWh, start: `05.${month} 12:00`, end: `05.${month} 18:00` });

beforeAll(async () => {
  ({ store, drop } = await seeded());
});
afterAll(() => drop());

// By day a driver's kWh costs 2.65 net, a fleet's 2.234.
describe('a standing exclusion rule', () => {
  let carried: string;
  let november: string;

  it('holds only once a second person has signed it, says what it would meet, and never changes', async () => {
    await storeLines(store, [on('11.2019', 1, 'Bl2-1', '10'), on('11.2019', 2, 'Bl2-2', '20'), on('11.2019', 3, 'Bl2-5', '30')]);
    await processAll(store);
    const { id } = await propose({ maxAgeMonths: 2 });
    carried = id;
    // 10 kWh at 2.65.
    expect(await exclusionReach(store.pool, rule({}))).toEqual([{ serviceMonth: '2019-11', currency: 'SEK', accounts: 1, sessions: 1, charges: 1, energyWh: '10000', net: '26.50' }]);
    expect((await listExclusionRules(store.pool, {}, { limit: 5 })).items).toMatchObject([{ id, state: 'proposed', maxAgeMonths: 2, signedBy: null }]);
    await expect(store.tx((db) => signExclusion(db, id, 'mine', author))).rejects.toThrow(/second person/);
    november = await review('2019-11');
    expect(await fates(november)).toEqual({ '1': 'document', '2': 'document', '3': 'document' });
    // Signed while the run is in review: what it meets is built again, and who earns by it.
    expect(await sign(id)).toEqual({ id, workflowIds: ['run/ent_se/2019-11/live'] });
    expect(await rows("SELECT account_id FROM run_account WHERE state = 'pending' ORDER BY 1")).toEqual([{ account_id: 'acc_brf_north' }, { account_id: 'acc_driver_16' }]);
    await build(november);
    expect(await fates(november)).toEqual({ '1': 'carried', '2': 'document', '3': 'document' });
    await expect(store.pool.query("UPDATE standing_exclusion SET outcome = 'bill', max_age_months = NULL")).rejects.toMatchObject({ code: 'WL001' });
    await expect(store.pool.query("UPDATE standing_exclusion SET signed_by = 'another'")).rejects.toMatchObject({ code: 'WL001' });
  });

  it('keeps its author and its signer from approving what it takes effect in', async () => {
    const hash = (await build(november)).contentHash;
    const approve = (actor: string) => store.tx((db) => decideRun(db, { runId: november, approvalId: randomUUID(), decision: 'approve', contentHash: hash, actor, comment: 'looked at it' }));
    expect(await approve('author')).toEqual({ ok: false, reason: 'ownWork', what: `exclusion rule ${carried}` });
    expect(await approve('signer')).toEqual({ ok: false, reason: 'ownWork', what: `exclusion rule ${carried}` });
    await finishRun(store, november, '2019-12-05');
    expect(await hitsOfRule(store.pool, carried)).toMatchObject([
      { runId: november, runState: 'closed', ageMonths: 0, added: { charges: 1, energyWh: '10000', net: '26.50' }, closing: { net: '26.50' } },
    ]);
    await expect(store.pool.query('DELETE FROM exclusion_hit WHERE run_id = $1', [november])).rejects.toMatchObject({ code: 'WL001' });
    await expect(store.pool.query('UPDATE exclusion_hit SET too_old = true WHERE run_id = $1', [november])).rejects.toMatchObject({ code: 'WL001' });
  });

  it('carries on what it carried, and late sessions with it, until they are as old as it allows; then they are billed, with a finding', async () => {
    await storeLines(store, [on('11.2019', 4, 'Bl2-1', '1'), on('12.2019', 5, 'Bl2-1', '2')]);
    await processAll(store);
    const december = await review('2019-12');
    expect(await fates(december)).toEqual({ '1': 'carried', '4': 'carried', '5': 'carried' });
    await finishRun(store, december, '2020-01-05');
    const january = await review('2020-01');
    // Session 1 was carried in November and December. Sessions 4 and 5 were first carried in December.
    expect(await fates(january)).toEqual({ '1': 'document', '4': 'carried', '5': 'carried' });
    expect(await findings(january)).toMatchObject([
      { code: 'carriedTooLong', severity: 'warns', subject: carried, params: { rule: carried, charges: 1, wh: 10_000, computed: '26.50', currency: 'SEK' } },
    ]);
    // 2.65 for one late kWh of November, 5.30 for two of December.
    const { rows: lines, totals } = await shadowBalance(store.pool, january);
    expect(lines).toMatchObject([
      {
        cause: 'standing',
        ruleId: carried,
        serviceMonth: '2019-11',
        ageMonths: 2,
        opening: { net: '29.15' },
        added: { net: '0.00' },
        billed: { net: '26.50', energyWh: '10000' },
        closing: { net: '2.65' },
      },
      { cause: 'standing', ruleId: carried, serviceMonth: '2019-12', ageMonths: 1, opening: { net: '5.30' }, billed: { net: '0.00' }, closing: { net: '5.30', energyWh: '2000' } },
    ]);
    expect(totals).toMatchObject([
      { opening: { charges: 3, energyWh: '13000', net: '34.45' }, billed: { net: '26.50' }, writtenOff: { net: '0.00' }, closing: { net: '7.95' }, moved: { charges: 0 } },
    ]);
    await finishRun(store, january, '2020-02-05');
  });

  it('gives way to a version that replaces it, and when it is ended what it carried is billed with a finding, never written off', async () => {
    const second = await inForce({ maxAgeMonths: 6, predicate: { energyFromWh: 2000 } }, carried);
    expect(await exclusionRuleOf(store.pool, second)).toMatchObject({ rule: { version: 2, state: 'inForce' }, earlier: [{ id: carried, state: 'ended', endReason: `replaced by ${second}` }] });
    const february = await review('2020-02');
    // Session 4, of 1 kWh, is not met any more.
    expect(await fates(february)).toEqual({ '4': 'document', '5': 'carried' });
    expect((await shadowBalance(store.pool, february)).rows).toMatchObject(
      [
        { ruleId: carried, serviceMonth: '2019-11', opening: { net: '2.65' }, moved: { net: '0.00' }, billed: { net: '2.65' }, closing: { net: '0.00' } },
        { ruleId: carried, serviceMonth: '2019-12', opening: { net: '5.30' }, moved: { net: '-5.30' }, closing: { net: '0.00' } },
        { ruleId: second, serviceMonth: '2019-12', opening: { net: '0.00' }, moved: { net: '5.30' }, closing: { net: '5.30' } },
      ].sort((a, b) => (a.ruleId < b.ruleId ? -1 : a.ruleId > b.ruleId ? 1 : a.serviceMonth < b.serviceMonth ? -1 : 1)),
    );
    expect(await findings(february)).toMatchObject([{ code: 'exclusionExpired', subject: carried, params: { computed: '2.65' } }]);
    expect((await end(second)).workflowIds).toEqual(['run/ent_se/2020-02/live']);
    await build(february);
    expect(await fates(february)).toEqual({ '4': 'document', '5': 'document' });
    expect(await findings(february)).toMatchObject([{ code: 'exclusionExpired', params: { charges: 2, computed: '7.95' } }]);
    await finishRun(store, february, '2020-03-05');
  });
});

describe('several exclusions of the same charge', () => {
  it('are decided by the run’s own, then the narrowest; a conflict of one rank is carried and blocks', async () => {
    const lines = [on('03.2020', 11, 'Bl2-1', '3'), on('03.2020', 12, 'Bl2-2', '4'), on('03.2020', 13, 'Bl2-5', '5')];
    await storeLines(store, lines);
    await processAll(store);
    const site = await inForce({ scope: 'site', subjectId: 'site_bl2' });
    const customer = await inForce({ scope: 'customer', subjectId: (await rows("SELECT party_id FROM account WHERE id = 'acc_driver_17'"))[0].party_id, outcome: 'bill' });
    const march = await review('2020-03');
    expect(await fates(march)).toEqual({ '11': 'carried', '12': 'document', '13': 'carried' });
    const segment = await inForce({ scope: 'site', subjectId: 'site_bl2', outcome: 'writeOff', predicate: { segment: 'fleet', amountAbove: '11.16', amountUpTo: '11.17', currency: 'SEK' } });
    await build(march);
    // 5 kWh at 2.234 are 11.17: written off by one rule on the site, carried by the other.
    expect(await fates(march)).toEqual({ '11': 'carried', '12': 'document', '13': 'carried' });
    expect(await findings(march)).toMatchObject([{ code: 'exclusionConflict', severity: 'blocks', params: { rules: [segment, site].sort().join(', '), charges: 1, computed: '11.17' } }]);
    const [{ record_id: record }] = await rows("SELECT record_id FROM record_head WHERE cdr_id = '12'");
    const own = await store.tx((db) => addExclusion(db, march, { scope: 'record', subjectId: record.toString(), outcome: 'writeOff', reason: 'charger broke' }, author));
    await end(segment);
    await build(march);
    expect(await fates(march)).toEqual({ '11': 'carried', '12': 'excluded', '13': 'carried' });
    expect(await findings(march)).toEqual([]);
    await store.tx((db) => withdrawExclusion(db, march, own.id, author));
    await build(march);
    expect(await fates(march)).toEqual({ '11': 'carried', '12': 'document', '13': 'carried' });

    // What comes later falls under the same rules when it is pulled in.
    await storeLines(store, [on('03.2020', 14, 'Bl2-1', '7')]);
    await processAll(store);
    await store.tx((db) => pullIn(db, march, undefined, author));
    await build(march);
    expect(await fates(march)).toEqual({ '11': 'carried', '12': 'document', '13': 'carried', '14': 'carried' });
    await finishRun(store, march, '2020-04-05');
    await end(customer);
  });

  it('do not tear a correction apart: what is taken back goes where the original went, and what was issued waits with what takes its place', async () => {
    const [{ id: site }] = await rows("SELECT id FROM standing_exclusion WHERE scope = 'site' AND ended_at IS NULL");
    // Session 11 is carried, session 12 issued: both are corrected.
    await storeLines(store, [on('03.2020', 11, 'Bl2-1', '2'), on('03.2020', 12, 'Bl2-2', '6')]);
    await processAll(store);
    const april = await review('2020-04');
    expect(await fates(april)).toMatchObject({ '11': 'carried, carried back', '12': 'carried, carried back' });
    const { totals } = await shadowBalance(store.pool, april);
    // Opening 3 + 5 + 7 kWh. Session 11 is taken back and 2 kWh instead of 3; of session 12, which was issued, 4 kWh wait to be taken back and 6 to take their place.
    expect(totals).toMatchObject([{ opening: { energyWh: '15000' }, added: { energyWh: '1000' }, billed: { energyWh: '0' }, closing: { energyWh: '16000' } }]);
    await end(site);
    await build(april);
    expect(await fates(april)).toMatchObject({ '11': 'document, document back', '12': 'document, document back' });
    await finishRun(store, april, '2020-05-05');
    expect((await energyBalance(store.pool)).map((b) => [b.month, b.difference, b.carried])).toEqual(['2019-11', '2019-12', '2020-03'].map((month) => [month, 0n, 0n]));
  });

  it('leave a run that was cancelled without a trace', async () => {
    const rule = await inForce({ scope: 'tariff', subjectId: 'fleet-flat', outcome: 'writeOff' });
    await storeLines(store, [on('05.2020', 21, 'Bl2-5', '5')]);
    await processAll(store);
    const cancelled = await review('2020-05');
    expect(await fates(cancelled)).toEqual({ '21': 'excluded' });
    await store.tx((db) => cancelRun(db, { runId: cancelled, reason: 'planned too early', by: author }));
    const may = await review('2020-05');
    expect(await fates(may)).toEqual({ '21': 'excluded' });
    await finishRun(store, may, '2020-06-05');
    expect(await hitsOfRule(store.pool, rule)).toMatchObject([{ runId: may }]);
    expect((await shadowBalance(store.pool, may)).totals).toMatchObject([{ added: { net: '11.17' }, writtenOff: { net: '11.17' } }]);
    expect(await rows("SELECT sum(amount)::bigint AS minor FROM ledger_entry WHERE ledger_account = 'revenueReduction'")).toEqual([{ minor: 1117n }]);
  });
});

it('a rule has its place taken once: of two versions that are proposed for it the later one is not signed beside the first', async () => {
  const taxi = { subjectId: 'acc_fleet_taxi' };
  const id = await inForce(taxi);
  const [first, second] = [await propose(taxi, id), await propose({ ...taxi, reviewOn: '2030-02-01' }, id)];
  await sign(first.id);
  await expect(sign(second.id)).rejects.toThrow(`exclusion rule ${id} was replaced by ${first.id} meanwhile: end this proposal, and propose another version of that one`);
  const { rows } = await store.pool.query('SELECT id FROM standing_exclusion WHERE signed_at IS NOT NULL AND ended_at IS NULL AND (id = $1 OR replaces = $1)', [id]);
  expect(rows).toEqual([{ id: first.id }]);
  await end(first.id);
});
