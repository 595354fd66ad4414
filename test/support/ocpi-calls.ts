import type { Answer, ApiUnderTest } from './api.ts';
import type { OcpiPeer } from './ocpi-peer.ts';

/** Calls us as a peer does, with its token in Base64 as since 2.2. */
export function ocpiCall(api: ApiUnderTest, token: string | undefined, method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const authorization = token === undefined ? {} : { authorization: `Token ${Buffer.from(token).toString('base64')}` };
  return api.call(undefined, method, path, body, { ...authorization, ...headers });
}

/** A connection to a peer as ops sets it up. */
export function peerSetUp(peer: OcpiPeer, more: object): object {
  const { country_code: countryCode, party_id: partyId } = peer.party;
  return { entityId: 'ent_se', name: 'Nordic', kind: 'peer', us: { countryCode: 'SE', partyId: 'WLT' }, them: { countryCode, partyId }, ...more };
}

/** A CDR of the peer's own, at a site of ours and by a token that the sample operator knows; in the words of 2.2.1. */
export function cdrOfPeer(peer: OcpiPeer, id: string, more: object = {}): Record<string, unknown> {
  return {
    ...peer.party,
    id,
    start_date_time: '2019-12-03T10:00:00Z',
    end_date_time: '2019-12-03T11:00:00Z',
    cdr_token: { ...peer.party, uid: 'AURORA-1', type: 'RFID', contract_id: 'AURORA-1' },
    auth_method: 'WHITELIST',
    cdr_location: { id: 'AdO1', evse_id: `SE*WLT*E${id}`, connector_id: '1' },
    currency: 'SEK',
    charging_periods: [
      {
        start_date_time: '2019-12-03T10:00:00Z',
        dimensions: [
          { type: 'ENERGY', volume: 10.5 },
          { type: 'TIME', volume: 1 },
        ],
      },
    ],
    total_cost: { excl_vat: 31 },
    total_energy: 10.5,
    total_time: 1,
    last_updated: '2019-12-03T11:05:00Z',
    ...more,
  };
}
