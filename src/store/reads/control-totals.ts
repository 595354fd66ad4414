import { ruleProfileSchema } from '../../contracts/rule-profile.ts';
import { compareTotals, type Tolerance } from '../../core/completeness/compare-totals.ts';
import { judgementOf } from '../../core/plausibility/rules.ts';
import type { Db } from '../db.ts';
import type { ControlDay, DayFilter, Unjudged } from './control-day.ts';
import { listedCounts } from './listed-counts.ts';

/** The newest statement of each day or month, origin and party, with what arrived of it; what nothing is stated of beside its day. In order of source and date. */
export async function controlTotalDays(db: Db, filter: DayFilter): Promise<ControlDay[]> {
  const { rows } = await db.query<{ id: string; rule_profile: unknown }>('SELECT id, rule_profile FROM source WHERE id = ANY($1)', [filter.sourceIds]);
  const profiles = new Map(rows.map((r) => [r.id, ruleProfileSchema.parse(r.rule_profile)]));
  const days = [...(await statedByEnd(db, filter)), ...(await listedCounts(db, filter))].map(({ accepted, ...day }): ControlDay => {
    if (day.stated === null) return { ...day, difference: null, status: 'missing' };
    const compared = compareTotals(day.stated, day.received, toleranceOf(profiles.get(day.sourceId), day.countedBy));
    return { ...day, difference: compared.difference, status: compared.status === 'differs' && accepted ? 'accepted' : compared.status };
  });
  const order = (d: ControlDay) => [d.sourceId, d.on, d.origin, d.party ?? ''].join('\n');
  return days
    .map((d) => ({ d, at: order(d) }))
    .sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))
    .map(({ d }) => d);
}

function toleranceOf(profile: Parameters<typeof judgementOf>[0] | undefined, countedBy: ControlDay['countedBy']): Tolerance {
  if (profile === undefined) return { count: 0, energyWh: 0, minor: 0 };
  if (countedBy === 'lastUpdated') return { count: judgementOf(profile, 'listedCountDiffers', undefined).limit('toleranceCount'), energyWh: 0, minor: 0 };
  const { limit } = judgementOf(profile, 'controlTotalDiffers', undefined);
  return { count: limit('toleranceCount'), energyWh: limit('toleranceWh'), minor: limit('toleranceMinor') };
}

const untilOf = (t: string) => `(CASE ${t}.span WHEN 'day' THEN ${t}.on_date + 1 ELSE (${t}.on_date + interval '1 month')::date END)`;
/** The day and the month of rows with `ended_on` and an owner, of all parties and of each. */
const dated = "date_trunc('month', ended_on)::date AS month, owner_country || '*' || owner_party AS party";
const grains = "source_id, coalesce(ended_on, month) AS on_date, CASE WHEN ended_on IS NULL THEN 'month' ELSE 'day' END AS span, coalesce(party, '') AS party";

