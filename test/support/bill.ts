import { randomUUID } from 'node:crypto';
import { type PlanRunInput, planRun } from '../../src/store/commands/plan-run.ts';
import { signFindings } from '../../src/store/commands/sign-findings.ts';
import { buildDocuments } from '../../src/store/cycle/build-documents.ts';
import { closeRun } from '../../src/store/cycle/close-run.ts';
import { decideRun } from '../../src/store/cycle/decide-run.ts';
import { issueDocuments } from '../../src/store/cycle/issue-documents.ts';
import { closeOwnerSet } from '../../src/store/cycle/owner-set.ts';
import { closeRecordSet } from '../../src/store/cycle/record-set.ts';
import { advanceRun } from '../../src/store/cycle/run-state.ts';
import { sumAhead } from '../../src/store/cycle/sums-ahead.ts';
import type { Store } from '../../src/store/db.ts';
import { closeDrySet } from '../../src/store/dry/dry-set.ts';
import { enterDryRun } from '../../src/store/dry/dry-world.ts';
import { lanesOf } from '../../src/store/lanes.ts';
import { bookWriteOffs } from '../../src/store/ledger/book-write-offs.ts';

/** Plans the run of a month of the sample entity and closes its set; answers its id. */
export async function closeSet(store: Store, period: string): Promise<string> {
  const { runId } = await store.tx((db) => planRun(db, { entityId: 'ent_se', period, by: { actor: 'preparer' } }));
  await store.tx((db) => advanceRun(db, runId, 'collecting'));
  await store.tx((db) => closeRecordSet(db, runId));
  return runId;
}

/** Plans a run of the sample entity, closes its set with the shares that come along, and brings it into review; answers its id. */
export async function reviewRun(store: Store, period: string, more: Partial<PlanRunInput> = {}): Promise<string> {
  const { runId } = await store.tx((db) => planRun(db, { entityId: 'ent_se', period, by: { actor: 'preparer' }, ...more }));
  await store.tx((db) => advanceRun(db, runId, 'collecting'));
  await reviewPlanned(store, runId);
  return runId;
}

/** The same of a run that collects. */
export async function reviewPlanned(store: Store, runId: string): Promise<void> {
  await sumAhead(store.pool, runId, lanesOf(store));
  await store.tx(async (db) => {
    await closeRecordSet(db, runId);
    await closeOwnerSet(db, runId);
  });
  await store.tx((db) => advanceRun(db, runId, 'previewing'));
  await store.tx((db) => buildDocuments(db, runId));
  await store.tx((db) => advanceRun(db, runId, 'inReview'));
}

/** Builds, approves and issues what a run has claimed; `signed`: somebody signs what would block it. */
export async function issueRun(store: Store, runId: string, issuedOn: string, signed = false): Promise<void> {
  await store.tx((db) => advanceRun(db, runId, 'previewing'));
  const { contentHash } = await store.tx((db) => buildDocuments(db, runId));
  await store.tx((db) => advanceRun(db, runId, 'inReview'));
  if (signed) {
    const { rows } = await store.pool.query<{ id: string }>("SELECT f.id::text FROM run_finding l JOIN finding f ON f.id = l.finding_id WHERE l.run_id = $1 AND f.severity = 'blocks'", [runId]);
    const findingIds = rows.map((r) => r.id);
    if (findingIds.length > 0) await store.tx((db) => signFindings(db, { runId, findingIds, reason: 'looked at it' }, { actor: 'signer' }));
  }
  const decided = await store.tx((db) => decideRun(db, { runId, approvalId: randomUUID(), decision: 'approve', contentHash, actor: 'approver', comment: 'looked at it' }));
  if (!decided.ok) throw new Error(`run ${runId} cannot be approved: ${JSON.stringify(decided)}`);
  await store.tx((db) => advanceRun(db, runId, 'issuing'));
  while ((await store.tx((db) => issueDocuments(db, runId, issuedOn))).left > 0);
  await store.tx((db) => bookWriteOffs(db, runId, issuedOn));
}

/** Signs what blocks a run in review, approves and issues it, and closes it as if the ERP had agreed. */
export async function finishRun(store: Store, runId: string, issuedOn: string): Promise<void> {
  const { contentHash } = await store.tx((db) => buildDocuments(db, runId));
  const { rows } = await store.pool.query<{ id: string }>("SELECT finding_id::text AS id FROM run_finding l JOIN finding f ON f.id = l.finding_id WHERE l.run_id = $1 AND f.severity = 'blocks'", [
    runId,
  ]);
  if (rows.length > 0) await store.tx((db) => signFindings(db, { runId, findingIds: rows.map((r) => r.id), reason: 'as meant' }, { actor: 'reviewer' }));
  const decided = await store.tx((db) => decideRun(db, { runId, approvalId: randomUUID(), decision: 'approve', contentHash, actor: 'approver', comment: 'looked at it' }));
  if (!decided.ok) throw new Error(`run ${runId} cannot be approved: ${JSON.stringify(decided)}`);
  await store.tx((db) => advanceRun(db, runId, 'issuing'));
  while ((await store.tx((db) => issueDocuments(db, runId, issuedOn))).left > 0);
  await store.tx((db) => bookWriteOffs(db, runId, issuedOn));
  for (const state of ['handingOver', 'reconciled'] as const) await store.tx((db) => advanceRun(db, runId, state));
  await store.tx((db) => closeRun(db, runId));
}

/** Shows in a dry run what a month would come to; answers its id. */
export async function dryRun(store: Store, period: string, more: Partial<PlanRunInput> = {}): Promise<string> {
  const { runId } = await store.tx((db) => planRun(db, { entityId: 'ent_se', period, kind: 'dry', by: { actor: 'preparer' }, ...more }));
  await store.tx((db) => advanceRun(db, runId, 'collecting'));
  await store.tx((db) => closeDrySet(db, runId));
  await store.tx((db) => advanceRun(db, runId, 'previewing'));
  await store.tx(async (db) => {
    await enterDryRun(db, runId);
    await buildDocuments(db, runId);
  });
  return runId;
}
