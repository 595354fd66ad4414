import type { Db } from '../db.ts';

/** How late a source delivers. Hours from the end of a session to its first message, as decimal text. */
export type LatencyView = {
  readonly sourceId: string;
  readonly serviceMonth: string;
  readonly records: number;
  readonly hoursP50: string;
  readonly hoursP95: string;
  readonly hoursP99: string;
  readonly hoursMax: string;
  /** Records and Wh that came after the month they belong to had ended. */
  readonly afterMonth: { readonly records: number; readonly energyWh: string };
  /** Whole days after the month's end by which 99.5 % of the month had come: what a cut-off should allow for. */
  readonly proposedCutOffDays: number;
};

/** Delivery latency of a source per service month, newest first; at most `months`. */
export async function latencyOf(db: Db, sourceId: string, months: number): Promise<LatencyView[]> {
  const { rows } = await db.query(
    `WITH first AS (
       SELECT DISTINCT ON (r.record_id) r.record_id, r.service_month, r.energy_wh, m.received_at, r.end_at, e.time_zone
       FROM charge_record r JOIN raw_message m ON m.id = r.raw_id JOIN source s ON s.id = r.source_id JOIN legal_entity e ON e.id = s.entity_id
       WHERE r.source_id = $1 ORDER BY r.record_id, r.revision
     ), late AS (
       SELECT *, extract(epoch FROM received_at - end_at) / 3600 AS hours,
              extract(epoch FROM received_at - ((service_month || '-01')::timestamp + interval '1 month') AT TIME ZONE time_zone) / 86400 AS days_after
       FROM first
     )
     SELECT service_month, count(*) AS records, percentile_cont(0.5) WITHIN GROUP (ORDER BY hours) AS p50, percentile_cont(0.95) WITHIN GROUP (ORDER BY hours) AS p95,
            percentile_cont(0.99) WITHIN GROUP (ORDER BY hours) AS p99, max(hours) AS most, count(*) FILTER (WHERE days_after > 0) AS late_records,
            coalesce(sum(energy_wh) FILTER (WHERE days_after > 0), 0)::bigint AS late_wh, greatest(ceil(percentile_disc(0.995) WITHIN GROUP (ORDER BY days_after)), 0)::integer AS days
     FROM late GROUP BY service_month ORDER BY service_month DESC LIMIT $2`,
    [sourceId, months],
  );
  const hours = (value: unknown) => Number(value).toFixed(1);
  return rows.map((r) => ({
    sourceId,
    serviceMonth: r.service_month,
    records: Number(r.records),
    hoursP50: hours(r.p50),
    hoursP95: hours(r.p95),
    hoursP99: hours(r.p99),
    hoursMax: hours(r.most),
    afterMonth: { records: Number(r.late_records), energyWh: r.late_wh.toString() },
    proposedCutOffDays: r.days,
  }));
}
