import type { Db } from '../db.ts';

/** The last day of a run's period in the entity's zone: a standing rule holds for the run when it holds on that day. `r` is the run, `e` its entity. */
export const lastDaySql = "((r.period_end - interval '1 second') AT TIME ZONE e.time_zone)::date";

/** SQL: months from one day to another, days aside. */
export const monthsBetween = (from: string, to: string) => `((extract(year FROM ${to}) - extract(year FROM ${from})) * 12 + extract(month FROM ${to}) - extract(month FROM ${from}))`;

/**
 * Rules as columns (id, cause, scope, subject_id, predicate, outcome, max_age_months, at_our_cost) of a run ($1): its own, then the standing
 * ones that hold for it. A rule that nobody signed, or that was ended, holds for no run that is built.
 */
export const rulesOfRun = `SELECT x.id, 'own' AS cause, x.scope, x.subject_id, '{}'::jsonb AS predicate, x.outcome, NULL::integer AS max_age_months, false AS at_our_cost
    FROM exclusion_rule x WHERE x.run_id = $1 AND x.withdrawn_at IS NULL
  UNION ALL
  SELECT s.id, 'standing', s.scope, s.subject_id, s.predicate, s.outcome, s.max_age_months, s.at_our_cost
    FROM billing_run r JOIN legal_entity e ON e.id = r.entity_id JOIN standing_exclusion s ON s.entity_id = r.entity_id AND s.valid_from <= ${lastDaySql} AND (s.valid_to IS NULL OR ${lastDaySql} < s.valid_to)
    WHERE r.id = $1 AND s.signed_at IS NOT NULL AND s.ended_at IS NULL`;

/** How narrow a scope is; the narrowest rule that meets a charge decides. */
const narrowness = "CASE x.scope WHEN 'record' THEN 1 WHEN 'account' THEN 2 WHEN 'customer' THEN 3 WHEN 'site' THEN 4 ELSE 5 END";

/** Rules with the key they meet charges by: a party becomes its accounts, a tariff its versions. `rules` is a SQL expression. */
export const targetsOf = (rules: string) => `SELECT x.*, ${narrowness} AS narrowness, x.scope AS by, x.subject_id AS key FROM (${rules}) x WHERE x.scope IN ('record', 'account', 'site')
  UNION ALL SELECT x.*, ${narrowness}, 'account', a.id FROM (${rules}) x JOIN account a ON a.party_id = x.subject_id WHERE x.scope = 'customer'
  UNION ALL SELECT x.*, ${narrowness}, 'tariff', t.id FROM (${rules}) x JOIN tariff_version t ON t.tariff_id = x.subject_id WHERE x.scope = 'tariff'`;

/** SQL that holds for an account `a` that is owed: nothing of it is written off. */
const isOwed = "a.strategy IN ('selfBilling', 'reimbursement')";

/** Why a rule of this outcome is not for an account; undefined where it is. */
export async function whyNotFor(db: Db, { scope, subjectId, outcome }: { readonly scope: string; readonly subjectId: string; readonly outcome: string }): Promise<string | undefined> {
  if (scope !== 'account' || outcome !== 'writeOff') return undefined;
  const { rows } = await db.query(`SELECT FROM account a WHERE a.id = $1 AND ${isOwed}`, [subjectId]);
  return rows.length === 0 ? undefined : `account ${subjectId} is owed, and what is owed is not written off: carry it, or write off the sales that it earns by`;
}

/** Of the session of `k`, for its payer, as its revision was billed: a mirror meets what the charge it takes back does. What a dry run supposes has a page of its own. */
const amountOfSession = `(SELECT sum(s.net_minor) FROM rated_charge s WHERE s.record_id = k.record_id AND s.revision = k.revision AND s.payer_account_id = k.payer_account_id AND s.reversal_of IS NULL
  AND s.page_id = (SELECT o.page_id FROM rated_charge o WHERE o.charge_id = coalesce(k.reversal_of, k.charge_id)))`;
const energyOfSession = '(SELECT b.energy_wh FROM charge_record b WHERE b.record_id = k.record_id AND b.revision = k.revision)';
const between = (value: string, from: string, to: string) =>
  `coalesce(${value} >= coalesce((x.predicate->>'${from}')::bigint, 0) AND ${value} < coalesce((x.predicate->>'${to}')::bigint, 9223372036854775807), false)`;

/** Holds when charge `k` (with its account's `category`) meets the predicate of rule `x`. */
const predicateHolds = `coalesce(k.category = x.predicate->>'segment', true) AND coalesce(k.service_on >= (x.predicate->>'serviceFrom')::date, true) AND coalesce(k.service_on < (x.predicate->>'serviceTo')::date, true)
  AND CASE WHEN x.predicate ?| ARRAY['energyBelowWh', 'energyFromWh'] THEN ${between(energyOfSession, 'energyFromWh', 'energyBelowWh')} ELSE true END
  AND CASE WHEN x.predicate ?| ARRAY['amountFromMinor', 'amountBelowMinor'] THEN k.currency = x.predicate->>'currency' AND ${between(amountOfSession, 'amountFromMinor', 'amountBelowMinor')} ELSE true END`;

/**
 * Which rules meet which charges: (charge_id, and the columns of `targets`). `charges` has the columns of rated_charge, `account_id` and
 * `category`. Site, tariff and record meet what is sold; what is earned by it follows. What an account is owed may wait as a whole, and is not written off.
 */
export const matchesOf = (targets: string, charges: string) =>
  [
    ['account', 'k.account_id', "(k.payer_account_id IS NOT NULL OR x.outcome = 'carry' AND x.predicate = '{}')"],
    ['site', 'k.site_id', 'k.payer_account_id IS NOT NULL'],
    ['tariff', 'k.tariff_version_id', 'k.payer_account_id IS NOT NULL'],
    ['record', 'k.record_id::text', 'k.payer_account_id IS NOT NULL'],
  ]
    .map(([by, key, also]) => `SELECT k.charge_id, x.* FROM ${targets} x JOIN ${charges} k ON x.by = '${by}' AND ${key} = x.key AND ${also} WHERE ${predicateHolds}`)
    .join('\n UNION ALL ');

/** Holds for a claim `k` that is written off and earns nobody a share: not by a rule that takes it at our cost (D16). */
export const earnsNothing = `coalesce(k.disposition = 'excluded' AND NOT EXISTS (SELECT FROM exclusion_hit h JOIN standing_exclusion x ON x.id = h.rule_id WHERE h.run_id = k.run_id AND h.charge_id = k.charge_id AND x.at_our_cost), false)`;
