/**
 * Claims of a run ($1) with the document and line on which each charge most likely comes to stand, so that building moves only what turned
 * out otherwise: writing a claim a second time costs more than all the rest of its billing. `claims` selects charge_id and account_id.
 * Columns: charge_id, run_id, account_id, disposition, document_id, line_no. What decides is the building of documents alone.
 */
export const onLikelyLines = (claims: string) =>
  `SELECT l.charge_id, $1, l.account_id, 'document', a.document_id, dense_rank() OVER (PARTITION BY l.account_id ORDER BY c.customer_cost_center NULLS LAST, c.cost_center, c.site_id NULLS LAST, c.service_month,
     c.component, c.unit_price, c.vat_code, c.gl_account, c.role, c.mapping_version)
   FROM (${claims}) l JOIN rated_charge c ON c.charge_id = l.charge_id
   JOIN (SELECT id, 'doc_' || left(encode(sha256(convert_to($1 || E'\\n' || id || E'\\n' || currency, 'UTF8')), 'hex'), 20) AS document_id FROM account OFFSET 0) a ON a.id = l.account_id`;
