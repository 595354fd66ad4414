import type { Db } from '../db.ts';

export type WaitingRecord = { readonly state: 'booked' | 'rejected' | 'quarantined' | 'parked'; readonly waitingFor: string | null; readonly rawId: string | null; readonly problem: string | null };

/** Where the record of a key stands and which message it waits on; undefined when nothing of that key was processed. */
export async function waitingMessage(db: Db, ref: { sourceId: string; recordKey: string }): Promise<WaitingRecord | undefined> {
  const { rows } = await db.query(
    `SELECT h.state, h.waiting_for, h.waiting_raw_id, h.issues->0->>'code' AS problem FROM record_head h
     WHERE h.source_id = $1 AND h.state <> 'received' AND (lower(h.owner_country || '*' || h.owner_party || '*' || h.cdr_id) = $2 OR h.cdr_id = $2)`,
    [ref.sourceId, ref.recordKey],
  );
  const row = rows[0];
  return row === undefined ? undefined : { state: row.state, waitingFor: row.waiting_for, rawId: row.waiting_raw_id?.toString() ?? null, problem: row.problem };
}
