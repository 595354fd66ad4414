import type { QueryResultRow } from 'pg';
import type { Span } from '../../core/plausibility/neighbours.ts';
import { arrayOf, int8, text, timestamptz } from '../binary.ts';
import type { Db } from '../db.ts';

/** A session as its neighbours see it, with the message it was read from. */
export type SpanRow = Span & {
  readonly rawId: bigint;
  readonly entityId: string;
  readonly sessionId: string | null;
  readonly authorizationId: string | null;
  readonly connectorId: string | null;
  readonly meterStartWh: number | null;
  readonly meterEndWh: number | null;
};

/**
 * Sessions of the same entity that may be beside the given ones: on the EVSE or by the token at the same time, or under the same CDR id of
 * another source; at most eight of each kind, other sources first or alone. Looks seven days back.
 */
export async function loadNeighbours(db: Db, spans: readonly SpanRow[], from: 'all sources' | 'other sources' = 'all sources'): Promise<SpanRow[]> {
  if (spans.length === 0) return [];
  const beside = (key: string) => `(SELECT s.* FROM session_span s WHERE s.${key} = t.${key} AND s.start_at <= t.end_at AND s.start_at > t.start_at - interval '7 days' AND s.end_at >= t.start_at
       AND s.entity_id = t.entity_id AND s.record_id <> t.record_id ${from === 'all sources' ? '' : 'AND s.source_id <> t.source_id'} ORDER BY s.source_id = t.source_id, s.start_at LIMIT 8)`;
  const { rows } = await db.query(
    `SELECT DISTINCT ON (c.record_id) c.*, o.route FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::timestamptz[])
       AS t(record_id, entity_id, source_id, cdr_key, place, token_ref, start_at, end_at)
     CROSS JOIN LATERAL (${beside('place')} UNION ALL ${beside('token_ref')}
       UNION ALL (SELECT s.* FROM session_span s WHERE s.cdr_key = t.cdr_key AND s.entity_id = t.entity_id AND s.source_id <> t.source_id LIMIT 8)) c
     JOIN source o ON o.id = c.source_id`,
    [
      arrayOf(int8, spans, (s) => s.recordId),
      arrayOf(text, spans, (s) => s.entityId),
      arrayOf(text, spans, (s) => s.sourceId),
      arrayOf(text, spans, (s) => s.cdrKey),
      arrayOf(text, spans, (s) => s.place),
      arrayOf(text, spans, (s) => s.tokenRef),
      arrayOf(timestamptz, spans, (s) => s.startMs),
      arrayOf(timestamptz, spans, (s) => s.endMs),
    ],
  );
  return rows.map(spanOfRow);
}

function spanOfRow(r: QueryResultRow): SpanRow {
  return {
    recordId: r['record_id'],
    entityId: r['entity_id'],
    sourceId: r['source_id'],
    route: r['route'],
    rawId: r['raw_id'],
    cdrKey: r['cdr_key'],
    sessionId: r['session_id'],
    authorizationId: r['authorization_id'],
    place: r['place'],
    connectorId: r['connector_id'],
    tokenRef: r['token_ref'],
    startMs: r['start_at'].getTime(),
    endMs: r['end_at'].getTime(),
    energyWh: Number(r['energy_wh']),
    meterStartWh: r['meter_start_wh'] === null ? null : Number(r['meter_start_wh']),
    meterEndWh: r['meter_end_wh'] === null ? null : Number(r['meter_end_wh']),
    linkedTo: r['linked_to'],
  };
}

/** Messages of the records that give way to one of `recordIds`. */
export async function messagesLinkedTo(db: Db, recordIds: readonly bigint[]): Promise<bigint[]> {
  const { rows } = await db.query<{ raw_id: bigint }>('SELECT raw_id FROM session_span WHERE linked_to = ANY($1::bigint[]) ORDER BY record_id', [recordIds]);
  return rows.map((r) => r.raw_id);
}

/** Writes where sessions stand now, and takes those out that stand no more. */
export async function writeSpans(db: Db, spans: readonly SpanRow[], gone: readonly bigint[]): Promise<void> {
  if (gone.length > 0) await db.query('DELETE FROM session_span WHERE record_id = ANY($1::bigint[])', [gone]);
  if (spans.length === 0) return;
  const sorted = [...spans].sort((a, b) => (a.recordId < b.recordId ? -1 : 1));
  const columns =
    'record_id, entity_id, source_id, raw_id, cdr_key, session_id, place, connector_id, token_ref, start_at, end_at, energy_wh, meter_start_wh, meter_end_wh, linked_to, authorization_id';
  const excluded = columns.replaceAll(/\w+/g, 'excluded.$&');
  await db.query(
    `INSERT INTO session_span (${columns})
     SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::timestamptz[], $11::timestamptz[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::text[])
     ON CONFLICT (record_id) DO UPDATE SET (${columns}) = ROW (${excluded})`,
    [
      arrayOf(int8, sorted, (s) => s.recordId),
      arrayOf(text, sorted, (s) => s.entityId),
      arrayOf(text, sorted, (s) => s.sourceId),
      arrayOf(int8, sorted, (s) => s.rawId),
      arrayOf(text, sorted, (s) => s.cdrKey),
      arrayOf(text, sorted, (s) => s.sessionId),
      arrayOf(text, sorted, (s) => s.place),
      arrayOf(text, sorted, (s) => s.connectorId),
      arrayOf(text, sorted, (s) => s.tokenRef),
      arrayOf(timestamptz, sorted, (s) => s.startMs),
      arrayOf(timestamptz, sorted, (s) => s.endMs),
      arrayOf(int8, sorted, (s) => s.energyWh),
      arrayOf(int8, sorted, (s) => s.meterStartWh),
      arrayOf(int8, sorted, (s) => s.meterEndWh),
      arrayOf(int8, sorted, (s) => s.linkedTo),
      arrayOf(text, sorted, (s) => s.authorizationId),
    ],
  );
}

/** From here to the commit only one page of the entity looks for records of the same session by other routes, so that none is missed. */
export async function lockNeighbourhood(db: Db, entityId: string): Promise<void> {
  await db.query("SELECT pg_advisory_xact_lock(hashtextextended('neighbours/' || $1, 0))", [entityId]);
}
