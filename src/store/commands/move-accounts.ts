import { firstReview, openForChange } from '../cycle/release-groups.ts';
import { groupStates, lockRun, runKind } from '../cycle/run-state.ts';
import type { Db } from '../db.ts';
import { audit, type By } from './audit.ts';
import { Refused } from './refusal.ts';

/**
 * Moves accounts of a run into another of its release groups, or into a new one; both are hashed again with the next build, the others stay as
 * they are. Whoever moves does not approve the run: a smaller group may need fewer signatures. Refused unless all groups it is about are in review.
 */
export async function moveAccounts(db: Db, runId: string, input: { readonly accountIds: readonly string[]; readonly group: string }, by: By): Promise<{ readonly moved: number }> {
  const state = await lockRun(db, runId);
  if ((await runKind(db, runId)) !== 'live') throw new Refused('wrongState', `run ${runId} is a dry run, of which nothing is released: move them in the live run of its month`);
  if (state !== 'previewing' && state !== 'inReview') throw new Refused('wrongState', `run ${runId} is ${state}: accounts change their group while it is in review`);
  const held = await db.query<{ account_id: string; group_name: string | null }>('SELECT account_id, group_name FROM run_account WHERE run_id = $1 AND account_id = ANY($2)', [
    runId,
    input.accountIds,
  ]);
  const known = new Set(held.rows.map((r) => r.account_id));
  const unknown = input.accountIds.filter((id) => !known.has(id));
  if (unknown.length > 0) throw new Refused('notFound', `run ${runId} has no account ${unknown.slice(0, 20).join(', ')}`);
  const target = (await groupStates(db, runId)).find((g) => g.name === input.group);
  if (target !== undefined && target.state !== 'previewing' && target.state !== 'inReview') throw new Refused('wrongState', `group ${input.group} is ${target.state}: it takes no further account`);
  const moving = held.rows.filter((r) => r.group_name !== input.group).map((r) => r.account_id);
  if (moving.length === 0) return { moved: 0 };
  await openForChange(db, runId, moving);
  await db.query(`INSERT INTO release_group (run_id, name, state, review) VALUES ($1, $2, $3, ${firstReview('$1', '$2')}) ON CONFLICT (run_id, name) DO UPDATE SET content_hash = NULL`, [
    runId,
    input.group,
    state,
  ]);
  await db.query('UPDATE run_account SET group_name = $3, moved_by = $4 WHERE run_id = $1 AND account_id = ANY($2)', [runId, moving, input.group, by.actor]);
  await db.query("UPDATE document SET group_name = $3 WHERE run_id = $1 AND account_id = ANY($2) AND state = 'draft'", [runId, moving, input.group]);
  await db.query('UPDATE billing_run SET content_hash = NULL WHERE id = $1', [runId]);
  await audit(db, by, { action: 'run.moveAccounts', subject: runId, after: { accountIds: moving, group: input.group } });
  return { moved: moving.length };
}
