import { lastUpdatedOf } from '../../core/ocpi/last-updated.ts';
import { localDateOf } from '../../core/time.ts';
import type { Db } from '../db.ts';
import type { DayFilter, Unjudged } from './control-day.ts';

/**
 * What OCPI peers said of how many CDRs they have of a day (X-Total-Count), with how many of those are here. Both sides count alike: CDR
 * objects by their own `last_updated`, each once, where it was last seen; a credit CDR is one of its own beside the CDR it takes back.
 */
export async function listedCounts(db: Db, { sourceIds, from, to }: DayFilter): Promise<Unjudged[]> {
  const { rows } = await db.query(
    `SELECT DISTINCT ON (source_id, on_date, origin) * FROM control_total WHERE source_id = ANY($1) AND counted_by = 'lastUpdated' AND on_date >= $2::date AND on_date < $3::date ORDER BY source_id, on_date, origin, version DESC`,
    [sourceIds, from, to],
  );
  if (rows.length === 0) return [];
  const asked = [...new Set(rows.map((r) => r.source_id as string))];
  const seen = await seenByDay(db, { sourceIds: asked, from, to });
  const { rows: signed } = await db.query(
    'SELECT a.source_id, a.on_date, a.origin, a.version, a.received_count FROM control_total_acceptance a WHERE a.source_id = ANY($1) AND a.on_date >= $2::date AND a.on_date < $3::date',
    [asked, from, to],
  );
  const key = (...parts: readonly unknown[]) => parts.join('|');
  const accepted = new Set(signed.map((a) => key(a.source_id, a.on_date, a.origin, a.version, a.received_count)));
  return rows.map((r): Unjudged => {
    const count = seen.get(key(r.source_id, r.on_date)) ?? 0;
    return {
      sourceId: r.source_id,
      on: r.on_date,
      origin: r.origin,
      party: null,
      countedBy: 'lastUpdated',
      version: r.version,
      currency: null,
      stated: { count: r.stated_count, energyWh: null, amount: null },
      received: { count, energyWh: null, amount: null },
      unpriced: 0,
      accepted: accepted.has(key(r.source_id, r.on_date, r.origin, r.version, count)),
    };
  });
}

/** CDR objects that are here, by source and local day of `last_updated`. */
async function seenByDay(db: Db, filter: DayFilter): Promise<Map<string, number>> {
  const { rows } = await db.query(
    `SELECT source_id, on_date, count(*)::integer AS n FROM (
       SELECT h.source_id, (coalesce(h.waiting_updated_at, h.source_updated_at) AT TIME ZONE o.time_zone)::date AS on_date FROM record_head h JOIN source o ON o.id = h.source_id
       -- No zone is a day away from UTC.
       WHERE h.source_id = ANY($1) AND coalesce(h.waiting_updated_at, h.source_updated_at) >= $2::date - 1 AND coalesce(h.waiting_updated_at, h.source_updated_at) < $3::date + 1
     ) x WHERE on_date >= $2::date AND on_date < $3::date GROUP BY 1, 2`,
    [filter.sourceIds, filter.from, filter.to],
  );
  const seen = new Map<string, number>(rows.map((r) => [`${r.source_id}|${r.on_date}`, r.n]));
  for (const { sourceId, on } of await daysInMessages(db, filter.sourceIds)) seen.set(`${sourceId}|${on}`, (seen.get(`${sourceId}|${on}`) ?? 0) + 1);
  return seen;
}

/** Of a CDR that a credit took back the head keeps the credit's time, of one that cannot be read none: of both it stands in their messages alone. The newest of each that is no credit. */
async function daysInMessages(db: Db, sourceIds: readonly string[]): Promise<{ readonly sourceId: string; readonly on: string }[]> {
  const { rows } = await db.query<{ source_id: string; record_id: bigint; time_zone: string; bytes: Buffer }>(
    `SELECT h.source_id, h.record_id, o.time_zone, b.bytes FROM record_head h JOIN source o ON o.id = h.source_id
     JOIN raw_message m ON m.source_id = h.source_id AND m.record_key = lower(h.owner_country || '*' || h.owner_party || '*' || h.cdr_id)
     JOIN raw_body b ON b.received_month = m.received_month AND b.hash = m.body_hash AND b.bytes IS NOT NULL
     WHERE h.source_id = ANY($1) AND h.state <> 'booked' AND (h.issues @> '[{"code": "creditedBySender"}]' OR h.source_updated_at IS NULL AND h.waiting_updated_at IS NULL) ORDER BY m.id`,
    [sourceIds],
  );
  const newest = new Map<bigint, { sourceId: string; on: string }>();
  for (const { source_id: sourceId, record_id: recordId, time_zone: zone, bytes } of rows) {
    const said = lastUpdatedOf(bytes);
    if (said !== undefined && !said.isCredit) newest.set(recordId, { sourceId, on: localDateOf(said.atMs, zone) });
  }
  return [...newest.values()];
}
