import { lastDaySql, rulesOfRun } from './exclusion-match.ts';

const hits = `hit AS (SELECT h.*, c.energy_wh, c.net_minor, c.currency AS charge_currency FROM exclusion_hit h JOIN rated_charge c ON c.charge_id = h.charge_id WHERE h.run_id = $1),
        held AS (${rulesOfRun})`;
const sums = "'computed', sum(h.net_minor), 'charges', count(*), 'wh', sum(h.energy_wh)";
const perRule = (rule: string, where: string, more = '') =>
  `SELECT ${rule} AS subject, NULL::text AS account_id, NULL::bigint AS record_id, h.charge_currency AS currency, jsonb_build_object('rule', ${rule}, ${sums}${more}) AS params FROM hit h WHERE ${where} GROUP BY ${rule}, h.charge_currency`;
const billedAgain = "h.was_carried AND h.outcome = 'billed'";

/** Queries of the rules that look at what finance shaped: exclusions and adjustments. */
export const shapeRuleQueries = {
  exclusionConflict: {
    scope: 'run',
    money: ['computed'],
    parts: () => hits,
    sql: () => `SELECT x.rules AS subject, x.account_id, NULL::bigint AS record_id, x.charge_currency AS currency, jsonb_build_object('rules', x.rules, 'computed', x.net, 'charges', x.n, 'wh', x.wh) AS params
      FROM (SELECT array_to_string(h.rivals, ', ') AS rules, h.account_id, h.charge_currency, sum(h.net_minor) AS net, count(*) AS n, sum(h.energy_wh) AS wh FROM hit h WHERE h.rivals IS NOT NULL GROUP BY 1, 2, 3) x`,
  },
  exclusionExpired: {
    scope: 'run',
    money: ['computed'],
    parts: () => hits,
    sql: () => perRule('h.before_rule', `${billedAgain} AND h.before_cause = 'standing' AND NOT h.too_old AND h.before_rule NOT IN (SELECT id FROM held)`),
  },
  carriedTooLong: { scope: 'run', money: ['computed'], parts: () => hits, sql: () => perRule('h.rule_id', 'h.too_old') },
  carriedBilled: { scope: 'run', money: ['computed'], parts: () => hits, sql: () => perRule('h.before_rule', `${billedAgain} AND h.before_cause = 'own'`) },
  exclusionReviewDue: {
    scope: 'run',
    money: ['computed'],
    parts: () => `${hits}, due AS (SELECT s.id, s.review_on FROM billing_run r JOIN legal_entity e ON e.id = r.entity_id JOIN standing_exclusion s ON s.review_on <= ${lastDaySql} WHERE r.id = $1)`,
    sql: () => perRule('h.rule_id', "h.outcome <> 'billed' AND h.rule_id IN (SELECT id FROM due)", ", 'on', (SELECT min(d.review_on) FROM due d WHERE d.id = h.rule_id)"),
  },
} as const;
