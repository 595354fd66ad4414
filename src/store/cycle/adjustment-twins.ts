import type { Db } from '../db.ts';
import { lastDaySql } from './exclusion-match.ts';
import { selected } from './selection.ts';

/**
 * Takes into a run what is to reverse adjustments by its month (D28): of those that are approved, and that no run holds but a cancelled one.
 * One whose run is blocked, or that is put out, waits for a later run. An off-cycle run takes none.
 */
export async function takeTwins(db: Db, runId: string): Promise<void> {
  await db.query(
    `WITH taken AS (
       UPDATE adjustment t SET run_id = r.id FROM adjustment o, account a, billing_run r JOIN legal_entity e ON e.id = r.entity_id
       WHERE r.id = $1 AND r.kind = 'live' AND r.selection IS NULL AND o.id = t.reversal_of AND a.id = t.account_id AND a.entity_id = r.entity_id AND ${selected('t.account_id')} AND t.withdrawn_at IS NULL
         AND t.due_period <= to_char(${lastDaySql}, 'YYYY-MM') AND is_fixed(o.run_id, o.account_id) AND (t.run_id IS NULL OR EXISTS (SELECT FROM billing_run c WHERE c.id = t.run_id AND c.state = 'cancelled'))
       RETURNING t.account_id)
     INSERT INTO run_account (run_id, account_id, state) SELECT DISTINCT $1, account_id, 'pending' FROM taken ON CONFLICT (run_id, account_id) DO UPDATE SET state = 'pending'`,
    [runId],
  );
}
