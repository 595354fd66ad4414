import type { Db } from '../db.ts';

/** What the registers of a site's connectors counted in a month beside what their sessions say. Wh as text; `meteredWh` = received + losses + missing − wentBack. */
export type SiteLosses = {
  readonly siteId: string;
  readonly connectors: number;
  readonly sessions: number;
  readonly meteredWh: string;
  readonly receivedWh: string;
  readonly lossesWh: string;
  readonly missingWh: string;
  readonly wentBackWh: string;
  readonly gaps: number;
};

/** Per site of a source and service month, from the first to the last reading of each connector; the largest missing first. What another route's record stands for is left out. */
export async function siteLosses(db: Db, filter: { readonly sourceId: string; readonly month: string }): Promise<readonly SiteLosses[]> {
  const { rows } = await db.query(
    `SELECT site_id, count(DISTINCT (place, connector_id))::int AS connectors, count(*)::int AS sessions, sum(wh)::bigint AS received, sum(meter_end_wh - meter_start_wh - wh)::bigint AS losses,
       coalesce(sum(gap) FILTER (WHERE gap > 0), 0)::bigint AS missing, coalesce(-sum(gap) FILTER (WHERE gap < 0), 0)::bigint AS went_back, count(*) FILTER (WHERE gap <> 0)::int AS gaps
     FROM (
       SELECT h.site_id, p.place, p.connector_id, p.meter_start_wh, p.meter_end_wh, coalesce(h.source_wh, h.energy_wh) AS wh,
         p.meter_start_wh - lag(p.meter_end_wh) OVER (PARTITION BY h.site_id, p.place, p.connector_id ORDER BY p.start_at, p.record_id) AS gap
       FROM record_head h JOIN session_span p ON p.record_id = h.record_id
       WHERE h.source_id = $1 AND h.service_month = $2 AND h.site_id IS NOT NULL AND p.place IS NOT NULL AND p.meter_start_wh IS NOT NULL AND p.meter_end_wh IS NOT NULL AND p.linked_to IS NULL
     ) s GROUP BY site_id ORDER BY missing DESC, site_id`,
    [filter.sourceId, filter.month],
  );
  return rows.map((r) => ({
    siteId: r.site_id,
    connectors: r.connectors,
    sessions: r.sessions,
    meteredWh: (r.received + r.losses + r.missing - r.went_back).toString(),
    receivedWh: r.received.toString(),
    lossesWh: r.losses.toString(),
    missingWh: r.missing.toString(),
    wentBackWh: r.went_back.toString(),
    gaps: r.gaps,
  }));
}
