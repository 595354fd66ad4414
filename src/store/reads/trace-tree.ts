import type { TracedDocument, TracedLine, TraceRow, TraceTree } from '../../contracts/trace.ts';
import { groupBy } from '../../core/group-by.ts';
import { formatMinor, parseMinor } from '../../core/money.ts';
import type { Db } from '../db.ts';
import { type TraceStart, traceFrom } from './trace.ts';

/** A tree of more charges is looked at document by document. */
export const mostTreeCharges = 2000;

/** A trace from any end as a tree with the sums of each step; undefined when it has more charges than a tree shows. */
export async function traceTree(db: Db, start: TraceStart): Promise<TraceTree | undefined> {
  const { items, nextCursor } = await traceFrom(db, start, { limit: mostTreeCharges });
  if (nextCursor !== null) return undefined;
  const onDocument = groupBy(
    items.filter((r) => r.documentId !== null),
    (r) => r.documentId ?? '',
  );
  const documents = await tracedDocuments(db, onDocument);
  const currencies = [...new Set(items.map((r) => r.currency))];
  return {
    charges: items.length,
    records: new Set(items.flatMap((r) => (r.recordId === null ? [] : [r.recordId]))).size,
    energyWh: items.reduce((sum, r) => sum + BigInt(r.energyWh), 0n).toString(),
    net: currencies.map((currency) => ({
      currency,
      amount: formatMinor(
        items.reduce((sum, r) => (r.currency === currency ? sum + parseMinor(r.net, currency) : sum), 0n),
        currency,
      ),
    })),
    documents,
    withoutDocument: items.filter((r) => r.documentId === null),
    equal: documents.every((d) => d.lines.every((l) => l.equal) && (d.journal?.equal ?? true) && (d.erp?.equal ?? true)),
  };
}

/** SQL over entries `e` of a document's journal `t`: what it took out of unbilled or accrued, and booked as manual amounts, with the document's sign. */
export const journalNetSql =
  "sum(CASE WHEN t.kind IN ('stated', 'reimbursed') THEN e.amount ELSE -e.amount END) FILTER (WHERE e.ledger_account IN ('unbilledReceivable', 'accruedShare', 'accruedReimbursement', 'adjustment'))";
/** SQL over a line `x` of a posting's payload and its posting `p`: the amount with the document's sign. */
export const erpNetSql = "CASE WHEN p.kind = 'vendorBill' THEN 1 ELSE -1 END * (x ->> 'amountMinor')::bigint";

