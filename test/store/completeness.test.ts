import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setRules } from '../../src/store/commands/set-rules.ts';
import { signFindings } from '../../src/store/commands/sign-findings.ts';
import { acceptControlTotal, stateControlTotals } from '../../src/store/commands/state-control-totals.ts';
import { stateWatermark } from '../../src/store/commands/state-watermark.ts';
import { buildDocuments } from '../../src/store/cycle/build-documents.ts';
import { checkCompleteness } from '../../src/store/cycle/check-completeness.ts';
import { lookForCutOff } from '../../src/store/cycle/cut-off.ts';
import { decideRun } from '../../src/store/cycle/decide-run.ts';
import { advanceRun } from '../../src/store/cycle/run-state.ts';
import type { Store } from '../../src/store/db.ts';
import { collectingOf, proposedCutOffs } from '../../src/store/reads/collecting.ts';
import { completenessOf, statedTotals } from '../../src/store/reads/completeness.ts';
import { controlTotalDays } from '../../src/store/reads/control-totals.ts';
import { listRunFindings } from '../../src/store/reads/run-findings.ts';
import { watermarksOf } from '../../src/store/reads/watermarks.ts';
import { closeSet } from '../support/bill.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let drop: () => Promise<void>;
let store: Store;
const partner = { actor: 'partner' };
const now = new Date();
const state = (...totals: readonly [on: string, count: number, energyWh: number][]) =>
  store.tx((db) =>
    stateControlTotals(
      db,
      'csms',
      totals.map(([on, count, energyWh]) => ({ on, count, energyWh, origin: 'source' })),
      partner,
    ),
  );
const december = async () => (await completenessOf(store.pool, 'csms', '2019-12'))?.days ?? [];

beforeAll(async () => {
  ({ store, drop } = await seeded());
  await storeLines(store, [
    session(1, { kWh: '10,5' }),
    session(2, { kWh: '4,25', user: 'Bl2-2' }),
    // Held, since nobody knows the token: it arrived all the same.
    session(3, { user: 'Nobody', kWh: '7' }),
    // Ends at midnight: the day after.
    session(4, { user: 'NR1-3', start: '05.12.2019 23:00', end: '06.12.2019 00:00', kWh: '3' }),
    session(5, { user: 'NR1-3', start: '20.12.2019 10:00', end: '20.12.2019 12:00', kWh: '8' }),
  ]);
  await processAll(store);
});
afterAll(() => drop());

describe('a source’s watermark', () => {
  const until = (at: string, reason?: string) => store.tx((db) => stateWatermark(db, { sourceId: 'csms', completeUntil: new Date(at), origin: 'partner', reason }, now, partner));
  it('goes forward, keeps each statement, and goes back only with a reason', async () => {
    expect(await until('2019-12-10T00:00:00Z')).toMatchObject({ changed: true });
    expect(await until('2019-12-10T00:00:00Z')).toMatchObject({ changed: false, crossed: null });
    expect((await until('2019-12-20T00:00:00Z')).crossed).toEqual({ from: new Date('2019-12-10T00:00:00Z'), to: new Date('2019-12-20T00:00:00Z') });
    await expect(until('2019-12-15T00:00:00Z')).rejects.toThrow(/only with a reason/);
    await until('2019-12-15T00:00:00Z', 'a charger was found that had not sent');
    expect((await watermarksOf(store.pool, 'csms', { limit: 50 }))?.items).toMatchObject([
      { completeUntil: '2019-12-15T00:00:00.000Z', reason: 'a charger was found that had not sent', author: 'partner' },
      { completeUntil: '2019-12-20T00:00:00.000Z' },
      { completeUntil: '2019-12-10T00:00:00.000Z' },
    ]);
  });
  it('is refused for a time to come and for no source', async () => {
    await expect(until(new Date(now.getTime() + 3_600_000).toISOString())).rejects.toThrow(/still to come/);
    await expect(store.tx((db) => stateWatermark(db, { sourceId: 'none', completeUntil: now, origin: 'ops' }, now, partner))).rejects.toThrow(/no source "none"/);
  });
});

