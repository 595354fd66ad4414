import type { QueryResultRow } from 'pg';
import type { OcpiEndpoint, OcpiRole, OcpiTerms, OcpiVersion } from '../../../contracts/ocpi.ts';
import type { Db } from '../../db.ts';
import { hashToken } from '../api-keys.ts';

export type Peer = OcpiTerms & {
  readonly id: string;
  readonly tariffsPulledAt: Date | null;
  readonly state: 'prepared' | 'invited' | 'registered' | 'unregistered';
  readonly version: OcpiVersion | null;
  readonly versionsUrl: string | null;
  readonly tokenCoding: 'base64' | 'plain' | null;
  /** Sealed; a SecretBox opens it for this peer. */
  readonly theirToken: Buffer | null;
  readonly endpoints: readonly OcpiEndpoint[];
  readonly roles: readonly OcpiRole[];
  readonly registeredAt: Date | null;
  readonly problem: string | null;
};

export type Caller = { readonly peer: Peer; readonly token: 'invited' | 'pending' | 'live' };

/** The peer behind one of the tokens that a header may mean; undefined when none is known. */
export async function peerOfToken(db: Db, tokens: readonly string[]): Promise<Caller | undefined> {
  if (tokens.length === 0) return undefined;
  const { rows } = await db.query('SELECT p.*, t.state AS token_state FROM ocpi_token t JOIN ocpi_peer p ON p.id = t.peer_id WHERE t.hash = ANY($1)', [tokens.map(hashToken)]);
  return rows[0] === undefined ? undefined : { peer: peerOf(rows[0]), token: rows[0].token_state };
}

export async function findPeer(db: Db, id: string): Promise<Peer | undefined> {
  const { rows } = await db.query('SELECT * FROM ocpi_peer WHERE id = $1', [id]);
  return rows[0] === undefined ? undefined : peerOf(rows[0]);
}

/** The peer whose CDRs are received into a source. */
export async function peerOfSource(db: Db, sourceId: string): Promise<Peer | undefined> {
  const { rows } = await db.query('SELECT * FROM ocpi_peer WHERE source_id = $1', [sourceId]);
  return rows[0] === undefined ? undefined : peerOf(rows[0]);
}

/** The name under which we introduce ourselves. */
export async function entityName(db: Db, entityId: string): Promise<string> {
  return (await db.query<{ name: string }>('SELECT name FROM legal_entity WHERE id = $1', [entityId])).rows[0]?.name ?? entityId;
}

function peerOf(r: QueryResultRow): Peer {
  return {
    id: r['id'],
    entityId: r['entity_id'],
    name: r['name'],
    kind: r['kind'],
    us: { countryCode: r['our_country'], partyId: r['our_party'] },
    them: { countryCode: r['country_code'], partyId: r['party_id'] },
    sourceId: r['source_id'],
    correctionChannel: r['correction_channel'],
    push: r['push'],
    tariffsPulledAt: r['tariffs_pulled_at'],
    state: r['state'],
    version: r['version'],
    versionsUrl: r['versions_url'],
    tokenCoding: r['token_coding'],
    theirToken: r['their_token'],
    endpoints: r['endpoints'],
    roles: r['roles'],
    registeredAt: r['registered_at'],
    problem: r['problem'],
  };
}
