import { createHash, randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addAdjustment } from '../../src/store/commands/adjust-run.ts';
import { moveAccounts } from '../../src/store/commands/move-accounts.ts';
import { addExclusion, pullIn } from '../../src/store/commands/shape-run.ts';
import { cancelRun } from '../../src/store/cycle/cancel-run.ts';
import { decideRun, reopenGroups } from '../../src/store/cycle/decide-run.ts';
import { issueDocuments, writeOffWhenIssued } from '../../src/store/cycle/issue-documents.ts';
import { advanceGroup } from '../../src/store/cycle/run-state.ts';
import { changesSince } from '../../src/store/reads/changes-since.ts';
import { runGroups } from '../../src/store/reads/run-groups.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
import { dryRun } from '../support/bill.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { type Review, startReview } from '../support/review.ts';

let review: Review;
const preparer = { actor: 'preparer' };
const goodwill = (accountId: string, amountMinor: bigint) => ({ accountId, amountMinor, vatCode: 'SE25', glAccount: '3740', costCenter: '100', description: 'Goodwill', reason: 'cable broken' });
const adjust = (accountId: string, amountMinor = -100n) => review.store.tx((db) => addAdjustment(db, review.runId, goodwill(accountId, amountMinor), preparer));
const states = async () => Object.fromEntries((await review.rows('SELECT name, state FROM release_group WHERE run_id = $1 ORDER BY 1', [review.runId])).map((g) => [g['name'], g['state']]));
const runState = async () => (await review.rows('SELECT state FROM billing_run WHERE id = $1', [review.runId]))[0]?.['state'];

beforeAll(async () => {
  review = await startReview({ acc_fleet_taxi: 'fleets', acc_fleet_home_care: 'fleets', acc_emsp_aurora: 'emsp' });
});
afterAll(() => review.stop());