describe('control totals', () => {
  it('are held against what arrived of the source’s own day, held records included', async () => {
    // 10,500 + 4,250 + 7,000 Wh on the 5th; 3,000 Wh on the 6th, whose day begins at the end of that session; nothing arrived of the 7th.
    expect(await state(['2019-12-05', 3, 21_750], ['2019-12-06', 2, 8_000], ['2019-12-07', 1, 1_000])).toEqual([
      { on: '2019-12-05', party: null, origin: 'source', version: 1, status: 'stated' },
      { on: '2019-12-06', party: null, origin: 'source', version: 1, status: 'stated' },
      { on: '2019-12-07', party: null, origin: 'source', version: 1, status: 'stated' },
    ]);
    expect(await december()).toMatchObject([
      { on: '2019-12-05', status: 'equal', difference: { count: 0, energyWh: '0', amount: null } },
      { on: '2019-12-06', status: 'differs', stated: { count: 2, energyWh: '8000' }, received: { count: 1, energyWh: '3000' }, difference: { count: -1, energyWh: '-5000' } },
      { on: '2019-12-07', status: 'differs', difference: { count: -1, energyWh: '-1000' } },
      // Others of the month are stated, and this day is not.
      { on: '2019-12-20', status: 'missing', stated: null, received: { count: 1, energyWh: '8000' } },
    ]);
  });
  it('keep every version: the same figures again are a repeat, others correct them', async () => {
    expect(await state(['2019-12-06', 2, 8_000], ['2019-12-07', 0, 0])).toMatchObject([
      { status: 'repeated', version: 1 },
      { status: 'corrected', version: 2 },
    ]);
    expect((await december()).find((d) => d.on === '2019-12-07')).toMatchObject({ status: 'equal', version: 2 });
    expect((await statedTotals(store.pool, 'csms', '2019-12')).filter((t) => t.on === '2019-12-07').map((t) => [t.version, t.count])).toEqual([
      [1, 1],
      [2, 0],
    ]);
  });
  it('follow the energy the source stated, not what a signed correction bills', async () => {
    await store.pool.query("UPDATE record_head SET energy_wh = 2500, source_wh = 3000 WHERE source_id = 'csms' AND cdr_id = '4'");
    expect((await december()).find((d) => d.on === '2019-12-06')?.received.energyWh).toBe('3000');
    await store.pool.query("UPDATE record_head SET energy_wh = 3000, source_wh = NULL WHERE source_id = 'csms' AND cdr_id = '4'");
  });
  it('tolerate what the source’s own rule allows, and nothing more', async () => {
    const tolerate = (toleranceWh: number) =>
      store.tx((db) =>
        setRules(db, { sourceId: 'csms', profile: { rules: { controlTotalDiffers: { limits: { toleranceCount: 1, toleranceWh } } } }, reason: 'agreed with the partner' }, { actor: 'admin' }),
      );
    await tolerate(4_999);
    expect((await december())[1]).toMatchObject({ status: 'differs' });
    await tolerate(5_000);
    expect((await december())[1]).toMatchObject({ status: 'tolerated' });
    await store.tx((db) => setRules(db, { sourceId: 'csms', profile: { rules: {} }, reason: 'exact again' }, { actor: 'admin' }));
  });
});

