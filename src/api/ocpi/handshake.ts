import { randomBytes } from 'node:crypto';
import { callOcpi } from '../../adapters/ocpi/client.ts';
import { inFull, OcpiRefused, OcpiUnavailable } from '../../adapters/ocpi/failures.ts';
import { credentialsFor, endpointOf, exchangeCredentials, fetchOffer, NothingInCommon } from '../../adapters/ocpi/handshake.ts';
import type { OcpiCredentials, OcpiRole, OcpiVersion } from '../../contracts/ocpi.ts';
import type { By } from '../../store/commands/audit.ts';
import { announceToken, invitePeer, registerPeer, unregisterPeer, withdrawToken } from '../../store/commands/ocpi/register-peer.ts';
import { Refused } from '../../store/commands/refusal.ts';
import { entityName, findPeer, type Peer } from '../../store/reads/ocpi/peers.ts';
import { Problem } from '../problem.ts';
import type { OcpiDeps } from './env.ts';

const versionsPath = '/ocpi/versions';

/** Random, in characters that every header and both codings take. */
function newToken(): string {
  return randomBytes(32).toString('base64url');
}

function versionsUrlAt(origin: string): string {
  return `${origin}${versionsPath}`;
}

/** What a peer is told of us: who we are in its connection, and the token that opens it. */
export async function ourCredentials({ store }: OcpiDeps, peer: Peer, version: OcpiVersion, origin: string, token: string): Promise<object> {
  const party = { country_code: peer.us.countryCode, party_id: peer.us.partyId };
  const roles: OcpiRole[] = (peer.sourceId === null ? ['CPO'] : ['CPO', 'EMSP']).map((role) => ({ role, ...party }));
  return credentialsFor(version, { token, url: versionsUrlAt(origin), name: await entityName(store.pool, peer.entityId), roles });
}

/**
 * Takes a peer's credentials (POST, or PUT when it is registered): looks up its endpoints with the token it gave, as the text asks for
 * within the request, and answers our credentials with a new token. Nothing is kept when its side cannot be used.
 */
export async function acceptCredentials(deps: OcpiDeps, peer: Peer, version: OcpiVersion, credentials: OcpiCredentials, origin: string, by: By): Promise<object> {
  const offer = await fetchOffer(credentials.url, credentials.token, version);
  const token = newToken();
  const theirToken = deps.secretBox.seal(credentials.token, peer.id);
  await deps.store.tx((db) =>
    registerPeer(
      db,
      peer.id,
      { token, theirToken, version, versionsUrl: credentials.url, tokenCoding: offer.coding, endpoints: offer.endpoints, roles: credentials.roles, renewal: peer.state === 'registered' },
      by,
    ),
  );
  return ourCredentials(deps, peer, version, origin, token);
}

/** Makes an invitation: the token and the URL that a peer needs to begin, told to it outside OCPI. */
export async function invite(deps: OcpiDeps, peerId: string, origin: string, by: By): Promise<{ readonly token: string; readonly versionsUrl: string }> {
  const token = newToken();
  await deps.store.tx((db) => invitePeer(db, peerId, token, by));
  return { token, versionsUrl: versionsUrlAt(origin) };
}

/** Registers us at a peer that invited us, with its versions URL and token; or, of one that is registered, renews tokens and endpoints, in the newest version both speak. 502 with the peer's words when it does not work out; nothing is changed then. */
export async function registerAt(deps: OcpiDeps, peerId: string, invitation: { readonly versionsUrl: string; readonly token: string } | undefined, origin: string, by: By): Promise<OcpiVersion> {
  const peer = await findPeer(deps.store.pool, peerId);
  if (peer === undefined) throw new Refused('notFound', `there is no OCPI connection "${peerId}"`);
  const renewal = peer.state === 'registered';
  if (renewal === (invitation !== undefined)) {
    throw new Refused('wrongState', renewal ? `${peerId} is registered: renew it, or unregister it first` : `${peerId} is not registered: register with the token it gave you`);
  }
  const versionsUrl = invitation?.versionsUrl ?? peer.versionsUrl ?? '';
  const theirs = invitation?.token ?? openToken(deps, peer);
  const token = newToken();
  try {
    const offer = await fetchOffer(versionsUrl, theirs);
    const url = endpointOf(offer.endpoints, 'credentials', 'RECEIVER') ?? offer.endpoints.find((e) => e.identifier === 'credentials')?.url ?? '';
    // Before it is sent: the peer looks us up with it before it answers.
    await deps.store.tx((db) => announceToken(db, peerId, token));
    const ours = await ourCredentials(deps, peer, offer.version, origin, token);
    const credentials = await exchangeCredentials({ token: theirs, coding: offer.coding }, renewal ? 'PUT' : 'POST', url, ours);
    const theirToken = deps.secretBox.seal(credentials.token, peerId);
    await deps.store.tx((db) =>
      registerPeer(
        db,
        peerId,
        { token, theirToken, version: offer.version, versionsUrl: credentials.url, tokenCoding: offer.coding, endpoints: offer.endpoints, roles: credentials.roles, renewal },
        by,
      ),
    );
    return offer.version;
  } catch (error) {
    await deps.store.tx((db) => withdrawToken(db, peerId, inFull(error as Error)));
    throw asProblem(error);
  }
}

/** Ends the registration on both sides. Ours ends whether the peer answers or not; `told` says whether it did. */
export async function unregisterAt(deps: OcpiDeps, peerId: string, by: By): Promise<{ readonly told: boolean }> {
  const peer = await findPeer(deps.store.pool, peerId);
  if (peer === undefined) throw new Refused('notFound', `there is no OCPI connection "${peerId}"`);
  const url = peer.endpoints.find((e) => e.identifier === 'credentials')?.url;
  const told =
    peer.state === 'registered' &&
    url !== undefined &&
    (await callOcpi({ token: openToken(deps, peer), coding: peer.tokenCoding ?? 'base64' }, 'DELETE', url).then(
      () => true,
      (error: Error) => {
        deps.log.warn({ peerId, error: inFull(error) }, 'the peer was not told that we unregister');
        return false;
      },
    ));
  await deps.store.tx((db) => unregisterPeer(db, peerId, by));
  return { told };
}

function openToken({ secretBox }: OcpiDeps, peer: Peer): string {
  if (peer.theirToken === null) throw new Refused('wrongState', `${peer.id} is not registered`);
  return secretBox.open(peer.theirToken, peer.id);
}

function asProblem(error: unknown): unknown {
  if (error instanceof OcpiUnavailable || error instanceof OcpiRefused || error instanceof NothingInCommon) return new Problem(502, 'peerFailed', `${inFull(error)}. Nothing was changed.`);
  return error;
}
