import { readFile } from 'node:fs/promises';
import { jsonRestPuller } from '../adapters/sources/pull/json-rest.ts';
import type { Puller } from '../adapters/sources/pull/port.ts';
import type { PulledConnection } from '../contracts/source-connection.ts';

/** The puller of a source's connection. The token is read anew for each sweep, so that a new one holds from the next on. */
export type PullerFor = (sourceId: string, connection: PulledConnection) => Promise<Puller>;

/** Every way of fetching that this build has. */
export const sourcePullers: PullerFor = async (_sourceId, connection) => {
  switch (connection.kind) {
    case 'jsonRest': {
      const { url, pageSize, tokenFile, timeoutMs } = connection;
      return jsonRestPuller({ url, pageSize, timeoutMs, token: tokenFile === undefined ? undefined : (await readFile(tokenFile, 'utf8')).trim() });
    }
  }
};
