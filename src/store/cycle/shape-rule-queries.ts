import { lastDaySql, rulesOfRun } from './exclusion-match.ts';
import { awaitsOrder } from './held-invoices.ts';
import { leftOut } from './left-out.ts';
import { limitIn } from './limit-in.ts';
import { dueFrom, waits } from './waiting-adjustments.ts';

const hits = `hit AS (SELECT h.*, c.energy_wh, c.net_minor, c.currency AS charge_currency FROM exclusion_hit h JOIN rated_charge c ON c.charge_id = h.charge_id WHERE h.run_id = $1),
        held AS (${rulesOfRun})`;
/** The same with fees, which have no charge yet. */
const withFees = `hit AS (SELECT h.*, h.currency AS charge_currency FROM ${leftOut} h WHERE h.run_id = $1), held AS (${rulesOfRun})`;
/** With what accounts are owed, which is no part of the shadow balance. */
const withOwed = `hit AS (SELECT h.rule_id, h.too_old, h.energy_wh, h.net_minor, h.currency AS charge_currency FROM ${leftOut} h WHERE h.run_id = $1
        UNION ALL SELECT h.rule_id, h.too_old, 0, c.net_minor, c.currency FROM exclusion_hit h JOIN rated_charge c ON c.charge_id = h.charge_id AND c.payer_account_id IS NULL WHERE h.run_id = $1)`;
const sums = "'computed', sum(h.net_minor), 'charges', count(*), 'wh', sum(h.energy_wh)";
const perRule = (rule: string, where: string, more = '') =>
  `SELECT ${rule} AS subject, NULL::text AS account_id, NULL::bigint AS record_id, h.charge_currency AS currency, jsonb_build_object('rule', ${rule}, ${sums}${more}) AS params FROM hit h WHERE ${where} GROUP BY ${rule}, h.charge_currency`;
const billedAgain = "h.was_carried AND h.outcome = 'billed'";

