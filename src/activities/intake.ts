import { activityInfo, heartbeat } from '@temporalio/activity';
import type { Unattended, UnattendedScope } from '../contracts/unattended.ts';
import { matchExpectations } from '../store/cycle/match-expectations.ts';
import type { Store } from '../store/db.ts';
import { pendingOfRecord } from '../store/intake/store-raw.ts';
import { markAttended, pageUnattended, waitsUnattended } from '../store/intake/unattended.ts';
import { type WaitingFilter, waitingForSetup, waitingMessage } from '../store/reads/waiting.ts';
import { beating } from './beating.ts';
import { type LanePage, type WorkList, workOffInLanes } from './import-lanes.ts';
import { processPage } from './process-page.ts';

export type RecordRef = { readonly sourceId: string; readonly recordKey: string };
export type CdrProgress = { readonly state: 'booked' | 'rejected' | 'quarantined' | 'parked' | 'unknown'; readonly waitingFor: string | null; readonly problem: string | null };
export type BatchCounts = { readonly processed: number; readonly accepted: number; readonly duplicates: number; readonly conflicts: number; readonly waiting: number };
/** `unattended`: records of it wait that have no workflow yet. Counts alone, so that both fit into Temporal's 2 MB whatever the import's size. */
export type BatchTotals = BatchCounts & { readonly unattended: boolean };

const pageSize = 500;

/** Intake activities: each effect is one transaction, repeatable because the work list and the heads say what is done. */
export function createIntakeActivities(deps: { readonly store: Store; readonly now: () => Date }) {
  const { store, now } = deps;
  return {
    /** Processes the unprocessed messages of one CDR, then tries the one it waits on; answers where the record stands. */
    async processCdr(ref: RecordRef): Promise<CdrProgress> {
      return store.txPlanned(async (db) => {
        const fresh = await pendingOfRecord(db, ref, pageSize);
        if (fresh.length > 0) await processPage(db, fresh);
        const waiting = await waitingMessage(db, ref);
        if (waiting !== undefined && waiting.rawId !== null && !fresh.includes(waiting.rawId)) await processPage(db, [waiting.rawId], 'retry');
        const after = await waitingMessage(db, ref);
        // It is its own workflow that asks.
        if (after !== undefined && after.waitingSince !== null) await markAttended(db, [{ recordId: after.recordId, waitingSince: after.waitingSince }]);
        return after === undefined
          ? { state: 'unknown', waitingFor: null, problem: null }
          : { state: after.rawId !== null && after.state === 'booked' ? 'quarantined' : after.state, waitingFor: after.waitingFor, problem: after.problem };
      });
    },

    /** Works off a batch page by page; a page is a transaction, so a restart goes on where the last page ended. */
    async processBatch(input: { readonly batchId: string }): Promise<BatchTotals> {
      return workOff({ batchId: input.batchId }, { batchId: input.batchId });
    },

    /** Processes one page of messages named by their ids, as the dispatcher gathers them. */
    async processMessages(input: { readonly rawIds: readonly string[] }): Promise<BatchTotals> {
      const result = await beating(() => store.tx((db) => processPage(db, input.rawIds)));
      return { ...result, processed: input.rawIds.length, waiting: result.waiting.length, unattended: await waitsUnattended(store.pool, { rawIds: input.rawIds }) };
    },

    /** The next records that wait without a workflow, those that wait longest first. */
    async unattendedPage(input: { readonly scope: UnattendedScope; readonly limit: number }): Promise<readonly Unattended[]> {
      return pageUnattended(store.pool, input.scope, input.limit);
    },

    /** Keeps that the workflows of these records were started; one that began to wait anew meanwhile is left. */
    async keepAttended(input: { readonly records: readonly Pick<Unattended, 'recordId' | 'waitingSince'>[] }): Promise<void> {
      await markAttended(store.pool, input.records);
    },

    /** Tries a page of what waits for a site, token, contract or tariff of a source again; answers the records that wait no more, and after which record the next page begins. */
    async retrySetup(
      input: WaitingFilter & { readonly after?: string | undefined; readonly limit: number },
    ): Promise<{ readonly tried: number; readonly released: readonly RecordRef[]; readonly next: string | undefined }> {
      const { after, limit, ...filter } = input;
      const page = await waitingForSetup(store.pool, filter, { after, limit });
      const rawIds = page.map((w) => w.rawId);
      const result = rawIds.length === 0 ? undefined : await beating(() => store.tx((db) => processPage(db, rawIds, 'retry')));
      const still = new Set(result?.waiting.map((ref) => ref.recordKey));
      return {
        tried: page.length,
        released: page.filter((w) => !still.has(w.recordKey)).map(({ recordKey }) => ({ sourceId: input.sourceId, recordKey })),
        next: page.length < limit ? undefined : page.at(-1)?.recordId,
      };
    },

    /** Finishes messages that no workflow took, `olderThanMs` after they came; and resolves the expectations of what has come. */
    async sweepPending(input: { readonly olderThanMs: number }): Promise<BatchTotals> {
      const before = new Date(now().getTime() - input.olderThanMs);
      const totals = await workOff({ before }, { olderThanMs: input.olderThanMs });
      await store.tx((db) => matchExpectations(db));
      return totals;
    },
  };

  async function workOff(list: WorkList, scope: UnattendedScope): Promise<BatchTotals> {
    let totals: BatchCounts = (activityInfo().heartbeatDetails as BatchCounts | undefined) ?? { processed: 0, accepted: 0, duplicates: 0, conflicts: 0, waiting: 0 };
    const onPage = (page: LanePage) => {
      totals = {
        processed: totals.processed + page.processed,
        accepted: totals.accepted + page.accepted,
        duplicates: totals.duplicates + page.duplicates,
        conflicts: totals.conflicts + page.conflicts,
        waiting: totals.waiting + page.waiting.length,
      };
      heartbeat(totals);
    };
    await beating(
      () => workOffInLanes(store, list, onPage),
      () => totals,
    );
    return { ...totals, unattended: await waitsUnattended(store.pool, scope) };
  }
}
