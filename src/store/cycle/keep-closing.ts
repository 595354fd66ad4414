import type { Db } from '../db.ts';
import { standingOf } from '../reads/run-balance.ts';

/** Keeps where everything stands as a live run closes: what its successor begins with. Repeatable. */
export async function keepClosing(db: Db, runId: string): Promise<void> {
  const run = (await db.query<{ entity_id: string; kind: string }>('SELECT entity_id, kind FROM billing_run WHERE id = $1', [runId])).rows[0];
  if (run?.kind !== 'live') return;
  const rows = (await standingOf(db, run.entity_id)).map((s) => ({
    source_id: s.sourceId,
    service_month: s.month,
    unit: s.unit,
    figures: Object.fromEntries(Object.entries(s.figures).map(([name, value]) => [name, String(value)])),
  }));
  await db.query(
    'INSERT INTO run_closing (run_id, source_id, service_month, unit, figures) SELECT $1, t.* FROM jsonb_to_recordset($2::jsonb) AS t(source_id text, service_month text, unit text, figures jsonb) ON CONFLICT DO NOTHING',
    [runId, JSON.stringify(rows)],
  );
}
