import type { Store } from '../store/db.ts';
import { runsConcerned } from '../store/reads/watermarks.ts';
import type { Orders } from './orders.ts';

/** Has the runs look again that what a source says of a time concerns; with `by` those alone whose period ends in it. Of no time none. */
export async function wakeRuns(
  { store, orders }: { readonly store: Store; readonly orders: Orders },
  sourceId: string,
  time: { readonly from: Date; readonly to: Date } | undefined | null,
  by?: 'end',
): Promise<void> {
  if (time == null) return;
  for (const workflowId of await runsConcerned(store.pool, sourceId, time.from, time.to, by)) await orders.inputsChanged(workflowId);
}
