import type { Db } from '../db.ts';
import type { MadeDocuments } from './make-documents.ts';

/**
 * Puts each claim of these accounts on the line that bills it, and takes off its line what none bills. Only what stands elsewhere is
 * written. To be called once with all documents of the accounts, and what they were made of.
 */
export async function linkClaims(db: Db, runId: string, { charges, documents }: Pick<MadeDocuments, 'charges' | 'documents'>): Promise<void> {
  const lineOf = new Map<unknown, { readonly documentId: string; readonly lineNo: number }>();
  for (const { id: documentId, value } of documents) {
    for (const [i, line] of value.lines.entries()) {
      for (const charge of line.charges) lineOf.set(charge, { documentId, lineNo: i + 1 });
    }
  }
  const moved = charges.flatMap((own) => {
    if (own.isDraft) return [];
    const line = lineOf.get(own);
    return (line?.documentId ?? null) === own.documentId && (line?.lineNo ?? null) === own.lineNo ? [] : [{ ids: own.chargeIds, line }];
  });
  if (moved.length === 0) return;
  await db.query(
    `UPDATE claim k SET document_id = t.document_id, line_no = t.line_no FROM (
       SELECT l.document_id, l.line_no, c.charge_id FROM unnest($2::text[], $3::integer[], $4::text[]) AS l(document_id, line_no, ids) CROSS JOIN LATERAL unnest(l.ids::bigint[]) AS c(charge_id)) t
     WHERE k.charge_id = t.charge_id AND k.run_id = $1`,
    [runId, moved.map((m) => m.line?.documentId ?? null), moved.map((m) => m.line?.lineNo ?? null), moved.map((m) => `{${m.ids.join(',')}}`)],
  );
}
