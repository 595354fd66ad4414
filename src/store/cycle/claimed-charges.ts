import type { QueryResultRow } from 'pg';
import type { DocumentAdjustment, DocumentCharge } from '../../core/document/compose.ts';

const chargeColumns = `c.charge_hash, c.role, c.component, c.unit_price, c.quantity, c.quantity_unit, c.net_minor, c.gross_minor, c.vat_code, c.gl_account, c.cost_center, c.customer_cost_center,
  c.site_id, c.service_month, c.energy_wh, c.mapping_version, c.service_on, c.split_no, c.contract_id, c.clause`;
/**
 * What a document needs of its charges: claimed ones, and those of the month that become charges when it is issued, under the negated
 * id of their draft. Conditions name run_id, account_id, document_id or disposition of `c`.
 */
export const claimedCharges = `SELECT c.* FROM (
  SELECT k.run_id, k.account_id, k.document_id, k.line_no, k.disposition, c.charge_id, c.session_key, c.revision, c.reversal_of, ${chargeColumns} FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id
  UNION ALL
  SELECT c.run_id, c.account_id, c.document_id, c.line_no, 'document', -c.id, NULL, NULL, NULL, ${chargeColumns} FROM period_charge c LEFT JOIN document d ON d.id = c.document_id WHERE d.state IS DISTINCT FROM 'issued') c`;
/** The order of a document's charges; it is hashed. */
export const annexOrder = 'c.service_on, c.session_key COLLATE "C", c.revision, c.reversal_of IS NOT NULL, c.role, c.component, c.split_no, c.contract_id, c.clause, c.service_month';

/** A row of `claimedCharges` as composing takes it. */
export function chargeOf(r: QueryResultRow): DocumentCharge {
  return {
    chargeId: r['charge_id'],
    chargeHash: r['charge_hash'],
    role: r['role'],
    component: r['component'],
    unitPrice: r['unit_price'],
    quantity: r['quantity'],
    quantityUnit: r['quantity_unit'],
    netMinor: r['net_minor'],
    grossMinor: r['gross_minor'],
    vatCode: r['vat_code'],
    glAccount: r['gl_account'],
    costCenter: r['cost_center'],
    customerCostCenter: r['customer_cost_center'],
    siteId: r['site_id'],
    serviceMonth: r['service_month'],
    energyWh: r['energy_wh'],
    mappingVersion: r['mapping_version'],
  };
}

/** An adjustment row as composing takes it. */
export function adjustmentOf(r: QueryResultRow): DocumentAdjustment {
  return {
    id: r['id'],
    amountMinor: r['amount_minor'],
    vatCode: r['vat_code'],
    glAccount: r['gl_account'],
    costCenter: r['cost_center'],
    description: r['description'],
    serviceMonth: r['service_month'],
  };
}
