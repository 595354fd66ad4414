import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addAdjustment, withdrawAdjustment } from '../../src/store/commands/adjust-run.ts';
import { addExclusion, withdrawExclusion } from '../../src/store/commands/shape-run.ts';
import { proposeStandingApproval, revokeStandingApproval, signStandingApproval } from '../../src/store/commands/standing-approvals.ts';
import { approveByStanding } from '../../src/store/cycle/approve-by-standing.ts';
import { reopenGroups } from '../../src/store/cycle/decide-run.ts';
import { standingApprovals } from '../../src/store/reads/standing-approvals.ts';
import { type Review, startReview } from '../support/review.ts';

let review: Review;
const today = new Date().toISOString().slice(0, 10);
const inDays = (days: number) => new Date(Date.parse(today) + days * 86_400_000).toISOString().slice(0, 10);
const terms = (documentCapMinor: bigint, dayCapMinor: bigint, valid: { validFrom?: string; validTo?: string } = {}) => ({
  entityId: 'ent_se',
  strategy: 'cardReceipt',
  currency: 'SEK',
  documentCapMinor,
  dayCapMinor,
  validFrom: inDays(-2),
  validTo: inDays(30),
  reason: 'receipts of a session each',
  ...valid,
});
const propose = (proposed: ReturnType<typeof terms>, actor = 'first') => review.store.tx((db) => proposeStandingApproval(db, proposed, { actor }));
const sign = (id: string, actor = 'second') => review.store.tx((db) => signStandingApproval(db, id, { actor, reason: 'agreed' }));
const revoke = (id: string) => review.store.tx((db) => revokeStandingApproval(db, id, { actor: 'third', reason: 'no longer' }));
const approve = (on = today) => review.store.tx((db) => approveByStanding(db, review.runId, on));
/** One in force for as long as `work` takes. */
async function withStanding<T>(proposed: ReturnType<typeof terms>, work: (id: string) => Promise<T>, signers: readonly [string, string] = ['first', 'second']): Promise<T> {
  const { id } = await propose(proposed, signers[0]);
  await sign(id, signers[1]);
  const result = await work(id);
  await revoke(id);
  return result;
}
let largest = 0n;
let sum = 0n;

beforeAll(async () => {
  review = await startReview({ acc_driver_16: 'receipts', acc_driver_17: 'receipts' });
  await review.store.pool.query("UPDATE account SET strategy = 'cardReceipt' WHERE id IN ('acc_driver_16', 'acc_driver_17')");
  await review.store.pool.query("UPDATE run_account SET state = 'pending' WHERE group_name = 'receipts'");
  await review.build();
  const [found] = await review.rows("SELECT max(payable_minor) AS largest, sum(payable_minor)::bigint AS sum FROM document WHERE group_name = 'receipts'");
  largest = BigInt(String(found?.['largest']));
  sum = BigInt(String(found?.['sum']));
});
afterAll(() => review.stop());

