import { ApplicationFailure, heartbeat } from '@temporalio/activity';
import { callOcpi, type OcpiCaller, ocpiPage } from '../adapters/ocpi/client.ts';
import { inFull, OcpiRefused } from '../adapters/ocpi/failures.ts';
import { firstPage } from '../adapters/ocpi/first-page.ts';
import { endpointOf } from '../adapters/ocpi/handshake.ts';
import { writeCdr } from '../adapters/ocpi/write-cdr.ts';
import type { OcpiParty } from '../contracts/ocpi.ts';
import type { SecretBox } from '../contracts/secret-box.ts';
import { parseInstant } from '../core/time.ts';
import { keepTariffs, type PeerTariff } from '../store/commands/ocpi/keep-tariffs.ts';
import type { Store } from '../store/db.ts';
import { judgeHeldAgain } from '../store/ocpi/judge-sales.ts';
import { dueOfPeers, heldOf, keepPushAnswer, leaveForPull, noteTariffs, takeSales } from '../store/ocpi/outbox.ts';
import { prepareSales } from '../store/ocpi/prepare-sales.ts';
import { findPeer, type Peer } from '../store/reads/ocpi/peers.ts';
import { callerOf, ocpiFailure } from './ocpi-caller.ts';

const batchSize = 100;
const pageLimit = 1000;
const overlapMs = 86_400_000;

export type PushTotals = { readonly sent: number; readonly refused: number; readonly held: number; readonly left: boolean };

/** Activities that call OCPI peers. What may go through later is thrown and tried again; what a peer refuses is kept with its words. */
export function createOcpiActivities({ store, secretBox, now }: { readonly store: Store; readonly secretBox: SecretBox; readonly now: () => Date }) {
  return {
    /** Peers to push to, and peers whose tariffs are to be looked at, now. */
    async ocpiDue(): Promise<Awaited<ReturnType<typeof dueOfPeers>>> {
      return dueOfPeers(store.pool, now());
    },

    /** Makes CDRs of new sales and pushes a batch of them, in order; what a partner is known to refuse is held, not sent. `left`: there is more. */
    async pushSales({ peerId }: { readonly peerId: string }): Promise<PushTotals> {
      const peer = await registered(peerId);
      while ((await store.tx((db) => prepareSales(db, peer, now))) > 0) heartbeat();
      await store.tx((db) => judgeHeldAgain(db, peer, now));
      const url = endpointOf(peer.endpoints, 'cdrs', 'RECEIVER');
      if (url === undefined || !peer.push) {
        await leaveForPull(store.pool, peerId);
        return { sent: 0, refused: 0, held: await heldOf(store.pool, peerId), left: false };
      }
      const { sales, left } = await store.tx((db) => takeSales(db, peerId, batchSize, now()));
      let [sent, refused] = [0, 0];
      const stuck = new Set<bigint>();
      for (const { id, sale, uid, recordId } of sales) {
        heartbeat();
        if (stuck.has(recordId)) continue;
        try {
          const { headers } = await callOcpi(caller(peer, sale.to), 'POST', url, JSON.stringify(writeCdr(sale, peer.version ?? '2.2.1', uid)));
          await keepPushAnswer(store.pool, id, { state: 'sent', location: headers.get('location'), by: peer.kind });
          sent += 1;
        } catch (error) {
          if (error instanceof OcpiRefused && error.httpStatus !== 401 && error.httpStatus !== 403) {
            await keepPushAnswer(store.pool, id, { state: 'refused', words: inFull(error) });
            refused += 1;
            stuck.add(recordId);
            continue;
          }
          await keepPushAnswer(store.pool, id, { state: 'queued', words: inFull(error as Error) });
          throw ocpiFailure(error);
        }
      }
      return { sent, refused, held: await heldOf(store.pool, peerId), left };
    },

    /** Pulls a peer's tariffs and keeps what is new or changed; answers how many are. The window reaches back a day before the last look. */
    async pullTariffs({ peerId }: { readonly peerId: string }): Promise<number> {
      const peer = await registered(peerId);
      const to = now();
      const from = peer.tariffsPulledAt === null ? undefined : new Date(peer.tariffsPulledAt.getTime() - overlapMs);
      const base = endpointOf(peer.endpoints, 'tariffs', 'SENDER');
      let changed = 0;
      let url = base === undefined ? undefined : firstPage(base, { from, to }, pageLimit);
      while (url !== undefined) {
        const page: Awaited<ReturnType<typeof ocpiPage>> = await ocpiPage(caller(peer, peer.them), url).catch((error: unknown) => Promise.reject(ocpiFailure(error)));
        const tariffs = page.items.flatMap((bytes) => tariffIn(bytes, peer));
        const kept = await store.tx((db) => keepTariffs(db, peerId, tariffs));
        changed += kept.filter(Boolean).length;
        url = page.items.length === 0 ? undefined : page.next;
        heartbeat();
      }
      await noteTariffs(store.pool, peerId, to);
      return changed;
    },
  };

  async function registered(peerId: string): Promise<Peer> {
    const peer = await findPeer(store.pool, peerId);
    if (peer?.state !== 'registered') throw notRegistered(peerId);
    return peer;
  }

  function caller(peer: Peer, to: OcpiParty): OcpiCaller {
    const found = callerOf(secretBox, peer, to);
    if (found === undefined) throw notRegistered(peer.id);
    return found;
  }
}

function notRegistered(peerId: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(`${peerId} is not registered: register it, then it goes on`, 'OcpiNotRegistered');
}

/** A tariff of a pulled page; nothing for what is none, or names no time: the rest of the page counts (transport_and_format, GET). In 2.1.1 it is of the peer itself. */
function tariffIn(bytes: Buffer, { them }: Peer): PeerTariff[] {
  try {
    const body = JSON.parse(bytes.toString('utf8')) as Record<string, unknown>;
    const { id, country_code: countryCode, party_id: partyId, last_updated: lastUpdated } = body;
    const ms = typeof lastUpdated === 'string' ? parseInstant(lastUpdated) : undefined;
    if (typeof id !== 'string' || id === '' || ms === undefined) return [];
    const owner = typeof countryCode === 'string' && typeof partyId === 'string' ? { countryCode, partyId } : them;
    return [{ ...owner, tariffId: id, body, lastUpdated: new Date(ms) }];
  } catch {
    return [];
  }
}
