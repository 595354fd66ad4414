import type { Db } from '../db.ts';
import { lastDaySql } from './exclusion-match.ts';
import { heldInvoices } from './held-invoices.ts';
import { selected } from './selection.ts';

/** SQL that holds when adjustment `j` waits for a run: left behind by one, or in none yet and due to take back what is billed. */
export const waits = (j: string) => `${j}.withdrawn_at IS NULL AND adjustment_waits(${j}.id, ${j}.run_id, ${j}.reversal_of)`;
/** SQL: the first month whose run may take adjustment `j`. */
export const dueFrom = (j: string) => `coalesce(${j}.due_period, ${j}.service_month, '')`;

/**
 * Takes into a run what waits of manual amounts by its month: what closed and cancelled runs left behind, and what is to take back others by now
 * (D28). One that is put out, or that this run does not bill either, waits for a later run. An off-cycle run takes no reversals.
 */
export async function takeWaiting(db: Db, runId: string): Promise<void> {
  await db.query(
    `WITH taken AS (
       UPDATE adjustment t SET run_id = r.id FROM account a, billing_run r JOIN legal_entity e ON e.id = r.entity_id
       WHERE r.id = $1 AND r.kind = 'live' AND (r.selection IS NULL OR t.reversal_of IS NULL) AND a.id = t.account_id AND a.entity_id = r.entity_id AND ${selected('t.account_id')}
         AND ${dueFrom('t')} <= to_char(${lastDaySql}, 'YYYY-MM') AND ${waits('t')}
       RETURNING t.account_id)
     INSERT INTO run_account (run_id, account_id, state) SELECT DISTINCT $1, account_id, 'pending' FROM taken ON CONFLICT (run_id, account_id) DO UPDATE SET state = 'pending', reason = NULL`,
    [runId],
  );
}

/** Says of each manual amount, and of each ordered credit, that a closed or cancelled run did not bill why it waits from now on. Repeatable. */
export async function leaveWaiting(db: Db, runId: string): Promise<void> {
  const held = await heldInvoices(db, runId);
  const params = [runId, [...held.keys()], [...held.values()]];
  await db.query(`INSERT INTO adjustment_wait (adjustment_id, run_id, why) ${leftBehind('adjustment')} ON CONFLICT DO NOTHING`, params);
  await db.query(`INSERT INTO credit_order_wait (credit_id, run_id, why) ${leftBehind('credit_order')} ON CONFLICT DO NOTHING`, params);
}

const leftBehind = (
  table: 'adjustment' | 'credit_order',
) => `SELECT j.id, r.id, CASE WHEN r.state = 'cancelled' THEN 'its run was cancelled' WHEN x.state = 'parked' THEN 'its account is parked: ' || coalesce(x.reason, 'its documents could not be built')
    ELSE coalesce(h.why, 'no document is made of it') END
  FROM ${table} j JOIN billing_run r ON r.id = j.run_id LEFT JOIN run_account x ON x.run_id = r.id AND x.account_id = j.account_id
  LEFT JOIN unnest($2::text[], $3::text[]) AS h(account_id, why) ON h.account_id = j.account_id
  WHERE r.id = $1 AND r.kind = 'live' AND j.withdrawn_at IS NULL AND NOT manual_stands(j.id)`;