describe('a standing approval', () => {
  it('is in force when two have signed it, until it ends or is revoked, and for a year at most', async () => {
    await expect(propose(terms(100n, 99n))).rejects.toThrow(/the cap of a document/);
    await expect(propose(terms(100n, 100n, { validTo: inDays(400) }))).rejects.toThrow(/within 366 days/);
    const { id } = await propose(terms(largest, sum));
    expect(await approve()).toEqual([]);
    await expect(sign(id, 'first')).rejects.toThrow(/somebody else has to sign/);
    await sign(id);
    await expect(sign(id)).rejects.toThrow(/signed already/);
    expect([await approve(inDays(-3)), await approve(inDays(30))]).toEqual([[], []]);
    await revoke(id);
    await expect(revoke(id)).rejects.toThrow(/revoked already/);
    expect(await approve()).toEqual([]);
  });

  it('covers no document above its cap, no day above its own, and no other strategy', async () => {
    expect(await withStanding(terms(largest - 1n, sum), () => approve())).toEqual([]);
    expect(await withStanding(terms(largest, sum - 1n), () => approve())).toEqual([]);
    expect(await withStanding({ ...terms(largest, sum), currency: 'EUR' }, () => approve())).toEqual([]);
    expect(await withStanding({ ...terms(10n ** 9n, 10n ** 9n), strategy: 'driverInvoice' }, () => approve())).toEqual([]);
  });

  it('covers no invoice that was built before its account paid by card', async () => {
    const paysBy = (strategy: string) => review.rows(`UPDATE account SET strategy = '${strategy}' WHERE id = 'acc_driver_16'`);
    const build = async () => {
      await review.rows("UPDATE run_account SET state = 'pending' WHERE account_id = 'acc_driver_16'");
      await review.build();
    };
    await paysBy('driverInvoice');
    await build();
    await paysBy('cardReceipt');
    expect(await withStanding(terms(10n ** 9n, 10n ** 9n), () => approve())).toEqual([]);
    await build();
  });

  it('covers nothing that somebody shaped, and nothing for a signer who did', async () => {
    const line = { accountId: 'acc_driver_16', amountMinor: -1n, vatCode: 'SE25', glAccount: '3740', costCenter: '100', description: 'Goodwill', reason: 'cable broken' };
    const { id } = await review.store.tx((db) => addAdjustment(db, review.runId, line, { actor: 'preparer' }));
    await review.build();
    expect(await withStanding(terms(largest, sum), () => approve())).toEqual([]);
    await review.store.tx((db) => withdrawAdjustment(db, review.runId, id, { actor: 'preparer' }));
    const other = await review.store.tx((db) => addAdjustment(db, review.runId, { ...line, accountId: 'acc_fleet_taxi' }, { actor: 'preparer' }));
    await review.build();
    expect(await withStanding(terms(largest, sum), () => approve(), ['preparer', 'second'])).toEqual([]);
    await review.store.tx((db) => withdrawAdjustment(db, review.runId, other.id, { actor: 'preparer' }));
    await review.build();
  });

  it('covers no group of which somebody alone leaves something out', async () => {
    // What is written off is on no document: the receipts that are left are all the smaller.
    const [charge] = await review.rows("SELECT record_id::text AS id FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id WHERE k.run_id = $1 AND k.account_id = 'acc_driver_16' LIMIT 1", [
      review.runId,
    ]);
    const { id } = await review.store.tx((db) =>
      addExclusion(db, review.runId, { scope: 'record', subjectId: String(charge?.['id']), outcome: 'writeOff', reason: 'a friend' }, { actor: 'preparer' }),
    );
    await review.build();
    expect(await review.rows("SELECT DISTINCT outcome, cause FROM exclusion_hit WHERE run_id = $1 AND account_id = 'acc_driver_16'", [review.runId])).toEqual([{ outcome: 'excluded', cause: 'own' }]);
    expect(await withStanding(terms(largest, sum), () => approve())).toEqual([]);
    await review.store.tx((db) => withdrawExclusion(db, review.runId, id, { actor: 'preparer' }));
    await review.build();
  });

  it('approves a group of such receipts, and its approval names it; once it is reopened people decide', async () => {
    await withStanding(terms(largest, sum), async (id) => {
      expect(await approve()).toEqual(['receipts']);
      expect(await approve()).toEqual([]);
      expect(await review.rows('SELECT group_name, decision, actor, standing_approval_id, comment FROM approval')).toEqual([
        { group_name: 'receipts', decision: 'approve', actor: `standing approval ${id}`, standing_approval_id: id, comment: 'receipts of a session each (signed by first and second)' },
      ]);
      expect(await review.rows("SELECT DISTINCT group_name FROM document WHERE state = 'approved'")).toEqual([{ group_name: 'receipts' }]);
      expect((await standingApprovals(review.store.pool, 'ent_se', { limit: 200 })).items.find((s) => s.id === id)).toMatchObject({ proposedBy: 'first', signedBy: 'second', approved: 1 });
      await review.store.tx((db) => reopenGroups(db, { runId: review.runId, group: 'receipts', actor: 'approver', reason: 'looked at after all' }));
      expect(await approve()).toEqual([]);
    });
    expect(await review.decide('approver', 'receipts')).toEqual({ ok: true });
  });
});
