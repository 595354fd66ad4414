import { exactFromDecimal, formatMinor, roundToMoney } from '../../core/money.ts';
import type { Db } from '../db.ts';
import { type Page, type PageRequest, pageAfter } from './set-up-page.ts';

/** A CDR that has not come, or how it was resolved. Energy in Wh as text; money net, as decimal text in major units. */
export type ExpectationView = {
  readonly sourceId: string;
  readonly key: string;
  readonly kind: 'session' | 'authorization' | 'offline';
  readonly openedAt: string;
  readonly ageDays: number;
  readonly sessionId: string | null;
  readonly authorizationId: string | null;
  readonly evseId: string | null;
  readonly siteId: string | null;
  readonly tokenRef: string | null;
  /** As stated, else what a session at the site (else of the source) took in the month before; null when nothing tells. */
  readonly energyWh: string | null;
  /** As stated, else the energy by the price per kWh of the site (else the source) in the month before; null when nothing tells. */
  readonly atRisk: { readonly amount: string; readonly currency: string } | null;
  readonly state: 'open' | 'matched' | 'cancelled';
  readonly resolved: { readonly at: string; readonly by: string; readonly reason: string | null; readonly recordId: string | null } | null;
};

/**
 * Expectations `e` that a condition lets through, each with what it is worth. What sessions cost and took is asked of the month before it
 * opened, in the entity's zone, else of its own month.
 */
const withWorth = (condition: string) => `SELECT e.*, floor(extract(epoch FROM now() - e.opened_at) / 86400)::integer AS age_days, l.currency AS books,
    round(coalesce(e.estimated_wh, per_site.wh / nullif(per_site.n, 0), per_source.wh / nullif(per_source.n, 0)))::bigint AS likely_wh,
    round(coalesce(e.estimated_wh, per_site.wh / nullif(per_site.n, 0), per_source.wh / nullif(per_source.n, 0)) * coalesce(per_site.minor::numeric / nullif(per_site.wh, 0), per_source.minor::numeric / nullif(per_source.wh, 0)))::bigint AS likely_minor
  FROM expectation e JOIN source s ON s.id = e.source_id JOIN legal_entity l ON l.id = s.entity_id
  CROSS JOIN LATERAL (SELECT ARRAY[to_char(e.opened_at AT TIME ZONE l.time_zone - interval '1 month', 'YYYY-MM'), to_char(e.opened_at AT TIME ZONE l.time_zone, 'YYYY-MM')] AS months) m
  LEFT JOIN LATERAL (SELECT w.* FROM worth w WHERE w.source_id = e.source_id AND w.site_id = e.site_id AND w.month = ANY(m.months) ORDER BY w.month LIMIT 1) per_site ON true
  LEFT JOIN LATERAL (SELECT sum(w.wh) AS wh, sum(w.n) AS n, sum(w.minor) AS minor FROM worth w WHERE w.source_id = e.source_id AND w.month = ANY(m.months) GROUP BY w.month ORDER BY w.month LIMIT 1) per_source ON true
  WHERE ${condition}`;

/** Revenue of sessions, their energy and number by source, site and month: of those alone that something open needs. */
const worth = `worth AS MATERIALIZED (
  SELECT h.source_id, h.site_id, h.service_month AS month, count(*) AS n, sum(h.energy_wh) AS wh, sum(c.minor) AS minor
  FROM record_head h CROSS JOIN LATERAL (SELECT sum(book_net_minor) AS minor FROM rated_charge r WHERE r.record_id = h.record_id AND r.revision = h.revision AND r.payer_account_id IS NOT NULL AND r.reversal_of IS NULL) c
  WHERE h.state = 'booked' AND (h.source_id, h.service_month) IN (
    SELECT e.source_id, to_char(e.opened_at AT TIME ZONE l.time_zone - make_interval(months => g), 'YYYY-MM')::char(7) FROM expectation e JOIN source s ON s.id = e.source_id JOIN legal_entity l ON l.id = s.entity_id CROSS JOIN generate_series(0, 1) g
    WHERE e.resolution IS NULL AND (e.estimated_amount IS NULL OR e.estimated_wh IS NULL) AND e.source_id = ANY($1))
  GROUP BY 1, 2, 3)`;

