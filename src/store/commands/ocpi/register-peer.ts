import type { OcpiEndpoint, OcpiRole, OcpiVersion } from '../../../contracts/ocpi.ts';
import type { Db } from '../../db.ts';
import { hashToken } from '../../reads/api-keys.ts';
import { audit, type By } from '../audit.ts';
import { Refused } from '../refusal.ts';

/** Lets a peer begin the registration: with this token it may read our versions and post its credentials, nothing else. An earlier invitation is void. */
export async function invitePeer(db: Db, peerId: string, token: string, by: By): Promise<void> {
  if ((await lockPeer(db, peerId)).state === 'registered') throw new Refused('wrongState', `${peerId} is registered: unregister it first, or renew its token`);
  await putToken(db, peerId, token, 'invited');
  await db.query("UPDATE ocpi_peer SET state = 'invited' WHERE id = $1", [peerId]);
  await audit(db, by, { action: 'ocpi.invite', subject: peerId });
}

/** A token the peer is about to learn: it looks us up with it before it answers. What it holds so far stays good until then. */
export async function announceToken(db: Db, peerId: string, token: string): Promise<void> {
  await lockPeer(db, peerId);
  await putToken(db, peerId, token, 'pending');
}

/** The peer did not take the announced token. */
export async function withdrawToken(db: Db, peerId: string, problem: string): Promise<void> {
  await db.query("DELETE FROM ocpi_token WHERE peer_id = $1 AND state = 'pending'", [peerId]);
  await db.query('UPDATE ocpi_peer SET problem = $2 WHERE id = $1', [peerId, problem.slice(0, 500)]);
}

export type Registration = {
  /** With which it calls us from now on. */
  readonly token: string;
  /** With which we call it, sealed. */
  readonly theirToken: Buffer;
  readonly version: OcpiVersion;
  readonly versionsUrl: string;
  readonly tokenCoding: 'base64' | 'plain';
  readonly endpoints: readonly OcpiEndpoint[];
  readonly roles: readonly OcpiRole[];
  /** Of a peer that is registered (a renewal), or of one that is not. */
  readonly renewal: boolean;
};

/** Keeps what both sides agreed on, in one transaction: from its commit on the new tokens are good and no older one is. Refused (`wrongState`) when somebody else was quicker. */
export async function registerPeer(db: Db, peerId: string, r: Registration, by: By): Promise<void> {
  const { state, kind, party } = await lockPeer(db, peerId);
  if ((state === 'registered') !== r.renewal) throw new Refused('wrongState', `${peerId} is ${r.renewal ? 'not registered' : 'registered already'}`);
  const stated = r.roles.map((role) => `${role.country_code}*${role.party_id}`.toUpperCase());
  if (kind === 'peer' && !stated.includes(party)) throw new Refused('invalid', `the credentials are of ${stated.join(', ')}, and connection ${peerId} was set up for ${party}`);
  await db.query('DELETE FROM ocpi_token WHERE peer_id = $1', [peerId]);
  // Whoever registers anew may have forgotten what it was told.
  if (!r.renewal) await db.query('DELETE FROM ocpi_tariff_push WHERE peer_id = $1', [peerId]);
  await putToken(db, peerId, r.token, 'live');
  await db.query(
    `UPDATE ocpi_peer SET state = 'registered', version = $2, versions_url = $3, token_coding = $4, their_token = $5, endpoints = $6, roles = $7, registered_at = now(), problem = NULL WHERE id = $1`,
    [peerId, r.version, r.versionsUrl, r.tokenCoding, r.theirToken, JSON.stringify(r.endpoints), JSON.stringify(r.roles)],
  );
  await audit(db, by, { action: r.renewal ? 'ocpi.renew' : 'ocpi.register', subject: peerId, after: { version: r.version, versionsUrl: r.versionsUrl, roles: stated } });
}

/** Ends a registration: no token of either side is good any more, and nothing is called. What was sent and received stays. Refused when there is none. */
export async function unregisterPeer(db: Db, peerId: string, by: By): Promise<void> {
  if ((await lockPeer(db, peerId)).state !== 'registered') throw new Refused('wrongState', `${peerId} is not registered`);
  await db.query('DELETE FROM ocpi_token WHERE peer_id = $1', [peerId]);
  await db.query("UPDATE ocpi_peer SET state = 'unregistered', their_token = NULL, endpoints = '[]', roles = '[]' WHERE id = $1", [peerId]);
  await audit(db, by, { action: 'ocpi.unregister', subject: peerId });
}

async function lockPeer(db: Db, peerId: string): Promise<{ state: string; kind: string; party: string }> {
  const { rows } = await db.query("SELECT state, kind, upper(country_code || '*' || party_id) AS party FROM ocpi_peer WHERE id = $1 FOR UPDATE", [peerId]);
  if (rows[0] === undefined) throw new Refused('notFound', `there is no OCPI connection "${peerId}"`);
  return rows[0];
}

/** By hash alone; one of each state a peer. */
async function putToken(db: Db, peerId: string, token: string, state: 'invited' | 'pending' | 'live'): Promise<void> {
  await db.query('DELETE FROM ocpi_token WHERE peer_id = $1 AND state = $2', [peerId, state]);
  await db.query('INSERT INTO ocpi_token (hash, peer_id, state) VALUES ($1, $2, $3)', [hashToken(token), peerId, state]);
}
