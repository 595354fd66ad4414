import type { Orphans, RunTrace } from '../../contracts/trace.ts';
import { formatMinor } from '../../core/money.ts';
import type { Db } from '../db.ts';
import { erpNetSql, journalNetSql } from './trace-tree.ts';

const mostExamples = 100;

/**
 * A whole run at once, per currency: every charge it issued to its line, every line to the ERP's, and back. `chargesWithoutLine`: charges
 * whose line comes to something else than they do; `linesWithoutErp` and `erpWithoutLine`: sums per document, account, cost center and VAT
 * code that are at one end alone, or more there than at the other. A document that the ERP has not verified reaches it not, nor does a card
 * receipt in a journal that is not the sum of its receipts.
 */
export async function traceRun(db: Db, runId: string): Promise<readonly RunTrace[]> {
  const { rows } = await db.query(
    `WITH issued AS (SELECT id, currency::text AS currency FROM document WHERE run_id = $1 AND state = 'issued'),
     charges AS (SELECT k.document_id, k.line_no, sum(c.net_minor) AS net, sum(c.energy_wh) AS wh, count(*) AS n, count(DISTINCT c.record_id) AS records FROM issued d JOIN document_claim k ON k.document_id = d.id JOIN rated_charge c ON c.charge_id = k.charge_id GROUP BY 1, 2),
     lines AS (SELECT d.currency, l.document_id, l.line_no, l.gl_account, l.cost_center, l.vat_code, l.net_minor AS net, l.energy_wh AS wh, l.adjustment_id IS NOT NULL AS adjusted FROM issued d JOIN document_line l ON l.document_id = d.id),
     off_journal AS (SELECT key FROM (
         SELECT p.key, x ->> 'glAccount' AS gl_account, coalesce(x ->> 'costCenter', '') AS cost_center, coalesce(x ->> 'vatCode', '') AS vat_code, (x ->> 'amountMinor')::bigint AS amount
         FROM erp_posting p CROSS JOIN LATERAL jsonb_array_elements(convert_from(p.payload, 'UTF8')::jsonb -> 'lines') x WHERE p.run_id = $1 AND p.key LIKE 'rcp\\_%'
         UNION ALL SELECT p.key, r.gl_account, coalesce(r.cost_center, ''), coalesce(r.vat_code, ''), -r.amount_minor FROM erp_posting p JOIN erp_receipt_line r ON r.posting_key = p.key WHERE p.run_id = $1) s
       GROUP BY key, gl_account, cost_center, vat_code HAVING sum(amount) <> 0),
     held AS (SELECT p.document_id, x ->> 'glAccount' AS gl_account, coalesce(x ->> 'costCenter', '') AS cost_center, coalesce(x ->> 'vatCode', '') AS vat_code, sum(${erpNetSql}) AS net
       FROM erp_posting p CROSS JOIN LATERAL jsonb_array_elements(convert_from(p.payload, 'UTF8')::jsonb -> 'lines') x WHERE p.run_id = $1 AND p.state = 'verified' AND p.external_id IS NOT NULL AND x ->> 'part' = 'net' GROUP BY 1, 2, 3, 4
       UNION ALL SELECT r.document_id, r.gl_account, coalesce(r.cost_center, ''), coalesce(r.vat_code, ''), -sum(r.amount_minor)
       FROM erp_posting p JOIN erp_receipt_line r ON r.posting_key = p.key AND r.part = 'net' WHERE p.run_id = $1 AND p.state = 'verified' AND p.external_id IS NOT NULL AND NOT EXISTS (SELECT FROM off_journal o WHERE o.key = p.key) GROUP BY 1, 2, 3, 4),
     -- A receipt reaches the ERP when all its journals are there.
     reached AS (SELECT document_id FROM document_posting y WHERE y.document_id IN (SELECT id FROM issued) GROUP BY 1 HAVING bool_and(y.state = 'verified' AND y.external_id IS NOT NULL) AND NOT bool_or(EXISTS (SELECT FROM off_journal o WHERE o.key = y.key))),
     off_line AS (SELECT d.currency, coalesce(c.document_id, l.document_id) || ' line ' || coalesce(c.line_no, l.line_no) AS what, coalesce(c.net, 0) - coalesce(l.net, 0) AS net, coalesce(c.wh, 0) - coalesce(l.wh, 0) AS wh
       FROM (SELECT * FROM lines WHERE NOT adjusted) l FULL JOIN charges c ON c.document_id = l.document_id AND c.line_no = l.line_no JOIN issued d ON d.id = coalesce(c.document_id, l.document_id) WHERE coalesce(c.net, 0) <> coalesce(l.net, 0) OR coalesce(c.wh, 0) <> coalesce(l.wh, 0)),
     ends AS (SELECT d.currency, coalesce(l.document_id, h.document_id) || ' ' || coalesce(l.gl_account, h.gl_account) || ' ' || coalesce(l.cost_center, h.cost_center) || ' ' || coalesce(l.vat_code, h.vat_code) AS what,
         coalesce(l.net, 0) - coalesce(h.net, 0) AS net, CASE WHEN r.document_id IS NULL THEN coalesce(l.wh, 0) ELSE 0 END AS wh, h.document_id IS NOT NULL AND l.document_id IS NULL AS erp_alone
       FROM (SELECT document_id, gl_account, cost_center, vat_code, sum(net) AS net, sum(wh) AS wh FROM lines GROUP BY 1, 2, 3, 4) l
       FULL JOIN held h ON h.document_id = l.document_id AND h.gl_account = l.gl_account AND h.cost_center = l.cost_center AND h.vat_code = l.vat_code
       JOIN issued d ON d.id = coalesce(l.document_id, h.document_id) LEFT JOIN reached r ON r.document_id = d.id)
     SELECT d.currency, count(*) AS documents,
       (SELECT coalesce(sum(c.n), 0)::bigint FROM charges c JOIN issued i ON i.id = c.document_id WHERE i.currency = d.currency) AS charges,
       (SELECT count(DISTINCT c.record_id) FROM issued i JOIN document_claim k ON k.document_id = i.id JOIN rated_charge c ON c.charge_id = k.charge_id WHERE i.currency = d.currency) AS records,
       (SELECT count(*) FROM held h JOIN issued i ON i.id = h.document_id WHERE i.currency = d.currency) AS erp_lines,
       (SELECT coalesce(sum(c.wh), 0)::bigint FROM charges c JOIN issued i ON i.id = c.document_id WHERE i.currency = d.currency) AS charges_wh,
       (SELECT coalesce(sum(l.wh), 0)::bigint FROM lines l WHERE l.currency = d.currency) AS lines_wh,
       (SELECT coalesce(sum(l.wh), 0)::bigint FROM lines l JOIN reached r ON r.document_id = l.document_id WHERE l.currency = d.currency) AS reaching_wh,
       (SELECT coalesce(sum(c.net), 0)::bigint FROM charges c JOIN issued i ON i.id = c.document_id WHERE i.currency = d.currency) AS charges_net,
       (SELECT coalesce(sum(l.net), 0)::bigint FROM lines l WHERE l.currency = d.currency AND l.adjusted) AS adjustments_net,
       (SELECT coalesce(sum(l.net), 0)::bigint FROM lines l WHERE l.currency = d.currency) AS lines_net,
       (SELECT coalesce(${journalNetSql}, 0)::bigint FROM issued i JOIN ledger_transaction t ON t.key = 'issue/' || i.id JOIN ledger_entry e ON e.transaction_key = t.key AND e.unit = i.currency WHERE i.currency = d.currency) AS journals_net,
       (SELECT coalesce(sum(h.net), 0)::bigint FROM held h JOIN issued i ON i.id = h.document_id WHERE i.currency = d.currency) AS erp_net,
       ${orphansSql('off_line', 'true')} AS off_line, ${orphansSql('ends', 'NOT erp_alone AND (net <> 0 OR wh <> 0)')} AS no_erp, ${orphansSql('ends', 'erp_alone')} AS no_line
     FROM issued d GROUP BY d.currency ORDER BY d.currency`,
    [runId],
  );
  return rows.map((r) => {
    const money = (minor: bigint) => formatMinor(minor, r.currency);
    const orphans = (found: { count: number; net: string; wh: string; examples: string[] | null }): Orphans => ({
      count: found.count,
      net: money(BigInt(found.net)),
      energyWh: found.wh,
      examples: found.examples ?? [],
    });
    return {
      currency: r.currency,
      records: Number(r.records),
      charges: Number(r.charges),
      documents: Number(r.documents),
      erpLines: Number(r.erp_lines),
      energyWh: { charges: String(r.charges_wh), lines: String(r.lines_wh), reachingErp: String(r.reaching_wh) },
      net: { charges: money(r.charges_net), adjustments: money(r.adjustments_net), lines: money(r.lines_net), journals: money(r.journals_net), erp: money(r.erp_net) },
      orphans: { chargesWithoutLine: orphans(r.off_line), linesWithoutErp: orphans(r.no_erp), erpWithoutLine: orphans(r.no_line) },
    };
  });
}

function orphansSql(table: string, where: string): string {
  return `(SELECT jsonb_build_object('count', count(*), 'net', coalesce(sum(net), 0)::text, 'wh', coalesce(sum(wh), 0)::text, 'examples', (array_agg(what ORDER BY what))[1:${mostExamples}]) FROM ${table} o WHERE o.currency = d.currency AND ${where})`;
}