describe('a run', () => {
  let runId: string;
  it('says what it still lacks, source by source, with the cut-off that the source’s own lateness proposes', async () => {
    runId = await closeSet(store, '2019-12');
    const found = await collectingOf(store.pool, runId);
    expect(found).toMatchObject({ cutOff: 'fixed', complete: false, periodEnd: '2019-12-31T23:00:00.000Z' });
    expect(found.sources.find((s) => s.sourceId === 'csms')).toMatchObject({
      completeUntil: '2019-12-15T00:00:00.000Z',
      controlTotals: { days: 4, equal: 2, differs: 1, missing: 1 },
      waitsFor: ['complete until 2019-12-15T00:00:00.000Z', 'the totals of 1 days differ', '1 days have no total'],
    });
    expect(found.sources.find((s) => s.sourceId === 'ocpi-peer')).toMatchObject({ completeUntil: null, lastArrivalAt: null, waitsFor: ['it never said until when it is complete'] });
    const proposed = await proposedCutOffs(store.pool, runId);
    // All came years after: the proposal says so.
    expect(Date.parse(proposed.find((p) => p.sourceId === 'csms')?.proposedCutOffAt ?? '')).toBeGreaterThan(Date.parse('2026-01-01'));
    expect(proposed.find((p) => p.sourceId === 'ocpi-peer')?.proposedCutOffAt).toBeNull();
    expect(await store.tx((db) => lookForCutOff(db, runId, now))).toMatchObject({ automatic: false, closed: false });
  });
  it('shows it as findings, of which a difference of totals blocks approval until it is signed', async () => {
    await store.tx((db) => advanceRun(db, runId, 'previewing'));
    const { contentHash } = await store.tx((db) => buildDocuments(db, runId));
    await store.tx((db) => checkCompleteness(db, runId));
    await store.tx((db) => advanceRun(db, runId, 'inReview'));
    const findings = async () => (await listRunFindings(store.pool, runId, undefined, { limit: 50 })).items.filter((f) => f.subject === 'source csms');
    const before = await findings();
    expect(before.map((f) => [f.rule, f.severity, f.text])).toEqual([
      ['controlTotalDiffers', 'blocks', 'of 2019-12-06 it states 2 CDRs with 8000 Wh, and 1 with 3000 Wh arrived'],
      ['controlTotalMissing', 'warns', 'of 2019-12-20 it states no total, and 1 CDRs with 8000 Wh arrived'],
      ['watermarkBehind', 'warns', 'it says it is complete until 2019-12-15T00:00:00.000Z, and the period ends 2019-12-31T23:00:00.000Z'],
    ]);
    const decide = (actor: string) => store.tx((db) => decideRun(db, { runId, approvalId: randomUUID(), decision: 'approve', contentHash, actor, comment: 'looked at it' }));
    expect(await decide('approver')).toEqual({ ok: false, reason: 'blockingFindings', findings: 1 });
    // Another look finds the same, so the same rows stand, and the preview's own rules leave them alone.
    await store.tx((db) => checkCompleteness(db, runId));
    await store.pool.query("UPDATE run_account SET state = 'pending' WHERE run_id = $1", [runId]);
    await store.tx((db) => buildDocuments(db, runId));
    expect((await findings()).map((f) => f.findingId)).toEqual(before.map((f) => f.findingId));
    await store.tx((db) => signFindings(db, { runId, findingIds: [before[0]?.findingId ?? ''], reason: 'the partner counts a test session' }, { actor: 'signer' }));
    await state(['2019-12-20', 1, 8_000]);
    await store.tx((db) => stateWatermark(db, { sourceId: 'csms', completeUntil: new Date('2019-12-31T23:00:00Z'), origin: 'ops' }, now, partner));
    await store.tx((db) => checkCompleteness(db, runId));
    expect((await findings()).map((f) => [f.rule, f.signed?.by])).toEqual([['controlTotalDiffers', 'signer']]);
    expect(await decide('approver')).toEqual({ ok: true });
  });
});

describe('a difference that is signed at the source', () => {
  it('holds while neither side changes', async () => {
    const accept = (on: string) => store.tx((db) => acceptControlTotal(db, { sourceId: 'csms', on, origin: 'source', party: null, reason: 'a test session' }, { actor: 'signer' }));
    await expect(accept('2019-12-05')).rejects.toThrow(/equal: there is nothing to sign/);
    await expect(accept('2019-12-24')).rejects.toThrow(/states no total/);
    expect(await accept('2019-12-06')).toEqual({ status: 'accepted' });
    expect((await december())[1]).toMatchObject({ status: 'accepted' });
    await storeLines(store, [session(6, { user: 'Bl2-2', start: '06.12.2019 10:00', end: '06.12.2019 11:00', kWh: '1' })]);
    await processAll(store);
    expect((await december())[1]).toMatchObject({ status: 'differs', difference: { count: 0, energyWh: '-4000' } });
  });
});

