import { readFile } from 'node:fs/promises';
import { ApplicationFailure } from '@temporalio/activity';
import { endpointOf } from '../adapters/ocpi/handshake.ts';
import { jsonRestPuller } from '../adapters/sources/pull/json-rest.ts';
import { ocpiPuller } from '../adapters/sources/pull/ocpi.ts';
import type { Puller } from '../adapters/sources/pull/port.ts';
import type { SecretBox } from '../contracts/secret-box.ts';
import type { PulledConnection } from '../contracts/source-connection.ts';
import type { Store } from '../store/db.ts';
import { peerOfSource } from '../store/reads/ocpi/peers.ts';
import { callerOf } from './ocpi-caller.ts';

/** The puller of a source's connection. The token is read anew for each sweep, so that a new one holds from the next on. */
export type PullerFor = (sourceId: string, connection: PulledConnection) => Promise<Puller>;

/** Every way of fetching that this build has. */
export function sourcePullers({ store, secretBox }: { readonly store: Store; readonly secretBox: SecretBox }): PullerFor {
  return async (sourceId, connection) => {
    switch (connection.kind) {
      case 'jsonRest': {
        const { url, pageSize, tokenFile, timeoutMs } = connection;
        return jsonRestPuller({ url, pageSize, timeoutMs, token: tokenFile === undefined ? undefined : (await readFile(tokenFile, 'utf8')).trim() });
      }
      case 'ocpi': {
        const peer = await peerOfSource(store.pool, sourceId);
        const caller = peer === undefined ? undefined : callerOf(secretBox, peer);
        const url = peer === undefined ? undefined : endpointOf(peer.endpoints, 'cdrs', 'SENDER');
        if (caller === undefined || url === undefined)
          throw ApplicationFailure.nonRetryable(`source ${sourceId} has no registered OCPI peer with CDRs to pull: register it, then the next sweep goes on`, 'OcpiNotRegistered');
        return ocpiPuller({ url, pageSize: connection.pageSize, caller: { ...caller, timeoutMs: connection.timeoutMs } });
      }
    }
  };
}
