import { type RetentionClass, retentionClasses } from '../../contracts/retention.ts';
import type { Db } from '../db.ts';
import { dueOf, policyOf } from '../retention/policies.ts';

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

/** How long each class is kept, what of it is due at an instant, and the latest runs, a row per class. */
export async function retentionOverview(db: Db, now: Date): Promise<RetentionView> {
  const views: RetentionView['classes'][number][] = [];
  for (const name of retentionClasses) {
    const { keep, unit, countedFrom, floor, floorReason } = await policyOf(db, name);
    const { due, oldest } = await dueOf(db, name, keep, now);
    const kept = unit === 'months' ? { months: keep } : { days: keep };
    views.push({ class: name, keep: kept, countedFrom, atLeast: floor, atLeastBecause: floorReason, due: Number(due), oldest: oldest?.toISOString() ?? null });
  }
  return { classes: views, runs: await retentionRuns(db) };
}

async function retentionRuns(db: Db): Promise<RetentionRunView[]> {
  const { rows } = await db.query('SELECT run_id, class, dry_run, due, removed, oldest, actor, started_at, ended_at FROM retention_run ORDER BY ended_at DESC, run_id, class LIMIT 50');
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
}
