import type { Db } from '../db.ts';
import { keyBefore, type Page, type PageOrder, pageOf } from './page.ts';

export type WatermarkView = { readonly completeUntil: string; readonly origin: string; readonly reason: string | null; readonly author: string; readonly statedAt: string };

/** What a source said of how far it is complete, newest first. Undefined when there is no such source. */
export async function watermarksOf(db: Db, sourceId: string, page: PageOrder): Promise<Page<WatermarkView> | undefined> {
  if ((await db.query('SELECT FROM source WHERE id = $1', [sourceId])).rowCount === 0) return undefined;
  const list = ['watermarks', sourceId] as const;
  const { rows } = await db.query('SELECT * FROM source_watermark WHERE source_id = $1 AND ($2::bigint IS NULL OR id < $2) ORDER BY id DESC LIMIT $3', [
    sourceId,
    keyBefore(list, page),
    page.limit + 1,
  ]);
  return pageOf(
    list,
    rows,
    page.limit,
    (r) => r.id.toString(),
    (r): WatermarkView => ({ completeUntil: r.complete_until.toISOString(), origin: r.origin, reason: r.reason, author: r.author, statedAt: r.stated_at.toISOString() }),
  );
}

/**
 * Workflows of runs that look again when something is known of a source: those that wait, and whose period overlaps what lies between; with
 * `by: 'end'` only those whose period ends there, so that a watermark that moves each minute wakes a run once.
 */
export async function runsConcerned(db: Db, sourceId: string, from: Date, to: Date, by: 'overlap' | 'end' = 'overlap'): Promise<string[]> {
  const { rows } = await db.query<{ workflow_id: string }>(
    `SELECT r.workflow_id FROM billing_run r JOIN source s ON s.entity_id = r.entity_id WHERE s.id = $1 AND CASE WHEN $4 THEN r.period_end > $2 AND r.period_end <= $3 ELSE r.period_start <= $3 AND r.period_end >= $2 END
       AND (r.state IN ('previewing', 'inReview', 'reconciled') OR r.state = 'collecting' AND r.cut_off = 'automatic') ORDER BY r.id`,
    [sourceId, from, to, by === 'end'],
  );
  return rows.map((r) => r.workflow_id);
}

/** From the first to the end of the last of days and months (`2019-12`), in UTC; undefined of none. */
export function spanOf(days: readonly string[]): { readonly from: Date; readonly to: Date } | undefined {
  const [first, last] = [[...days].sort()[0], [...days].sort().at(-1)];
  if (first === undefined || last === undefined) return undefined;
  const to = new Date(last);
  if (last.length === 7) to.setUTCMonth(to.getUTCMonth() + 1);
  else to.setUTCDate(to.getUTCDate() + 1);
  return { from: new Date(first), to };
}
