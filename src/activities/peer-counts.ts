import { ApplicationFailure, activityInfo, heartbeat } from '@temporalio/activity';
import { inFull } from '../adapters/sources/pull/port.ts';
import { peerCountOrigin } from '../contracts/completeness.ts';
import { stateControlTotals } from '../store/commands/state-control-totals.ts';
import type { Store } from '../store/db.ts';
import { type CountWindow, daysToCount, instantsOfDay, noteCounts } from '../store/intake/peer-counts.ts';
import { connectionOf } from '../store/intake/sweeps.ts';
import { runsConcerned, spanOf } from '../store/reads/watermarks.ts';
import { pullFailure } from './pull-failure.ts';
import type { PullerFor } from './pullers.ts';

export type CountOrder = { readonly sourceId: string; readonly window?: CountWindow };
/** `byNight`: a look that ends where the days end; one of a window that somebody ordered moves nothing. */
export type CountTask = { readonly sourceId: string; readonly days: readonly string[]; readonly byNight: boolean };
/** Days asked of; those with X-Total-Count; those whose total is new or another one; runs that look again. */
export type Counted = { readonly days: number; readonly stated: number; readonly changed: number; readonly concerned: readonly string[] };
/** What a day had; null: the peer sends no X-Total-Count. */
type Answers = Readonly<Record<string, number | null>>;

const actor = 'counts';

/** Activities that ask OCPI peers how many CDRs they have of each day, for the control totals of these days. */
export function createPeerCountActivities(deps: { readonly store: Store; readonly now: () => Date; readonly pullerFor: PullerFor }) {
  const { store, now } = deps;
  const failed = (days: readonly string[], problem: string) => ({ at: now().toISOString(), until: null, days: days.length, stated: 0, problem: problem.slice(0, 500) });
  return {
    /** Which days to ask of; null for a source that no OCPI peer is pulled into. */
    async daysToCount({ sourceId, window }: CountOrder): Promise<readonly string[] | null> {
      return (await daysToCount(store.pool, { sourceId, now: now(), window })) ?? null;
    },

    /** Asks day by day, with pages of one CDR; a try that fails goes on at the day it failed on. All that was told is stated at once. A peer without X-Total-Count states nothing. */
    async askCounts({ sourceId, days, byNight }: CountTask): Promise<Counted> {
      const found = await connectionOf(store.pool, sourceId);
      if (found?.connection.kind !== 'ocpi') throw ApplicationFailure.nonRetryable(`source ${sourceId} is no longer pulled from an OCPI peer`, 'OcpiNotRegistered');
      const puller = await deps.pullerFor(sourceId, { ...found.connection, pageSize: 1 });
      const before = (activityInfo().heartbeatDetails ?? {}) as Answers;
      const answers: Record<string, number | null> = { ...before };
      for (const day of days) {
        if (answers[day] !== undefined) continue;
        const { stated } = await puller.page(await instantsOfDay(store.pool, sourceId, day), null).catch(async (error: unknown) => {
          await noteCounts(store.pool, sourceId, failed(days, inFull(error)));
          throw pullFailure(error);
        });
        answers[day] = stated ?? null;
        heartbeat(answers);
      }
      const totals = Object.entries(answers).flatMap(([on, count]) => (count === null ? [] : [{ on, count, energyWh: null, origin: peerCountOrigin, countedBy: 'lastUpdated' as const }]));
      return store.tx(async (db) => {
        const kept = await stateControlTotals(db, sourceId, totals, { actor });
        await noteCounts(db, sourceId, { at: now().toISOString(), until: byNight ? (days.at(-1) ?? null) : null, days: days.length, stated: totals.length, problem: null });
        const changed = kept.filter((k) => k.status !== 'repeated').map((k) => k.on);
        const span = spanOf(changed);
        return { days: days.length, stated: totals.length, changed: changed.length, concerned: span === undefined ? [] : await runsConcerned(db, sourceId, span.from, span.to) };
      });
    },

    async failCounts({ sourceId, days, problem }: { readonly sourceId: string; readonly days: readonly string[]; readonly problem: string }): Promise<void> {
      await noteCounts(store.pool, sourceId, failed(days, problem));
    },
  };
}
