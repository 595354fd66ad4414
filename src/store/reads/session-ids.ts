import type { Db } from '../db.ts';

/** What one network calls a session. `side` says whose ids they are. */
export type SessionIds = {
  readonly side: 'own' | 'hub' | 'partner';
  readonly recordId: string;
  readonly sourceId: string;
  readonly owner: string;
  readonly state: string;
  readonly cdrId: string;
  readonly sessionId: string | null;
  readonly authorizationId: string | null;
  readonly evseId: string | null;
  readonly energyWh: string;
};
/** What we call it towards a partner, and how far that CDR has come. */
export type SentIds = {
  readonly side: 'hub' | 'partner';
  readonly peerId: string;
  readonly cdrId: string;
  readonly creditOf: string | null;
  readonly sessionId: string | null;
  readonly authorizationId: string | null;
  readonly state: string;
};

/**
 * The ids of the physical session behind a record, of every route it came by and of every CDR that we made of it: own, hub's and
 * partners' side by side. As sealed, else as received, as long as that is kept. The record that is charged comes first.
 */
export async function sessionIds(db: Db, recordId: string): Promise<{ readonly received: readonly SessionIds[]; readonly sent: readonly SentIds[] }> {
  const { rows } = await db.query(
    `WITH root AS (SELECT coalesce(linked_to, record_id) AS id FROM record_head WHERE record_id = $1),
     member AS (SELECT id FROM root UNION SELECT $1::bigint UNION SELECT p.record_id FROM session_span p JOIN root ON p.linked_to = root.id)
     SELECT h.record_id, h.source_id, s.route, h.owner_country || '*' || h.owner_party AS owner, h.state, h.energy_wh, coalesce(c.facts #>> '{externalIds,cdr}', h.cdr_id) AS cdr,
       coalesce(c.facts #>> '{externalIds,session}', p.session_id) AS session, coalesce(c.facts #>> '{externalIds,authorization}', p.authorization_id) AS authorization_id, coalesce(c.facts ->> 'evseId', p.place) AS evse
     FROM member JOIN record_head h ON h.record_id = member.id JOIN source s ON s.id = h.source_id LEFT JOIN session_span p ON p.record_id = h.record_id
     LEFT JOIN LATERAL (SELECT convert_from(canonical, 'UTF8')::jsonb -> 'facts' AS facts FROM charge_record r WHERE r.record_id = h.record_id ORDER BY revision DESC LIMIT 1) c ON true
     ORDER BY h.linked_to IS NOT NULL, h.record_id`,
    [recordId],
  );
  const { rows: sent } = await db.query(
    `SELECT s.peer_id, p.kind, s.cdr_id, s.body ->> 'creditOf' AS credit_of, s.body ->> 'sessionId' AS session, s.body ->> 'authorizationId' AS authorization_id, d.state
     FROM ocpi_sale s JOIN ocpi_delivery d ON d.sale_id = s.id JOIN ocpi_peer p ON p.id = s.peer_id WHERE s.record_id = ANY($1::bigint[]) ORDER BY s.id`,
    [rows.map((r) => r.record_id)],
  );
  return {
    received: rows.map((r) => ({
      side: sideOf(r.route),
      recordId: String(r.record_id),
      sourceId: r.source_id,
      owner: r.owner,
      state: r.state,
      cdrId: r.cdr,
      sessionId: r.session,
      authorizationId: r.authorization_id,
      evseId: r.evse,
      energyWh: String(r.energy_wh),
    })),
    sent: sent.map((r) => ({
      side: r.kind === 'hub' ? 'hub' : 'partner',
      peerId: r.peer_id,
      cdrId: r.cdr_id,
      creditOf: r.credit_of,
      sessionId: r.session,
      authorizationId: r.authorization_id,
      state: r.state,
    })),
  };
}

function sideOf(route: string): SessionIds['side'] {
  if (route === 'ocpiHub') return 'hub';
  return route === 'ocpiPeer' || route === 'proprietary' ? 'partner' : 'own';
}
