import type { QueryResultRow } from 'pg';
import type { Charge } from '../../core/allocate/charges.ts';

/** A rated_charge row as the charge it was made of. */
export function chargeOfRow(r: QueryResultRow): Charge {
  return {
    role: r['role'],
    component: r['component'],
    splitNo: r['split_no'],
    contractId: r['contract_id'],
    contractVersion: r['contract_version'],
    clause: r['clause'],
    payerAccountId: r['payer_account_id'],
    payeeAccountId: r['payee_account_id'],
    tariffVersionId: r['tariff_version_id'],
    currency: r['currency'],
    netMinor: r['net_minor'],
    grossMinor: r['gross_minor'],
    bookNetMinor: r['book_net_minor'],
    fxRate: r['fx_rate'],
    vatCode: r['vat_code'],
    vatRule: r['vat_rule'],
    roundingMode: r['rounding_mode'],
    exactNet: r['exact_net'],
    unitPrice: r['unit_price'],
    energyWh: r['energy_wh'],
    quantity: r['quantity'],
    quantityUnit: r['quantity_unit'],
    glAccount: r['gl_account'],
    costCenter: r['cost_center'],
    customerCostCenter: r['customer_cost_center'],
    unitId: r['unit_id'],
    siteId: r['site_id'],
    serviceOn: r['service_on'],
    serviceMonth: r['service_month'],
    mappingVersion: r['mapping_version'],
  };
}
