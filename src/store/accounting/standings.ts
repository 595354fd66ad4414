import type { OpenExpectation, Standing } from '../../core/accounting/accrual.ts';
import type { Db } from '../db.ts';

/**
 * What the charges of a seller come to at the end of a month, by kind, currency, GL account and cost center: booked in a period up to it, on a document
 * issued or an invoice matched by its last day, written off, and of fees in advance released. Rows that the ERP holds wholly are left out. Charges that came to
 * nothing together, such as a correction at the same price, have no ledger transaction: what of them is invoiced or written off counts all the same.
 */
export async function loadStandings(db: Db, entityId: string, month: string, lastDay: string): Promise<Standing[]> {
  const { rows } = await db.query<{ kind: Standing['kind']; currency: string; gl: string; cc: string; booked: bigint; invoiced: bigint; written: bigint; released: bigint }>(
    `SELECT ${kindOfCharge} AS kind, c.currency, c.gl_account AS gl, c.cost_center AS cc,
       coalesce(sum(c.net_minor) FILTER (WHERE b.period <= $2), 0)::bigint AS booked, coalesce(sum(c.net_minor) FILTER (WHERE s.document_id IS NOT NULL OR i.id IS NOT NULL), 0)::bigint AS invoiced,
       coalesce(sum(c.net_minor) FILTER (WHERE w.key IS NOT NULL), 0)::bigint AS written, coalesce(sum(c.net_minor) FILTER (WHERE f.key IS NOT NULL), 0)::bigint AS released
     FROM rated_charge c LEFT JOIN ledger_transaction b ON b.key = c.page_id || '/' || c.service_month
       LEFT JOIN partner_invoice_charge x ON x.charge_id = c.charge_id LEFT JOIN partner_invoice i ON i.id = x.invoice_id AND i.posted_on <= $3
       LEFT JOIN claim k ON k.charge_id = c.charge_id LEFT JOIN issue_stamp s ON s.document_id = k.document_id AND s.issued_on <= $3
       LEFT JOIN ledger_transaction w ON k.disposition = 'excluded' AND c.payer_account_id IS NOT NULL AND w.key = 'writeOff/' || k.run_id AND w.period <= $2
       LEFT JOIN ledger_transaction f ON c.role = 'advanceFee' AND f.key = 'release/' || c.charge_id || '/' || c.service_month AND f.period <= $2
     WHERE c.entity_id = $1 AND c.net_minor <> 0 AND (b.period <= $2 OR s.document_id IS NOT NULL OR i.id IS NOT NULL OR w.key IS NOT NULL)
     GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4`,
    [entityId, month, lastDay],
  );
  return rows.map((r) => ({
    kind: r.kind,
    currency: r.currency,
    glAccount: r.gl,
    costCenter: r.cc,
    bookedMinor: r.booked,
    invoicedMinor: r.invoiced,
    writtenOffMinor: r.written,
    releasedMinor: r.released,
  }));
}

/** SQL: what kind of accrual a `rated_charge c` belongs to. */
export const kindOfCharge = `CASE WHEN c.role = 'advanceFee' THEN 'advanceFee' WHEN c.payer_account_id IS NOT NULL THEN 'sale' WHEN c.role = 'roamingPurchase' THEN 'roaming'
  WHEN c.role IN ('homeReimbursement', 'homePurchase') THEN 'home' ELSE 'share' END`;

/** Sessions that were seen to start before an instant and whose CDR has not come, with what they are estimated to be worth; on the cost center of their site, else the seller's own. */
export async function loadOpenExpectations(
  db: Db,
  entityId: string,
  before: Date,
): Promise<{ readonly open: readonly OpenExpectation[]; readonly unpriced: number; readonly withoutCostCenter: number }> {
  const { rows } = await db.query<{ source_id: string; key: string; amount: string | null; currency: string | null; cost_center: string | null; wh: bigint | null }>(
    `SELECT e.source_id, e.key, e.estimated_amount::text AS amount, e.currency, coalesce(t.cost_center, l.cost_center) AS cost_center, e.estimated_wh AS wh
     FROM expectation e JOIN source s ON s.id = e.source_id JOIN legal_entity l ON l.id = s.entity_id LEFT JOIN site t ON t.id = e.site_id
     WHERE s.entity_id = $1 AND e.opened_at < $2 AND e.resolution IS NULL ORDER BY 1, 2`,
    [entityId, before],
  );
  const priced = rows.filter((r) => r.amount !== null && r.currency !== null);
  return {
    open: priced.flatMap((r) =>
      r.cost_center === null ? [] : [{ sourceId: r.source_id, key: r.key, amount: r.amount ?? '0', currency: r.currency ?? '', costCenter: r.cost_center, estimatedWh: r.wh }],
    ),
    unpriced: rows.length - priced.length,
    withoutCostCenter: priced.filter((r) => r.cost_center === null).length,
  };
}
