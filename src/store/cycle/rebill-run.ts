import { type Cadence, periodLabelAt, quarterOf } from '../../core/cycle/billing-period.ts';
import { planRun } from '../commands/plan-run.ts';
import type { Db } from '../db.ts';

export type RebillRun = { readonly runId: string; readonly workflowId: string; readonly period: string; readonly cutOffAtMs: number };

/**
 * Plans the off-cycle run of an order that does not wait for its calendar's next, once it is carried out: of the invoice's account and whoever
 * pays for its sessions now, on the invoice's calendar, of the latest period that either lies in. Null when it waits, or changed nothing.
 * Repeatable: an order has one run.
 */
export async function planRebillRun(db: Db, orderId: string): Promise<RebillRun | null> {
  const { rows } = await db.query<Order>(
    `SELECT o.kind, o.now, o.run_id, o.records, o.author, d.entity_id, r.calendar_id, k.cadence, e.time_zone, array_agg(DISTINCT coalesce(c.payer_account_id, d.account_id)) AS accounts,
       max(greatest(c.service_month, r.period)) AS month, max(greatest(x.end_at, r.period_end - interval '1 ms')) AS last_at
     FROM rebill_order o JOIN document d ON d.id = o.document_id JOIN billing_run r ON r.id = d.run_id JOIN billing_calendar k ON k.id = r.calendar_id JOIN legal_entity e ON e.id = d.entity_id
     LEFT JOIN rebilled_record b ON b.order_id = o.id
     LEFT JOIN rated_charge c ON c.record_id = b.record_id AND c.revision IN (b.revision, b.revision - 1) AND c.payer_account_id IS NOT NULL
     LEFT JOIN charge_record x ON x.record_id = c.record_id AND x.revision = c.revision
     WHERE o.id = $1 AND o.state = 'done' GROUP BY o.id, d.id, r.id, k.id, e.id`,
    [orderId],
  );
  const [order] = rows;
  if (order === undefined || !order.now || (order.kind === 'rebill' && order.records === 0)) return null;
  const { entity_id: entityId, calendar_id: calendarId, accounts: accountIds, author: actor } = order;
  const runId = order.run_id ?? (await planRun(db, { entityId, calendarId, period: periodOf(order), selection: { accountIds }, by: { actor } })).runId;
  await db.query('UPDATE rebill_order SET run_id = $2 WHERE id = $1 AND run_id IS NULL', [orderId, runId]);
  const planned = (await db.query<{ workflow_id: string; label: string; cut_off_at: Date }>('SELECT workflow_id, label, cut_off_at FROM billing_run WHERE id = $1', [runId])).rows[0];
  return planned === undefined ? null : { runId, workflowId: planned.workflow_id, period: planned.label, cutOffAtMs: planned.cut_off_at.getTime() };
}

type Order = {
  readonly kind: string;
  readonly now: boolean;
  readonly run_id: string | null;
  readonly records: number;
  readonly author: string;
  readonly entity_id: string;
  readonly calendar_id: string;
  readonly cadence: Cadence;
  readonly time_zone: string;
  readonly accounts: string[];
  readonly month: string;
  readonly last_at: Date;
};

function periodOf({ cadence, month, last_at: lastAt, time_zone: zone }: Order): string {
  if (cadence === 'weekly') return periodLabelAt(lastAt.getTime(), cadence, zone);
  return cadence === 'quarterly' ? quarterOf(month) : month;
}
