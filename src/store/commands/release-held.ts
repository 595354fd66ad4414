import { awaitsOrder } from '../cycle/held-invoices.ts';
import { inReview } from '../cycle/release-groups.ts';
import { lockRun } from '../cycle/run-state.ts';
import type { Db } from '../db.ts';
import { touch } from './shape-run.ts';

/**
 * Has invoices built again that were held for a purchase order, now that it is there or no longer wanted: in runs in review, of accounts
 * whose group nobody has approved. Of all accounts, or the one named. Answers the workflows that are to be told.
 */
export async function releaseHeld(db: Db, accountId?: string): Promise<readonly string[]> {
  const { rows } = await db.query<{ id: string; workflow_id: string; accounts: string[] }>(
    `SELECT r.id, r.workflow_id, array_agg(x.account_id ORDER BY x.account_id) AS accounts FROM billing_run r JOIN run_account x ON x.run_id = r.id AND x.state = 'ready' AND ${awaitsOrder('x')}
     JOIN account a ON a.id = x.account_id AND (a.purchase_order IS NOT NULL OR NOT a.purchase_order_required) JOIN release_group g ON g.run_id = r.id AND g.name = x.group_name AND g.state = ANY($2)
     WHERE r.kind = 'live' AND r.state = ANY($2) AND ($1::text IS NULL OR x.account_id = $1) GROUP BY 1, 2 ORDER BY 1`,
    [accountId ?? null, inReview],
  );
  const told: string[] = [];
  for (const run of rows) {
    // It may have gone on since.
    if (!inReview.includes(await lockRun(db, run.id))) continue;
    await touch(db, run.id, run.accounts);
    told.push(run.workflow_id);
  }
  return told;
}