describe('totals of a month, and of a party behind a hub', () => {
  const hub = (on: string, party: string | undefined, count: number, energyWh: number) =>
    store.tx((db) => stateControlTotals(db, 'csms', [{ on, count, energyWh, origin: 'hub', ...(party === undefined ? {} : { party }) }], partner));
  const ofHub = async () => (await december()).filter((d) => d.origin === 'hub' || (d.status === 'missing' && d.party !== null));
  it('are held against what arrived of that month and party', async () => {
    // 10,500 + 4,250 + 7,000 on the 5th, 3,000 + 1,000 on the 6th, 8,000 on the 20th: six CDRs of SE*WLT, 33,750 Wh.
    await hub('2019-12', 'SE*WLT', 6, 33_750);
    await hub('2019-12', undefined, 7, 40_000);
    await hub('2019-12-20', 'SE*WLT', 1, 8_000);
    expect(await ofHub()).toMatchObject([
      { on: '2019-12', party: null, status: 'differs', received: { count: 6, energyWh: '33750' }, difference: { count: -1, energyWh: '-6250' } },
      { on: '2019-12', party: 'SE*WLT', status: 'equal' },
      // Of a party days are stated, and of these two not.
      { on: '2019-12-05', party: 'SE*WLT', status: 'missing', received: { count: 3, energyWh: '21750' } },
      { on: '2019-12-06', party: 'SE*WLT', status: 'missing', received: { count: 2, energyWh: '4000' } },
      { on: '2019-12-20', party: 'SE*WLT', origin: 'hub', status: 'equal' },
    ]);
  });
  it('are corrected, repeated and signed each by itself', async () => {
    expect(await hub('2019-12', 'SE*WLT', 6, 33_750)).toMatchObject([{ status: 'repeated', version: 1, party: 'SE*WLT' }]);
    expect(await hub('2019-12', 'SE*WLT', 9, 33_750)).toMatchObject([{ status: 'corrected', version: 2 }]);
    await store.tx((db) => acceptControlTotal(db, { sourceId: 'csms', on: '2019-12', origin: 'hub', party: null, reason: 'they count tests' }, { actor: 'signer' }));
    expect((await ofHub()).slice(0, 2)).toMatchObject([
      { party: null, status: 'accepted' },
      { party: 'SE*WLT', status: 'differs', difference: { count: -3 } },
    ]);
  });
  it('are each origin’s own: what registers of EVSEs counted beside what the source says it sent', async () => {
    await store.tx((db) => stateControlTotals(db, 'csms', [{ on: '2019-12-05', count: 3, energyWh: 22_000, origin: 'register' }], partner));
    expect((await december()).filter((d) => d.on === '2019-12-05' && d.party === null).map((d) => [d.origin, d.status, d.difference?.energyWh])).toEqual([
      ['register', 'differs', '-250'],
      ['source', 'equal', '0'],
    ]);
    await store.tx((db) => stateControlTotals(db, 'csms', [{ on: '2019-12-05', count: 3, energyWh: 21_750, origin: 'register' }], partner));
  });
  it('of a month are no matter of a window that holds a part of it', async () => {
    const days = await controlTotalDays(store.pool, { sourceIds: ['csms'], from: '2019-12-01', to: '2019-12-31' });
    expect([days.length > 0, days.some((d) => d.on === '2019-12')]).toEqual([true, false]);
  });
  it('name their month and party where a run finds them apart', async () => {
    const run = 'run_ent_se_2019-12_live';
    await store.tx((db) => checkCompleteness(db, run));
    const found = (await listRunFindings(store.pool, run, undefined, { limit: 50 })).items.filter((f) => f.rule === 'controlTotalDiffers');
    expect(found.map((f) => f.text)).toContain('of 2019-12 for SE*WLT it states 9 CDRs with 33750 Wh, and 6 with 33750 Wh arrived');
  });
});
