import { isBefore } from '../../core/cycle/run-states.ts';
import { Refused } from '../commands/refusal.ts';
import type { Db } from '../db.ts';
import { groupStates, lockRun } from './run-state.ts';

/** States in which a group's documents may still be built. */
export const inReview = ['previewing', 'inReview'];

/** SQL: the review in which a group begins: a new one of a name that was decided on before begins anew, and no approval of then counts. */
export const firstReview = (run: string, name: string) => `(SELECT coalesce(max(v.review), 0) + 1 FROM approval v WHERE v.run_id = ${run} AND v.group_name = ${name})`;

/** Puts each account that has no group yet into its own, and gives the run a row for each group that has accounts. The caller holds the run's row. */
export async function assignGroups(db: Db, runId: string): Promise<void> {
  await db.query('UPDATE run_account x SET group_name = a.release_group FROM account a WHERE x.run_id = $1 AND x.group_name IS NULL AND a.id = x.account_id', [runId]);
  await db.query(
    `INSERT INTO release_group (run_id, name, state, review) SELECT DISTINCT r.id, x.group_name, r.state, ${firstReview('r.id', 'x.group_name')} FROM billing_run r JOIN run_account x ON x.run_id = r.id WHERE r.id = $1 ON CONFLICT DO NOTHING`,
    [runId],
  );
  // A run without accounts keeps the group it was planned with.
  await db.query(
    `DELETE FROM release_group g WHERE run_id = $1 AND state = ANY($2) AND EXISTS (SELECT FROM run_account x WHERE x.run_id = $1)
       AND NOT EXISTS (SELECT FROM run_account x WHERE x.run_id = g.run_id AND x.group_name = g.name)`,
    [runId, inReview],
  );
}

/**
 * Takes the hashes of the groups away that these accounts belong to, since their content is about to change. Refused when one of them is
 * in a group that is approved: what was approved is what is issued. To be called by whatever touches accounts of a run.
 */
export async function openForChange(db: Db, runId: string, accountIds: readonly string[]): Promise<void> {
  const touched = await db.query<{ name: string; account: string }>(
    `SELECT coalesce(x.group_name, a.release_group) AS name, min(a.id) AS account FROM account a LEFT JOIN run_account x ON x.run_id = $1 AND x.account_id = a.id WHERE a.id = ANY($2) GROUP BY 1 ORDER BY 1`,
    [runId, accountIds],
  );
  const groups = new Map((await groupStates(db, runId)).map((g) => [g.name, g.state]));
  for (const { name, account } of touched.rows) {
    const state = groups.get(name);
    if (state !== undefined && !isBefore(state, 'approved'))
      throw new Refused('wrongState', `group ${name}, to which ${account} belongs, is ${state}: what it bills is fixed; reopen it before it issues, or let the next run take the change`);
  }
  await db.query('UPDATE release_group SET content_hash = NULL WHERE run_id = $1 AND name = ANY($2)', [runId, touched.rows.map((r) => r.name)]);
}

/** Whether something of a run in review was touched since its documents were built. Locks the run, so that a change or a build under way is waited for. */
export async function isTouched(db: Db, runId: string): Promise<boolean> {
  await lockRun(db, runId);
  const { rows } = await db.query<{ touched: boolean }>(
    `SELECT EXISTS (SELECT FROM release_group g WHERE g.run_id = $1 AND g.state = ANY($2) AND g.content_hash IS NULL)
       OR EXISTS (SELECT FROM run_account x LEFT JOIN release_group g ON g.run_id = x.run_id AND g.name = x.group_name WHERE x.run_id = $1 AND x.state = 'pending' AND (g.name IS NULL OR g.state = ANY($2))) AS touched`,
    [runId, inReview],
  );
  return rows[0]?.touched ?? false;
}
