import type { MiddlewareHandler } from 'hono';
import type { OcpiParty, OcpiVersion } from '../../contracts/ocpi.ts';
import type { Peer } from '../../store/reads/ocpi/peers.ts';
import { invalid } from './answer.ts';
import type { OcpiEnv } from './env.ts';

/**
 * 2.2.1 transport_and_format, Message routing: what a request says of its way has to fit the connection, and the answer goes back the
 * same way. A hub speaks for others, one at a time: what it asks for a party is that party's alone. To it we answer as whom it asked.
 * 2.1.1 knows no routing.
 */
export function routed(version: OcpiVersion): MiddlewareHandler<OcpiEnv> {
  return async (c, next) => {
    if (version === '2.1.1') return next();
    const { peer } = c.get('caller');
    const party = (side: string): OcpiParty | undefined => {
      const [countryCode, partyId] = [c.req.header(`ocpi-${side}-country-code`), c.req.header(`ocpi-${side}-party-id`)];
      return countryCode === undefined || partyId === undefined ? undefined : { countryCode: countryCode.toUpperCase(), partyId: partyId.toUpperCase() };
    };
    const from = party('from');
    const to = party('to');
    if (to !== undefined && !same(to, peer.us)) throw invalid(`This connection reaches ${shown(peer.us)}, not ${shown(to)}: see the OCPI-to- headers.`);
    if (from !== undefined && !speaksFor(peer, from)) throw invalid(`You are not registered as ${shown(from)}: see the OCPI-from- headers.`);
    if (peer.kind === 'hub' && from !== undefined && !same(from, peer.them)) c.set('behalf', from);
    const back = { from: peer.us, to: from ?? peer.them };
    // Before the answer stands: a header that is added to one costs its body a stream.
    c.header('ocpi-from-country-code', back.from.countryCode);
    c.header('ocpi-from-party-id', back.from.partyId);
    c.header('ocpi-to-country-code', back.to.countryCode);
    c.header('ocpi-to-party-id', back.to.partyId);
    await next();
  };
}

/** A peer speaks for the parties of its credentials; a hub for whoever is connected to it, but never for us, and in a request on `behalf` of one of them for that one alone. */
export function speaksFor(peer: Peer, party: OcpiParty, behalf?: OcpiParty): boolean {
  if (behalf !== undefined) return same(party, behalf);
  if (peer.kind === 'hub') return !same(party, peer.us);
  return same(party, peer.them) || peer.roles.some((role) => same(party, { countryCode: role.country_code.toUpperCase(), partyId: role.party_id.toUpperCase() }));
}

function same(a: OcpiParty, b: OcpiParty): boolean {
  return a.countryCode === b.countryCode && a.partyId === b.partyId;
}

function shown({ countryCode, partyId }: OcpiParty): string {
  return `${countryCode}*${partyId}`;
}
