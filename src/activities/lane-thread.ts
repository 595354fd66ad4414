import { parentPort } from 'node:worker_threads';
import { openStore, type Store } from '../store/db.ts';
import { type LaneAnswer, type LaneOrder, workOffLane } from './import-lanes.ts';

/** A thread that works off lanes of imports, one after the other, on connections of its own. */
const connections = 2;
const stores = new Map<string, Store>();
const answer = (message: LaneAnswer) => parentPort?.postMessage(message);

parentPort?.on('message', ({ databaseUrl, list, lane }: LaneOrder) => {
  const store = stores.get(databaseUrl) ?? openStore(databaseUrl, connections);
  stores.set(databaseUrl, store);
  workOffLane(store, list, lane, (page) => answer({ page })).then(
    () => answer({ done: true }),
    (error: Error) => answer({ failed: error.stack ?? error.message }),
  );
});
