import type { Store } from '../db.ts';
import { lanesOf } from '../lanes.ts';
import { closeOwnerSet } from './owner-set.ts';
import { closeRecordSet } from './record-set.ts';
import { lockRun } from './run-state.ts';
import { besideSums } from './sums-ahead.ts';

/**
 * Closes the set of a live run: of what is sold, then, in a transaction of its own, once that can be seen from all lanes, of what site owners earn by it. Of a
 * run that was cancelled before either nothing more is claimed: no run would find it again. Repeatable. Answers how many sales.
 */
export async function closeSets(store: Pick<Store, 'tx'>, runId: string): Promise<{ readonly claimed: number }> {
  const closed = await store.tx(async (db) => {
    await besideSums(db, runId);
    return (await lockRun(db, runId)) === 'cancelled' ? { claimed: 0 } : closeRecordSet(db, runId, lanesOf(store));
  });
  await store.tx(async (db) => {
    if ((await lockRun(db, runId)) !== 'cancelled') await closeOwnerSet(db, runId, lanesOf(store));
  });
  return closed;
}
