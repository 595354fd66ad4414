import type { Unattended, UnattendedScope } from '../../contracts/unattended.ts';
import { arrayOf, int8, text } from '../binary.ts';
import type { Db } from '../db.ts';
import { recordKeySql } from '../record-key.ts';

const unattendedSql = 'h.waiting_raw_id IS NOT NULL AND h.workflow_since IS DISTINCT FROM h.waiting_since';

function scopeSql(scope: UnattendedScope): readonly [string, unknown] {
  if ('batchId' in scope) return ['EXISTS (SELECT FROM raw_message m WHERE m.id = h.waiting_raw_id AND m.batch_id = $1)', scope.batchId];
  if ('rawIds' in scope) return ['h.waiting_raw_id = ANY($1::bigint[])', arrayOf(int8, scope.rawIds, (id) => BigInt(id))];
  if ('sourceId' in scope) return ['h.source_id = $1', scope.sourceId];
  return ["h.waiting_since <= now() - $1 * interval '1 millisecond'", scope.olderThanMs];
}

/** Whether any record waits without a workflow. */
export async function waitsUnattended(db: Db, scope: UnattendedScope): Promise<boolean> {
  return (await pageUnattended(db, scope, 1)).length > 0;
}

/** At most `limit` records that wait without a workflow, those that wait longest first. */
export async function pageUnattended(db: Db, scope: UnattendedScope, limit: number): Promise<Unattended[]> {
  const [condition, value] = scopeSql(scope);
  const { rows } = await db.query<{ source_id: string; record_key: string; record_id: bigint; since: string }>(
    `SELECT h.source_id, ${recordKeySql} AS record_key, h.record_id, h.waiting_since::text AS since FROM record_head h
     WHERE ${unattendedSql} AND ${condition} ORDER BY h.waiting_since, h.record_id LIMIT $2`,
    [value, limit],
  );
  return rows.map((r) => ({ sourceId: r.source_id, recordKey: r.record_key, recordId: r.record_id.toString(), waitingSince: r.since }));
}

/** Keeps that the workflows of records, where they have some, have something to look at: whoever is to tell them may be killed before. */
export async function markUnattended(db: Db, recordIds: readonly bigint[]): Promise<void> {
  await db.query('UPDATE record_head SET workflow_since = NULL WHERE record_id = ANY($1::bigint[]) AND workflow_since IS NOT NULL', [arrayOf(int8, recordIds, (id) => id)]);
}

/** Keeps that records have workflows of their own. What began to wait anew since it was read keeps waiting for one. */
export async function markAttended(db: Db, records: readonly Pick<Unattended, 'recordId' | 'waitingSince'>[]): Promise<void> {
  await db.query(
    `UPDATE record_head h SET workflow_since = h.waiting_since FROM unnest($1::bigint[], $2::text[]) AS t(record_id, since)
     WHERE h.record_id = t.record_id AND h.waiting_since = t.since::timestamptz AND ${unattendedSql}`,
    [arrayOf(int8, records, (r) => BigInt(r.recordId)), arrayOf(text, records, (r) => r.waitingSince)],
  );
}
