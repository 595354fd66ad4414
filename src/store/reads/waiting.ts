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

/** Records of a source that wait because `key` (a site, a token's reference, a segment, or a price series; `*` for any) has no set-up, or, with code `anyRule`, for a decision on what a rule found; with the message each stands on; oldest first, at most 10,000. */
export async function waitingForSetup(db: Db, filter: { readonly sourceId: string; readonly code: string; readonly key: string }): Promise<{ recordKey: string; rawId: string }[]> {
  const { rows } = await db.query<{ record_key: string; raw_id: bigint }>(
    `SELECT ${recordKeySql} AS record_key, h.waiting_raw_id AS raw_id FROM record_head h
     WHERE h.source_id = $1 AND h.waiting_raw_id IS NOT NULL
       AND ($2 = 'anyRule' AND h.waiting_for = 'decision' OR $3 = '*' AND h.issues->0->>'code' = $2
         OR EXISTS (SELECT FROM jsonb_array_elements(h.issues) i WHERE i->>'code' = $2 AND (i->'params') @> ANY (ARRAY[jsonb_build_object('site', $3::text), jsonb_build_object('token', $3::text), jsonb_build_object('segment', $3::text), jsonb_build_object('series', $3::text)])))
     ORDER BY h.record_id LIMIT 10000`,
    [filter.sourceId, filter.code, filter.key],
  );
  return rows.map((r) => ({ recordKey: r.record_key, rawId: r.raw_id.toString() }));
}
