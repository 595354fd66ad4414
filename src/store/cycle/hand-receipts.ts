import { type GlOf, type Receipt, type ReceiptLine, type ReceiptPart, receiptJournals, receiptLines } from '../../core/accounting/receipt-journals.ts';
import { groupBy } from '../../core/group-by.ts';
import { sha256 } from '../../core/seal/charge-record.ts';
import type { Db } from '../db.ts';
import { enqueue } from '../outbox.ts';

/**
 * SQL over a document `d` and its entity `e`: it reaches the ERP in a journal of card receipts. A credit note does where what it credits did, so that it
 * never names a document that the ERP has not. In another currency than that of the books it goes alone, since each is converted as it was booked.
 */
export const isReceiptSql = `(d.type IN ('receipt', 'creditNote') AND d.currency = e.currency
  AND (SELECT convert_from(o.canonical, 'UTF8')::jsonb -> 'header' ->> 'strategy' FROM document o WHERE o.id = coalesce(d.credits_document_id, d.id)) = 'cardReceipt'
  AND NOT EXISTS (SELECT FROM erp_posting o WHERE o.document_id = d.credits_document_id))`;

/** Whom a legal entity's card receipts are for in the ERP: one customer for all of them. */
export function receiptCustomerOf(entityId: string): string {
  return `receipts-${entityId}`;
}

/** What the receipts of a hand-over share. `part`: all that a group issues, or its canary, which is handed over before the rest. */
type Handed = { readonly runId: string; readonly entityId: string; readonly groups: readonly string[]; readonly part: 'canary' | 'rest' };
/** The ERP connection that takes what is issued on a date, and the accounts of the chart. */
type BooksOn = (issuedOn: string) => Promise<{ readonly connectionId: string; readonly glOf: GlOf }>;
type Row = Receipt & { readonly group: string; readonly issuedOn: string };

/**
 * Hands over the card receipts that groups of a run have issued, once all of them are, in the transaction that issues the last: as journals per site and
 * day, dated as the receipts are, and to the ERP of that date: the last may be issued on another. Keeps which line of which receipt is in which journal. Receipts that are in one stay out of the next.
 */
export async function handReceipts(db: Db, { runId, entityId, groups, part }: Handed, booksOn: BooksOn): Promise<void> {
  const receipts = await receiptsToHand(db, runId, groups);
  for (const own of groupBy(receipts, (r) => `${r.group} ${r.issuedOn} ${r.currency}`).values()) {
    const [first] = own;
    if (first === undefined) continue;
    const { group, issuedOn, currency } = first;
    const { connectionId, glOf } = await booksOn(issuedOn);
    const keyOf = (siteId: string, on: string) =>
      `rcp_${sha256(JSON.stringify([runId, group, part, siteId, on, issuedOn, currency]))
        .toString('hex')
        .slice(0, 20)}`;
    const lines = own.flatMap((receipt) => receiptLines(receipt, glOf));
    await keepLines(db, lines, keyOf);
    const journals = receiptJournals(lines, { runId, customer: receiptCustomerOf(entityId), currency, postedOn: issuedOn, keyOf });
    await enqueue(
      db,
      connectionId,
      journals.map((journal) => ({ ...journal, documentId: null, groupName: group, controlMinor: journal.lines.reduce((sum, l) => (l.part === 'party' ? sum + BigInt(l.amountMinor) : sum), 0n) })),
    );
  }
}

async function receiptsToHand(db: Db, runId: string, groups: readonly string[]): Promise<readonly Row[]> {
  const documents = await db.query(
    `SELECT d.id, d.group_name, d.currency::text AS currency, d.payable_minor, s.issued_on::text AS issued_on, convert_from(d.canonical, 'UTF8')::jsonb -> 'vat' AS vat, convert_from(d.canonical, 'UTF8')::jsonb -> 'header' ->> 'roundingMode' AS mode
     FROM document d JOIN legal_entity e ON e.id = d.entity_id JOIN issue_stamp s ON s.document_id = d.id
     WHERE d.run_id = $1 AND d.group_name = ANY($2) AND d.state = 'issued' AND ${isReceiptSql}
       AND NOT EXISTS (SELECT FROM erp_receipt_line r WHERE r.document_id = d.id) AND NOT EXISTS (SELECT FROM erp_posting p WHERE p.document_id = d.id) ORDER BY d.id`,
    [runId, groups],
  );
  const ids = documents.rows.map((d) => d.id as string);
  if (ids.length === 0) return [];
  const parts = await db.query<ReceiptPart & { documentId: string }>(
    `SELECT k.document_id AS "documentId", coalesce(c.site_id, '') AS "siteId", c.service_on::text AS "on", c.gl_account AS "glAccount", c.cost_center AS "costCenter", c.vat_code AS "vatCode",
       sum(c.net_minor)::bigint AS "netMinor", sum(c.gross_minor)::bigint AS "grossMinor"
     FROM document_claim k JOIN rated_charge c ON c.charge_id = k.charge_id WHERE k.document_id = ANY($1) GROUP BY 1, 2, 3, 4, 5, 6
     UNION ALL SELECT l.document_id, '', s.issued_on::text, l.gl_account, l.cost_center, l.vat_code, l.net_minor, l.gross_minor
     FROM document_line l JOIN issue_stamp s ON s.document_id = l.document_id WHERE l.document_id = ANY($1) AND l.kind = 'adjustment' ORDER BY 1, 3, 2, 4, 5, 6`,
    [ids],
  );
  const partsOf = groupBy(parts.rows, (p) => p.documentId);
  return documents.rows.map((d) => ({
    documentId: d.id,
    group: d.group_name,
    currency: d.currency,
    roundingMode: d.mode,
    issuedOn: d.issued_on,
    payableMinor: d.payable_minor,
    vat: (d.vat as { vatCode: string; percent: string; vatMinor: string }[]).map((v) => ({ ...v, vatMinor: BigInt(v.vatMinor) })),
    parts: partsOf.get(d.id) ?? [],
  }));
}

async function keepLines(db: Db, lines: readonly ReceiptLine[], keyOf: (siteId: string, on: string) => string): Promise<void> {
  const pick = <T>(of: (l: ReceiptLine) => T) => lines.map(of);
  await db.query(
    `INSERT INTO erp_receipt_line (document_id, site_id, charged_on, posting_key, part, gl_account, cost_center, vat_code, amount_minor, base_minor, line_no)
     SELECT t.*, row_number() OVER (PARTITION BY d, s, o) FROM unnest($1::text[], $2::text[], $3::date[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::bigint[]) AS t(d, s, o, k, part, gl, cc, vat, amount, base)`,
    [
      pick((l) => l.documentId),
      pick((l) => l.siteId),
      pick((l) => l.on),
      pick((l) => keyOf(l.siteId, l.on)),
      pick((l) => l.part),
      pick((l) => l.glAccount),
      pick((l) => l.costCenter),
      pick((l) => l.vatCode),
      pick((l) => l.amountMinor.toString()),
      pick((l) => l.baseMinor?.toString() ?? null),
    ],
  );
}
