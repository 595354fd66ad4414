import type { Db } from '../db.ts';
import { lastDaySql, matchesOf, monthsBetween, rulesOfRun, targetsOf } from './exclusion-match.ts';

/**
 * Says of each charge that a run claims of these accounts whether it is billed, written off or carried, takes what is not billed off its
 * document, and keeps what was left out, or was until now, with the rule it was by. The run's own exclusions go before standing rules, the narrowest
 * scope before wider ones. Where rules of one rank want different things it is carried, and a finding says so. A mirror goes with what it
 * takes back. What an account is owed waits as a whole, and is billed as a whole once the oldest of it is as old as its rule allows.
 */
export async function decideDispositions(db: Db, runId: string, accounts: readonly string[]): Promise<void> {
  await db.query('DELETE FROM exclusion_hit WHERE run_id = $1 AND account_id = ANY($2)', [runId, accounts]);
  await db.query(decide, [runId, accounts]);
}

/** SQL: since the period of which closed run (its last day) each of these accounts has been parked in every one that had it; `accounts`: SQL of one column. */
const parkedSince = (
  accounts: string,
) => `SELECT x.account_id, min(${lastDaySql}) AS last FROM billing_run r JOIN legal_entity e ON e.id = r.entity_id JOIN run_account x ON x.run_id = r.id AND x.state = 'parked'
  WHERE r.kind = 'live' AND r.state = 'closed' AND x.account_id IN (${accounts}) AND NOT EXISTS (
    SELECT FROM billing_run q JOIN run_account o ON o.run_id = q.id AND o.account_id = x.account_id AND o.state <> 'parked' WHERE q.kind = 'live' AND q.state = 'closed' AND q.closed_at > r.closed_at) GROUP BY 1`;

