import type { QueryResultRow } from 'pg';
import type { CreditRef, DocumentLine, Remainder } from '../../core/document/compose.ts';
import { groupBy } from '../../core/group-by.ts';
import { vatOfGross } from '../../core/money.ts';
import type { Db } from '../db.ts';

/**
 * The issued lines that mirrors among rows of `claimedCharges` take back, by the mirror's charge id. What the same run billed, or nobody was
 * billed, is no credit: there the mirror stands beside its charge.
 */
export async function creditRefs(db: Db, rows: readonly QueryResultRow[]): Promise<ReadonlyMap<bigint, CreditRef>> {
  const mirrors = rows.filter((r) => r['reversal_of'] !== null);
  if (mirrors.length === 0) return new Map();
  const originals = await db.query<{ charge_id: bigint; run_id: string; document_id: string; line_no: number; legal_number: string }>(
    `SELECT k.charge_id, k.run_id, k.document_id, k.line_no, s.legal_number FROM claim k JOIN document d ON d.id = k.document_id AND d.state = 'issued' JOIN issue_stamp s ON s.document_id = d.id
     WHERE k.charge_id = ANY($1::bigint[])`,
    [mirrors.map((m) => m['reversal_of'])],
  );
  const of = new Map(originals.rows.map((o) => [o.charge_id, o]));
  return new Map(
    mirrors.flatMap((m): [bigint, CreditRef][] => {
      const original = of.get(m['reversal_of']);
      if (original === undefined || original.run_id === m['run_id']) return [];
      return [[m['charge_id'], { documentId: original.document_id, legalNumber: original.legal_number, lineNo: original.line_no }]];
    }),
  );
}

/** What is left of issued documents after all that credits them, drafts and whatever else is not discarded included; dry runs credit nothing. */
export async function loadRemainders(db: Db, documentIds: readonly string[]): Promise<ReadonlyMap<string, Remainder>> {
  if (documentIds.length === 0) return new Map();
  const originals = await db.query<{ id: string; payable_minor: bigint; strategy: string; is_net: boolean; vat: { vatCode: string; percent: string; vatMinor: string }[] }>(
    `SELECT id, payable_minor, strategy, convert_from(canonical, 'UTF8')::jsonb->'header'->>'roundingMode' = 'netFirst' AS is_net, convert_from(canonical, 'UTF8')::jsonb->'vat' AS vat FROM document WHERE id = ANY($1) AND state = 'issued'`,
    [documentIds],
  );
  const amounts = await db.query<{ id: string; vat_code: string; net: bigint; gross: bigint; is_own: boolean; in_note: boolean }>(
    `SELECT document_id AS id, vat_code, sum(net_minor)::bigint AS net, sum(gross_minor)::bigint AS gross, true AS is_own, false AS in_note FROM document_line WHERE document_id = ANY($1) GROUP BY 1, 2
     UNION ALL SELECT l.credits_document_id, l.vat_code, sum(l.net_minor)::bigint, sum(l.gross_minor)::bigint, false, d.credits_document_id IS NOT NULL
     FROM document_line l JOIN document d ON d.id = l.document_id AND d.state <> 'discarded' JOIN billing_run b ON b.id = d.run_id AND b.kind = 'live' WHERE l.credits_document_id = ANY($1) GROUP BY 1, 2, 6`,
    [documentIds],
  );
  const notes = await db.query<{ id: string; payable_minor: bigint; vat: { vatCode: string; vatMinor: string }[] }>(
    `SELECT d.credits_document_id AS id, d.payable_minor, convert_from(d.canonical, 'UTF8')::jsonb->'vat' AS vat FROM document d JOIN billing_run b ON b.id = d.run_id AND b.kind = 'live' WHERE d.credits_document_id = ANY($1) AND d.state <> 'discarded'`,
    [documentIds],
  );
  const amountsOf = groupBy(amounts.rows, (r) => r.id);
  const notesOf = groupBy(notes.rows, (r) => r.id);
  return new Map(
    originals.rows.map((d): [string, Remainder] => {
      const own = amountsOf.get(d.id) ?? [];
      const credits = notesOf.get(d.id) ?? [];
      // On an invoice of a consumer a correction has no VAT or payable of its own: it is its part of the gross.
      const beside = own.filter((a) => !a.is_own && !a.in_note);
      const sum = (values: readonly bigint[]) => values.reduce((a, b) => a + b, 0n);
      return [
        d.id,
        {
          strategy: d.strategy,
          payableMinor: d.payable_minor + sum(credits.map((c) => c.payable_minor)) + sum(beside.map((a) => a.gross)),
          vat: d.vat.map(({ vatCode, percent, vatMinor }) => ({
            vatCode,
            amountMinor: sum(own.filter((a) => a.vat_code === vatCode).map((a) => (d.is_net ? a.net : a.gross))),
            vatMinor:
              BigInt(vatMinor) +
              sum(credits.flatMap((c) => c.vat.filter((v) => v.vatCode === vatCode).map((v) => BigInt(v.vatMinor)))) +
              sum(beside.filter((a) => a.vat_code === vatCode).map((a) => vatOfGross(a.gross, percent))),
          })),
        },
      ];
    }),
  );
}

/**
 * The first issued line of which `lines` would credit more than is left of it (invariant 8); undefined when there is none. Only where somebody
 * ordered a credit by hand: mirrors alone cannot.
 */
export async function overCredited(db: Db, lines: readonly Pick<DocumentLine, 'credits' | 'vatCode' | 'netMinor'>[]): Promise<{ readonly legalNumber: string; readonly lineNo: number } | undefined> {
  const crediting = lines.flatMap((l) => (l.credits === null || l.credits.lineNo === null ? [] : [{ ...l.credits, lineNo: l.credits.lineNo, vatCode: l.vatCode, netMinor: l.netMinor }]));
  if (crediting.length === 0) return undefined;
  const { rows } = await db.query<{ legal_number: string; line_no: number }>(
    `SELECT s.legal_number, t.line_no FROM (SELECT document_id, line_no, vat_code, -sum(net) AS credited FROM unnest($1::text[], $2::integer[], $3::text[], $4::bigint[]) AS t(document_id, line_no, vat_code, net) GROUP BY 1, 2, 3) t
     JOIN issue_stamp s ON s.document_id = t.document_id
     CROSS JOIN LATERAL (SELECT coalesce(sum(least(p.net, 0)), 0) AS low, coalesce(sum(greatest(p.net, 0)), 0) AS high FROM (
       SELECT c.net_minor AS net FROM document_claim k JOIN rated_charge c ON c.charge_id = k.charge_id WHERE k.document_id = t.document_id AND k.line_no = t.line_no
       UNION ALL SELECT a.net_minor FROM document_line a WHERE a.document_id = t.document_id AND a.line_no = t.line_no AND a.kind = 'adjustment') p) b
     LEFT JOIN document_credit c ON (c.document_id, c.line_no, c.vat_code) = (t.document_id, t.line_no, t.vat_code)
     WHERE EXISTS (SELECT FROM credit_order o WHERE o.document_id = t.document_id AND o.withdrawn_at IS NULL) AND t.credited + coalesce(c.credited_minor, 0) NOT BETWEEN b.low AND b.high ORDER BY 1, 2 LIMIT 1`,
    [crediting.map((c) => c.documentId), crediting.map((c) => c.lineNo), crediting.map((c) => c.vatCode), crediting.map((c) => c.netMinor)],
  );
  return rows[0] === undefined ? undefined : { legalNumber: rows[0].legal_number, lineNo: rows[0].line_no };
}
