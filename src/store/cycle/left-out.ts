/**
 * SQL: what runs leave out, or bill since an earlier one left it out: claimed charges, and fees that become charges on a document. `opening_minor`: what was
 * carried in; `net_minor`: what it is now, which for a charge is the same; `service_on`: of a fee the last day of its month (D07). What is owed to others is no part of it.
 */
export const leftOut = `(SELECT h.run_id, h.account_id, h.cause, h.rule_id, h.outcome, h.was_carried, h.first_run_id, h.before_cause, h.before_rule, h.too_old, h.rivals,
    c.service_month, c.service_on, c.currency, c.energy_wh, CASE WHEN h.was_carried THEN c.net_minor ELSE 0 END AS opening_minor, c.net_minor
  FROM exclusion_hit h JOIN rated_charge c ON c.charge_id = h.charge_id AND c.payer_account_id IS NOT NULL
  UNION ALL
  SELECT f.run_id, f.account_id, f.cause, f.rule_id, f.outcome, f.before_cause IS NOT NULL, f.first_run_id, f.before_cause, f.before_rule, f.too_old, f.rivals,
    f.service_month, ((f.service_month || '-01')::date + interval '1 month' - interval '1 day')::date, f.currency, 0, f.opening_minor, f.net_minor
  FROM left_out_fee f)`;
