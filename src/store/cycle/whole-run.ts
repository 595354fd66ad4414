import type { Db } from '../db.ts';

/**
 * For statements over all charges of a run, until the transaction ends: tables that were just filled have no statistics yet, and a loop
 * over what is taken for a handful of rows would not end, nor is sorting them by a dozen texts cheap. Hashing is never far from the best for a
 * whole run. Not for statements with a subquery that asks of each row: there it hashes all anew for each. Nothing is compiled.
 */
export async function planForWholeRun(db: Db): Promise<void> {
  await db.query("SELECT set_config('enable_nestloop', 'off', true), set_config('enable_sort', 'off', true), set_config('work_mem', '128MB', true), set_config('jit', 'off', true)");
}

/** For sums of many charges that are found by index: grouped by hashing. */
export async function planForSums(db: Db): Promise<void> {
  await db.query("SELECT set_config('enable_sort', 'off', true)");
}

/** Back to plans for a few accounts: by index. */
export async function planForAccounts(db: Db): Promise<void> {
  await db.query("SELECT set_config('enable_nestloop', 'on', true), set_config('enable_sort', 'on', true), set_config('work_mem', '32MB', true), set_config('jit', 'off', true)");
}
