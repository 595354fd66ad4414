import type { DeliveryView, PrintBatch, PrintBatchView } from '../../contracts/delivery-overview.ts';
import type { Db } from '../db.ts';
import { keyBefore, type Page, type PageOrder, pageOf } from './page.ts';

/** Deliveries in the order of their documents' ids, by state and channel. */
export async function listDeliveries(
  db: Db,
  filter: {
    readonly entityId?: string | undefined;
    readonly state?: string | undefined;
    readonly channel?: string | undefined;
    readonly documentId?: string | undefined;
    readonly cursor?: string | undefined;
    readonly limit: number;
  },
): Promise<Page<DeliveryView>> {
  const list = ['deliveries', filter.entityId, filter.state, filter.channel, filter.documentId] as const;
  const { rows } = await db.query(
    `SELECT d.*, s.legal_number, o.account_id, d.channel = 'print' AND d.state = 'queued' AND NOT p.address ?& ARRAY['street', 'postalCode', 'city'] AS unaddressed
     FROM document_delivery d JOIN document o ON o.id = d.document_id JOIN issue_stamp s ON s.document_id = d.document_id JOIN account a ON a.id = o.account_id JOIN party p ON p.id = a.party_id
     WHERE ($1::text IS NULL OR d.entity_id = $1) AND ($2::text IS NULL OR d.state = $2) AND ($3::text IS NULL OR d.channel = $3) AND ($4::text IS NULL OR d.document_id = $4) AND ($5::text IS NULL OR d.document_id > $5)
     ORDER BY d.document_id LIMIT $6`,
    [filter.entityId ?? null, filter.state ?? null, filter.channel ?? null, filter.documentId ?? null, keyBefore(list, filter), filter.limit + 1],
  );
  return pageOf(
    list,
    rows,
    filter.limit,
    (r) => r['document_id'],
    (r) => ({
      documentId: r['document_id'],
      legalNumber: r['legal_number'],
      accountId: r['account_id'],
      channel: r['channel'],
      state: r['state'],
      attempt: r['attempt'],
      batchId: r['batch_id'],
      detail: r['detail'],
      updatedAt: r['updated_at'].toISOString(),
      problem: r['unaddressed'] ? 'addressMissing' : null,
    }),
  );
}

/** Print batches, newest first. */
export async function listPrintBatches(db: Db, page: PageOrder): Promise<Page<PrintBatchView>> {
  const { rows } = await db.query(
    `SELECT b.id, b.entity_id, b.made_at, b.sent_at, (SELECT count(*)::integer FROM document_delivery d WHERE d.batch_id = b.id) AS n FROM print_batch b
     WHERE $1::text IS NULL OR (b.made_at, b.id) < (SELECT made_at, id FROM print_batch WHERE id = $1) ORDER BY b.made_at DESC, b.id DESC LIMIT $2`,
    [keyBefore('print batches', page), page.limit + 1],
  );
  return pageOf(
    'print batches',
    rows,
    page.limit,
    (b) => b.id,
    (b): PrintBatchView => ({ batchId: b.id, entityId: b.entity_id, madeAt: b.made_at.toISOString(), sentAt: b.sent_at?.toISOString() ?? null, documents: b.n }),
  );
}

/** A print batch with its documents in order; undefined when there is none of this id. */
export async function findPrintBatch(db: Db, batchId: string): Promise<PrintBatch | undefined> {
  const row = (await db.query('SELECT * FROM print_batch WHERE id = $1', [batchId])).rows[0];
  if (row === undefined) return undefined;
  const { rows } = await db.query<{ id: string }>('SELECT document_id AS id FROM document_delivery WHERE batch_id = $1 ORDER BY 1', [batchId]);
  return { batchId, entityId: row['entity_id'], madeAt: row['made_at'].toISOString(), sentAt: row['sent_at']?.toISOString() ?? null, documentIds: rows.map((r) => r.id) };
}

/** How often each document of a batch was queued, with its archived PDF. */
export async function printedFiles(db: Db, batchId: string): Promise<ReadonlyMap<string, { readonly attempt: number; readonly fileName: string; readonly sha256: string; readonly body: Buffer }>> {
  const { rows } = await db.query(
    `SELECT d.document_id, d.attempt, f.file_name, encode(f.sha256, 'hex') AS sha256, f.body FROM document_delivery d JOIN archived_file f ON f.subject_kind = 'document' AND f.subject_id = d.document_id AND f.form = 'pdf' WHERE d.batch_id = $1`,
    [batchId],
  );
  return new Map(rows.map((r) => [r.document_id, { attempt: r.attempt, fileName: r.file_name, sha256: r.sha256, body: r.body }]));
}
