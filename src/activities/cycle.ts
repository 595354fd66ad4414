import type { ErpPort } from '../adapters/erp/port.ts';
import { localDateOf } from '../core/time.ts';
import { buildDocuments, type Preview } from '../store/cycle/build-documents.ts';
import { issueDocuments } from '../store/cycle/issue-documents.ts';
import { closeRecordSet } from '../store/cycle/record-set.ts';
import { runConnection, unsignedWaiting } from '../store/cycle/run-reads.ts';
import { advanceRun, type RunState } from '../store/cycle/run-state.ts';
import type { Store } from '../store/db.ts';
import { beating } from './beating.ts';
import { handOver, reconcile } from './hand-over.ts';

export type CycleDeps = { readonly store: Store; readonly now: () => Date; readonly erpFor: (connectionId: string) => ErpPort };

/** Activities of the billing run; each is one transaction, or repeatable ones in a loop. */
export function createCycleActivities({ store, now, erpFor }: CycleDeps) {
  return {
    async moveRun(input: { runId: string; to: RunState }): Promise<void> {
      await store.tx((db) => advanceRun(db, input.runId, input.to));
    },
    async closeSet(input: { runId: string }): Promise<{ claimed: number }> {
      return beating(() => store.tx((db) => closeRecordSet(db, input.runId)));
    },
    async buildPreview(input: { runId: string }): Promise<Preview> {
      return beating(() => store.tx((db) => buildDocuments(db, input.runId)));
    },
    /** Issues all approved documents, a hundred to a transaction; the date is today's in the entity's zone. */
    async issueAll(input: { runId: string }): Promise<{ issued: number }> {
      const { timeZone } = await runConnection(store.pool, input.runId);
      const issueOn = localDateOf(now().getTime(), timeZone);
      return beating(async () => {
        for (let issued = 0; ; ) {
          const result = await store.tx((db) => issueDocuments(db, input.runId, issueOn));
          issued += result.issued;
          if (result.left === 0) return { issued };
        }
      });
    },
    async handOverRun(input: { runId: string }): Promise<{ verified: number; refused: number }> {
      const { connectionId } = await runConnection(store.pool, input.runId);
      return beating(() => handOver(store, erpFor(connectionId), connectionId));
    },
    /** What keeps the run from reconciling; empty when the ERP holds exactly what was handed over. */
    async reconcileRun(input: { runId: string }): Promise<readonly string[]> {
      const { connectionId } = await runConnection(store.pool, input.runId);
      return beating(() => reconcile(store, erpFor(connectionId), input.runId));
    },
    /** Records of the period that wait without a signed carry decision (invariant 12); empty when the run may close. */
    async openQuestions(input: { runId: string }): Promise<readonly string[]> {
      return unsignedWaiting(store.pool, input.runId);
    },
  };
}
