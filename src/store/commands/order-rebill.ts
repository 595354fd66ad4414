import type { FactCorrection } from '../../core/intake/correct-facts.ts';
import type { Db } from '../db.ts';
import { audit, type By } from './audit.ts';
import { linesLeft } from './credit-lines.ts';
import { newId } from './new-id.ts';
import { Refused } from './refusal.ts';

export type RebillOrder = {
  readonly documentId: string;
  /** `rebill`: credit and bill anew what comes out otherwise now; `credit`: credit all that stands, and open its charges again. */
  readonly kind: 'rebill' | 'credit';
  /** Of which lines, or which records; without them all. */
  readonly lines?: readonly number[] | undefined;
  readonly recordIds?: readonly string[] | undefined;
  /** What becomes of the charges that take the place of those credited: billed by the next run, or written off by it. */
  readonly outcome: 'bill' | 'writeOff';
  /** What the source has wrong of some of these records, signed by whoever orders it when the order is carried out; `reason` names the evidence. Without lines and records the order is about these alone. */
  readonly corrections?: readonly { readonly recordId: string; readonly correction: FactCorrection }[] | undefined;
  /** An off-cycle run of the accounts it is about makes the documents at once. */
  readonly now?: boolean | undefined;
  readonly reason: string;
};

/**
 * Orders that an issued invoice, of whatever month, is credited and billed anew, wholly or in part: its sessions are rated again with the
 * set-up as it is (D24), by the path they came in. The next run makes the credit note and the invoice. A workflow carries it out, after the
 * commit. Refused when nothing of it stands, or another order on it is under way.
 */
export async function orderRebill(db: Db, order: RebillOrder, by: By, idempotencyKey?: string): Promise<{ readonly orderId: string; readonly records: number }> {
  const document = (await db.query<{ type: string; state: string }>('SELECT type, state FROM document WHERE id = $1 FOR UPDATE', [order.documentId])).rows[0];
  if (document === undefined) throw new Refused('notFound', `there is no document "${order.documentId}"`);
  if (document.state !== 'issued') throw new Refused('wrongState', `document ${order.documentId} is ${document.state}: only an issued one is credited; before that, change what the run bills`);
  if (document.type !== 'invoice' && document.type !== 'receipt')
    throw new Refused('invalid', `document ${order.documentId} is a ${document.type}: credit the invoice whose sessions it is about; shares follow`);
  const id = newId('rbl', [order.documentId, by.actor], idempotencyKey);
  const known = await db.query<{ records: bigint }>('SELECT cardinality(record_ids)::bigint AS records FROM rebill_order WHERE id = $1', [id]);
  if (known.rows[0] !== undefined) return { orderId: id, records: Number(known.rows[0].records) };
  await refuseBesideAnother(db, order.documentId);
  const rows = await standing(db, order.documentId);
  const corrected = order.corrections?.map((c) => c.recordId) ?? [];
  const named = order.recordIds ?? (corrected.length > 0 && order.lines === undefined ? corrected : undefined);
  const wanted = new Set([...(named ?? []), ...corrected]);
  const chosen = rows.filter((r) => (order.lines === undefined || r.lines.some((l) => order.lines?.includes(l))) && (named === undefined || wanted.has(r.record_id.toString())));
  const unknown = [...wanted].filter((w) => !rows.some((r) => r.record_id.toString() === w));
  if (unknown.length > 0) throw new Refused('notFound', `document ${order.documentId} bills nothing that stands of record ${unknown.slice(0, 20).join(', ')}`);
  const beside = corrected.find((c) => !chosen.some((r) => r.record_id.toString() === c));
  if (beside !== undefined) throw new Refused('invalid', `record ${beside} is corrected, and none of those that are billed anew: name it in recordIds too`);
  if (chosen.length === 0 && !(order.kind === 'credit' && (await restStands(db, order.documentId))))
    throw new Refused('wrongState', `nothing of document ${order.documentId} stands any more: it is credited already`);
  await db.query('INSERT INTO rebill_order (id, document_id, kind, record_ids, outcome, reason, author, now, corrections) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)', [
    id,
    order.documentId,
    order.kind,
    chosen.map((r) => r.record_id),
    order.outcome,
    order.reason,
    by.actor,
    order.now ?? false,
    corrected.length === 0 ? null : JSON.stringify(order.corrections),
  ]);
  await audit(db, by, {
    action: `document.${order.kind}`,
    subject: order.documentId,
    reason: order.reason,
    after: { orderId: id, records: chosen.length, outcome: order.outcome, corrections: order.corrections, now: order.now },
  });
  return { orderId: id, records: chosen.length };
}

