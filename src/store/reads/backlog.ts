import type { Db } from '../db.ts';
import { waitsSql } from '../record-key.ts';

/** What waits, for ops: records and ERP postings by state, messages not processed yet and the age of the oldest. */
export async function backlog(
  db: Db,
): Promise<{ readonly records: Record<string, number>; readonly postings: Record<string, number>; readonly pending: number; readonly oldestPendingSeconds: number }> {
  const counts = (rows: readonly { state: string; n: bigint }[]) => Object.fromEntries(rows.map((r) => [r.state, Number(r.n)]));
  const records = await db.query<{ state: string; n: bigint }>(
    `SELECT CASE h.state WHEN 'booked' THEN 'correction' ELSE h.state END AS state, count(*) AS n FROM record_head h WHERE ${waitsSql} GROUP BY 1`,
  );
  const postings = await db.query<{ state: string; n: bigint }>("SELECT state, count(*) AS n FROM erp_posting WHERE state NOT IN ('verified', 'skipped') GROUP BY 1");
  const pending = await db.query<{ n: bigint; age: number }>('SELECT count(*) AS n, coalesce(extract(epoch FROM now() - min(received_at)), 0)::float8 AS age FROM raw_pending');
  return { records: counts(records.rows), postings: counts(postings.rows), pending: Number(pending.rows[0]?.n ?? 0n), oldestPendingSeconds: pending.rows[0]?.age ?? 0 };
}
