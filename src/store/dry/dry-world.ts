import type { Db } from '../db.ts';

/**
 * Lets the statements of the caller's transaction speak of the world of a dry run: what it lists is claimed, in lines of its own, and the live
 * runs of its month and later ones have not been there yet. Real claims can be read there, never written. Answers whether the run is a dry
 * one; in a live run nothing changes.
 */
export async function enterDryRun(db: Db, runId: string): Promise<boolean> {
  const { rows } = await db.query<{ kind: string; base_run_id: string | null; unseen: string[] }>(
    `SELECT r.kind, r.base_run_id, ARRAY(SELECT o.id FROM billing_run o WHERE o.entity_id = r.entity_id AND o.kind = 'live' AND (o.period_end > r.period_end OR o.period_end = r.period_end AND o.selection IS NULL AND o.calendar_id = r.calendar_id)) AS unseen
     FROM billing_run r WHERE r.id = $1`,
    [runId],
  );
  const [run] = rows;
  if (run === undefined || run.kind === 'live') return false;
  await db.query(
    "SELECT set_config('wattledger.run', $1, true), set_config('wattledger.base', $2, true), set_config('wattledger.unseen', $3::text[]::text, true), set_config('search_path', 'dry, public', true)",
    [runId, run.base_run_id ?? '', run.unseen],
  );
  return true;
}

/** The same by one of a run's documents. */
export async function enterDryRunOf(db: Db, documentId: string): Promise<boolean> {
  const { rows } = await db.query<{ run_id: string }>('SELECT run_id FROM document WHERE id = $1', [documentId]);
  return rows[0] === undefined ? false : enterDryRun(db, rows[0].run_id);
}
