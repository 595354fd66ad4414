import type { Db } from '../db.ts';
import type { MadeDocument } from './make-documents.ts';
import type { SummedCharges } from './summed-charges.ts';

/**
 * Puts each claim of these accounts on the line that bills it, and takes off its line what none bills. Only what stands elsewhere is
 * written. To be called once with all documents of the accounts, and what they were made of.
 */
export async function linkClaims(db: Db, runId: string, charges: readonly SummedCharges[], made: readonly MadeDocument[]): Promise<void> {
  const lineOf = new Map<bigint, { readonly documentId: string; readonly lineNo: number }>();
  for (const { id: documentId, value } of made) {
    for (const [i, line] of value.lines.entries()) {
      for (const id of line.chargeIds) lineOf.set(id, { documentId, lineNo: i + 1 });
    }
  }
  const moved = charges.flatMap((own) => {
    const [first = 0n] = own.chargeIds;
    const line = lineOf.get(first);
    // Drafts of the month are no claims. What is alike stands together.
    return first < 0n || ((line?.documentId ?? null) === own.documentId && (line?.lineNo ?? null) === own.lineNo) ? [] : [{ ids: own.chargeIds, line }];
  });
  if (moved.length === 0) return;
  await db.query(
    `UPDATE claim k SET document_id = t.document_id, line_no = t.line_no FROM (
       SELECT l.document_id, l.line_no, c.charge_id FROM unnest($2::text[], $3::integer[], $4::text[]) AS l(document_id, line_no, ids) CROSS JOIN LATERAL unnest(l.ids::bigint[]) AS c(charge_id)) t
     WHERE k.charge_id = t.charge_id AND k.run_id = $1`,
    [runId, moved.map((m) => m.line?.documentId ?? null), moved.map((m) => m.line?.lineNo ?? null), moved.map((m) => `{${m.ids.join(',')}}`)],
  );
}