describe('release groups of a run', () => {
  it('are those of its accounts, and its hash is that of their hashes in order of their names', async () => {
    expect(await states()).toEqual({ all: 'inReview', emsp: 'inReview', fleets: 'inReview' });
    const hashes = await Promise.all(['all', 'emsp', 'fleets'].map((name) => review.hashOf(name)));
    expect(new Set(hashes).size).toBe(3);
    expect(await review.hashOf()).toBe(
      createHash('sha256')
        .update(Buffer.concat(hashes.map((hash) => Buffer.from(hash, 'hex'))))
        .digest('hex'),
    );
    expect(await review.rows('SELECT DISTINCT d.account_id, d.group_name FROM document d JOIN account a ON a.id = d.account_id WHERE d.group_name <> a.release_group')).toEqual([]);
  });

  it('change their hash only by what touches their own accounts', async () => {
    const before = { all: await review.hashOf('all'), emsp: await review.hashOf('emsp'), fleets: await review.hashOf('fleets'), run: await review.hashOf() };
    await adjust('acc_fleet_taxi');
    expect(await review.hashOf('fleets')).toBe('null');
    expect(await review.hashOf('emsp')).toBe(before.emsp);
    await review.build();
    expect(await review.hashOf('fleets')).not.toBe(before.fleets);
    expect([await review.hashOf('all'), await review.hashOf('emsp')]).toEqual([before.all, before.emsp]);
    const stale = await review.store.tx((db) =>
      decideRun(db, { runId: review.runId, approvalId: randomUUID(), decision: 'approve', contentHash: before.fleets, group: 'fleets', actor: 'approver', comment: 'looked at it' }),
    );
    expect(stale).toEqual({ ok: false, reason: 'staleHash', current: await review.hashOf('fleets') });
    // An adjustment of -1.00 net on a document at 25 % VAT: 1.25 less.
    const changes = await changesSince(review.store.pool, review.runId, before.fleets);
    expect(changes).toMatchObject({ accounts: 1, items: [{ accountId: 'acc_fleet_taxi', currency: 'SEK' }] });
    const [taxi] = changes?.items ?? [];
    expect(Number(taxi?.before) - Number(taxi?.after)).toBeCloseTo(1.25);
    expect(await changesSince(review.store.pool, review.runId, before.run)).toEqual(changes);
    expect(await changesSince(review.store.pool, review.runId, 'ab'.repeat(32))).toBeUndefined();
  });

  it('take no account in a dry run, of which nothing is released, nor is anything hashed again', async () => {
    const runId = await dryRun(review.store, '2019-12');
    await expect(review.store.tx((db) => moveAccounts(db, runId, { accountIds: ['acc_driver_16'], group: 'disputed' }, preparer))).rejects.toThrow(/is a dry run/);
  });

  it('take accounts of each other while they are in review, which whoever moves them does not approve', async () => {
    const move = (accountIds: string[], group: string, actor = 'mover') => review.store.tx((db) => moveAccounts(db, review.runId, { accountIds, group }, { actor, reason: 'released apart' }));
    const emsp = await review.hashOf('emsp');
    expect(await move(['acc_driver_16'], 'disputed')).toEqual({ moved: 1 });
    expect(await move(['acc_driver_16'], 'disputed')).toEqual({ moved: 0 });
    await expect(move(['acc_nobody'], 'disputed')).rejects.toThrow(/has no account acc_nobody/);
    expect(await review.decide('approver')).toMatchObject({ ok: false, reason: 'staleHash', current: '' });
    await review.build();
    expect(await review.hashOf('emsp')).toBe(emsp);
    expect(await states()).toEqual({ all: 'inReview', disputed: 'inReview', emsp: 'inReview', fleets: 'inReview' });
    expect(await review.decide('mover')).toEqual({ ok: false, reason: 'ownWork', what: 'the group of account acc_driver_16' });
    // A group that nobody is in any more is gone.
    await move(['acc_driver_16'], 'all');
    await review.build();
    expect(await states()).toEqual({ all: 'inReview', emsp: 'inReview', fleets: 'inReview' });
    await move(['acc_driver_16'], 'disputed');
    await review.build();
  });

  it('are approved one by one: what is approved is fixed, and the others are shaped on', async () => {
    expect(await review.decide('approver', 'fleets')).toEqual({ ok: true });
    expect(await review.decide('approver', 'fleets')).toEqual({ ok: false, reason: 'wrongState', state: 'approved', group: 'fleets' });
    expect(await review.decide('approver', 'no such')).toMatchObject({ ok: false, reason: 'wrongState' });
    expect(await runState()).toBe('inReview');
    const fleets = await review.hashOf('fleets');
    const refused = /group fleets, to which acc_fleet_\w+ belongs, is approved/;
    await expect(adjust('acc_fleet_taxi')).rejects.toThrow(refused);
    await expect(review.store.tx((db) => addExclusion(db, review.runId, { scope: 'account', subjectId: 'acc_fleet_home_care', outcome: 'carry', reason: 'disputed' }, preparer))).rejects.toThrow(
      refused,
    );
    await expect(review.store.tx((db) => moveAccounts(db, review.runId, { accountIds: ['acc_fleet_taxi'], group: 'emsp' }, preparer))).rejects.toThrow(refused);
    await expect(review.store.tx((db) => moveAccounts(db, review.runId, { accountIds: ['acc_driver_16'], group: 'fleets' }, preparer))).rejects.toThrow(/group fleets is approved/);
    await storeLines(review.store, [session(950, { user: 'NR1-3', kWh: '5' }), session(951, { user: 'Bl2-1', kWh: '5' })]);
    await processAll(review.store);
    const late = await review.rows(
      "SELECT DISTINCT payer_account_id AS id FROM rated_charge c WHERE payer_account_id LIKE 'acc_fleet%' AND NOT EXISTS (SELECT FROM claim k WHERE k.charge_id = c.charge_id)",
    );
    if (late.length > 0) await expect(review.store.tx((db) => pullIn(db, review.runId, String(late[0]?.['id']), preparer))).rejects.toThrow(refused);
    expect((await review.store.tx((db) => pullIn(db, review.runId, 'acc_driver_16', preparer))).charges).toBeGreaterThan(0);
    await review.build();
    expect(await review.hashOf('fleets')).toBe(fleets);
    expect(await review.rows("SELECT DISTINCT group_name FROM document WHERE state = 'approved'")).toEqual([{ group_name: 'fleets' }]);
  });

  it('can be opened again before anything is issued: the approval counts no more, even of the same content', async () => {
    const fleets = await review.hashOf('fleets');
    expect(await review.store.tx((db) => reopenGroups(db, { runId: review.runId, group: 'fleets', actor: 'approver', reason: 'a cable is disputed' }))).toEqual({ ok: true, reopened: ['fleets'] });
    expect(await review.store.tx((db) => reopenGroups(db, { runId: review.runId, actor: 'approver', reason: 'twice' }))).toEqual({ ok: false, state: 'inReview' });
    await adjust('acc_fleet_taxi', 30n);
    await review.build();
    expect((await runGroups(review.store.pool, review.runId)).find((g) => g.name === 'fleets')).toMatchObject({ state: 'inReview', approvedBy: [], waitsForSecond: false });
    expect(await review.rows("SELECT DISTINCT state FROM document WHERE group_name = 'fleets'")).toEqual([{ state: 'draft' }]);
    expect(await review.decide('approver', 'fleets')).toEqual({ ok: true });
    expect(await review.hashOf('fleets')).not.toBe(fleets);
  });

  it('are issued one by one, each with numbers of its own; what the run writes off is booked with the last', async () => {
    await review.store.tx((db) => advanceGroup(db, review.runId, 'fleets', 'issuing'));
    const issue = (group: string) => review.store.tx((db) => issueDocuments(db, review.runId, '2020-01-06', { group }));
    await expect(issue('emsp')).rejects.toThrow(/group emsp of run \S+ is not issuing/);
    expect(await issue('fleets')).toMatchObject({ left: 0 });
    expect(await runState()).toBe('inReview');
    await expect(review.store.tx((db) => cancelRun(db, { runId: review.runId, reason: 'too late', by: preparer }))).rejects.toThrow(/group fleets is issuing/);
    await review.store.tx((db) => addExclusion(db, review.runId, { scope: 'account', subjectId: 'acc_driver_17', outcome: 'writeOff', reason: 'broken meter' }, preparer));
    // While a group has no hash, since it is to be built anew, what is issued of the others is held to theirs.
    expect((await verifyAll(review.store)).sections.filter((s) => s.problem !== null)).toEqual([]);
    await review.build();
    await review.store.tx((db) => writeOffWhenIssued(db, review.runId, '2020-01-06'));
    const writtenOff = () => review.rows("SELECT key FROM ledger_transaction WHERE kind = 'writtenOff'");
    expect(await writtenOff()).toEqual([]);
    // The run's hash covers all its groups, those that are issued too, and decides for the rest.
    expect(await review.decide('approver')).toEqual({ ok: true });
    expect(await runState()).toBe('approved');
    for (const group of ['all', 'disputed', 'emsp']) {
      await review.store.tx((db) => advanceGroup(db, review.runId, group, 'issuing'));
      await issue(group);
    }
    expect(await runState()).toBe('issuing');
    await review.store.tx((db) => writeOffWhenIssued(db, review.runId, '2020-01-06'));
    expect(await writtenOff()).toHaveLength(1);
    expect(await review.rows("SELECT count(*) = max(number) AS gapless FROM issue_stamp s JOIN document d ON d.id = s.document_id WHERE d.type = 'invoice'")).toEqual([{ gapless: true }]);
    const { sections } = await verifyAll(review.store, () => undefined);
    expect(sections.filter((s) => s.problem !== null)).toEqual([]);
  });
});

