import type { Db } from '../../db.ts';

export type SessionKey = { readonly peerId: string; readonly countryCode: string; readonly partyId: string; readonly sessionId: string };
/** A session as it was last told, without who charged. */
export type KeptSession = { readonly body: Readonly<Record<string, unknown>>; readonly tokenRef: string | null; readonly lastUpdated: Date };

/** A session of a peer, with the UID of its token as far as that is known here, else its reference; undefined when there is none. Locked against others who change it when asked for. */
export async function keptSession(db: Db, key: SessionKey, { lock = false }: { readonly lock?: boolean } = {}): Promise<(KeptSession & { readonly tokenShown: string | null }) | undefined> {
  const { rows } = await db.query<{ body: Record<string, unknown>; token_ref: string | null; last_updated: Date; uid: string | null }>(
    `SELECT s.body, s.token_ref, s.last_updated, (SELECT t.uid FROM token t JOIN ocpi_peer p ON p.source_id = t.source_id WHERE p.id = s.peer_id AND t.ref = s.token_ref) AS uid
     FROM ocpi_session s WHERE s.peer_id = $1 AND s.country_code = upper($2) AND s.party_id = upper($3) AND s.session_id = lower($4)${lock ? ' FOR UPDATE OF s' : ''}`,
    [key.peerId, key.countryCode, key.partyId, key.sessionId],
  );
  const [row] = rows;
  return row === undefined ? undefined : { body: row.body, tokenRef: row.token_ref, lastUpdated: row.last_updated, tokenShown: row.uid ?? row.token_ref };
}
