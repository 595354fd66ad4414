import { localDateOf } from '../core/time.ts';
import { audit } from '../store/commands/audit.ts';
import { type PlannedRun, periodsToOpen, planRun } from '../store/commands/plan-run.ts';
import { buildDocuments } from '../store/cycle/build-documents.ts';
import { cancelRun } from '../store/cycle/cancel-run.ts';
import { checkCompleteness } from '../store/cycle/check-completeness.ts';
import { closeRun } from '../store/cycle/close-run.ts';
import type { Preview } from '../store/cycle/content-hashes.ts';
import { type CollectingState, lookForCutOff } from '../store/cycle/cut-off.ts';
import { type DecisionResult, decideRun, type RunDecision } from '../store/cycle/decide-run.ts';
import { issueDocuments } from '../store/cycle/issue-documents.ts';
import { matchExpectations } from '../store/cycle/match-expectations.ts';
import { closeOwnerSet } from '../store/cycle/owner-set.ts';
import { closeRecordSet } from '../store/cycle/record-set.ts';
import { plannedRuns, runConnection, unsignedWaiting } from '../store/cycle/run-reads.ts';
import { advanceRun, noteProblem, type RunState, setPaused } from '../store/cycle/run-state.ts';
import type { Store } from '../store/db.ts';
import { bookWriteOffs } from '../store/ledger/book-write-offs.ts';
import { runHandOver } from '../store/outbox.ts';
import { beating } from './beating.ts';
import { type ErpFor, reconcile } from './hand-over.ts';

export type CycleDeps = { readonly store: Store; readonly now: () => Date; readonly erpFor: ErpFor };

/** Who ordered something of a run, and why. */
type Ordered = { readonly runId: string; readonly actor: string; readonly reason: string; readonly requestId?: string };

/** Activities of the billing run; each is one transaction, or repeatable ones in a loop. */
export function createCycleActivities({ store, now, erpFor }: CycleDeps) {
  return {
    async moveRun(input: { runId: string; to: RunState }): Promise<void> {
      await store.tx((db) => advanceRun(db, input.runId, input.to));
    },
    async noteRun(input: { runId: string; problem: string | null }): Promise<void> {
      await noteProblem(store.pool, input.runId, input.problem);
    },
    async decide(input: RunDecision): Promise<DecisionResult> {
      return store.tx((db) => decideRun(db, input));
    },
    async pause(input: Ordered & { paused: boolean }): Promise<void> {
      await store.tx(async (db) => {
        await setPaused(db, input.runId, input.paused);
        await audit(db, input, { action: input.paused ? 'run.pause' : 'run.resume', subject: input.runId, reason: input.reason });
      });
    },
    async cancel(input: Ordered): Promise<void> {
      await store.tx((db) => cancelRun(db, { runId: input.runId, reason: input.reason, by: input }));
    },
    /** Closes the set of what is sold, then that of what site owners earn by it. */
    async closeSet(input: { runId: string }): Promise<{ claimed: number }> {
      return beating(() =>
        store.tx(async (db) => {
          const closed = await closeRecordSet(db, input.runId);
          await closeOwnerSet(db, input.runId);
          return closed;
        }),
      );
    },
    async buildPreview(input: { runId: string }): Promise<Preview> {
      return beating(() =>
        store.tx(async (db) => {
          const preview = await buildDocuments(db, input.runId);
          await checkCompleteness(db, input.runId);
          return preview;
        }),
      );
    },
    /** Issues all approved documents, a hundred to a transaction; the date is today's in the entity's zone. */
    async issueAll(input: { runId: string }): Promise<{ issued: number }> {
      const { timeZone } = await runConnection(store.pool, input.runId);
      const issueOn = localDateOf(now().getTime(), timeZone);
      return beating(async () => {
        for (let issued = 0; ; ) {
          const result = await store.tx((db) => issueDocuments(db, input.runId, issueOn));
          issued += result.issued;
          if (result.left > 0) continue;
          await store.tx((db) => bookWriteOffs(db, input.runId, issueOn));
          return { issued };
        }
      });
    },
    async handOverProgress(input: { runId: string }): Promise<{ connectionId: string; left: number; problem: string | null }> {
      const { connectionId } = await runConnection(store.pool, input.runId);
      return { connectionId, ...(await runHandOver(store.pool, input.runId)) };
    },
    /** What keeps the run from reconciling; empty when the ERP holds exactly what was handed over. */
    async reconcileRun(input: { runId: string }): Promise<readonly string[]> {
      const { connectionId } = await runConnection(store.pool, input.runId);
      return beating(async () => reconcile(store, await erpFor(connectionId), input.runId));
    },
    /** What a collecting run still lacks; moves an automatic cut-off to now when nothing is. */
    async collectingState(input: { runId: string }): Promise<CollectingState> {
      return beating(() => store.tx((db) => lookForCutOff(db, input.runId, now())));
    },
    /** What waits or is missing without a signed decision (invariant 12); empty when the run may close. */
    async openQuestions(input: { runId: string }): Promise<readonly string[]> {
      return beating(() =>
        store.tx(async (db) => {
          await matchExpectations(db);
          await checkCompleteness(db, input.runId);
          return unsignedWaiting(db, input.runId);
        }),
      );
    },
    async closeRun(input: { runId: string }): Promise<void> {
      await beating(() => store.tx((db) => closeRun(db, input.runId)));
    },
    /** Plans what an entity's ended months lack, and names every run that is planned and may have no workflow yet. */
    async openPeriods(input: { entityId: string }): Promise<readonly (Omit<PlannedRun, 'cutOffAt'> & { period: string; cutOffAtMs: number })[]> {
      return store.tx(async (db) => {
        for (const period of await periodsToOpen(db, input.entityId, now().getTime())) await planRun(db, { entityId: input.entityId, period, by: { actor: 'run-opener' } });
        return plannedRuns(db, input.entityId);
      });
    },
  };
}