const decide = `WITH mine AS MATERIALIZED (
    SELECT k.account_id, a.category, c.charge_id, c.record_id, c.revision, c.clause, c.site_id, c.tariff_version_id, c.service_on, c.currency, c.reversal_of, c.payer_account_id
    FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id JOIN account a ON a.id = k.account_id WHERE k.run_id = $1 AND k.account_id = ANY($2)
  ), target AS MATERIALIZED (${targetsOf(rulesOfRun)}),
  met AS (SELECT m.*, dense_rank() OVER (PARTITION BY charge_id ORDER BY cause, narrowness) AS place FROM (${matchesOf('target', 'mine')}) m),
  best AS (
    SELECT DISTINCT ON (charge_id) charge_id, cause, id, outcome, max_age_months FROM met WHERE place = 1
    ORDER BY charge_id, CASE outcome WHEN 'carry' THEN 1 WHEN 'bill' THEN 2 ELSE 3 END, max_age_months DESC NULLS LAST, id),
  clash AS (SELECT charge_id, array_agg(DISTINCT id) AS rivals FROM met WHERE place = 1 GROUP BY charge_id HAVING count(DISTINCT outcome) > 1),
  -- What the last closed run said of it. A cancelled run leaves no trace.
  former AS (
    SELECT DISTINCT ON (h.charge_id) h.charge_id, h.outcome, h.cause, h.rule_id, h.first_run_id
    FROM mine m JOIN exclusion_hit h ON h.charge_id = m.charge_id JOIN billing_run r ON r.id = h.run_id AND r.state = 'closed' AND r.kind = 'live' ORDER BY h.charge_id, r.closed_at DESC),
  day AS (SELECT r.id, ${lastDaySql} AS last FROM billing_run r JOIN legal_entity e ON e.id = r.entity_id WHERE r.id = $1 OR r.id IN (SELECT first_run_id FROM former)),
  owed AS (
    SELECT w.account_id, min(w.last) AS last FROM (
      SELECT m.account_id, d.last FROM mine m JOIN former f ON f.charge_id = m.charge_id AND f.outcome = 'carried' JOIN day d ON d.id = f.first_run_id WHERE m.payer_account_id IS NULL
      UNION ALL SELECT p.account_id, p.last FROM (${parkedSince('SELECT account_id FROM mine WHERE payer_account_id IS NULL')}) p) w GROUP BY 1),
  alone AS (
    SELECT m.charge_id, m.account_id, m.record_id, m.revision, m.reversal_of, c.rivals, f.charge_id IS NOT NULL AS was_carried, f.first_run_id, f.cause AS before_cause, f.rule_id AS before_rule,
      coalesce(b.outcome = 'carry' AND ${monthsBetween('age.since', 'today.last')} >= b.max_age_months, false) AS too_old,
      CASE WHEN m.clause = 'smallSession' THEN 'smallSession' ELSE coalesce(b.cause, 'none') END AS cause, CASE WHEN m.clause IS DISTINCT FROM 'smallSession' THEN b.id END AS rule_id,
      CASE WHEN m.clause = 'smallSession' OR b.outcome = 'writeOff' THEN 'excluded'
        WHEN b.outcome = 'carry' AND NOT coalesce(${monthsBetween('age.since', 'today.last')} >= b.max_age_months, false) THEN 'carried' ELSE 'document' END AS disposition
    FROM mine m JOIN day today ON today.id = $1 LEFT JOIN best b ON b.charge_id = m.charge_id LEFT JOIN clash c ON c.charge_id = m.charge_id
      LEFT JOIN former f ON f.charge_id = m.charge_id AND f.outcome = 'carried' LEFT JOIN day since ON since.id = f.first_run_id LEFT JOIN owed o ON m.payer_account_id IS NULL AND o.account_id = m.account_id
      CROSS JOIN LATERAL (SELECT coalesce(o.last, since.last) AS since) age),
  -- What takes the place of a charge that was billed before, and waits.
  waits AS (
    SELECT * FROM (
      SELECT DISTINCT ON (record_id, account_id) record_id, account_id, revision, disposition, cause, rule_id, rivals, too_old FROM alone
      WHERE reversal_of IS NULL AND record_id IN (SELECT record_id FROM alone WHERE reversal_of IS NOT NULL) ORDER BY record_id, account_id, revision DESC, disposition <> 'carried', charge_id) latest
    WHERE disposition = 'carried'),
  decided AS (
    SELECT a.charge_id, a.account_id, a.was_carried, a.first_run_id, a.before_cause, a.before_rule, a.disposition, a.cause, a.rule_id, a.rivals, a.too_old FROM alone a WHERE a.reversal_of IS NULL
    UNION ALL
    -- With what it takes back, in this run, or where that ended; of a document that is issued, with what takes its place, so that nobody is credited what is billed again later.
    SELECT a.charge_id, a.account_id, a.was_carried, a.first_run_id, a.before_cause, a.before_rule, coalesce(o.disposition, CASE WHEN w.record_id IS NOT NULL THEN 'carried' END, k.disposition, 'document'),
      CASE WHEN o.charge_id IS NULL THEN coalesce(w.cause, h.cause, 'none') ELSE o.cause END, CASE WHEN o.charge_id IS NOT NULL THEN o.rule_id WHEN w.record_id IS NOT NULL THEN w.rule_id ELSE h.rule_id END,
      coalesce(o.rivals, w.rivals), coalesce(o.too_old, w.too_old, false)
    FROM alone a LEFT JOIN alone o ON o.charge_id = a.reversal_of LEFT JOIN claim k ON k.charge_id = a.reversal_of LEFT JOIN exclusion_hit h ON h.run_id = k.run_id AND h.charge_id = k.charge_id AND h.outcome = k.disposition
      LEFT JOIN waits w ON o.charge_id IS NULL AND k.disposition = 'document' AND k.run_id <> $1 AND w.record_id = a.record_id AND w.account_id = a.account_id AND w.revision > a.revision
    WHERE a.reversal_of IS NOT NULL),
  kept AS (
    INSERT INTO exclusion_hit (run_id, charge_id, account_id, cause, rule_id, outcome, was_carried, first_run_id, before_cause, before_rule, too_old, rivals)
    SELECT $1, charge_id, account_id, cause, rule_id, CASE disposition WHEN 'document' THEN 'billed' ELSE disposition END, was_carried, coalesce(first_run_id, CASE disposition WHEN 'carried' THEN $1 END),
      before_cause, before_rule, too_old, rivals
    FROM decided WHERE disposition <> 'document' OR was_carried OR rule_id IS NOT NULL)
  UPDATE claim k SET document_id = NULL, line_no = NULL, disposition = d.disposition FROM decided d WHERE d.charge_id = k.charge_id AND k.run_id = $1
    AND (k.disposition <> d.disposition OR d.disposition <> 'document' AND k.document_id IS NOT NULL)`;

