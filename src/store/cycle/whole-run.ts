import type { Db } from '../db.ts';

const settings = (values: Readonly<Record<string, string>>) =>
  `SELECT ${Object.entries({ jit: 'off', max_parallel_workers_per_gather: '0', plan_cache_mode: 'auto', ...values })
    .map(([name, value]) => `set_config('${name}', '${value}', true)`)
    .join(', ')}`;

// Each sum is planned as if it took some 25 kB, for its lists and hashes, and takes a tenth of it: with less than this they would be written out and read again.
const forManySums = { hash_mem_multiplier: '16' };
const wholeRun = settings({ ...forManySums, enable_nestloop: 'off', enable_sort: 'off', enable_hashjoin: 'on', enable_mergejoin: 'on', enable_seqscan: 'on', work_mem: '128MB' });
const byIndex = { hash_mem_multiplier: '2', enable_nestloop: 'on', enable_sort: 'off', enable_hashjoin: 'off', enable_mergejoin: 'off', enable_seqscan: 'off', work_mem: '64MB' };
const lookingUp = settings(byIndex);
// Whatever the accounts, the plan is the same.
const sumsOfAccounts = settings({ ...byIndex, plan_cache_mode: 'force_generic_plan' });
const fewAccounts = settings({
  hash_mem_multiplier: '2',
  enable_nestloop: 'on',
  enable_sort: 'on',
  enable_hashjoin: 'on',
  enable_mergejoin: 'on',
  enable_seqscan: 'on',
  work_mem: '32MB',
});

/** Of ids as wide apart as this for each that counts, to look up those that count is cheaper than to read them all. */
const sparse = 20;

/**
 * SQL that holds for ids between the first and the last of a list (`charge_id`s of `open_charge`): true of all that can be in it, and what
 * lies outside is not read.
 */
export const withinIds = (id: string, list: string, listed = id.slice(id.indexOf('.') + 1)) => `${id} BETWEEN (SELECT min(${listed}) FROM ${list}) AND (SELECT max(${listed}) FROM ${list})`;

/** SQL that holds for the ids of a list of which there are few beside those between them: these alone are looked up. */
export const amongIds = (id: string, list: string, listed = id.slice(id.indexOf('.') + 1)) => `${id} = ANY (ARRAY(SELECT ${listed} FROM ${list}))`;

/** SQL for the charges of run $1, to be looked at as a list: by themselves, since the first of all claims may lie years back. */
export const chargesOfRun = '(SELECT charge_id + 0 AS charge_id FROM claim WHERE run_id = $1)';

/** How statements over all charges of a run are planned. */
export type WholeRunPlan = { readonly settings: string };

/**
 * For statements over all charges of a run, which `charges` lists by their `charge_id`: tables that were just filled have no statistics yet, and a loop
 * over what is taken for a handful of rows would not end, nor is sorting them by a dozen texts cheap. Hashing is never far from the best for a
 * whole run, as long as the statement says between which ids its rows lie (`withinIds`): else it reads all there ever was; where a few
 * old ones lie far from the others, all are looked up. Not for statements with a subquery that asks of each row: there it hashes all anew for
 * each. Nothing is compiled.
 */
export async function planOfWholeRun(db: Db, charges: string, params: readonly unknown[] = []): Promise<WholeRunPlan> {
  // Counted only as far as it matters.
  const { rows } = await db.query<{ is_sparse: boolean | null }>(
    `SELECT s.wide > (SELECT count(*) FROM (SELECT FROM ${charges} c LIMIT s.wide + 1) l) AS is_sparse FROM (SELECT (max(charge_id) - min(charge_id)) / ${sparse} AS wide FROM ${charges} c) s`,
    [...params],
  );
  return { settings: rows[0]?.is_sparse ? lookingUp : wholeRun };
}

/** Plans as told until the transaction ends. */
export async function planAs(db: Db, plan: WholeRunPlan): Promise<void> {
  await db.query(plan.settings);
}

/** Plans for statements over all charges of a run until the transaction ends. */
export async function planForWholeRun(db: Db, charges: string, params: readonly unknown[] = []): Promise<void> {
  await planAs(db, await planOfWholeRun(db, charges, params));
}

/** For statements over the documents of a whole run and what they come to, not over its charges, until the transaction ends. */
export async function planForDocuments(db: Db): Promise<void> {
  await db.query(wholeRun);
}

/** For sums of the charges of some hundred accounts: found by index, however many there ever were, and grouped by hashing. */
export async function planForSums(db: Db): Promise<void> {
  await db.query(sumsOfAccounts);
}

/** Back to plans for a few accounts. */
export async function planForAccounts(db: Db): Promise<void> {
  await db.query(fewAccounts);
}
