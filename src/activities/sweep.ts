import { ApplicationFailure, activityInfo, heartbeat } from '@temporalio/activity';
import { inFull } from '../adapters/sources/pull/port.ts';
import { receivingSource } from '../store/commands/receive-cdrs.ts';
import { stateWatermark } from '../store/commands/state-watermark.ts';
import type { Db, Store } from '../store/db.ts';
import { beginSweep, connectionOf, endSweep, failSweep, noteSweepProblem } from '../store/intake/sweeps.ts';
import { waitsUnattended } from '../store/intake/unattended.ts';
import { runsConcerned } from '../store/reads/watermarks.ts';
import { beating } from './beating.ts';
import { collectDrops, type Drops } from './drops.ts';
import { pullFailure } from './pull-failure.ts';
import { pullWindow } from './pull-window.ts';
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
  /** Records of the source wait that have no workflow yet. */
  readonly unattended: boolean;
  /** Runs that may go on, since the source is complete further. */
  readonly concerned: readonly string[];
};

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
      await pullWindow(store, { plan, source, puller, now, during: beating, onPage: heartbeat }).catch(async (error: unknown) => {
        await noteSweepProblem(store.pool, plan.sweepId, inFull(error));
        throw pullFailure(error);
      });
      const { completeAfterMinutes } = plan.connection;
      return store.tx(async (db) => {
        const { pages, pulled, fresh, stated, problem, to, goesOn } = await endSweep(db, plan.sweepId);
        const done = { pages, pulled, fresh, stated, problem, unattended: await waitsUnattended(db, { sourceId }), concerned: [] as string[] };
        if (!goesOn || completeAfterMinutes === undefined) return done;
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