async function refuseBesideAnother(db: Db, documentId: string): Promise<void> {
  const open = (await db.query<{ id: string }>("SELECT id FROM rebill_order WHERE document_id = $1 AND state = 'ordered'", [documentId])).rows[0];
  if (open !== undefined) throw new Refused('wrongState', `order ${open.id} on document ${documentId} is under way: wait for it, or POST /v1/rebills/${open.id}/retry`);
}

/** The records of which a document bills something that stands, and on which lines. */
async function standing(db: Db, documentId: string): Promise<readonly { readonly record_id: bigint; readonly lines: readonly number[] }[]> {
  const { rows } = await db.query<{ record_id: bigint; lines: number[] }>(
    `SELECT c.record_id, array_agg(DISTINCT k.line_no) AS lines FROM document_claim k JOIN rated_charge c ON c.charge_id = k.charge_id
     WHERE k.document_id = $1 AND c.record_id IS NOT NULL AND c.reversal_of IS NULL AND NOT EXISTS (SELECT FROM rated_charge m WHERE m.record_id = c.record_id AND m.reversal_of = c.charge_id) GROUP BY 1 ORDER BY 1`,
    [documentId],
  );
  return rows;
}

/** Whether a document bills something that no session made, such as a fee or a manual amount, and that is not credited. */
async function restStands(db: Db, documentId: string): Promise<boolean> {
  const { rows } = await db.query<{ line_no: number }>(
    `SELECT k.line_no FROM document_claim k JOIN rated_charge c ON c.charge_id = k.charge_id WHERE k.document_id = $1 AND c.record_id IS NULL AND c.reversal_of IS NULL
       AND NOT EXISTS (SELECT FROM rated_charge m WHERE m.entity_id = c.entity_id AND m.service_month = c.service_month AND m.payer_account_id = c.payer_account_id AND m.reversal_of = c.charge_id)
     UNION SELECT line_no FROM document_line WHERE document_id = $1 AND kind = 'adjustment' AND credits_document_id IS NULL`,
    [documentId],
  );
  const left = await linesLeft(
    db,
    documentId,
    rows.map((r) => r.line_no),
  );
  return left.size > 0;
}

/**
 * Puts a failed order back, once what it stumbled over is mended; one under way stays so. Refused beside another on its document, and when
 * something of it does not stand on that document any more: another document may bill it by now.
 */
export async function retryRebill(db: Db, orderId: string, by: By): Promise<void> {
  const order = (
    await db.query<{ state: string; document_id: string; record_ids: bigint[] }>(
      'SELECT o.state, o.document_id, o.record_ids FROM rebill_order o JOIN document d ON d.id = o.document_id WHERE o.id = $1 FOR UPDATE',
      [orderId],
    )
  ).rows[0];
  if (order === undefined) throw new Refused('notFound', `there is no order "${orderId}"`);
  if (order.state === 'done') throw new Refused('wrongState', `order ${orderId} is done`);
  if (order.state === 'failed') {
    await refuseBesideAnother(db, order.document_id);
    const stands = new Set((await standing(db, order.document_id)).map((r) => r.record_id));
    const gone = order.record_ids.filter((id) => !stands.has(id));
    if (gone.length > 0)
      throw new Refused('wrongState', `what document ${order.document_id} billed of record ${gone.slice(0, 20).join(', ')} was taken back since order ${orderId} failed: order anew what stands`);
  }
  await db.query("UPDATE rebill_order SET state = 'ordered', problem = NULL WHERE id = $1", [orderId]);
  await audit(db, by, { action: 'rebill.retry', subject: orderId });
}
