import type { Store } from '../store/db.ts';
import { type RetentionOrder, retainBatch } from '../store/retention/retain.ts';
import { beating } from './beating.ts';

/** Takes away what is past its time, a batch to a transaction. */
export function createRetentionActivities({ store, now }: { readonly store: Store; readonly now: () => Date }) {
  return {
    /** A run in one class, to its end; called again after a kill it goes on. Answers what was due and what went. */
    async retain(order: RetentionOrder): Promise<{ due: number; removed: number }> {
      return beating(async () => {
        for (;;) {
          const { done, due, removed } = await store.tx((db) => retainBatch(db, order, now()));
          if (done) return { due, removed };
        }
      });
    },
  };
}