/** Expectations of a source in order of their opening; all, or those in one state. */
export async function listExpectations(db: Db, sourceId: string, state: ExpectationView['state'] | undefined, page: PageRequest): Promise<Page<ExpectationView>> {
  return pageAfter(
    ['expectations', sourceId, state],
    page,
    (row) => [row.openedAt, row.key],
    async (after, take) => {
      const condition = `e.source_id = ANY($1) AND ($2::text IS NULL OR coalesce(e.resolution, 'open') = $2) AND ($3::timestamptz IS NULL OR (date_trunc('milliseconds', e.opened_at), e.key) > ($3, $4))`;
      const { rows } = await db.query(`WITH ${worth} SELECT x.* FROM (${withWorth(condition)}) x ORDER BY date_trunc('milliseconds', x.opened_at), x.key LIMIT $5`, [
        [sourceId],
        state ?? null,
        after?.[0] ?? null,
        after?.[1] ?? null,
        take,
      ]);
      return rows.map(viewOf);
    },
  );
}

/** What is missing of one source: how many, since when, how much. `amount` is in the books' currency and leaves out `unknown` ones, of which nothing tells the worth. */
export type MissingCdrs = {
  readonly sourceId: string;
  readonly open: number;
  readonly oldest: string;
  readonly energyWh: bigint;
  readonly atRisk: readonly { readonly currency: string; readonly amount: string }[];
  readonly unknown: number;
  /** Of those, signed to be carried past the close of the run. */
  readonly signed: number;
};

/** Expectations of these sources that opened before an instant and are open, summed by source; `runId` tells whose carry decisions count. */
export async function missingCdrs(db: Db, filter: { readonly sourceIds: readonly string[]; readonly before: Date; readonly runId?: string }): Promise<MissingCdrs[]> {
  const { rows } = await db.query(
    `WITH ${worth} SELECT x.*, EXISTS (SELECT FROM decision d WHERE d.subject_kind = 'expectation' AND d.subject_id = x.source_id || '/' || x.key AND d.action = 'carry' AND d.run_id = $3) AS signed
     FROM (${withWorth('e.source_id = ANY($1) AND e.resolution IS NULL AND e.opened_at < $2')}) x ORDER BY x.source_id, x.opened_at`,
    [filter.sourceIds, filter.before, filter.runId ?? null],
  );
  const views = rows.map((r) => ({ ...viewOf(r), signed: r.signed as boolean }));
  return [...new Set(views.map((v) => v.sourceId))].map((sourceId) => {
    const own = views.filter((v) => v.sourceId === sourceId);
    const sums = new Map<string, bigint>();
    for (const { atRisk } of own)
      if (atRisk !== null) sums.set(atRisk.currency, (sums.get(atRisk.currency) ?? 0n) + roundToMoney(exactFromDecimal(atRisk.amount), atRisk.currency, 'halfAwayFromZero'));
    return {
      sourceId,
      open: own.length,
      oldest: own[0]?.openedAt ?? '',
      energyWh: own.reduce((sum, v) => sum + BigInt(v.energyWh ?? '0'), 0n),
      atRisk: [...sums].sort().map(([currency, minor]) => ({ currency, amount: formatMinor(minor, currency) })),
      unknown: own.filter((v) => v.atRisk === null).length,
      signed: own.filter((v) => v.signed).length,
    };
  });
}

// biome-ignore lint/suspicious/noExplicitAny: a row of the driver
function viewOf(r: any): ExpectationView {
  const stated = r.estimated_amount === null ? null : { currency: r.currency, amount: formatMinor(roundToMoney(exactFromDecimal(r.estimated_amount), r.currency, 'halfAwayFromZero'), r.currency) };
  return {
    sourceId: r.source_id,
    key: r.key,
    kind: r.kind,
    openedAt: r.opened_at.toISOString(),
    ageDays: r.age_days,
    sessionId: r.session_id,
    authorizationId: r.authorization_id,
    evseId: r.place,
    siteId: r.site_id,
    tokenRef: r.token_ref,
    energyWh: r.likely_wh === null ? null : r.likely_wh.toString(),
    atRisk: stated ?? (r.likely_minor === null ? null : { currency: r.books, amount: formatMinor(r.likely_minor, r.books) }),
    state: r.resolution ?? 'open',
    resolved: r.resolution === null ? null : { at: r.resolved_at.toISOString(), by: r.resolved_actor, reason: r.resolution_reason, recordId: r.resolved_by?.toString() ?? null },
  };
}
