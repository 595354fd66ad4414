import type { QueryResultRow } from 'pg';
import type { Span } from '../../core/plausibility/neighbours.ts';
import { arrayOf, int8, text, timestamptz } from '../binary.ts';
import { type CopyTable, column, copyIn, rowsFor } from '../copy-in.ts';
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

type Sought = 'all sources' | 'other sources';

/**
 * Sessions of the same entity that may be beside the given ones: on the EVSE or by the token at the same time, or under the same CDR id of
 * another source; at most eight of each kind, other sources first or alone. Of other sources alone, one by the same token counts only on the
 * same EVSE. Looks seven days back.
 */
export async function loadNeighbours(db: Db, spans: readonly SpanRow[], from: Sought = 'all sources'): Promise<SpanRow[]> {
  const beside = await besideAny(db, spans, from);
  if (beside.length === 0) return [];
  const others = from === 'all sources' ? '' : 'AND s.source_id <> t.source_id';
  const near = (key: string) => `(SELECT s.* FROM session_span s WHERE ${meets(key)} ${others} ORDER BY s.source_id = t.source_id, s.start_at LIMIT 8)`;
  const { rows } = await db.query(
    `SELECT DISTINCT ON (c.record_id) c.*, o.route FROM ${soughtRows}
     CROSS JOIN LATERAL (${near('place')} UNION ALL ${near('token_ref')} UNION ALL (SELECT s.* FROM session_span s WHERE ${sameId} LIMIT 8)) c
     JOIN source o ON o.id = c.source_id`,
    soughtValues(beside),
  );
  return rows.map(spanOfRow);
}

/** Those of the given sessions that have any beside them: few, so that the rest is asked for no row. */
async function besideAny(db: Db, spans: readonly SpanRow[], from: Sought): Promise<SpanRow[]> {
  if (spans.length === 0) return [];
  const any = from === 'all sources' ? [meets('place'), meets('token_ref'), sameId] : [`${meets('place')} AND s.source_id <> t.source_id`, sameId];
  const { rows } = await db.query<{ record_id: bigint }>(
    `SELECT t.record_id FROM ${soughtRows} WHERE ${any.map((meets) => `EXISTS (SELECT FROM session_span s WHERE ${meets})`).join(' OR ')}`,
    soughtValues(spans),
  );
  if (rows.length === 0) return [];
  const found = new Set(rows.map((r) => r.record_id));
  return spans.filter((s) => found.has(s.recordId));
}

const meets = (key: string) =>
  `s.${key} = t.${key} AND s.start_at <= t.end_at AND s.start_at > t.start_at - interval '7 days' AND s.end_at >= t.start_at AND s.entity_id = t.entity_id AND s.record_id <> t.record_id`;
const sameId = 's.cdr_key = t.cdr_key AND s.entity_id = t.entity_id AND s.source_id <> t.source_id';
const soughtRows =
  'unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::timestamptz[]) AS t(record_id, entity_id, source_id, cdr_key, place, token_ref, start_at, end_at)';

function soughtValues(spans: readonly SpanRow[]): Buffer[] {
  return [
    arrayOf(int8, spans, (s) => s.recordId),
    arrayOf(text, spans, (s) => s.entityId),
    arrayOf(text, spans, (s) => s.sourceId),
    arrayOf(text, spans, (s) => s.cdrKey),
    arrayOf(text, spans, (s) => s.place),
    arrayOf(text, spans, (s) => s.tokenRef),
    arrayOf(timestamptz, spans, (s) => s.startMs),
    arrayOf(timestamptz, spans, (s) => s.endMs),
  ];
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
  if (recordIds.length === 0) return [];
  const { rows } = await db.query<{ raw_id: bigint }>('SELECT raw_id FROM session_span WHERE linked_to = ANY($1::bigint[]) ORDER BY record_id', [recordIds]);
  return rows.map((r) => r.raw_id);
}

const spanTable: CopyTable<SpanRow> = {
  name: 'session_span',
  columns: [
    column('record_id', int8, (s) => s.recordId),
    column('entity_id', text, (s) => s.entityId),
    column('source_id', text, (s) => s.sourceId),
    column('raw_id', int8, (s) => s.rawId),
    column('cdr_key', text, (s) => s.cdrKey),
    column('session_id', text, (s) => s.sessionId),
    column('place', text, (s) => s.place),
    column('connector_id', text, (s) => s.connectorId),
    column('token_ref', text, (s) => s.tokenRef),
    column('start_at', timestamptz, (s) => s.startMs),
    column('end_at', timestamptz, (s) => s.endMs),
    column('energy_wh', int8, (s) => s.energyWh),
    column('meter_start_wh', int8, (s) => s.meterStartWh),
    column('meter_end_wh', int8, (s) => s.meterEndWh),
    column('linked_to', int8, (s) => s.linkedTo),
    column('authorization_id', text, (s) => s.authorizationId),
  ],
};

/** Writes where sessions stand now in place of where they stood. `begun` are records that began with this page and stand nowhere yet. */
export async function writeSpans(db: Db, spans: readonly SpanRow[], gone: readonly bigint[], begun: ReadonlySet<bigint>): Promise<void> {
  const moved = [...spans.flatMap((s) => (begun.has(s.recordId) ? [] : [s.recordId])), ...gone];
  if (moved.length > 0) await db.query('DELETE FROM session_span WHERE record_id = ANY($1::bigint[])', [moved]);
  if (spans.length > 0) await copyIn(db, [rowsFor(spanTable, spans)]);
}

/**
 * Counts a page of each source; answers how many pages other sources of its entity had written, null while one of them has records and no count. As many as
 * before a page looked beside its sessions (`pages_beside`): nothing came in between. From here to the commit only one page of an entity looks for records of the
 * same session by other routes, so that none is missed.
 */
export async function countPages(db: Db, sourceIds: readonly string[]): Promise<ReadonlyMap<string, bigint | null>> {
  const { rows } = await db.query<{ id: string; beside: bigint | null }>('SELECT id, beside FROM count_pages($1)', [sourceIds]);
  return new Map(rows.map((r) => [r.id, r.beside]));
}
