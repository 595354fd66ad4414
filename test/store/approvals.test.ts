import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectationSchema } from '../../src/contracts/completeness.ts';
import { releaseRulesSchema } from '../../src/contracts/release-rules.ts';
import { needsTwo } from '../../src/core/cycle/release-rules.ts';
import { addAdjustment } from '../../src/store/commands/adjust-run.ts';
import { decideRecords } from '../../src/store/commands/decide-records.ts';
import { cancelExpectations, openExpectations } from '../../src/store/commands/expectations.ts';
import { mapExternal } from '../../src/store/commands/map-external.ts';
import { moveAccounts } from '../../src/store/commands/move-accounts.ts';
import { setReleaseRules } from '../../src/store/commands/set-release-rules.ts';
import { signCarry } from '../../src/store/commands/steer-run.ts';
import { checkCompleteness } from '../../src/store/cycle/check-completeness.ts';
import { decideRun, reopenGroups } from '../../src/store/cycle/decide-run.ts';
import type { Store } from '../../src/store/db.ts';
import { runGroups } from '../../src/store/reads/run-groups.ts';
import { approvalsOf } from '../../src/store/reads/runs.ts';
import { closeSet, issueRun, reviewRun } from '../support/bill.ts';
import { processAll, retryAll, session, storeLines } from '../support/intake.ts';
import { type Review, startReview } from '../support/review.ts';
import { seeded } from '../support/seeded.ts';

describe('rules on who approves', () => {
  const totals = [
    { strategy: 'fleetInvoice', category: 'fleet', currency: 'SEK', sumMinor: 100_00n, largestMinor: 60_00n },
    { strategy: 'driverInvoice', category: 'driver', currency: 'SEK', sumMinor: 30_00n, largestMinor: 10_00n },
    { strategy: 'emspSettlement', category: 'emsp', currency: 'EUR', sumMinor: 900_00n, largestMinor: 900_00n },
  ];
  it.each([
    ['nobody asks for two', [], false],
    ['all of a currency: 100 + 30 SEK are above 129, not above 130', [{ currency: 'SEK', groupAbove: 129_99 }], true],
    ['at the limit one is enough', [{ currency: 'SEK', groupAbove: 130_00 }], false],
    ['a strategy alone', [{ strategy: 'fleetInvoice', groupAbove: 100_00 }], false],
    ['a single document', [{ category: 'fleet', documentAbove: 59_99 }], true],
    ['any currency, each for itself: 900 EUR', [{ groupAbove: 899_99 }], true],
    ['currencies are never added: 130 SEK and 900 EUR are not 1,030', [{ groupAbove: 1000_00 }], false],
  ])('%s', (_, secondApprover, two) => {
    expect(needsTwo(releaseRulesSchema.parse({ secondApprover }), totals)).toBe(two);
  });
  it('name an amount', () => {
    expect(releaseRulesSchema.safeParse({ secondApprover: [{ strategy: 'fleetInvoice' }] }).success).toBe(false);
  });
});

describe('a run where two have to approve', () => {
  let review: Review;
  const standing = async () => (await runGroups(review.store.pool, review.runId))[0];
  beforeAll(async () => {
    review = await startReview();
    const rules = releaseRulesSchema.parse({ secondApprover: [{ strategy: 'fleetInvoice', groupAbove: 0 }] });
    await review.store.tx((db) => setReleaseRules(db, { entityId: 'ent_se', rules, reason: 'fleets are looked at twice' }, { actor: 'ruler' }));
  });
  afterAll(() => review.stop());

  it('waits for the second, who is somebody else', async () => {
    expect(await review.decide('ruler')).toEqual({ ok: false, reason: 'ownWork', what: 'rules of release, version 1' });
    // Documents are what they were built as, however their account pays by now.
    await review.store.pool.query("UPDATE account SET strategy = 'cardInvoice' WHERE strategy = 'fleetInvoice'");
    expect(await review.decide('first')).toEqual({ ok: true, waitsForSecond: ['all'] });
    await review.store.pool.query("UPDATE account SET strategy = 'fleetInvoice' WHERE strategy = 'cardInvoice'");
    expect(await standing()).toMatchObject({ state: 'inReview', approvedBy: ['first'], waitsForSecond: true });
    expect(await review.decide('first')).toEqual({ ok: false, reason: 'ownWork', what: 'the first approval of group all' });
  });
  it('begins anew when somebody rejects it, or what was approved changes', async () => {
    expect(await review.decide('third', 'all', 'reject')).toEqual({ ok: true });
    expect(await standing()).toMatchObject({ approvedBy: [], waitsForSecond: false });
    expect(await review.decide('second')).toEqual({ ok: true, waitsForSecond: ['all'] });
    const line = { accountId: 'acc_fleet_taxi', amountMinor: -100n, vatCode: 'SE25', glAccount: '3740', costCenter: '100', description: 'Goodwill', reason: 'cable broken' };
    await review.store.tx((db) => addAdjustment(db, review.runId, line, { actor: 'preparer' }));
    await review.build();
    expect(await review.decide('first')).toEqual({ ok: true, waitsForSecond: ['all'] });
  });
  it('does not count a first approver who has shaped it since', async () => {
    await review.store.pool.query('UPDATE run_account SET moved_by = $2 WHERE run_id = $1 AND account_id = $3', [review.runId, 'first', 'acc_fleet_taxi']);
    expect(await review.decide('second')).toEqual({ ok: true, waitsForSecond: ['all'] });
    await review.store.pool.query('UPDATE run_account SET moved_by = NULL WHERE run_id = $1', [review.runId]);
  });
  it('is approved once by two who come at the same time, and a repeat meets the first answer', async () => {
    const contentHash = await review.hashOf();
    const order = (actor: string) => ({ runId: review.runId, approvalId: randomUUID(), decision: 'approve' as const, contentHash, actor, comment: 'looked at it' });
    const orders = [order('third'), order('fourth')];
    const answers = await Promise.all(orders.map((o) => review.store.tx((db) => decideRun(db, o))));
    const won = answers.findIndex((a) => a.ok);
    expect(answers[won]).toEqual({ ok: true });
    expect(answers[1 - won]).toEqual({ ok: false, reason: 'wrongState', state: 'approved' });
    const again = orders[won];
    if (again !== undefined) expect(await review.store.tx((db) => decideRun(db, again))).toEqual({ ok: true });
    expect(await review.rows("SELECT count(*)::integer AS n FROM approval WHERE run_id = $1 AND actor IN ('third', 'fourth') AND decision = 'approve'", [review.runId])).toEqual([{ n: 1 }]);
  });
});

