import type { QueryResultRow } from 'pg';
import type { RuleHits, ShadowFigures, ShadowFlow } from '../../contracts/exclusion-overview.ts';
import { formatMinor } from '../../core/money.ts';
import { lastDaySql, monthsBetween } from '../cycle/exclusion-match.ts';
import { leftOut } from '../cycle/left-out.ts';
import type { Db } from '../db.ts';

/** What is left out by one rule, or for one cause, of one service month. `ageMonths`: since the run that first carried the oldest of it. */
export type ShadowRow = ShadowFlow & { readonly cause: string; readonly ruleId: string | null; readonly serviceMonth: string; readonly ageMonths: number };
export type ShadowBalance = { readonly rows: readonly ShadowRow[]; readonly totals: readonly ShadowFlow[] };

const parts = ['opening', 'added', 'moved', 'billed', 'written_off', 'closing'] as const;
/** What a fee comes to may have changed since it was carried in: that is added. */
const netOf: Readonly<Record<(typeof parts)[number], string>> = {
  opening: 'x.opening * h.opening_minor',
  added: 'x.decides * (h.net_minor - h.opening_minor)',
  moved: 'x.moved * h.opening_minor',
  billed: 'x.billed * h.net_minor',
  written_off: 'x.written_off * h.net_minor',
  closing: 'x.closing * h.net_minor',
};
const figuresSql = parts.map((p) => `sum(x.${p})::integer AS ${p}_n, sum(x.${p} * h.energy_wh)::bigint AS ${p}_wh, sum(${netOf[p]})::bigint AS ${p}_net`).join(', ');
const isMoved = "h.was_carried AND h.outcome <> 'billed' AND (h.cause, h.rule_id) IS DISTINCT FROM (h.before_cause, h.before_rule)";
const when = (condition: string) => `(${condition})::integer`;

/**
 * Each charge or fee under the rule it belongs to, 1 where it counts; what another rule took over stands under both. What is billed belongs to the rule
 * that had carried it. What a rule says is to be billed, and was never carried, was not left out.
 */
const flow = `${leftOut} h
  JOIN (SELECT r.*, ${lastDaySql} AS last_day FROM billing_run r JOIN legal_entity e ON e.id = r.entity_id) r ON r.id = h.run_id
  LEFT JOIN (SELECT r.id, ${lastDaySql} AS last_day FROM billing_run r JOIN legal_entity e ON e.id = r.entity_id) f ON f.id = h.first_run_id
  CROSS JOIN LATERAL (
    SELECT CASE WHEN h.outcome = 'billed' THEN h.before_cause ELSE h.cause END AS cause, CASE WHEN h.outcome = 'billed' THEN h.before_rule ELSE h.rule_id END AS rule_id, 1 AS decides,
      ${when(`h.was_carried AND NOT (${isMoved})`)} AS opening, ${when('NOT h.was_carried')} AS added, ${when(isMoved)} AS moved, ${when("h.outcome = 'billed'")} AS billed, ${when("h.outcome = 'excluded'")} AS written_off,
      ${when("h.outcome = 'carried'")} AS closing
    UNION ALL SELECT h.before_cause, h.before_rule, 0, 1, 0, -1, 0, 0, 0 WHERE ${isMoved}) x`;
const isLeftOut = "(h.was_carried OR h.outcome <> 'billed')";
const ageSql = `max(coalesce(${monthsBetween('f.last_day', 'r.last_day')}, 0))::integer`;

/** What a run leaves out, and what it bills, writes off or carries on of what earlier runs carried, by rule and service month. */
export async function shadowBalance(db: Db, runId: string): Promise<ShadowBalance> {
  const { rows } = await db.query(
    `SELECT x.cause, x.rule_id, h.service_month, h.currency, ${ageSql} AS age, ${figuresSql} FROM ${flow} WHERE h.run_id = $1 AND ${isLeftOut} GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4`,
    [runId],
  );
  const totals = await db.query(`SELECT h.currency, ${figuresSql} FROM ${flow} WHERE h.run_id = $1 AND ${isLeftOut} GROUP BY 1 ORDER BY 1`, [runId]);
  return {
    rows: rows.map((r) => ({ cause: r.cause, ruleId: r.rule_id, serviceMonth: r.service_month, ageMonths: r.age, ...flowOf(r) })),
    totals: totals.rows.map(flowOf),
  };
}

/** What a rule, standing or a run's own, did in each run that is not cancelled, oldest first. */
export async function hitsOfRule(db: Db, ruleId: string): Promise<readonly RuleHits[]> {
  const { rows } = await db.query(
    `SELECT h.run_id, r.label AS period, r.state, h.currency, ${ageSql} AS age, ${figuresSql} FROM ${flow}
     WHERE x.rule_id = $1 AND (h.rule_id = $1 OR h.before_rule = $1) AND r.state <> 'cancelled' AND ${isLeftOut} GROUP BY 1, 2, 3, 4, r.period_end ORDER BY r.period_end, 1, 4`,
    [ruleId],
  );
  return rows.map((r) => ({ runId: r.run_id, period: r.period, runState: r.state, ageMonths: r.age, ...flowOf(r) }));
}

function flowOf(r: QueryResultRow): ShadowFlow {
  const figures = (part: (typeof parts)[number]): ShadowFigures => ({ charges: r[`${part}_n`], energyWh: r[`${part}_wh`].toString(), net: formatMinor(r[`${part}_net`], r['currency']) });
  return {
    currency: r['currency'],
    opening: figures('opening'),
    added: figures('added'),
    moved: figures('moved'),
    billed: figures('billed'),
    writtenOff: figures('written_off'),
    closing: figures('closing'),
  };
}
