import type { Context } from 'hono';
import type { By } from '../../store/commands/audit.ts';
import type { Store } from '../../store/db.ts';
import { runStart } from '../../store/reads/runs.ts';
import type { ApiEnv } from '../env.ts';
import type { Orders } from '../orders.ts';
import { Problem } from '../problem.ts';

export type RunDeps = { readonly store: Store; readonly orders: Orders };
export const runTags = ['Runs'];

/** What a run's workflow is started with. 404 when there is no such run. */
export async function startOf(store: Store, runId: string): Promise<{ runId: string; workflowId: string; period: string; kind: 'live' | 'dry'; cutOffAtMs: number }> {
  const found = await runStart(store.pool, runId);
  if (found === undefined) throw new Problem(404, 'notFound', `There is no run "${runId}".`);
  return { runId, ...found };
}

/** Who orders, for the audit trail. */
export function byOf(c: Context<ApiEnv>): By & { readonly requestId: string } {
  return { actor: c.get('caller').actor, requestId: c.get('requestId') };
}
