import type { Db } from '../db.ts';
import type { MadeDocuments } from './make-documents.ts';

/** Claims by charge ids, and the line that bills them, which is another one than where they stand; none for what none bills. */
export type MovedClaims = { readonly ids: readonly bigint[]; readonly documentId: string | null; readonly lineNo: number | null };

/** Which claims of accounts do not stand where these documents bill them: to be asked with all documents of the accounts, and what they were made of. */
export function movedClaims({ charges, documents }: Pick<MadeDocuments, 'charges' | 'documents'>): MovedClaims[] {
  const lineOf = new Map<unknown, Omit<MovedClaims, 'ids'>>();
  for (const { id: documentId, value } of documents) {
    for (const [i, line] of value.lines.entries()) {
      for (const charge of line.charges) lineOf.set(charge, { documentId, lineNo: i + 1 });
    }
  }
  return charges.flatMap((own) => {
    if (own.isDraft) return [];
    const line = lineOf.get(own) ?? { documentId: null, lineNo: null };
    return line.documentId === own.documentId && line.lineNo === own.lineNo ? [] : [{ ids: own.chargeIds, ...line }];
  });
}

/** Puts claims on the line that bills them, and takes off its line what none bills. Only what stands elsewhere is written. */
export async function moveClaims(db: Db, runId: string, moved: readonly MovedClaims[]): Promise<void> {
  if (moved.length === 0) return;
  await db.query(
    `UPDATE claim k SET document_id = t.document_id, line_no = t.line_no FROM (
       SELECT l.document_id, l.line_no, c.charge_id FROM unnest($2::text[], $3::integer[], $4::text[]) AS l(document_id, line_no, ids) CROSS JOIN LATERAL unnest(l.ids::bigint[]) AS c(charge_id)) t
     WHERE k.charge_id = t.charge_id AND k.run_id = $1`,
    [runId, moved.map((m) => m.documentId), moved.map((m) => m.lineNo), moved.map((m) => `{${m.ids.join(',')}}`)],
  );
}
