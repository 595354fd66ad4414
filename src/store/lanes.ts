import type { Db, Store } from './db.ts';

/** Transactions in which parts of one piece of work are done, `width` side by side; of less than this many charges or accounts, one does all. */
export type Lanes = { readonly width: number; readonly worth: { readonly charges: number; readonly accounts: number }; tx<T>(work: (db: Db) => Promise<T>): Promise<T> };

const worth = { charges: 20_000, accounts: 500 };

/** No lanes: all within one transaction. */
export const within = (db: Db): Lanes => ({ width: 1, worth, tx: (work) => work(db) });

/** On connections of a store's own, as many as keep the cores of a small database busy. */
export const lanesOf = (store: Pick<Store, 'tx'>, width = 2, least = worth): Lanes => ({ width, worth: least, tx: (work) => store.tx(work) });

/** One more, where parts are worked on here too: while that is done for one, the database works for the others. */
export const andOneMore = (lanes: Lanes): Lanes => (lanes.width === 1 ? lanes : { ...lanes, width: lanes.width + 1 });

/**
 * Does each part in a transaction of its own, as many side by side as there are lanes; answers in the order of the parts. When one fails,
 * none is begun any more, and those under way are waited for: each must be repeatable. `onDone` is told of each part that stands.
 */
export async function inLanes<Part, Result>(
  lanes: Lanes,
  parts: readonly Part[],
  work: (db: Db, part: Part) => Promise<Result>,
  onDone: (part: Part, result: Result) => void = () => undefined,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  let failed = false;
  const lane = async () => {
    while (!failed && next < parts.length) {
      const at = next++;
      try {
        const result = await lanes.tx((db) => work(db, parts[at] as Part));
        results[at] = result;
        onDone(parts[at] as Part, result);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await allOf(Array.from({ length: Math.min(lanes.width, parts.length) }, lane));
  return results;
}

/** What all of these come to; when one fails, the others are waited for. */
export async function allOf<const Work extends readonly unknown[]>(work: Work): Promise<{ -readonly [K in keyof Work]: Awaited<Work[K]> }> {
  for (const end of await Promise.allSettled(work)) if (end.status === 'rejected') throw end.reason;
  return Promise.all(work);
}
