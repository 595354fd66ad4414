import type { Db } from '../db.ts';

/** How far the start of a session may lie from when it was seen to start. */
const toleranceS = 900;

/**
 * Resolves the open expectations whose CDR has come: by session, authorization or CDR id, else by EVSE and start within a quarter of an
 * hour, and the token where both tell it, or by the token alone where no EVSE is known; one record resolves one expectation there. An offline charger is resolved by hand alone: what it
 * kept back is not told by what it sent. Set-wise, for all sources or those given. Answers how many were resolved.
 */
export async function matchExpectations(db: Db, sourceIds?: readonly string[]): Promise<number> {
  const byId = await db.query(
    `UPDATE expectation e SET resolution = 'matched', resolved_by = m.record_id, resolved_at = now(), resolved_actor = 'intake' FROM (
       SELECT o.source_id, o.key, s.record_id FROM expectation o JOIN source c ON c.id = o.source_id CROSS JOIN LATERAL (
         SELECT record_id FROM session_span p WHERE p.session_id = o.session_id AND p.source_id = o.source_id
         UNION ALL SELECT record_id FROM session_span p WHERE p.authorization_id = o.authorization_id AND p.source_id = o.source_id
         UNION ALL SELECT record_id FROM session_span p WHERE p.cdr_key = lower(c.owner_country || '*' || c.owner_party || '*' || o.key) AND p.source_id = o.source_id LIMIT 1) s
       WHERE o.resolution IS NULL AND o.kind <> 'offline' AND ($1::text[] IS NULL OR o.source_id = ANY($1))
     ) m WHERE e.source_id = m.source_id AND e.key = m.key AND e.resolution IS NULL`,
    [sourceIds ?? null],
  );
  // Where it stood, or who charged where no place is known: an index each.
  const near = (same: string) => `SELECT o.source_id, o.key, p.record_id, abs(extract(epoch FROM p.start_at - o.opened_at)) AS apart FROM expectation o
       JOIN session_span p ON ${same} AND p.source_id = o.source_id AND p.start_at BETWEEN o.opened_at - make_interval(secs => $2) AND o.opened_at + make_interval(secs => $2)
       WHERE o.resolution IS NULL AND o.kind <> 'offline' AND ($1::text[] IS NULL OR o.source_id = ANY($1)) AND NOT EXISTS (SELECT FROM expectation r WHERE r.resolved_by = p.record_id)`;
  const byPlace = await db.query(
    `WITH pair AS (
       ${near('p.place = o.place AND (o.token_ref IS NULL OR o.token_ref = p.token_ref)')}
       UNION ALL ${near('o.place IS NULL AND p.token_ref = o.token_ref')}
     ), nearest AS (SELECT DISTINCT ON (record_id) * FROM pair ORDER BY record_id, apart, key),
     chosen AS (SELECT DISTINCT ON (source_id, key) * FROM nearest ORDER BY source_id, key, apart, record_id)
     UPDATE expectation e SET resolution = 'matched', resolved_by = m.record_id, resolved_at = now(), resolved_actor = 'intake'
     FROM chosen m WHERE e.source_id = m.source_id AND e.key = m.key AND e.resolution IS NULL`,
    [sourceIds ?? null, toleranceS],
  );
  return (byId.rowCount ?? 0) + (byPlace.rowCount ?? 0);
}
