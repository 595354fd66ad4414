import type { Db } from '../db.ts';
import type { RunReport } from '../reads/run-report.ts';

/** Keeps where everything stood in the report of a live run that closes: what its successor begins with. Repeatable. */
export async function keepClosing(db: Db, runId: string, balances: RunReport['balances']): Promise<void> {
  const run = (await db.query<{ kind: string }>('SELECT kind FROM billing_run WHERE id = $1', [runId])).rows[0];
  if (run?.kind !== 'live') return;
  const rows = balances.map((b) => ({ source_id: b.sourceId, service_month: b.month, unit: b.unit, figures: b.figures }));
  await db.query(
    'INSERT INTO run_closing (run_id, source_id, service_month, unit, figures) SELECT $1, t.* FROM jsonb_to_recordset($2::jsonb) AS t(source_id text, service_month text, unit text, figures jsonb) ON CONFLICT DO NOTHING',
    [runId, JSON.stringify(rows)],
  );
}
