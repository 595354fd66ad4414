import { formatMinor } from '../../core/money.ts';
import type { Db } from '../db.ts';
import { type Page, type PageOrder, pageOf } from './page.ts';

/** From which end a trace starts: a record's number, a document's id or legal number, an account, or the ERP's id. */
export type TraceStart = { readonly record?: string | undefined; readonly document?: string | undefined; readonly account?: string | undefined; readonly erp?: string | undefined };
/** One charge all the way: kWh, record, charge, document line, journal, ERP. */
export type TraceRow = {
  readonly recordId: string | null;
  readonly sessionKey: string | null;
  readonly revision: number | null;
  readonly energyWh: string;
  readonly chargeId: string;
  readonly role: string;
  readonly component: string;
  readonly net: string;
  readonly currency: string;
  readonly glAccount: string;
  readonly costCenter: string;
  readonly ratedJournal: string;
  readonly accountId: string | null;
  readonly runId: string | null;
  readonly disposition: string | null;
  readonly documentId: string | null;
  readonly lineNo: number | null;
  readonly legalNumber: string | null;
  readonly issueJournal: string | null;
  readonly erpState: string | null;
  readonly erpId: string | null;
};

/** Follows charges from any end to the other, in order of charge; at most `limit` after `cursor`. */
export async function traceFrom(db: Db, start: TraceStart, page: PageOrder): Promise<Page<TraceRow>> {
  const { rows } = await db.query(
    `SELECT c.*, k.run_id, k.disposition, k.document_id, k.line_no, s.legal_number, p.state AS erp_state, p.external_id, t.key AS issue_journal
     FROM rated_charge c LEFT JOIN claim k ON k.charge_id = c.charge_id LEFT JOIN issue_stamp s ON s.document_id = k.document_id
     LEFT JOIN erp_posting p ON p.document_id = k.document_id LEFT JOIN ledger_transaction t ON t.key = 'issue/' || k.document_id
     WHERE ($1::bigint IS NULL OR c.record_id = $1) AND ($2::text IS NULL OR k.document_id = $2 OR s.legal_number = $2)
       AND ($3::text IS NULL OR c.payer_account_id = $3 OR c.payee_account_id = $3) AND ($4::text IS NULL OR p.external_id = $4)
       AND ($5::bigint IS NULL OR c.charge_id > $5) ORDER BY c.charge_id LIMIT $6`,
    [start.record ?? null, start.document ?? null, start.account ?? null, start.erp ?? null, page.cursor ?? null, page.limit + 1],
  );
  return pageOf(
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