/** Queries of the rules that look at what finance shaped: exclusions and adjustments. */
export const shapeRuleQueries = {
  exclusionConflict: {
    scope: 'run',
    money: ['computed'],
    parts: () => withFees,
    sql: () => `SELECT x.rules AS subject, x.account_id, NULL::bigint AS record_id, x.charge_currency AS currency, jsonb_build_object('rules', x.rules, 'computed', x.net, 'charges', x.n, 'wh', x.wh) AS params
      FROM (SELECT array_to_string(h.rivals, ', ') AS rules, h.account_id, h.charge_currency, sum(h.net_minor) AS net, count(*) AS n, sum(h.energy_wh) AS wh FROM hit h WHERE h.rivals IS NOT NULL GROUP BY 1, 2, 3) x`,
  },
  exclusionExpired: {
    scope: 'run',
    money: ['computed'],
    parts: () => withFees,
    sql: () => perRule('h.before_rule', `${billedAgain} AND h.before_cause = 'standing' AND NOT h.too_old AND h.before_rule NOT IN (SELECT id FROM held)`),
  },
  carriedTooLong: { scope: 'run', money: ['computed'], parts: () => withOwed, sql: () => perRule('h.rule_id', 'h.too_old') },
  carriedBilled: { scope: 'run', money: ['computed'], parts: () => withFees, sql: () => perRule('h.before_rule', `${billedAgain} AND h.before_cause = 'own'`) },
  exclusionReviewDue: {
    scope: 'run',
    money: ['computed'],
    parts: () =>
      `${withFees}, due AS (SELECT s.id, s.review_on FROM billing_run r JOIN legal_entity e ON e.id = r.entity_id JOIN standing_exclusion s ON s.review_on <= ${lastDaySql} WHERE r.id = $1)`,
    sql: () => perRule('h.rule_id', "h.outcome <> 'billed' AND h.rule_id IN (SELECT id FROM due)", ", 'on', (SELECT min(d.review_on) FROM due d WHERE d.id = h.rule_id)"),
  },
  adjustmentUnsigned: {
    scope: 'run',
    money: ['computed', 'limit'],
    sql: ({
      minMinor,
    }: Readonly<
      Record<string, number>
    >) => `SELECT j.id AS subject, j.account_id, NULL::bigint AS record_id, j.currency, jsonb_build_object('adjustment', j.id, 'computed', j.amount_minor, 'limit', x.minor) AS params
      FROM adjustment j CROSS JOIN LATERAL (SELECT ${limitIn('j.currency', minMinor ?? 0)} AS minor) x WHERE j.run_id = $1 AND j.withdrawn_at IS NULL AND j.reversal_of IS NULL AND j.signed_by IS NULL AND abs(j.amount_minor) > x.minor`,
  },
  adjustmentConflict: {
    scope: 'run',
    money: ['computed'],
    parts: () => `${hits}, adj AS (SELECT * FROM adjustment WHERE run_id = $1 AND withdrawn_at IS NULL),
        whole AS (SELECT k.account_id, bool_and(k.disposition <> 'document') AS is_out FROM claim k WHERE k.run_id = $1 AND k.account_id IN (SELECT account_id FROM adj) GROUP BY 1)`,
    sql: () => `SELECT j.id AS subject, j.account_id, NULL::bigint AS record_id, j.currency, jsonb_build_object('adjustment', j.id, 'computed', j.amount_minor, 'why', w.why) AS params
      FROM adj j CROSS JOIN LATERAL (
        SELECT 'its account is parked' AS why FROM run_account a WHERE a.run_id = $1 AND a.account_id = j.account_id AND a.state = 'parked'
        UNION ALL SELECT 'its invoice waits for a purchase order' FROM run_account a WHERE a.run_id = $1 AND a.account_id = j.account_id AND a.state <> 'parked' AND ${awaitsOrder('a')}
          AND NOT EXISTS (SELECT FROM document_line l JOIN document d ON d.id = l.document_id AND d.run_id = $1 WHERE l.adjustment_id = j.id)
        UNION ALL SELECT 'all else of its account is left out of the run' FROM whole o WHERE o.account_id = j.account_id AND o.is_out
        UNION ALL SELECT 'its charge is left out of the run' FROM hit h WHERE h.charge_id = j.charge_id AND h.outcome <> 'billed'
        UNION ALL SELECT 'its charge was taken back by a correction' FROM rated_charge m JOIN rated_charge o ON o.charge_id = m.reversal_of AND o.record_id = m.record_id WHERE o.charge_id = j.charge_id) w`,
  },
  creditAboveLine: {
    scope: 'run',
    money: ['computed', 'limit'],
    sql: () => `SELECT j.id AS subject, j.account_id, NULL::bigint AS record_id, j.currency, jsonb_build_object('adjustment', j.id, 'computed', c.adjusted + c.mirrored, 'limit', c.worth, 'line', j.document_id || ' line ' || j.line_no) AS params
      FROM adjustment j CROSS JOIN LATERAL credit_of_line(j.document_id, j.line_no) c WHERE j.run_id = $1 AND j.withdrawn_at IS NULL AND j.document_id IS NOT NULL AND abs(c.adjusted + c.mirrored) > abs(c.worth)`,
  },
  purchaseOrderMissing: {
    scope: 'run',
    money: ['computed'],
    sql: () =>
      `SELECT h.account_id AS subject, h.account_id, NULL::bigint AS record_id, h.currency, jsonb_build_object('computed', h.net_minor, 'charges', h.charge_count, 'wh', h.energy_wh) AS params FROM held_document h WHERE h.run_id = $1 AND h.reason = 'purchaseOrder'`,
  },
  twinWaits: {
    scope: 'run',
    money: ['computed'],
    sql: () => `SELECT j.id AS subject, j.account_id, NULL::bigint AS record_id, j.currency, jsonb_build_object('adjustment', j.id, 'computed', j.amount_minor, 'due', ${dueFrom('j')}) AS params
      FROM billing_run r JOIN legal_entity e ON e.id = r.entity_id JOIN account a ON a.entity_id = e.id JOIN adjustment j ON j.account_id = a.id AND ${dueFrom('j')} <= to_char(${lastDaySql}, 'YYYY-MM')
      WHERE r.id = $1 AND ${waits('j')}`,
  },
} as const;