async function tracedDocuments(db: Db, traced: ReadonlyMap<string, readonly TraceRow[]>): Promise<readonly TracedDocument[]> {
  if (traced.size === 0) return [];
  const ids = [...traced.keys()];
  const [heads, lines, erp] = await Promise.all([
    db.query(
      `SELECT d.id, d.currency, s.legal_number, p.keys, p.state, p.external_ids, t.key AS journal,
         (SELECT ${journalNetSql}::bigint FROM ledger_entry e WHERE e.transaction_key = t.key AND e.unit = d.currency::text) AS journal_net
       FROM document d LEFT JOIN issue_stamp s ON s.document_id = d.id LEFT JOIN ledger_transaction t ON t.key = 'issue/' || d.id
       LEFT JOIN LATERAL (SELECT string_agg(y.key, ', ' ORDER BY y.key) AS keys, (array_agg(y.state ORDER BY y.progress, y.key))[1] AS state, string_agg(y.external_id, ', ' ORDER BY y.key) AS external_ids FROM document_posting y WHERE y.document_id = d.id) p ON true WHERE d.id = ANY($1) ORDER BY d.id`,
      [ids],
    ),
    db.query(
      `SELECT l.document_id, l.line_no, l.gl_account, l.cost_center, l.vat_code, l.net_minor, l.energy_wh, coalesce(c.net, CASE WHEN l.adjustment_id IS NOT NULL THEN l.net_minor ELSE 0 END)::bigint AS charges_net, coalesce(c.wh, 0)::bigint AS charges_wh
       FROM document_line l LEFT JOIN (
         SELECT k.document_id, k.line_no, sum(c.net_minor) AS net, sum(c.energy_wh) AS wh FROM document_claim k JOIN rated_charge c ON c.charge_id = k.charge_id WHERE k.document_id = ANY($1) GROUP BY 1, 2
       ) c ON c.document_id = l.document_id AND c.line_no = l.line_no WHERE l.document_id = ANY($1) ORDER BY 1, 2`,
      [ids],
    ),
    db.query(
      `SELECT p.document_id, x ->> 'glAccount' AS gl_account, coalesce(x ->> 'costCenter', '') AS cost_center, coalesce(x ->> 'vatCode', '') AS vat_code, sum(${erpNetSql})::bigint AS net
       FROM erp_posting p CROSS JOIN LATERAL jsonb_array_elements(convert_from(p.payload, 'UTF8')::jsonb -> 'lines') x WHERE p.document_id = ANY($1) AND x ->> 'part' = 'net' GROUP BY 1, 2, 3, 4
       UNION ALL SELECT document_id, gl_account, coalesce(cost_center, ''), coalesce(vat_code, ''), -sum(amount_minor)::bigint FROM erp_receipt_line WHERE document_id = ANY($1) AND part = 'net' GROUP BY 1, 2, 3, 4`,
      [ids],
    ),
  ]);
  const linesOf = groupBy(lines.rows, (l) => l.document_id as string);
  const erpOf = groupBy(erp.rows, (l) => l.document_id as string);
  return heads.rows.map((head): TracedDocument => {
    const { id, currency } = head;
    const money = (minor: bigint) => formatMinor(minor, currency);
    const own = linesOf.get(id) ?? [];
    const net = own.reduce((sum, l) => sum + (l.net_minor as bigint), 0n);
    const sums = new Map<string, { ours: bigint; theirs: bigint }>();
    const add = (l: { gl_account: string; cost_center: string; vat_code: string }, ours: bigint, theirs: bigint) => {
      const key = `${l.gl_account}|${l.cost_center}|${l.vat_code}`;
      const before = sums.get(key);
      sums.set(key, { ours: ours + (before?.ours ?? 0n), theirs: theirs + (before?.theirs ?? 0n) });
    };
    for (const l of own) add(l as never, l.net_minor, 0n);
    for (const l of erpOf.get(id) ?? []) add(l as never, 0n, l.net);
    const inErp = [...sums].map(([key, { ours, theirs }]) => {
      const [glAccount = '', costCenter = '', vatCode = ''] = key.split('|');
      return { glAccount, costCenter, vatCode, net: money(ours), inErp: money(theirs), equal: ours === theirs };
    });
    return {
      documentId: id,
      legalNumber: head.legal_number,
      currency,
      net: money(net),
      energyWh: own.reduce((sum, l) => sum + (l.energy_wh as bigint), 0n).toString(),
      lines: own.map(
        (l): TracedLine => ({
          lineNo: l.line_no,
          glAccount: l.gl_account,
          costCenter: l.cost_center,
          vatCode: l.vat_code,
          net: money(l.net_minor),
          energyWh: String(l.energy_wh),
          chargesNet: money(l.charges_net),
          chargesWh: String(l.charges_wh),
          equal: l.net_minor === l.charges_net && l.energy_wh === l.charges_wh,
          charges: (traced.get(id) ?? []).filter((r) => r.lineNo === l.line_no),
        }),
      ),
      journal: head.journal === null ? null : { key: head.journal, net: money(head.journal_net ?? 0n), equal: (head.journal_net ?? 0n) === net },
      erp: head.keys === null ? null : { key: head.keys, state: head.state, externalId: head.external_ids, lines: inErp, equal: inErp.every((l) => l.equal) },
    };
  });
}
