import type { Db } from '../../db.ts';

/** The newest message under a CDR's key in a source, as it came; undefined when there is none, or its bytes were taken away. */
export async function receivedCdr(db: Db, sourceId: string, recordKey: string): Promise<Buffer | undefined> {
  const { rows } = await db.query<{ bytes: Buffer | null }>(
    'SELECT b.bytes FROM raw_message m JOIN raw_body b ON b.received_month = m.received_month AND b.hash = m.body_hash WHERE m.source_id = $1 AND m.record_key = $2 ORDER BY m.id DESC LIMIT 1',
    [sourceId, recordKey],
  );
  return rows[0]?.bytes ?? undefined;
}
