import { ocrReference } from '../../core/document/ocr.ts';
import type { Db } from '../db.ts';

export type SaleDocument = { readonly id: string; readonly type: 'invoice' | 'receipt' | 'creditNote'; readonly terms: number; readonly transfer: boolean };

/**
 * Numbers invoices, receipts and credit notes in the order given, each kind from a gapless series of its own of the entity and the year of issue
 * (D40), in the caller's transaction; who pays an invoice by transfer gets a reference.
 */
export async function stampInvoices(db: Db, entityId: string, documents: readonly SaleDocument[], issueOn: string): Promise<void> {
  // In one order everywhere, so that two batches never wait for each other crosswise.
  for (const type of ['creditNote', 'invoice', 'receipt'] as const) {
    const own = documents.filter((d) => d.type === type);
    if (own.length > 0) await stamp(db, entityId, type, own, issueOn);
  }
}

const prefixes = { invoice: '', receipt: 'R-', creditNote: 'K-' } as const;

async function stamp(db: Db, entityId: string, type: SaleDocument['type'], documents: readonly SaleDocument[], issueOn: string): Promise<void> {
  const year = Number(issueOn.slice(0, 4));
  const isInvoice = type === 'invoice';
  const seriesId = `${entityId}/${type}/${year}`;
  await db.query(`INSERT INTO number_series (id, entity_id, document_type, year, prefix) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`, [
    seriesId,
    entityId,
    type,
    year,
    `${prefixes[type]}${year}-`,
  ]);
  const taken = await db.query<{ first: bigint; prefix: string }>('UPDATE number_series SET next = next + $2 WHERE id = $1 RETURNING next - $2 AS first, prefix', [seriesId, documents.length]);
  const series = taken.rows[0];
  if (series === undefined) throw new Error(`series ${seriesId} is missing`);
  const numbers = documents.map((_d, i) => series.first + BigInt(i));
  const digits = numbers.map((n) => n.toString().padStart(6, '0'));
  await db.query(
    `INSERT INTO issue_stamp (document_id, series_id, number, legal_number, issued_on, due_on, ocr, issued_at)
     SELECT d, $1, n, $2 || digits, $3, $3::date + terms, ocr, clock_timestamp() FROM unnest($4::text[], $5::bigint[], $6::text[], $7::integer[], $8::text[]) AS t(d, n, digits, terms, ocr)`,
    [
      seriesId,
      series.prefix,
      issueOn,
      documents.map((d) => d.id),
      numbers,
      digits,
      documents.map((d) => (isInvoice ? d.terms : 0)),
      documents.map((d, i) => (isInvoice && d.transfer ? ocrReference(`${year}${digits[i]}`) : null)),
    ],
  );
}
