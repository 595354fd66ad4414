import { ocrReference } from '../../core/document/ocr.ts';
import type { Db } from '../db.ts';

/** Numbers invoices in the order given, from the entity's series of the year of issue, in the caller's transaction; who pays by transfer gets a reference. */
export async function stampInvoices(db: Db, entityId: string, documents: readonly { id: string; terms: number; transfer: boolean }[], issueOn: string): Promise<void> {
  if (documents.length === 0) return;
  const year = Number(issueOn.slice(0, 4));
  const seriesId = `${entityId}/invoice/${year}`;
  await db.query(`INSERT INTO number_series (id, entity_id, document_type, year, prefix) VALUES ($1, $2, 'invoice', $3, $4) ON CONFLICT DO NOTHING`, [seriesId, entityId, year, `${year}-`]);
  const taken = await db.query<{ first: bigint; prefix: string }>('UPDATE number_series SET next = next + $2 WHERE id = $1 RETURNING next - $2 AS first, prefix', [seriesId, documents.length]);
  const series = taken.rows[0];
  if (series === undefined) throw new Error(`series ${seriesId} is missing`);
  const numbers = documents.map((_d, i) => series.first + BigInt(i));
  await db.query(
    `INSERT INTO issue_stamp (document_id, series_id, number, legal_number, issued_on, due_on, ocr)
     SELECT d, $1, n, $2 || lpad(n::text, 6, '0'), $3, $3::date + terms, ocr FROM unnest($4::text[], $5::bigint[], $6::integer[], $7::text[]) AS t(d, n, terms, ocr)`,
    [
      seriesId,
      series.prefix,
      issueOn,
      documents.map((d) => d.id),
      numbers,
      documents.map((d) => d.terms),
      documents.map((d, i) => (d.transfer ? ocrReference(`${year}${(numbers[i] ?? 0n).toString().padStart(6, '0')}`) : null)),
    ],
  );
}
