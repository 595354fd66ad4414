import { mirrorOf } from '../../core/allocate/charges.ts';
import type { PeriodCharge } from '../../core/period/period-charge.ts';
import { chargeHash } from '../../core/seal/charge-record.ts';
import { creditLines, linesLeft } from '../commands/credit-lines.ts';
import { Refused } from '../commands/refusal.ts';
import type { Db } from '../db.ts';
import { chargeOfRow } from '../intake/charge-of-row.ts';
import { bookCharges } from '../ledger/book-charges.ts';

export type OpenRebill = { readonly kind: 'rebill' | 'credit'; readonly records: readonly { readonly recordId: bigint; readonly revision: number; readonly rawId: string }[] };

/** An order under way, locked, with the message each of its records stands on; undefined when it is over. */
export async function openRebill(db: Db, orderId: string): Promise<OpenRebill | undefined> {
  const order = (await db.query<{ kind: 'rebill' | 'credit'; state: string; record_ids: bigint[] }>('SELECT kind, state, record_ids FROM rebill_order WHERE id = $1 FOR UPDATE', [orderId])).rows[0];
  if (order === undefined) throw new RangeError(`no order "${orderId}"`);
  if (order.state !== 'ordered') return undefined;
  const { rows } = await db.query<{ record_id: bigint; revision: number; raw_id: bigint }>(
    'SELECT h.record_id, h.revision, r.raw_id FROM record_head h JOIN charge_record r ON r.record_id = h.record_id AND r.revision = h.revision WHERE h.record_id = ANY($1::bigint[]) ORDER BY h.record_id',
    [order.record_ids],
  );
  await signCorrections(db, orderId);
  return { kind: order.kind, records: rows.map((r) => ({ recordId: r.record_id, revision: r.revision, rawId: r.raw_id.toString() })) };
}

/** Signs what an order corrects, on the message that stands, in the transaction that carries it out: one that fails leaves nothing signed. */
async function signCorrections(db: Db, orderId: string): Promise<void> {
  await db.query(
    `INSERT INTO decision (subject_kind, subject_id, action, correction, reason, actor, raw_id, needs_second)
     SELECT 'record', c."recordId", 'correct', c.correction, o.reason, o.author, b.raw_id, false
     FROM rebill_order o CROSS JOIN LATERAL jsonb_to_recordset(o.corrections) AS c("recordId" text, correction jsonb)
     JOIN record_head h ON h.record_id = c."recordId"::bigint JOIN charge_record b ON b.record_id = h.record_id AND b.revision = h.revision WHERE o.id = $1`,
    [orderId],
  );
}

/**
 * Ends an order after its records were looked at again: keeps which revisions it made. Of a whole credit, what no session made is taken back
 * too: with mirrors where it is to be billed again, since the month then owes it anew, else as a credit of its lines. Answers how many
 * records are billed anew. Refused when a record of a whole credit could not be, or one was left waiting.
 */
export async function endRebill(db: Db, orderId: string, { kind, records }: OpenRebill, wave: number): Promise<{ readonly rebilled: number }> {
  const heads = await db.query<{ record_id: bigint; revision: number; state: string; waiting_for: string | null }>(
    'SELECT record_id, revision, state, waiting_for FROM record_head WHERE record_id = ANY($1::bigint[])',
    [records.map((r) => r.recordId)],
  );
  const now = new Map(heads.rows.map((h) => [h.record_id, h]));
  const changed = records.flatMap(({ recordId, revision }) => {
    const head = now.get(recordId);
    return head !== undefined && head.revision > revision ? [head] : [];
  });
  const stuck = kind === 'credit' ? records.filter(({ recordId, revision }) => now.get(recordId)?.state === 'booked' && now.get(recordId)?.revision === revision) : [];
  if (stuck.length > 0)
    throw new Refused(
      'wrongState',
      `record ${stuck
        .slice(0, 20)
        .map((r) => r.recordId)
        .join(', ')} cannot be read again: its message is expunged, or waits for a decision`,
    );
  await db.query('INSERT INTO rebilled_record (record_id, revision, order_id) SELECT t.*, $3 FROM unnest($1::bigint[], $2::integer[]) AS t(record_id, revision)', [
    changed.map((c) => c.record_id),
    changed.map((c) => c.revision),
    orderId,
  ]);
  if (kind === 'credit') await takeBackMonth(db, orderId, wave);
  await db.query("UPDATE rebill_order SET state = 'done', problem = NULL, records = $2, ended_at = now() WHERE id = $1", [orderId, changed.length]);
  return { rebilled: changed.length };
}

async function takeBackMonth(db: Db, orderId: string, wave: number): Promise<void> {
  const order = (await db.query<{ document_id: string; outcome: string; author: string; reason: string }>('SELECT document_id, outcome, author, reason FROM rebill_order WHERE id = $1', [orderId]))
    .rows[0];
  if (order === undefined) return;
  const { rows } = await db.query(
    `SELECT c.*, k.line_no FROM document_claim k JOIN rated_charge c ON c.charge_id = k.charge_id WHERE k.document_id = $1 AND c.record_id IS NULL AND c.reversal_of IS NULL
       AND NOT EXISTS (SELECT FROM rated_charge m WHERE m.entity_id = c.entity_id AND m.service_month = c.service_month AND m.payer_account_id = c.payer_account_id AND m.reversal_of = c.charge_id) ORDER BY c.charge_id`,
    [order.document_id],
  );
  const left = await linesLeft(
    db,
    order.document_id,
    rows.map((r) => r['line_no']),
  );
  const fees = rows.filter((r) => left.has(r['line_no']));
  const manual = await db.query<{ line_no: number }>("SELECT line_no FROM document_line WHERE document_id = $1 AND kind = 'adjustment' AND credits_document_id IS NULL", [order.document_id]);
  const lines = [...manual.rows.map((m) => m.line_no), ...(order.outcome === 'writeOff' ? fees.map((r) => r['line_no'] as number) : [])];
  if (lines.length > 0)
    await creditLines(db, { documentId: order.document_id, lines: [...new Set(lines)].map((lineNo) => ({ lineNo })), reason: order.reason, onlyWhatIsLeft: true }, { actor: order.author }, orderId);
  if (fees.length === 0 || order.outcome === 'writeOff') return;
  const mirrors = fees.map((r) => {
    const charge = mirrorOf(chargeOfRow(r) as unknown as PeriodCharge);
    const identity = [charge.contractId, charge.clause, charge.serviceMonth, charge.component, charge.splitNo].join('|');
    return { entityId: r['entity_id'], sourceId: null, recordId: null, revision: null, sessionKey: null, charge, reversalOf: r['charge_id'], hash: chargeHash(identity, 1, charge as never, true) };
  });
  await bookCharges(db, mirrors, wave);
}

/** Keeps why an order could not be carried out; nothing of it was. */
export async function failRebill(db: Db, orderId: string, problem: string): Promise<void> {
  await db.query("UPDATE rebill_order SET state = 'failed', problem = $2, ended_at = now() WHERE id = $1 AND state = 'ordered'", [orderId, problem]);
}
