import type { Db } from '../db.ts';
import type { MadeDocument } from './make-documents.ts';

/**
 * Puts each claim of these accounts on the line that bills it, and takes off its line what none bills. Only what stands elsewhere is
 * written. To be called once with all documents of the accounts.
 */
export async function linkClaims(db: Db, runId: string, accounts: readonly string[], made: readonly MadeDocument[]): Promise<void> {
  const lines = made.flatMap((d) => d.value.lines.map((l, i) => ({ documentId: d.id, lineNo: i + 1, ids: l.chargeIds.filter((id) => id > 0n) })));
  await db.query(
    `UPDATE claim k SET document_id = n.document_id, line_no = n.line_no FROM (
       SELECT o.charge_id, t.document_id, t.line_no FROM claim o LEFT JOIN (
         SELECT l.document_id, l.line_no, c.charge_id FROM unnest($3::text[], $4::integer[], $5::text[]) AS l(document_id, line_no, ids) CROSS JOIN LATERAL unnest(l.ids::bigint[]) AS c(charge_id)
       ) t ON t.charge_id = o.charge_id
       WHERE o.run_id = $1 AND o.account_id = ANY($2) AND (o.document_id, o.line_no) IS DISTINCT FROM (t.document_id, t.line_no)) n
     WHERE k.charge_id = n.charge_id`,
    [runId, accounts, lines.map((l) => l.documentId), lines.map((l) => l.lineNo), lines.map((l) => `{${l.ids.join(',')}}`)],
  );
}