describe('a run that two had to approve, until the rules wanted one alone', () => {
  it.each(['first', 'second'])('waits for no second, and is approved by %s', async (actor) => {
    const review = await startReview();
    try {
      const rule = (secondApprover: readonly { groupAbove: number }[], author: string) =>
        review.store.tx((db) => setReleaseRules(db, { entityId: 'ent_se', rules: releaseRulesSchema.parse({ secondApprover }), reason: 'who looks at it' }, { actor: author }));
      await rule([{ groupAbove: 0 }], 'ruler');
      expect(await review.decide('first')).toEqual({ ok: true, waitsForSecond: ['all'] });
      await rule([], 'ruler');
      expect(await runGroups(review.store.pool, review.runId)).toMatchObject([{ approvedBy: ['first'], waitsForSecond: false }]);
      expect(await review.decide(actor)).toEqual({ ok: true });
      expect(await runGroups(review.store.pool, review.runId)).toMatchObject([{ state: 'approved' }]);
    } finally {
      await review.stop();
    }
  });
});

describe('two groups approved at the same time', () => {
  it('are both approved, and the run with them', async () => {
    const review = await startReview({ acc_emsp_aurora: 'emsp' });
    try {
      expect(await Promise.all([review.decide('one', 'all'), review.decide('other', 'emsp')])).toEqual([{ ok: true }, { ok: true }]);
      expect(await review.rows('SELECT state FROM billing_run WHERE id = $1', [review.runId])).toEqual([{ state: 'approved' }]);
      // Each names its own group's hash, which is not the run's: it is the present one all the same, until something of its group changes.
      const present = async () => (await approvalsOf(review.store.pool, review.runId)).map((a) => [a.group, a.isPresent]).sort();
      expect(await present()).toEqual([
        ['all', true],
        ['emsp', true],
      ]);
      await review.store.tx((db) => reopenGroups(db, { runId: review.runId, group: 'emsp', actor: 'other', reason: 'a line is missing' }));
      const line = { accountId: 'acc_emsp_aurora', amountMinor: -100n, vatCode: 'SE25', glAccount: '3740', costCenter: '100', description: 'Goodwill', reason: 'cable broken' };
      await review.store.tx((db) => addAdjustment(db, review.runId, line, { actor: 'preparer' }));
      await review.build();
      expect(await present()).toEqual([
        ['all', true],
        ['emsp', false],
      ]);
    } finally {
      await review.stop();
    }
  });
});

describe('a release group that is emptied and made again', () => {
  it('begins its review anew: an approval that was rejected does not count', async () => {
    const review = await startReview({ acc_fleet_taxi: 'fleets' });
    try {
      const rules = releaseRulesSchema.parse({ secondApprover: [{ groupAbove: 0 }] });
      await review.store.tx((db) => setReleaseRules(db, { entityId: 'ent_se', rules, reason: 'all is looked at twice' }, { actor: 'ruler' }));
      expect(await review.decide('early', 'fleets')).toEqual({ ok: true, waitsForSecond: ['fleets'] });
      expect(await review.decide('doubter', 'fleets', 'reject')).toEqual({ ok: true });
      for (const group of ['all', 'fleets']) {
        await review.store.tx((db) => moveAccounts(db, review.runId, { accountIds: ['acc_fleet_taxi'], group }, { actor: 'mover' }));
        await review.build();
      }
      expect((await runGroups(review.store.pool, review.runId)).find((g) => g.name === 'fleets')).toMatchObject({ approvedBy: [], waitsForSecond: false });
      expect(await review.decide('late', 'fleets')).toEqual({ ok: true, waitsForSecond: ['fleets'] });
      expect(await review.decide('later', 'fleets')).toEqual({ ok: true });
    } finally {
      await review.stop();
    }
  });
});

