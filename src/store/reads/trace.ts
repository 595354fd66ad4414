import type { TraceRow } from '../../contracts/trace.ts';
import { formatMinor } from '../../core/money.ts';
import type { Db } from '../db.ts';
import { keyBefore, type Page, type PageOrder, pageOf } from './page.ts';

/**
 * From which end a trace starts: a record's number, a document's id or legal number, an account, the ERP's id, or what a balance in the ERP is
 * made of: a run's documents, by account of the chart, cost center and VAT code.
 */
export type TraceStart = {
  readonly record?: string | undefined;
  readonly document?: string | undefined;
  readonly account?: string | undefined;
  readonly erp?: string | undefined;
  readonly run?: string | undefined;
  readonly glAccount?: string | undefined;
  readonly costCenter?: string | undefined;
  readonly vatCode?: string | undefined;
};

/** SQL over a charge `c` and a line `r` of its receipt: they are of the same site and day. */
const atPlaceSql = "r.site_id = coalesce(c.site_id, '') AND r.charged_on = c.service_on";

/** SQL that keeps the order and limit of a page out of a subquery: else all claims there are may be walked in order of charge for the few of a document. */
const byIndexSql = ' OFFSET 0';

/** Follows charges from any end to the other, in order of charge; at most `limit` after `cursor`. */
export async function traceFrom(db: Db, start: TraceStart, page: PageOrder): Promise<Page<TraceRow>> {
  const list = ['traced charges', start.record, start.document, start.account, start.erp, start.run, start.glAccount, start.costCenter, start.vatCode] as const;
  const { sql, values } = chargesFrom(start, page);
  const { rows } = await db.query(
    `SELECT c.*, k.run_id, k.disposition, k.document_id, k.line_no, s.legal_number, p.state AS erp_state, p.external_id, t.key AS issue_journal
     FROM (SELECT * FROM (${sql}) i WHERE charge_id > $1 ORDER BY charge_id LIMIT $2) f JOIN rated_charge c ON c.charge_id = f.charge_id LEFT JOIN claim k ON k.charge_id = c.charge_id
     LEFT JOIN issue_stamp s ON s.document_id = k.document_id LEFT JOIN LATERAL (
       SELECT o.state, o.external_id FROM erp_posting o WHERE o.document_id = k.document_id
       UNION ALL SELECT o.state, o.external_id FROM erp_receipt_line r JOIN erp_posting o ON o.key = r.posting_key WHERE r.part = 'party' AND r.document_id = k.document_id AND ${atPlaceSql}) p ON true
     LEFT JOIN ledger_transaction t ON t.key = 'issue/' || k.document_id
     ORDER BY c.charge_id`,
    [keyBefore(list, page) ?? '0', page.limit + 1, ...values],
  );
  return pageOf(
    list,
    rows,
    page.limit,
    (r) => String(r.charge_id),
    (r): TraceRow => ({
      recordId: r.record_id?.toString() ?? null,
      sessionKey: r.session_key,
      revision: r.revision,
      energyWh: String(r.energy_wh),
      chargeId: String(r.charge_id),
      role: r.role,
      component: r.component,
      net: formatMinor(r.net_minor, r.currency),
      currency: r.currency,
      glAccount: r.gl_account,
      costCenter: r.cost_center,
      ratedJournal: `${r.page_id}/${r.service_month}`,
      accountId: r.payer_account_id ?? r.payee_account_id,
      runId: r.run_id,
      disposition: r.disposition,
      documentId: r.document_id,
      lineNo: r.line_no,
      legalNumber: r.legal_number,
      issueJournal: r.issue_journal,
      erpState: r.erp_state,
      erpId: r.external_id,
    }),
  );
}

/** The charges that a trace starts from, each by the index of its end; values from $3 on. All ends that are named must hold. */
function chargesFrom({ record, document, account, erp, run, glAccount, costCenter, vatCode }: TraceStart, page: PageOrder): { readonly sql: string; readonly values: readonly string[] } {
  const values: string[] = [];
  const value = (text: string) => `$${values.push(text) + 2}`;
  const parts: string[] = [];
  if (record !== undefined) parts.push(`SELECT charge_id FROM rated_charge WHERE record_id = ${value(record)}::bigint`);
  if (document !== undefined) {
    const id = value(document);
    parts.push(`SELECT charge_id FROM document_claim WHERE document_id = ANY(ARRAY(SELECT document_id FROM issue_stamp WHERE legal_number = ${id} UNION SELECT ${id}))${byIndexSql}`);
  }
  if (erp !== undefined) {
    const id = value(erp);
    // A journal of receipts is of the charges of its site and day alone.
    parts.push(`(SELECT charge_id FROM document_claim WHERE document_id = ANY(ARRAY(SELECT document_id FROM erp_posting WHERE external_id = ${id}))${byIndexSql})
      UNION SELECT c.charge_id FROM erp_posting o JOIN erp_receipt_line r ON r.posting_key = o.key AND r.part = 'party' JOIN document_claim k ON k.document_id = r.document_id JOIN rated_charge c ON c.charge_id = k.charge_id AND ${atPlaceSql} WHERE o.external_id = ${id}`);
  }
  if (run !== undefined) {
    const of = [
      ['gl_account', glAccount],
      ['cost_center', costCenter],
      ['vat_code', vatCode],
    ].flatMap(([column, wanted]) => (wanted === undefined ? [] : [` AND c.${column} = ${value(wanted)}`]));
    parts.push(`SELECT k.charge_id FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id WHERE k.run_id = ${value(run)} AND k.document_id IS NOT NULL${of.join('')}`);
  }
  if (account !== undefined) {
    const id = value(account);
    // Claimed or open: a charge is one of the two, or cancels out with its mirror.
    parts.push(`SELECT charge_id FROM claim WHERE account_id = ${id} AND run_id = ANY(ARRAY(SELECT r.id FROM billing_run r JOIN account a ON a.entity_id = r.entity_id WHERE a.id = ${id}))
      UNION SELECT charge_id FROM open_charge WHERE account_id = ${id} AND entity_id = (SELECT entity_id FROM account WHERE id = ${id})`);
  }
  return { sql: parts.map((p) => `(${p})`).join(' INTERSECT ') || `SELECT charge_id FROM rated_charge WHERE charge_id > $1 ORDER BY charge_id LIMIT ${page.limit + 1}`, values };
}
