import type { Db } from '../db.ts';
import { headByKey, keyParams, recordKeySql } from '../record-key.ts';

export type WaitingRecord = {
  readonly state: 'booked' | 'rejected' | 'quarantined' | 'parked';
  readonly waitingFor: string | null;
  readonly rawId: string | null;
  readonly problem: string | null;
  readonly recordId: string;
  /** As the database writes it, to the microsecond; null where it does not wait. */
  readonly waitingSince: string | null;
};

/** Where the record of a key stands and which message it waits on; undefined when nothing of that key was processed. */
export async function waitingMessage(db: Db, ref: { sourceId: string; recordKey: string }): Promise<WaitingRecord | undefined> {
  const { rows } = await db.query(
    `SELECT h.state, h.waiting_for, h.waiting_raw_id, h.record_id, h.waiting_since::text AS waiting_since, h.issues->0->>'code' AS problem ${headByKey} AND h.state <> 'received'`,
    keyParams(ref.sourceId, ref.recordKey),
  );
  const row = rows[0];
  if (row === undefined) return undefined;
  return {
    state: row.state,
    waitingFor: row.waiting_for,
    rawId: row.waiting_raw_id?.toString() ?? null,
    problem: row.problem,
    recordId: row.record_id.toString(),
    waitingSince: row.waiting_since,
  };
}

/** What records of a source wait for: the code of an issue, and its `key` (a site, a token's reference, a segment, or a price series; `*` for any); with code `anyRule` a decision on what a rule found. */
export type WaitingFilter = { readonly sourceId: string; readonly code: string; readonly key: string };

/** SQL: the cause that a record `h` waits for; `unknown` where no rule names one, as of a session that ends before it starts where its source switched that rule off. */
export const causeSql = "coalesce(h.issues->0->>'code', 'unknown')";

/** A page of the records that wait so, with the message each stands on, in order of their ids from after `after` on. */
export async function waitingForSetup(
  db: Db,
  filter: WaitingFilter,
  page: { readonly after?: string | undefined; readonly limit: number },
): Promise<{ readonly recordId: string; readonly recordKey: string; readonly rawId: string }[]> {
  const { rows } = await db.query<{ record_id: bigint; record_key: string; raw_id: bigint }>(
    `SELECT h.record_id, ${recordKeySql} AS record_key, h.waiting_raw_id AS raw_id FROM record_head h
     WHERE h.source_id = $1 AND h.waiting_raw_id IS NOT NULL AND h.record_id > $4
       AND ($2 = 'anyRule' AND h.waiting_for = 'decision' OR $3 = '*' AND ${causeSql} = $2
         OR EXISTS (SELECT FROM jsonb_array_elements(h.issues) i WHERE i->>'code' = $2 AND (i->'params') @> ANY (ARRAY[jsonb_build_object('site', $3::text), jsonb_build_object('token', $3::text), jsonb_build_object('segment', $3::text), jsonb_build_object('series', $3::text)])))
     ORDER BY h.record_id LIMIT $5`,
    [filter.sourceId, filter.code, filter.key, page.after ?? '0', page.limit],
  );
  return rows.map((r) => ({ recordId: r.record_id.toString(), recordKey: r.record_key, rawId: r.raw_id.toString() }));
}
