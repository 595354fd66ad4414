import { ApplicationFailure, activityInfo, heartbeat } from '@temporalio/activity';
import { type PullWindow, SourceRefused, SourceUnavailable } from '../adapters/sources/pull/port.ts';
import { parserFor } from '../adapters/sources/registry.ts';
import { saysNothingNew } from '../core/intake/standing.ts';
import { factsHash } from '../core/normalise/facts-hash.ts';
import { sealableFacts } from '../core/normalise/token-ref.ts';
import { type ReceivingSource, receivingSource } from '../store/commands/receive-cdrs.ts';
import { stateWatermark } from '../store/commands/state-watermark.ts';
import type { Db, Store } from '../store/db.ts';
import { type HeadKey, headKeyText } from '../store/intake/load-page.ts';
import { storeRawMessages } from '../store/intake/store-raw.ts';
import { beginSweep, connectionOf, endSweep, failSweep, knownVersions, noteSweepPage } from '../store/intake/sweeps.ts';
import { runsConcerned } from '../store/reads/watermarks.ts';
import { beating } from './beating.ts';
import { collectDrops, type Drops } from './drops.ts';
import type { RecordRef } from './intake.ts';
import { processPage } from './process-page.ts';
import type { PullerFor } from './pullers.ts';

export type SweepOrder = { readonly sourceId: string; readonly window?: { readonly from: string; readonly to: string } };
/** What is to be done: pages are pulled, files are collected, or nothing, and why. */
export type SweepTask = { readonly kind: 'pull'; readonly sweepId: string } | { readonly kind: 'drops' } | { readonly kind: 'none'; readonly why: string };
export type Swept = {
  readonly pages: number;
  readonly pulled: number;
  readonly fresh: number;
  readonly stated: number | null;
  readonly problem: string | null;
  readonly waiting: readonly RecordRef[];
  /** Runs that may go on, since the source is complete further. */
  readonly concerned: readonly string[];
};

const processAtMost = 2000;
const actor = 'sweep';

