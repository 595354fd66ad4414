import type { Db } from '../db.ts';

export type ImportProgress = {
  readonly batchId: string;
  readonly sourceId: string;
  readonly fileName: string;
  readonly lineCount: number;
  readonly processed: number;
  readonly outcomes: Record<string, number>;
};

/** How many lines of an import are processed, by outcome; undefined when there is no such batch. */
export async function importProgress(db: Db, batchId: string): Promise<ImportProgress | undefined> {
  const batch = (await db.query('SELECT source_id, file_name, line_count FROM import_batch WHERE id = $1', [batchId])).rows[0];
  if (batch === undefined) return undefined;
  const { rows } = await db.query<{ outcome: string; n: bigint }>(
    'SELECT o.outcome, count(*) AS n FROM raw_message m JOIN raw_outcome o ON o.raw_id = m.id WHERE m.batch_id = $1 GROUP BY 1 ORDER BY 1',
    [batchId],
  );
  const outcomes = Object.fromEntries(rows.map((r) => [r.outcome, Number(r.n)]));
  return { batchId, sourceId: batch.source_id, fileName: batch.file_name, lineCount: batch.line_count, processed: rows.reduce((sum, r) => sum + Number(r.n), 0), outcomes };
}
