import type { RetentionClass } from '../../contracts/retention.ts';
import type { Db } from '../db.ts';
import { classes } from './classes.ts';
import { dueOf, policyOf } from './policies.ts';

export type RetentionOrder = { readonly runId: string; readonly class: RetentionClass; readonly actor: string };
export type RetentionStep = { readonly done: boolean; readonly due: number; readonly removed: number };

/**
 * The next batch of a run in one class, as of the instant the run came to it; the last one writes the run's row into the log. Call it until
 * it is done: what a killed worker had done is counted. One run after the other in a class.
 */
export async function retainBatch(db: Db, order: RetentionOrder, now: Date): Promise<RetentionStep> {
  await db.query("SELECT pg_advisory_xact_lock(hashtextextended('retention/' || $1, 0))", [order.class]);
  const key = [order.runId, order.class];
  const logged = (await db.query<{ due: bigint; removed: bigint }>('SELECT due, removed FROM retention_run WHERE run_id = $1 AND class = $2', key)).rows[0];
  if (logged !== undefined) return { done: true, due: Number(logged.due), removed: Number(logged.removed) };
  const { keep, unit, countedFrom } = await policyOf(db, order.class);
  if ((await db.query('SELECT FROM retention_progress WHERE run_id = $1 AND class = $2', key)).rowCount === 0) {
    const { due, oldest } = await dueOf(db, order.class, keep, now);
    await db.query('INSERT INTO retention_progress (run_id, class, keep, due, oldest, actor, started_at) VALUES ($1, $2, $3, $4, $5, $6, $7)', [...key, keep, due, oldest, order.actor, now]);
  }
  const progress = (await db.query<{ keep: number; started_at: Date }>('SELECT keep, started_at FROM retention_progress WHERE run_id = $1 AND class = $2', key)).rows[0];
  const limit = { keep: progress?.keep ?? keep, asOf: progress?.started_at ?? now };
  const removed = await classes[order.class].remove(db, limit, { actor: order.actor, reason: `retention: ${limit.keep} ${unit} after ${countedFrom}` });
  const sums = await db.query<{ due: bigint; removed: bigint }>('UPDATE retention_progress SET removed = removed + $3 WHERE run_id = $1 AND class = $2 RETURNING due, removed', [...key, removed]);
  if (removed === 0) {
    await db.query(
      `WITH done AS (DELETE FROM retention_progress WHERE run_id = $1 AND class = $2 RETURNING *)
       INSERT INTO retention_run (run_id, class, dry_run, keep, due, removed, oldest, actor, started_at) SELECT run_id, class, false, keep, due, removed, oldest, actor, started_at FROM done`,
      key,
    );
  }
  return { done: removed === 0, due: Number(sums.rows[0]?.due ?? 0n), removed: Number(sums.rows[0]?.removed ?? 0n) };
}
