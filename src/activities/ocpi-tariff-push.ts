import { heartbeat } from '@temporalio/activity';
import { callOcpi } from '../adapters/ocpi/client.ts';
import { inFull, OcpiRefused } from '../adapters/ocpi/failures.ts';
import { endpointOf } from '../adapters/ocpi/handshake.ts';
import { writeTariff } from '../adapters/ocpi/write-tariff.ts';
import type { SecretBox } from '../contracts/secret-box.ts';
import type { Store } from '../store/db.ts';
import { keepTariffAnswer, type TariffOrder, type TariffState, tariffOrders } from '../store/ocpi/tariff-push.ts';
import { findPeer } from '../store/reads/ocpi/peers.ts';
import { callerOf, ocpiFailure } from './ocpi-caller.ts';

export type TariffsPushed = { readonly sent: number; readonly withdrawn: number; readonly refused: number };

/** Activity that tells a peer of our tariffs: PUT of what is new or changed, DELETE of what holds no more (mod_tariffs, Receiver Interface). */
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
      const { us, version } = peer;
      const tell = async (order: TariffOrder): Promise<keyof TariffsPushed> => {
        heartbeat();
        const done = order.kind === 'put' ? 'sent' : 'withdrawn';
        const keep = (state: TariffState, words: string | null) => keepTariffAnswer(store.pool, peerId, order, state, words);
        try {
          const url = `${base.replace(/\/$/, '')}/${[us.countryCode, us.partyId, order.tariffId].map(encodeURIComponent).join('/')}`;
          if (order.kind === 'put') await callOcpi(caller, 'PUT', url, JSON.stringify(writeTariff({ ...order.tariff, owner: us }, version ?? '2.2.1')));
          else await gone(() => callOcpi(caller, 'DELETE', url));
          await keep(done, null);
          return done;
        } catch (error) {
          const isTheirs = error instanceof OcpiRefused && error.httpStatus !== 401 && error.httpStatus !== 403;
          await keep(!isTheirs ? 'queued' : order.kind === 'put' ? 'refused' : 'notTakenBack', inFull(error as Error));
          if (!isTheirs) throw ocpiFailure(error);
          return 'refused';
        }
      };
      // What is refused is looked at once more: the version before it may stand there.
      for (let orders = await tariffOrders(store.pool, peerId); orders.length > 0; orders = await tariffOrders(store.pool, peerId)) {
        for (const order of orders) totals[await tell(order)] += 1;
      }
      return totals;
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