/** CDRs as their source counts them: each once, in its current revision, held and rejected ones too (D14), with the energy the source stated. */
async function statedByEnd(db: Db, filter: DayFilter): Promise<Unjudged[]> {
  const isStated = await db.query("SELECT FROM control_total WHERE source_id = ANY($1) AND counted_by = 'sessionEnd' AND on_date >= $2::date AND on_date < $3::date LIMIT 1", [
    filter.sourceIds,
    filter.from,
    filter.to,
  ]);
  // Where nothing is stated nothing is counted either.
  if (isStated.rowCount === 0) return [];
  const { rows } = await db.query(
    `WITH stated AS (
       SELECT DISTINCT ON (t.source_id, t.on_date, t.span, t.origin, t.party) t.* FROM control_total t
       WHERE t.source_id = ANY($1) AND t.counted_by = 'sessionEnd' AND t.on_date >= $2::date AND ${untilOf('t')} <= $3::date ORDER BY t.source_id, t.on_date, t.span, t.origin, t.party, t.version DESC
     ), came AS (
       SELECT ${grains}, sum(n)::integer AS n, sum(wh)::bigint AS wh FROM (
         SELECT source_id, ended_on, ${dated}, n, wh FROM (
           SELECT h.source_id, h.ended_on, h.owner_country, h.owner_party, count(*) AS n, sum(coalesce(h.source_wh, h.energy_wh)) AS wh
           FROM record_head h WHERE h.source_id = ANY($1) AND h.ended_on >= $2::date AND h.ended_on < $3::date GROUP BY 1, 2, 3, 4) a) x
       GROUP BY GROUPING SETS ((source_id, ended_on), (source_id, ended_on, party), (source_id, month), (source_id, month, party))
     ), priced AS (
       -- Only where an amount is stated: what CDRs say they cost stands in their sealed facts alone.
       SELECT ${grains}, currency, sum(amount) AS amount, sum(n)::integer AS n FROM (
         SELECT source_id, ended_on, ${dated}, currency, amount, n FROM (
           SELECT h.source_id, h.ended_on, h.owner_country, h.owner_party, p.price->>'currency' AS currency, sum((p.price->>'exclVat')::numeric) AS amount, count(*) AS n
           FROM record_head h JOIN charge_record c ON c.record_id = h.record_id AND c.revision = h.revision
           CROSS JOIN LATERAL (SELECT convert_from(c.canonical, 'UTF8')::jsonb #> '{facts,partnerPrice}' AS price) p
           WHERE p.price IS NOT NULL AND (h.source_id, h.ended_on) IN (SELECT s.source_id, d::date FROM stated s, generate_series(s.on_date, ${untilOf('s')} - 1, interval '1 day') d WHERE s.amount IS NOT NULL)
           GROUP BY 1, 2, 3, 4, 5) a) x
       GROUP BY GROUPING SETS ((source_id, ended_on, currency), (source_id, ended_on, party, currency), (source_id, month, currency), (source_id, month, party, currency))
     )
     SELECT coalesce(s.source_id, c.source_id) AS source_id, coalesce(s.on_date, c.on_date) AS on_date, coalesce(s.span, c.span) AS span, coalesce(s.party, c.party) AS party, s.origin, s.version, s.currency, s.stated_count, s.stated_wh,
       s.amount, coalesce(c.n, 0) AS n, coalesce(c.wh, 0)::bigint AS wh, p.amount AS received_amount, coalesce(c.n, 0) - coalesce(p.n, 0) AS unpriced,
       EXISTS (SELECT FROM control_total_acceptance a WHERE (a.source_id, a.on_date, a.span, a.origin, a.party, a.version) = (s.source_id, s.on_date, s.span, s.origin, s.party, s.version) AND a.received_count = coalesce(c.n, 0)
         AND a.received_wh = coalesce(c.wh, 0) AND a.received_amount IS NOT DISTINCT FROM CASE WHEN s.amount IS NOT NULL AND coalesce(c.n, 0) = coalesce(p.n, 0) THEN coalesce(p.amount, 0) END) AS accepted
     FROM stated s FULL JOIN came c ON c.source_id = s.source_id AND c.on_date = s.on_date AND c.span = s.span AND c.party = s.party
     LEFT JOIN priced p ON p.source_id = s.source_id AND p.on_date = s.on_date AND p.span = s.span AND p.party = s.party AND p.currency = s.currency
     WHERE s.source_id IS NOT NULL OR EXISTS (SELECT FROM stated o WHERE o.source_id = c.source_id AND o.span = c.span AND (o.party = '') = (c.party = '') AND (c.span = 'day' OR o.on_date = c.on_date))`,
    [filter.sourceIds, filter.from, filter.to],
  );
  return rows.map((r): Unjudged => {
    const knowsAmount = r.amount !== null && r.unpriced === 0;
    return {
      sourceId: r.source_id,
      on: r.span === 'month' ? r.on_date.slice(0, 7) : r.on_date,
      origin: r.origin ?? '',
      party: r.party === '' ? null : r.party,
      countedBy: 'sessionEnd',
      version: r.version ?? 0,
      currency: r.currency,
      stated: r.origin === null ? null : { count: r.stated_count, energyWh: r.stated_wh, amount: r.amount },
      received: { count: r.n, energyWh: r.wh, amount: knowsAmount ? (r.received_amount ?? '0') : null },
      unpriced: r.amount === null ? 0 : r.unpriced,
      accepted: r.accepted,
    };
  });
}