/** Approves what a run holds as it stands. */
async function approve(store: Store, runId: string, actor: string) {
  const [{ hash }] = (await store.pool.query("SELECT encode(content_hash, 'hex') AS hash FROM billing_run WHERE id = $1", [runId])).rows;
  return store.tx((db) => decideRun(db, { runId, approvalId: randomUUID(), decision: 'approve', contentHash: hash, actor, comment: 'looked at it' }));
}

describe('who signed at a close that a record is carried', () => {
  it('may approve the run that bills it, once somebody else has cleared the way, and the one who did may not', async () => {
    const { store, drop } = await seeded();
    try {
      await storeLines(store, [session(1, { user: 'Bl9-1', start: '10.11.2019 18:00', end: '10.11.2019 21:00' }), session(2, { start: '11.11.2019 18:00', end: '11.11.2019 21:00' })]);
      await processAll(store);
      const november = await closeSet(store, '2019-11');
      expect((await store.tx((db) => signCarry(db, { runId: november, reason: 'its driver is being asked for', by: { actor: 'approver' } }))).signed).toBe(1);
      await issueRun(store, november, '2019-12-05');
      await store.tx((db) => mapExternal(db, { sourceId: 'csms', kind: 'token', externalKey: 'Bl9-1', internalId: 'acc_driver_18' }, { actor: 'mapper' }));
      await retryAll(store);
      const runId = await reviewRun(store, '2019-12');
      expect(await approve(store, runId, 'mapper')).toMatchObject({ reason: 'ownWork' });
      expect(await approve(store, runId, 'approver')).toEqual({ ok: true });
    } finally {
      await drop();
    }
  });
});

describe('who rejected a record', () => {
  it('does not approve the run of its month, which would bill it', async () => {
    const { store, drop } = await seeded();
    try {
      await storeLines(store, [session(1, { user: 'Bl9-1', start: '10.12.2019 18:00', end: '10.12.2019 21:00' }), session(2, { start: '11.12.2019 18:00', end: '11.12.2019 21:00' })]);
      await processAll(store);
      const [{ id }] = (await store.pool.query("SELECT record_id::text AS id FROM record_head WHERE state = 'quarantined'")).rows;
      await store.tx((db) => decideRecords(db, { selection: { recordIds: [id] }, action: 'reject', reason: 'nobody to bill' }, { actor: 'rejecter' }));
      await retryAll(store);
      const december = await reviewRun(store, '2019-12');
      expect(await approve(store, december, 'rejecter')).toEqual({ ok: false, reason: 'ownWork', what: `rejection of record ${id}` });
      expect(await approve(store, december, 'approver')).toEqual({ ok: true });
      const january = await reviewRun(store, '2020-01');
      expect(await approve(store, january, 'rejecter')).toEqual({ ok: true });
    } finally {
      await drop();
    }
  });
});

describe('who says in review that a CDR never comes', () => {
  it('does not approve the run that asked for it, whichever month it was opened in', async () => {
    const expected = (key: string) => expectationSchema.parse({ key, openedAt: '2019-11-20T10:00:00Z' });
    const review = await startReview();
    try {
      const { store, runId } = review;
      const cancel = (key: string, actor: string) => store.tx((db) => cancelExpectations(db, { sourceId: 'csms', keys: [key], reason: 'the charger was exchanged' }, { actor }));
      await store.tx((db) => openExpectations(db, 'csms', [expected('early'), expected('late')], { actor: 'partner' }));
      await cancel('early', 'early');
      await store.pool.query("UPDATE expectation SET resolved_at = '2019-12-01' WHERE key = 'early'");
      await store.tx((db) => checkCompleteness(db, runId));
      expect(await review.rows("SELECT f.params->>'computed' AS n FROM run_finding l JOIN finding f ON f.id = l.finding_id WHERE l.run_id = $1 AND f.code = 'expectationOpen'", [runId])).toEqual([
        { n: '1' },
      ]);
      await cancel('late', 'late');
      await store.tx((db) => checkCompleteness(db, runId));
      expect(await review.decide('late')).toEqual({ ok: false, reason: 'ownWork', what: 'cancellation of expectation late' });
      expect(await review.decide('early')).toEqual({ ok: true });
    } finally {
      await review.stop();
    }
  });
});