/** Keeps which charges are carried since their account is parked, or since they are held back, after its documents were tried. */
export async function keepHeld(db: Db, runId: string, accounts: readonly string[]): Promise<void> {
  await db.query(
    `INSERT INTO exclusion_hit (run_id, charge_id, account_id, cause, outcome, was_carried, first_run_id)
     SELECT k.run_id, k.charge_id, k.account_id, k.cause, 'carried', false, k.run_id FROM (
       SELECT k.run_id, k.charge_id, k.account_id, 'parked' AS cause FROM run_account a JOIN claim k ON k.run_id = a.run_id AND k.account_id = a.account_id
       WHERE a.run_id = $1 AND a.account_id = ANY($2) AND a.state = 'parked' AND k.disposition = 'carried'
       UNION ALL
       SELECT k.run_id, k.charge_id, k.account_id, k.hold_reason FROM claim k JOIN run_account a ON a.run_id = k.run_id AND a.account_id = k.account_id AND a.state <> 'parked'
       WHERE k.run_id = $1 AND k.account_id = ANY($2) AND k.hold_reason IS NOT NULL AND k.disposition = 'carried') k
     JOIN rated_charge c ON c.charge_id = k.charge_id AND c.payer_account_id IS NOT NULL
     ON CONFLICT (run_id, charge_id) DO UPDATE SET cause = excluded.cause, rule_id = NULL, outcome = 'carried', first_run_id = coalesce(exclusion_hit.first_run_id, excluded.first_run_id), too_old = false, rivals = NULL
       WHERE exclusion_hit.outcome = 'billed'`,
    [runId, accounts],
  );
}

/** Whether any rule on what is left out holds for a run. */
export async function hasRules(db: Db, runId: string): Promise<boolean> {
  return (await db.query(`SELECT FROM (${rulesOfRun}) x LIMIT 1`, [runId])).rowCount !== 0;
}

/** The rule by which an account is left out as a whole; `rivals`: those of its rank, where they want otherwise. */
export type LeftOut = {
  readonly cause: 'own' | 'standing';
  readonly ruleId: string;
  readonly outcome: 'carry' | 'writeOff';
  readonly maxAgeMonths: number | null;
  readonly rivals: readonly string[] | null;
};

/** Of these accounts those that a run leaves out as a whole, and with their fees: by a rule on the account or its customer that asks nothing more. */
export async function accountsLeftOut(db: Db, runId: string, accounts: readonly string[]): Promise<ReadonlyMap<string, LeftOut>> {
  const { rows } = await db.query<LeftOut & { key: string }>(
    `SELECT key, cause, id AS "ruleId", outcome, max_age_months AS "maxAgeMonths", rivals FROM (
       SELECT DISTINCT ON (key) t.*, CASE WHEN min(outcome) OVER rank <> max(outcome) OVER rank THEN array_agg(id) OVER (rank ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) END AS rivals
       FROM (${targetsOf(rulesOfRun)}) t WHERE by = 'account' AND predicate = '{}' AND key = ANY($2) WINDOW rank AS (PARTITION BY key, cause, narrowness)
       ORDER BY key, cause, narrowness, CASE outcome WHEN 'carry' THEN 1 WHEN 'bill' THEN 2 ELSE 3 END, max_age_months DESC NULLS LAST, id) b WHERE outcome <> 'bill'`,
    [runId, accounts],
  );
  return new Map(rows.map(({ key, ...rule }) => [key, rule]));
}

/** Of these payees, with the rules that leave them out, those of whom something has waited as long as its rule allows: what they are owed is billed all the same. Asked after the charges are decided on. */
export async function owedTooLong(db: Db, runId: string, rules: ReadonlyMap<string, Pick<LeftOut, 'outcome' | 'maxAgeMonths'>>): Promise<ReadonlySet<string>> {
  const carried = [...rules].filter(([, rule]) => rule.outcome === 'carry' && rule.maxAgeMonths !== null);
  if (carried.length === 0) return new Set();
  const { rows } = await db.query<{ id: string }>(
    `SELECT DISTINCT account_id AS id FROM exclusion_hit WHERE run_id = $1 AND account_id = ANY($2) AND too_old
     UNION
     SELECT p.account_id FROM (${parkedSince('SELECT unnest($2::text[])')}) p JOIN unnest($2::text[], $3::integer[]) AS m(account_id, months) ON m.account_id = p.account_id
     JOIN (SELECT ${lastDaySql} AS last FROM billing_run r JOIN legal_entity e ON e.id = r.entity_id WHERE r.id = $1) today ON ${monthsBetween('p.last', 'today.last')} >= m.months`,
    [runId, carried.map(([id]) => id), carried.map(([, rule]) => rule.maxAgeMonths)],
  );
  return new Set(rows.map((r) => r.id));
}
