/** Columns of a `rated_charge c` that tell lines apart. */
export const lineKey = 'c.customer_cost_center, c.cost_center, c.site_id, c.service_month, c.component, c.unit_price, c.vat_code, c.gl_account, c.role, c.mapping_version, c.quantity_unit';
/** What is summed of it, and what the cells of a preview tell apart beside lines. */
export const summedColumns = 'c.contract_id, c.currency, c.rounding_mode, c.tariff_version_id, c.quantity, c.net_minor, c.gross_minor, c.energy_wh, c.service_on, c.charge_hash';

export type Charges = {
  /** Whose charge it is: SQL. */
  readonly account: string;
  /** A FROM clause with a `rated_charge c`. */
  readonly from: string;
  /** Holds where the account gets statements without VAT. */
  readonly settles?: string;
  /** Holds for a sale of the month that nobody earns a share of. */
  readonly unshared?: string;
};

/**
 * Charges for documents of a run ($1) summed by the line on which they come to stand as long as nothing is corrected, held or left out, and by
 * what the cells of a preview tell apart beside it: `charge_ids`, records and hashes of each sum. A claim is written with its line, so that
 * building moves only what turns out otherwise: to write it a second time costs more than all the rest of its billing. What decides is the
 * building alone; this follows the keys of core/document. `odd`: something of it is a correction, or too small to be billed.
 */
export const likelyLines = ({ account, from, settles = 'false', unshared = 'false' }: Charges) => `SELECT c.*,
    'doc_' || left(encode(sha256(convert_to(concat($1, E'\\n', c.account_id, E'\\n', c.currency, '|', c.rounding_mode, '|', c.vat_side, '|invoice'), 'UTF8')), 'hex'), 20) AS document_id,
    dense_rank() OVER (PARTITION BY c.account_id, c.currency, c.rounding_mode, c.vat_side ORDER BY c.of_month, c.customer_cost_center COLLATE "C" NULLS LAST, c.cost_center COLLATE "C", c.site_id COLLATE "C" NULLS LAST,
      c.service_month COLLATE "C", c.component COLLATE "C", c.unit_price COLLATE "C", c.vat_code COLLATE "C", c.gl_account COLLATE "C", c.role COLLATE "C", c.mapping_version, c.quantity_unit COLLATE "C")::integer AS line_no
  FROM (
    SELECT ${account} AS account_id, c.currency, c.rounding_mode, CASE WHEN ${settles} THEN '' WHEN v.category = 'O' THEN 'O' WHEN c.rounding_mode = 'netFirst' THEN trim(v.country) ELSE '' END AS vat_side, c.record_id IS NULL AS of_month, ${lineKey},
      c.contract_id, c.tariff_version_id, ${unshared} AS is_unshared, sum(c.quantity)::bigint AS quantity, sum(c.net_minor)::bigint AS net_minor, sum(c.gross_minor)::bigint AS gross_minor, sum(c.energy_wh)::bigint AS energy_wh,
      min(c.service_on) AS service_from, max(c.service_on) AS service_on, array_agg(c.charge_id) AS charge_ids, array_agg(c.record_id) AS record_ids, string_agg(c.charge_hash, '') AS hashes,
      bool_or(c.reversal_of IS NOT NULL OR coalesce(c.revision > 1, false) OR coalesce(c.clause = 'smallSession', false)) AS odd
    FROM ${from} LEFT JOIN vat_rule v ON v.code = c.vat_code GROUP BY 1, 2, 3, 4, 5, ${lineKey}, c.contract_id, c.tariff_version_id, is_unshared) c`;

/** Claims of `lines`, for an INSERT of charge_id, run_id, account_id, disposition, document_id, line_no. */
export const claimsOf = (lines: string) => `SELECT unnest(l.charge_ids), $1, l.account_id, 'document', l.document_id, l.line_no FROM (${lines}) l`;

/** The same for charges given as SQL that selects charge_id and account_id. */
export const onLikelyLines = (claims: string) => claimsOf(likelyLines({ account: 'k.account_id', from: `(${claims}) k JOIN rated_charge c ON c.charge_id = k.charge_id` }));

/** Columns of `claim_sum` beside its run. */
const keptColumns = `account_id, document_id, line_no, role, component, unit_price, quantity_unit, currency, rounding_mode, vat_code, gl_account, cost_center, customer_cost_center, site_id, service_month, mapping_version,
  contract_id, tariff_version_id, of_month, is_unshared, quantity, net_minor, gross_minor, energy_wh, service_from, service_on, charge_ids, record_ids, hashes`;

/**
 * Keeps the sums of `lines`, a relation, for the building: of a live run's accounts of which nothing is odd, and that have no document for each session. Of
 * an account of which the run had something before, pulled in or by a lane that was lost, these are not all: with `forgetSums` it is summed anew.
 */
export const keepSums = (lines: string) => `INSERT INTO claim_sum (run_id, charge_id, ${keptColumns}) SELECT $1, l.charge_ids[1], ${keptColumns} FROM ${lines} l
  WHERE l.account_id NOT IN (SELECT o.account_id FROM ${lines} o WHERE o.odd) AND l.account_id NOT IN (SELECT a.id FROM account a WHERE a.strategy = 'cardReceipt')
    AND l.account_id NOT IN (SELECT x.account_id FROM run_account x WHERE x.run_id = $1) AND (SELECT r.kind FROM billing_run r WHERE r.id = $1) = 'live'`;

/** Takes away the sums of accounts that `lines` add something to. */
export const forgetSums = (lines: string) => `DELETE FROM claim_sum s WHERE s.run_id = $1 AND s.account_id IN (SELECT l.account_id FROM ${lines} l)`;
