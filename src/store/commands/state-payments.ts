import type { Db } from '../db.ts';
import { audit, type By } from './audit.ts';
import { Refused } from './refusal.ts';

export type Payment = { readonly documentId: string /** Names the payment, once per document. */; readonly reference: string; readonly paidOn: string; readonly amountMinor: bigint };

/**
 * Keeps what was paid of issued documents, as the ERP (`origin: erp`), somebody (`person`) or the payment provider of a card states it; negative takes a payment back. The same reference of a
 * document again is the same payment, and refused with another amount or day. What is paid releases shares that wait for it, with the next run.
 */
export async function statePayments(db: Db, payments: readonly Payment[], origin: 'erp' | 'person' | 'card', by: By): Promise<{ readonly kept: number }> {
  const ids = [...new Set(payments.map((p) => p.documentId))];
  const { rows } = await db.query<{ id: string }>("SELECT id FROM document WHERE id = ANY($1) AND state = 'issued'", [ids]);
  const issued = new Set(rows.map((r) => r.id));
  const unknown = ids.filter((id) => !issued.has(id));
  if (unknown.length > 0) throw new Refused('notFound', `there is no issued document ${unknown.slice(0, 20).join(', ')}`);
  const columns = [payments.map((p) => p.documentId), payments.map((p) => p.reference), payments.map((p) => p.paidOn), payments.map((p) => p.amountMinor)];
  const { rowCount } = await db.query(
    `INSERT INTO payment_fact (document_id, reference, paid_on, amount_minor, origin, author) SELECT t.*, $5, $6 FROM unnest($1::text[], $2::text[], $3::date[], $4::bigint[]) AS t ON CONFLICT DO NOTHING`,
    [...columns, origin, by.actor],
  );
  const other = await db.query<{ document_id: string; reference: string }>(
    `SELECT f.document_id, f.reference FROM unnest($1::text[], $2::text[], $3::date[], $4::bigint[]) AS t(d, r, paid_on, amount) JOIN payment_fact f ON f.document_id = t.d AND f.reference = t.r
     WHERE (f.paid_on, f.amount_minor) IS DISTINCT FROM (t.paid_on, t.amount) LIMIT 1`,
    columns,
  );
  const [first] = other.rows;
  if (first !== undefined)
    throw new Refused('wrongState', `payment ${first.reference} of ${first.document_id} was stated with another amount or day: state the difference under a reference of its own`);
  if (rowCount !== 0) for (const id of ids) await audit(db, by, { action: 'document.paid', subject: id, after: payments.filter((p) => p.documentId === id) });
  return { kept: rowCount ?? 0 };
}
