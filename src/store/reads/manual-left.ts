import type { ManualLeftRow } from '../../core/cycle/close-report.ts';
import { formatMinor } from '../../core/money.ts';
import type { Db } from '../db.ts';

export type ManualLeft = ManualLeftRow & { readonly kind: 'adjustment' | 'credit'; readonly id: string };

const standsNowhere = (id: string) => `NOT EXISTS (SELECT FROM document_line l JOIN document d ON d.id = l.document_id AND d.run_id = $1 AND d.state <> 'discarded' WHERE l.adjustment_id = ${id})`;

/** Adjustments and ordered credits of a run that stand on none of its documents: what the next run of their account takes over. */
export async function manualLeft(db: Db, runId: string): Promise<readonly ManualLeft[]> {
  const { rows } = await db.query(
    `SELECT 'adjustment' AS kind, j.id, j.account_id, j.amount_minor, j.currency, j.reason, j.author, w.why FROM adjustment j LEFT JOIN adjustment_wait w ON w.adjustment_id = j.id AND w.run_id = j.run_id
       WHERE j.run_id = $1 AND j.withdrawn_at IS NULL AND ${standsNowhere('j.id')}
     UNION ALL SELECT 'credit', o.id, o.account_id, o.amount_minor, o.currency, o.reason, o.author, w.why FROM credit_order o LEFT JOIN credit_order_wait w ON w.credit_id = o.id AND w.run_id = o.run_id
       WHERE o.run_id = $1 AND o.withdrawn_at IS NULL AND ${standsNowhere('o.id')} ORDER BY account_id, id`,
    [runId],
  );
  return rows.map((r) => ({
    kind: r['kind'],
    id: r['id'],
    accountId: r['account_id'],
    amount: formatMinor(r['amount_minor'], r['currency']),
    currency: r['currency'],
    reason: r['reason'],
    author: r['author'],
    why: r['why'],
  }));
}
