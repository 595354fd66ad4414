import { type DeliveryChannel, type DeliveryState, mayFollow } from '../../core/delivery/delivery.ts';
import type { Db } from '../db.ts';
import { audit, type By } from './audit.ts';
import { newId } from './new-id.ts';
import { Refused } from './refusal.ts';

/** Queues documents for delivery, each once. */
export async function queueDeliveries(db: Db, rows: readonly { readonly documentId: string; readonly channel: DeliveryChannel }[]): Promise<void> {
  await db.query(
    `INSERT INTO document_delivery (document_id, entity_id, channel) SELECT d.id, d.entity_id, t.channel FROM unnest($1::text[], $2::text[]) AS t(id, channel) JOIN document d ON d.id = t.id ON CONFLICT DO NOTHING`,
    [rows.map((r) => r.documentId), rows.map((r) => r.channel)],
  );
}

/** Says what became of a delivery; `queued` sends it again. What went by another way is printed no more, unless its batch was sent already. Refused where that cannot follow, and for what is not delivered by us. */
export async function noteDelivery(
  db: Db,
  input: { readonly documentId: string; readonly state: DeliveryState; readonly channel?: DeliveryChannel | undefined; readonly detail: string },
  by: By,
): Promise<void> {
  const held = (await db.query<{ state: DeliveryState }>('SELECT state FROM document_delivery WHERE document_id = $1 FOR UPDATE', [input.documentId])).rows[0];
  if (held === undefined) throw new Refused('notFound', `document "${input.documentId}" is not delivered by us, or not issued`);
  if (!mayFollow(held.state, input.state)) throw new Refused('wrongState', `the delivery of ${input.documentId} is ${held.state}: it cannot become ${input.state}`);
  const again = input.state === 'queued';
  await db.query(
    `UPDATE document_delivery SET state = $2, detail = $3, channel = coalesce($4, channel), attempt = attempt + CASE WHEN $5 THEN 1 ELSE 0 END, 
       batch_id = CASE WHEN $5 OR $4 <> 'print' AND EXISTS (SELECT FROM print_batch b WHERE b.id = batch_id AND b.sent_at IS NULL) THEN NULL ELSE batch_id END, updated_at = now() WHERE document_id = $1`,
    [input.documentId, input.state, input.detail, input.channel ?? null, again],
  );
  await audit(db, by, { action: `delivery.${input.state}`, subject: input.documentId, reason: input.detail });
}

const mostInBatch = 5_000;
/** SQL over a party `p`: a letter would arrive. */
const isAddressed = "p.address ?& ARRAY['street', 'postalCode', 'city']";

/** Gathers what is queued for print into a batch, at most 5,000 documents whose file is archived; answers null when nothing is. */
export async function makePrintBatch(db: Db, entityId: string, by: By, idempotencyKey?: string): Promise<{ readonly batchId: string | null; readonly documents: number }> {
  if ((await db.query('SELECT FROM legal_entity WHERE id = $1', [entityId])).rowCount === 0) throw new Refused('notFound', `there is no entity "${entityId}"`);
  const batchId = newId('print', [by.actor], idempotencyKey);
  const known = await db.query('SELECT count(d.document_id)::integer AS n FROM print_batch b LEFT JOIN document_delivery d ON d.batch_id = b.id WHERE b.id = $1 GROUP BY b.id', [batchId]);
  if (known.rows[0] !== undefined) return { batchId, documents: known.rows[0].n };
  const { rows } = await db.query<{ id: string }>(
    `SELECT d.document_id AS id FROM document_delivery d JOIN document o ON o.id = d.document_id JOIN account a ON a.id = o.account_id JOIN party p ON p.id = a.party_id
     WHERE d.entity_id = $1 AND d.state = 'queued' AND d.channel = 'print' AND d.batch_id IS NULL AND ${isAddressed}
       AND EXISTS (SELECT FROM archived_file f WHERE f.subject_kind = 'document' AND f.subject_id = d.document_id AND f.form = 'pdf') ORDER BY d.document_id LIMIT $2 FOR UPDATE OF d`,
    [entityId, mostInBatch],
  );
  if (rows.length === 0) return { batchId: null, documents: 0 };
  await db.query('INSERT INTO print_batch (id, entity_id, author) VALUES ($1, $2, $3)', [batchId, entityId, by.actor]);
  await db.query('UPDATE document_delivery SET batch_id = $1, updated_at = now() WHERE document_id = ANY($2)', [batchId, rows.map((r) => r.id)]);
  await audit(db, by, { action: 'printBatch.make', subject: batchId, after: { entityId, documents: rows.length } });
  return { batchId, documents: rows.length };
}

/** Says that the print house took a batch: its documents are sent. Once. What nobody can be addressed for any more was in no manifest, and is queued as before. */
export async function sendPrintBatch(db: Db, batchId: string, by: By): Promise<{ readonly documents: number }> {
  const batch = (await db.query('SELECT sent_at FROM print_batch WHERE id = $1 FOR UPDATE', [batchId])).rows[0];
  if (batch === undefined) throw new Refused('notFound', `there is no print batch "${batchId}"`);
  if (batch['sent_at'] !== null) throw new Refused('wrongState', `print batch ${batchId} was sent already: to print a document again, queue it anew`);
  await db.query('UPDATE print_batch SET sent_by = $2, sent_at = now() WHERE id = $1', [batchId, by.actor]);
  await db.query(
    `UPDATE document_delivery d SET batch_id = NULL, updated_at = now() FROM document o JOIN account a ON a.id = o.account_id JOIN party p ON p.id = a.party_id
     WHERE d.batch_id = $1 AND d.state = 'queued' AND o.id = d.document_id AND NOT ${isAddressed}`,
    [batchId],
  );
  const { rowCount } = await db.query("UPDATE document_delivery SET state = 'sent', detail = $1, updated_at = now() WHERE batch_id = $1 AND state = 'queued'", [batchId]);
  await audit(db, by, { action: 'printBatch.send', subject: batchId, after: { documents: rowCount } });
  return { documents: rowCount ?? 0 };
}
