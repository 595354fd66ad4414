import type { Db } from '../db.ts';
import { selected } from './selection.ts';

/**
 * Takes the credits that were ordered until now into a run whose set closes: those that no run took, or that one took in vain. Their accounts
 * are built with the others; what is ordered later waits for the next run.
 */
export async function claimCreditOrders(db: Db, runId: string): Promise<void> {
  const { rows } = await db.query<{ account_id: string }>(
    `UPDATE credit_order o SET run_id = r.id FROM billing_run r JOIN account a ON a.entity_id = r.entity_id
     WHERE r.id = $1 AND r.kind = 'live' AND a.id = o.account_id AND o.withdrawn_at IS NULL AND ${selected('o.account_id')} AND credit_waits(o.id, o.run_id)
     RETURNING o.account_id`,
    [runId],
  );
  if (rows.length > 0)
    await db.query("INSERT INTO run_account (run_id, account_id, state) SELECT DISTINCT $1, unnest($2::text[]), 'pending' ON CONFLICT DO NOTHING", [runId, rows.map((r) => r.account_id)]);
}
