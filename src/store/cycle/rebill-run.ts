import { planRun } from '../commands/plan-run.ts';
import type { Db } from '../db.ts';

export type RebillRun = { readonly runId: string; readonly workflowId: string; readonly period: string; readonly cutOffAtMs: number };

/**
 * Plans the off-cycle run of an order that does not wait for the month, once it is carried out: of the invoice's account and whoever pays
 * for its sessions now. Null when it waits, or changed nothing. Repeatable: an order has one run.
 */
export async function planRebillRun(db: Db, orderId: string): Promise<RebillRun | null> {
  const { rows } = await db.query<{ kind: string; now: boolean; run_id: string | null; records: number; author: string; entity_id: string; accounts: string[]; period: string }>(
    `SELECT o.kind, o.now, o.run_id, o.records, o.author, d.entity_id, array_agg(DISTINCT coalesce(c.payer_account_id, d.account_id)) AS accounts, max(greatest(c.service_month, r.period)) AS period
     FROM rebill_order o JOIN document d ON d.id = o.document_id JOIN billing_run r ON r.id = d.run_id LEFT JOIN rebilled_record b ON b.order_id = o.id
     LEFT JOIN rated_charge c ON c.record_id = b.record_id AND c.revision IN (b.revision, b.revision - 1) AND c.payer_account_id IS NOT NULL
     WHERE o.id = $1 AND o.state = 'done' GROUP BY o.id, d.id`,
    [orderId],
  );
  const [order] = rows;
  if (order === undefined || !order.now || (order.kind === 'rebill' && order.records === 0)) return null;
  const { entity_id: entityId, period } = order;
  const runId = order.run_id ?? (await planRun(db, { entityId, period, selection: { accountIds: order.accounts }, by: { actor: order.author } })).runId;
  await db.query('UPDATE rebill_order SET run_id = $2 WHERE id = $1 AND run_id IS NULL', [orderId, runId]);
  const planned = (await db.query<{ workflow_id: string; label: string; cut_off_at: Date }>('SELECT workflow_id, label, cut_off_at FROM billing_run WHERE id = $1', [runId])).rows[0];
  return planned === undefined ? null : { runId, workflowId: planned.workflow_id, period: planned.label, cutOffAtMs: planned.cut_off_at.getTime() };
}
