import type { Db } from '../db.ts';
import { recordKeySql } from '../record-key.ts';
import { audit, type By } from './audit.ts';
import { Refused } from './refusal.ts';

export type RecordDecision = { readonly recordIds: readonly string[]; readonly action: 'accept' | 'reject' | 'hold'; readonly reason: string };

/**
 * Decides on waiting records: accept (bill as it is, though a check failed), reject (never billed) or hold (stay where it is). One
 * signed decision each. Answers the keys whose workflows have to be told. Refused when one of them waits for nothing.
 */
export async function decideRecords(db: Db, decision: RecordDecision, by: By): Promise<{ readonly sourceId: string; readonly recordKey: string }[]> {
  const { rows } = await db.query<{ record_id: bigint; source_id: string; key: string; state: string; waiting_for: string | null; unreadable: boolean }>(
    `SELECT record_id, source_id, ${recordKeySql} AS key, state, waiting_for, facts_hash IS NULL AS unreadable
     FROM record_head h WHERE record_id = ANY($1::bigint[]) ORDER BY record_id FOR UPDATE`,
    [decision.recordIds],
  );
  const found = new Set(rows.map((r) => r.record_id.toString()));
  const missing = decision.recordIds.find((id) => !found.has(id));
  if (missing !== undefined) throw new Refused('notFound', `there is no record ${missing}`);
  for (const row of rows) {
    if (row.state !== 'quarantined' && row.state !== 'parked') throw new Refused('wrongState', `record ${row.record_id} is ${row.state}: only a waiting record can be decided`);
    if (decision.action === 'accept' && row.unreadable) throw new Refused('wrongState', `record ${row.record_id} cannot be read: send a corrected message, or reject it`);
    if (decision.action === 'accept' && row.waiting_for !== 'decision') throw new Refused('wrongState', `record ${row.record_id} waits for ${row.waiting_for}: add that, and it goes on by itself`);
  }
  await db.query("INSERT INTO decision (subject_kind, subject_id, action, reason, actor) SELECT 'record', id, $2, $3, $4 FROM unnest($1::text[]) AS t(id)", [
    rows.map((r) => r.record_id.toString()),
    decision.action,
    decision.reason,
    by.actor,
  ]);
  await audit(db, by, { action: `record.${decision.action}`, subject: decision.recordIds.join(','), reason: decision.reason });
  return rows.map((r) => ({ sourceId: r.source_id, recordKey: r.key }));
}
