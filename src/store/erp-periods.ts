import type { PeriodDifference } from '../core/hand-over/compare-periods.ts';
import type { Db } from './db.ts';

/** Keeps which months an ERP connection has otherwise than we, of those it was asked for (by dates in them); what is the same again goes. */
export async function keepPeriods(db: Db, connectionId: string, asked: readonly string[], differences: readonly PeriodDifference[]): Promise<void> {
  const months = differences.map((d) => d.month);
  await db.query('DELETE FROM erp_period_difference WHERE connection_id = $1 AND month = ANY($2) AND NOT month = ANY($3)', [connectionId, [...new Set(asked.map((date) => date.slice(0, 7)))], months]);
  await db.query(
    `INSERT INTO erp_period_difference AS d (connection_id, month, here, there, words) SELECT $1, f.* FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) AS f(month, here, there, words)
     ON CONFLICT (connection_id, month) DO UPDATE SET here = excluded.here, there = excluded.there, words = excluded.words, seen_at = now(),
       found_at = CASE WHEN d.there = excluded.there THEN d.found_at ELSE now() END`,
    [connectionId, months, differences.map((d) => d.here), differences.map((d) => d.there), differences.map((d) => d.words)],
  );
}