describe('what was approved', () => {
  it('is what is issued: bytes or charges that changed since stop it, by name', async () => {
    const other = await startReview();
    try {
      const superuser = new pg.Client({ connectionString: other.superuserUrl });
      await superuser.connect();
      await superuser.query('SET session_replication_role = replica');
      const [first] = await other.rows('SELECT id, account_id FROM document WHERE run_id = $1 ORDER BY account_id LIMIT 1', [other.runId]);
      await superuser.query('UPDATE document SET charge_count = charge_count + 1 WHERE id = $1', [first?.['id']]);
      expect(await other.decide('approver')).toEqual({
        ok: false,
        reason: 'unsoundContent',
        problems: [`document ${first?.['id']} of ${first?.['account_id']} has other charges than it was built from`],
      });
      await superuser.query('UPDATE document SET charge_count = charge_count - 1 WHERE id = $1', [first?.['id']]);
      expect(await other.decide('approver')).toEqual({ ok: true });
      await other.store.tx((db) => advanceGroup(db, other.runId, 'all', 'issuing'));
      await superuser.query("UPDATE document SET canonical = canonical || ' ' WHERE id = $1", [first?.['id']]);
      await expect(other.store.tx((db) => issueDocuments(db, other.runId, '2020-01-06'))).rejects.toThrow(`not what was approved: document ${first?.['id']} of ${first?.['account_id']}`);
      expect(await other.rows('SELECT FROM issue_stamp')).toEqual([]);
      await superuser.end();
    } finally {
      await other.stop();
    }
  });
});