/** Activities of the sweep: another network is asked for its CDRs page by page; what is stored is on the work list whatever happens next. */
export function createSweepActivities(deps: { readonly store: Store; readonly now: () => Date; readonly pullerFor: PullerFor; readonly dropsFolder: string }) {
  const { store, now } = deps;
  return {
    async beginSweep({ sourceId, window }: SweepOrder): Promise<SweepTask> {
      const found = await connectionOf(store.pool, sourceId);
      if (found === undefined) return { kind: 'none', why: `source ${sourceId} has no connection: PUT …/connection gives it one` };
      if (found.connection.kind === 'folder') return { kind: 'drops' };
      const between = window === undefined ? undefined : { from: new Date(window.from), to: new Date(window.to) };
      const plan = await store.tx((db) => beginSweep(db, { sourceId, workflowId: activityInfo().workflowExecution?.workflowId ?? '', now: now(), window: between }));
      return plan === undefined ? { kind: 'none', why: 'another sweep of the source is under way' } : { kind: 'pull', sweepId: plan.sweepId };
    },

    /** Pulls every page that is left of a sweep, storing and processing each; a try that fails goes on at the page it failed on. */
    async pullPages({ sourceId }: SweepOrder): Promise<Swept> {
      const workflowId = activityInfo().workflowExecution?.workflowId ?? '';
      const plan = await store.tx((db) => beginSweep(db, { sourceId, workflowId, now: now() }));
      const source = await receivingSource(store.pool, sourceId);
      if (plan === undefined || source === undefined || plan.connection.kind === 'folder') throw ApplicationFailure.nonRetryable(`the sweep of ${sourceId} was taken over`, 'SweepOver');
      const puller = await deps.pullerFor(sourceId, plan.connection);
      const waiting: RecordRef[] = [...((activityInfo().heartbeatDetails as RecordRef[] | undefined) ?? [])];
      const window: PullWindow = { from: plan.from, to: plan.to };
      for (let cursor = plan.cursor, first = true; first || cursor !== null; first = false) {
        const from = cursor;
        const page = await beating(() => puller.page(window, from)).catch((error: unknown) => {
          throw failureOf(error);
        });
        const rawIds = await store.tx(async (db) => {
          const fresh = await freshOf(db, source, page.items);
          const stored = await storeRawMessages(db, { sourceId, batchId: null, receivedAt: now(), messages: fresh });
          await noteSweepPage(db, plan.sweepId, { pulled: page.items.length, fresh: fresh.length, next: page.next, stated: page.stated ?? null });
          return stored.map((s) => s.rawId.toString());
        });
        for (let at = 0; at < rawIds.length; at += processAtMost) {
          const result = await beating(() => store.tx((db) => processPage(db, rawIds.slice(at, at + processAtMost))));
          waiting.push(...result.waiting);
        }
        heartbeat(waiting);
        cursor = page.next;
      }
      const { completeAfterMinutes } = plan.connection;
      return store.tx(async (db) => {
        const { pages, pulled, fresh, stated, problem, to } = await endSweep(db, plan.sweepId);
        const done = { pages, pulled, fresh, stated, problem, waiting, concerned: [] as string[] };
        if (problem !== null || completeAfterMinutes === undefined) return done;
        const completeUntil = new Date(to.getTime() - completeAfterMinutes * 60_000);
        return { ...done, concerned: await advanceWatermark(db, sourceId, completeUntil) };
      });
    },

    async failSweep(input: { readonly sweepId: string; readonly problem: string }): Promise<void> {
      await failSweep(store.pool, input.sweepId, input.problem);
    },

    /** Takes what lies in the source's folder, each file once. */
    async collectDrops({ sourceId }: SweepOrder): Promise<Drops> {
      const found = await connectionOf(store.pool, sourceId);
      if (found?.connection.kind !== 'folder') return { batches: [], failed: [] };
      return collectDrops(store, { root: deps.dropsFolder, sourceId, settleMs: found.connection.settleSeconds * 1000, now: now() });
    },
  };

  /** A watermark only goes forward by itself; answers the runs that wait for it. */
  async function advanceWatermark(db: Db, sourceId: string, completeUntil: Date): Promise<string[]> {
    const row = (await db.query('SELECT complete_until FROM source WHERE id = $1', [sourceId])).rows[0];
    if (row?.complete_until !== null && row?.complete_until >= completeUntil) return [];
    const { crossed } = await stateWatermark(db, { sourceId, completeUntil, origin: 'poll' }, now(), { actor });
    return crossed === null ? [] : runsConcerned(db, sourceId, crossed.from, crossed.to, 'end');
  }
}

/** What of a page is not known already; what cannot be read is kept each time, as any sender's. */
async function freshOf(db: Db, source: ReceivingSource, items: readonly Buffer[]): Promise<{ readonly recordKey: string; readonly bytes: Buffer; readonly lineNo: null }[]> {
  const parser = parserFor(source.format);
  const read = items.map((bytes) => {
    const parsed = parser.parse(bytes, source.context);
    if (!parsed.ok) return { bytes, key: undefined, version: undefined };
    const { ownerCountry, ownerParty, cdrId } = parsed.facts;
    const key: HeadKey = { sourceId: source.context.sourceId, ownerCountry, ownerParty, cdrId };
    return { bytes, key, version: { hash: factsHash(sealableFacts(parsed.facts, source.tokenSecret)), updatedAt: parsed.updatedAt ?? null } };
  });
  const known = await knownVersions(
    db,
    read.flatMap(({ key }) => key ?? []),
  );
  return read
    .filter(({ key, version }) => {
      const standing = key === undefined ? undefined : known.get(headKeyText(key));
      return standing === undefined || version === undefined || !saysNothingNew(version, standing);
    })
    .map(({ bytes }) => ({ recordKey: parser.keyOf(bytes, source.context), bytes, lineNo: null }));
}

/** What the workflow is told: when to ask again, or that it is of no use. */
function failureOf(error: unknown): Error {
  if (error instanceof SourceUnavailable) {
    const delay = error.retryAfterMs === undefined ? {} : { nextRetryDelay: error.retryAfterMs };
    return ApplicationFailure.create({ type: error.name, message: error.message, cause: error, ...delay });
  }
  if (error instanceof SourceRefused) return ApplicationFailure.nonRetryable(error.message, error.name);
  return error instanceof Error ? error : new Error(String(error));
}
