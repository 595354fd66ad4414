import type { QueryResultRow } from 'pg';
import type { CreditRef, DocumentAdjustment, DocumentCharge } from '../../core/document/compose.ts';

const chargeColumns = `c.charge_hash, c.role, c.component, c.unit_price, c.quantity, c.quantity_unit, c.currency, c.rounding_mode, c.net_minor, c.gross_minor, c.vat_code, c.gl_account, c.cost_center, c.customer_cost_center,
  c.site_id, c.service_month, c.energy_wh, c.mapping_version, c.service_on`;
/**
 * What a document needs of its charges, one by one: claimed ones, and those of the month that become charges when it is issued, under the negated
 * id of their draft. Conditions name run_id, account_id, document_id or disposition of `c`.
 */
export const claimedCharges = `SELECT c.* FROM (
  SELECT k.run_id, k.account_id, k.document_id, k.line_no, k.disposition, k.held_since, c.charge_id, c.session_key, c.reversal_of, ${chargeColumns} FROM document_claim k JOIN rated_charge c ON c.charge_id = k.charge_id
  UNION ALL
  SELECT c.run_id, c.account_id, c.document_id, c.line_no, 'document', NULL, -c.id, NULL, NULL, ${chargeColumns} FROM period_charge c LEFT JOIN document d ON d.id = c.document_id WHERE d.state IS DISTINCT FROM 'issued') c`;

/** A row of `claimedCharges` as composing takes it; `refs` as `creditRefs` finds them. */
export function chargeOf(r: QueryResultRow, refs: ReadonlyMap<bigint, CreditRef>): DocumentCharge {
  return {
    ...summedCharge(r, r['session_key'] === null, refs),
    chargeIds: [r['charge_id']],
    chargeHashes: [r['charge_hash'].toString('hex')],
    serviceFrom: r['session_key'] === null ? `${r['service_month']}-01` : r['service_on'],
  };
}

/** What a row of one charge, or of many alike, says of them. */
function summedCharge(r: QueryResultRow, ofMonth: boolean, refs: ReadonlyMap<bigint, CreditRef>): Omit<DocumentCharge, 'chargeIds' | 'chargeHashes' | 'serviceFrom'> {
  return {
    role: r['role'],
    component: r['component'],
    unitPrice: r['unit_price'],
    quantity: r['quantity'],
    quantityUnit: r['quantity_unit'],
    currency: r['currency'],
    roundingMode: r['rounding_mode'],
    netMinor: r['net_minor'],
    grossMinor: r['gross_minor'],
    vatCode: r['vat_code'],
    glAccount: r['gl_account'],
    costCenter: r['cost_center'],
    customerCostCenter: r['customer_cost_center'],
    siteId: r['site_id'],
    sessionKey: r['session_key'],
    ofMonth,
    serviceOn: r['service_on'],
    serviceMonth: r['service_month'],
    energyWh: r['energy_wh'],
    mappingVersion: r['mapping_version'],
    credits: refs.get(r['charge_id']) ?? null,
    heldSince: r['held_since'],
  };
}

/** Manual lines: adjustments of a run, and credits that were ordered and that it took. Conditions name id, run_id, account_id or withdrawn_at of `a`. */
export const manualLines = `SELECT a.* FROM (
  SELECT id, run_id, account_id, amount_minor, NULL::bigint AS net_minor, vat_code, gl_account, cost_center, description, service_month, withdrawn_at, NULL::text AS credits_document_id, NULL::integer AS credits_line_no, NULL::text AS legal_number FROM adjustment
  UNION ALL
  SELECT o.id, o.run_id, o.account_id, o.amount_minor, o.net_minor, o.vat_code, o.gl_account, o.cost_center, o.description, NULL, o.withdrawn_at, o.document_id, o.line_no, s.legal_number
  FROM credit_order o JOIN issue_stamp s ON s.document_id = o.document_id WHERE o.run_id IS NOT NULL) a`;

/** A row of `manualLines` as composing takes it. */
export function adjustmentOf(r: QueryResultRow): DocumentAdjustment {
  const { credits_document_id: documentId, credits_line_no: lineNo, legal_number: legalNumber } = r;
  return {
    ...(r['net_minor'] === null ? {} : { netMinor: r['net_minor'] }),
    ...(documentId === null ? {} : { credits: { documentId, lineNo, legalNumber } }),
    id: r['id'],
    amountMinor: r['amount_minor'],
    vatCode: r['vat_code'],
    glAccount: r['gl_account'],
    costCenter: r['cost_center'],
    description: r['description'],
    serviceMonth: r['service_month'],
  };
}
