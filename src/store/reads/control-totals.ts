import { ruleProfileSchema } from '../../contracts/rule-profile.ts';
import { compareTotals, type Totals } from '../../core/completeness/compare-totals.ts';
import { judgementOf } from '../../core/plausibility/rules.ts';
import type { Db } from '../db.ts';

/** Sources and days, `to` not included; dates are local to each source. */
export type DayFilter = { readonly sourceIds: readonly string[]; readonly from: string; readonly to: string };
/** What a source states of a day against what arrived. `missing`: something arrived, and nothing is stated, though other days are. */
export type ControlDay = {
  readonly sourceId: string;
  readonly on: string;
  readonly origin: string;
  readonly version: number;
  readonly currency: string | null;
  readonly stated: Totals | null;
  readonly received: Totals;
  /** received − stated */
  readonly difference: Totals | null;
  /** CDRs whose stated cost nothing tells yet, since they wait: their day's amount is not compared. */
  readonly unpriced: number;
  readonly status: 'equal' | 'tolerated' | 'accepted' | 'differs' | 'missing';
};

/** CDRs by source and day as their source counts them: each once, in its current revision, held and rejected ones too (D14), with the energy the source stated. */
const arrived = `SELECT h.source_id, h.ended_on, count(*)::integer AS n, sum(coalesce(h.source_wh, h.energy_wh))::bigint AS wh
  FROM record_head h WHERE h.source_id = ANY($1) AND h.ended_on >= $2 AND h.ended_on < $3 GROUP BY 1, 2`;

/** The newest statement of each day and origin, with what arrived of that day; days of which nothing is stated at their end. In order of source and day. */
export async function controlTotalDays(db: Db, filter: DayFilter): Promise<ControlDay[]> {
  const params = [filter.sourceIds, filter.from, filter.to];
  const profiles = await db.query<{ id: string; rule_profile: unknown }>('SELECT id, rule_profile FROM source WHERE id = ANY($1)', [filter.sourceIds]);
  const toleranceOf = new Map(
    profiles.rows.map((r) => {
      const { limit } = judgementOf(ruleProfileSchema.parse(r.rule_profile), 'controlTotalDiffers', undefined);
      return [r.id, { count: limit('toleranceCount'), energyWh: limit('toleranceWh'), minor: limit('toleranceMinor') }];
    }),
  );
  const { rows } = await db.query(
    `WITH stated AS (
       SELECT DISTINCT ON (t.source_id, t.on_date, t.origin) t.* FROM control_total t WHERE t.source_id = ANY($1) AND t.on_date >= $2 AND t.on_date < $3 ORDER BY t.source_id, t.on_date, t.origin, t.version DESC
     ), came AS (${arrived}), priced AS (
       -- Only where an amount is stated: what CDRs say they cost stands in their sealed facts alone.
       SELECT h.source_id, h.ended_on, x.price->>'currency' AS currency, sum((x.price->>'exclVat')::numeric) AS amount, count(x.price)::integer AS n
       FROM record_head h JOIN charge_record c ON c.record_id = h.record_id AND c.revision = h.revision
       CROSS JOIN LATERAL (SELECT convert_from(c.canonical, 'UTF8')::jsonb #> '{facts,partnerPrice}' AS price) x
       WHERE (h.source_id, h.ended_on) IN (SELECT source_id, on_date FROM stated WHERE amount IS NOT NULL) AND x.price IS NOT NULL GROUP BY 1, 2, 3
     )
     SELECT coalesce(s.source_id, c.source_id) AS source_id, coalesce(s.on_date, c.ended_on) AS on_date, s.origin, s.version, s.currency, s.stated_count, s.stated_wh, s.amount, coalesce(c.n, 0) AS n, coalesce(c.wh, 0)::bigint AS wh,
       p.amount AS received_amount, coalesce(c.n, 0) - coalesce(p.n, 0) AS unpriced,
       EXISTS (SELECT FROM control_total_acceptance a WHERE (a.source_id, a.on_date, a.origin, a.version) = (s.source_id, s.on_date, s.origin, s.version) AND a.received_count = coalesce(c.n, 0)
         AND a.received_wh = coalesce(c.wh, 0) AND a.received_amount IS NOT DISTINCT FROM CASE WHEN s.amount IS NOT NULL AND coalesce(c.n, 0) = coalesce(p.n, 0) THEN coalesce(p.amount, 0) END) AS accepted
     FROM stated s FULL JOIN came c ON c.source_id = s.source_id AND c.ended_on = s.on_date
     LEFT JOIN priced p ON p.source_id = s.source_id AND p.ended_on = s.on_date AND p.currency = s.currency
     WHERE s.source_id IS NOT NULL OR EXISTS (SELECT FROM stated o WHERE o.source_id = c.source_id)
     ORDER BY 1, 2, s.origin`,
    params,
  );
  return rows.map((r): ControlDay => {
    const knowsAmount = r.amount !== null && r.unpriced === 0;
    const received: Totals = { count: r.n, energyWh: r.wh, amount: knowsAmount ? (r.received_amount ?? '0') : null };
    const base = { sourceId: r.source_id, on: r.on_date, origin: r.origin ?? '', version: r.version ?? 0, currency: r.currency, received, unpriced: r.amount === null ? 0 : r.unpriced };
    if (r.origin === null) return { ...base, stated: null, difference: null, status: 'missing' };
    const stated: Totals = { count: r.stated_count, energyWh: r.stated_wh, amount: r.amount };
    const compared = compareTotals(stated, received, toleranceOf.get(r.source_id) ?? { count: 0, energyWh: 0, minor: 0 });
    return { ...base, stated, difference: compared.difference, status: compared.status === 'differs' && r.accepted ? 'accepted' : compared.status };
  });
}
