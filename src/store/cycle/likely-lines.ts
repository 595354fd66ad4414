/** Columns of a `rated_charge c` that tell lines apart. */
export const lineKey = 'c.customer_cost_center, c.cost_center, c.site_id, c.service_month, c.component, c.unit_price, c.vat_code, c.gl_account, c.role, c.mapping_version, c.quantity_unit';

/**
 * Charges for documents of a run ($1) by the line on which they come to stand as long as nothing is corrected, held or left out: `ids` of
 * each line. A claim is written with its line, so that building moves only what turns out otherwise: to write it a second time costs more
 * than all the rest of its billing. What decides is the building alone; this follows the keys of core/document. `from` is a FROM
 * clause with a `rated_charge c`, `account` whose charge it is; `settles` holds where it gets statements without VAT. `odd`: something of it is a correction, or
 * too small to be billed.
 */
export const likelyLines = (account: string, from: string, settles = 'false') => `SELECT c.account_id, c.ids, c.odd,
    'doc_' || left(encode(sha256(convert_to(concat($1, E'\\n', c.account_id, E'\\n', c.currency, '|', c.rounding_mode, '|', c.vat_side, '|invoice'), 'UTF8')), 'hex'), 20) AS document_id,
    dense_rank() OVER (PARTITION BY c.account_id, c.currency, c.rounding_mode, c.vat_side ORDER BY c.of_month, c.customer_cost_center COLLATE "C" NULLS LAST, c.cost_center COLLATE "C", c.site_id COLLATE "C" NULLS LAST,
      c.service_month COLLATE "C", c.component COLLATE "C", c.unit_price COLLATE "C", c.vat_code COLLATE "C", c.gl_account COLLATE "C", c.role COLLATE "C", c.mapping_version, c.quantity_unit COLLATE "C") AS line_no
  FROM (
    SELECT ${account} AS account_id, c.currency, c.rounding_mode, CASE WHEN ${settles} THEN '' WHEN v.category = 'O' THEN 'O' WHEN c.rounding_mode = 'netFirst' THEN trim(v.country) ELSE '' END AS vat_side, c.record_id IS NULL AS of_month, ${lineKey},
      array_agg(c.charge_id) AS ids, bool_or(c.reversal_of IS NOT NULL OR coalesce(c.revision > 1, false) OR coalesce(c.clause = 'smallSession', false)) AS odd
    FROM ${from} LEFT JOIN vat_rule v ON v.code = c.vat_code GROUP BY 1, 2, 3, 4, 5, ${lineKey}) c`;

/** Claims of `lines`, for an INSERT of charge_id, run_id, account_id, disposition, document_id, line_no. */
export const claimsOf = (lines: string) => `SELECT unnest(l.ids), $1, l.account_id, 'document', l.document_id, l.line_no FROM (${lines}) l`;

/** The same for charges given as SQL that selects charge_id and account_id. */
export const onLikelyLines = (claims: string) => claimsOf(likelyLines('k.account_id', `(${claims}) k JOIN rated_charge c ON c.charge_id = k.charge_id`));
