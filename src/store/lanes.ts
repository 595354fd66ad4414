import type { Db, Store } from './db.ts';

/** Transactions in which parts of one piece of work are done, `width` side by side. */
export type Lanes = { readonly width: number; tx<T>(work: (db: Db) => Promise<T>): Promise<T> };

/** No lanes: all within one transaction. */
export const within = (db: Db): Lanes => ({ width: 1, tx: (work) => work(db) });

/** Connections of a store's own: while the database works for one, another computes here. */
export const lanesOf = (store: Store, width = 3): Lanes => ({ width, tx: (work) => store.tx(work) });

/**
 * Does each part in a transaction of its own, as many side by side as there are lanes; answers in the order of the parts. When one fails,
 * none is begun any more, and those under way are waited for: each must be repeatable.
 */
export async function inLanes<Part, Result>(lanes: Lanes, parts: readonly Part[], work: (db: Db, part: Part) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  let failed = false;
  const lane = async () => {
    while (!failed && next < parts.length) {
      const at = next++;
      try {
        results[at] = await lanes.tx((db) => work(db, parts[at] as Part));
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: Math.min(lanes.width, parts.length) }, lane));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  return results;
}
