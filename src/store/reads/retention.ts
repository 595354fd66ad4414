import { type RetentionClass, retentionClasses } from '../../contracts/retention.ts';
import type { Db } from '../db.ts';
import { dueOf, policyOf } from '../retention/policies.ts';
import { type Page, type PageRequest, pageAfter } from './set-up-page.ts';

export type RetentionView = {
  readonly classes: readonly {
    readonly class: RetentionClass;
    readonly keep: { readonly months: number } | { readonly days: number };
    readonly countedFrom: string;
    readonly atLeast: number;
    readonly atLeastBecause: string;
    readonly due: number;
    readonly oldest: string | null;
  }[];
  readonly runs: readonly RetentionRunView[];
};
export type RetentionRunView = {
  readonly runId: string;
  readonly class: RetentionClass;
  readonly dryRun: boolean;
  readonly due: number;
  readonly removed: number;
  readonly oldest: string | null;
  readonly actor: string;
  readonly startedAt: string;
  readonly endedAt: string;
};

/** How long each class is kept, what of it is due at an instant, and the latest runs, fifty rows of a class each. */
export async function retentionOverview(db: Db, now: Date): Promise<RetentionView> {
  const views: RetentionView['classes'][number][] = [];
  for (const name of retentionClasses) {
    const { keep, unit, countedFrom, floor, floorReason } = await policyOf(db, name);
    const { due, oldest } = await dueOf(db, name, keep, now);
    const kept = unit === 'months' ? { months: keep } : { days: keep };
    views.push({ class: name, keep: kept, countedFrom, atLeast: floor, atLeastBecause: floorReason, due: Number(due), oldest: oldest?.toISOString() ?? null });
  }
  return { classes: views, runs: (await retentionRuns(db, {})).items };
}

/** All runs, a row per run and class, newest first. */
export function retentionRuns(db: Db, page: PageRequest): Promise<Page<RetentionRunView>> {
  return pageAfter(
    'retention runs',
    page,
    (r) => [r.runId, r.class],
    async (after, take) => {
      const { rows } = await db.query(
        `SELECT run_id, class, dry_run, due, removed, oldest, actor, started_at, ended_at FROM retention_run
         WHERE $1::text IS NULL OR (ended_at, run_id, class) < (SELECT ended_at, run_id, class FROM retention_run WHERE run_id = $1 AND class = $2) ORDER BY ended_at DESC, run_id DESC, class DESC LIMIT $3`,
        [after?.[0] ?? null, after?.[1] ?? null, take],
      );
      return rows.map((r) => ({
        runId: r.run_id,
        class: r.class,
        dryRun: r.dry_run,
        due: Number(r.due),
        removed: Number(r.removed),
        oldest: r.oldest?.toISOString() ?? null,
        actor: r.actor,
        startedAt: r.started_at.toISOString(),
        endedAt: r.ended_at.toISOString(),
      }));
    },
  );
}
