import { heartbeat } from '@temporalio/activity';
import { callOcpi } from '../adapters/ocpi/client.ts';
import { OcpiRefused } from '../adapters/ocpi/failures.ts';
import { endpointOf } from '../adapters/ocpi/handshake.ts';
import { writeTariff } from '../adapters/ocpi/write-tariff.ts';
import type { SecretBox } from '../contracts/secret-box.ts';
import type { Store } from '../store/db.ts';
import { keepTariffAnswer, type TariffOrder, tariffOrders } from '../store/ocpi/tariff-push.ts';
import { findPeer } from '../store/reads/ocpi/peers.ts';
import { callerOf, ocpiFailure } from './ocpi-caller.ts';

export type TariffsPushed = { readonly sent: number; readonly withdrawn: number; readonly refused: number };

/** Activity that tells a peer of our tariffs: PUT of what is new or changed, DELETE of what is sold by no more (mod_tariffs, Receiver Interface). */
export function createTariffPush({ store, secretBox }: { readonly store: Store; readonly secretBox: SecretBox }) {
  return {
    /** Tells all there is to tell, each by itself. What the peer refuses is kept with its words; when it is away, the step is tried again. */
    async pushTariffs({ peerId }: { readonly peerId: string }): Promise<TariffsPushed> {
      const totals = { sent: 0, withdrawn: 0, refused: 0 };
      const peer = await findPeer(store.pool, peerId);
      const caller = peer === undefined ? undefined : callerOf(secretBox, peer);
      const base = peer === undefined ? undefined : endpointOf(peer.endpoints, 'tariffs', 'RECEIVER');
      // Who is not registered, or takes no tariffs, is told nothing.
      if (peer === undefined || caller === undefined || base === undefined) return totals;
      for (const order of await tariffOrders(store.pool, peerId)) {
        heartbeat();
        try {
          const path = [peer.us.countryCode, peer.us.partyId, order.tariffId].map(encodeURIComponent).join('/');
          const url = `${base.replace(/\/$/, '')}/${path}`;
          if (order.kind === 'put') await callOcpi(caller, 'PUT', url, JSON.stringify(writeTariff({ ...order.tariff, owner: peer.us }, peer.version ?? '2.2.1')));
          else await gone(() => callOcpi(caller, 'DELETE', url));
          await keep(order, order.kind === 'put' ? 'sent' : 'withdrawn', null);
          totals[order.kind === 'put' ? 'sent' : 'withdrawn'] += 1;
        } catch (error) {
          const isTheirs = error instanceof OcpiRefused && error.httpStatus !== 401 && error.httpStatus !== 403;
          await keep(order, isTheirs ? 'refused' : 'queued', (error as Error).message);
          if (!isTheirs) throw ocpiFailure(error);
          totals.refused += 1;
        }
      }
      return totals;

      function keep(order: TariffOrder, state: 'queued' | 'sent' | 'refused' | 'withdrawn', words: string | null): Promise<void> {
        return keepTariffAnswer(store.pool, peerId, order, state, words);
      }
    },
  };
}

/** What is not there is gone too. */
async function gone(calling: () => Promise<unknown>): Promise<void> {
  try {
    await calling();
  } catch (error) {
    if (!(error instanceof OcpiRefused && error.httpStatus === 404)) throw error;
  }
}
