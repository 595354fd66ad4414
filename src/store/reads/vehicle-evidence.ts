import { ruleProfileSchema } from '../../contracts/rule-profile.ts';
import { compareEvidence, type EvidenceVerdict } from '../../core/completeness/compare-evidence.ts';
import { judgementOf } from '../../core/plausibility/rules.ts';
import type { Db } from '../db.ts';

/** A session at a home as the vehicle saw it, beside the metered ones of the same account and home in that time. Energy in Wh. */
export type VehicleEvidence = {
  readonly sourceId: string;
  readonly recordId: bigint;
  readonly cdrId: string;
  readonly siteId: string;
  readonly accountId: string;
  readonly startAt: Date;
  readonly endAt: Date;
  readonly vehicleWh: bigint;
  readonly meteredWh: bigint | null;
  readonly meteredRecords: readonly bigint[];
  readonly status: EvidenceVerdict;
};

/** Evidence of these sources in service months, both included, in order of time; judged by each source's own limits. */
export async function vehicleEvidence(db: Db, filter: { readonly sourceIds: readonly string[]; readonly firstMonth: string; readonly lastMonth: string }): Promise<VehicleEvidence[]> {
  const profiles = await db.query<{ id: string; rule_profile: unknown }>('SELECT id, rule_profile FROM source WHERE id = ANY($1)', [filter.sourceIds]);
  const limitsOf = new Map(
    profiles.rows.map((r) => {
      const { limit } = judgementOf(ruleProfileSchema.parse(r.rule_profile), 'vehicleDiffers', undefined);
      return [r.id, { moreThanMeterPercent: limit('moreThanMeterPercent'), lossPercent: limit('lossPercent') }];
    }),
  );
  const { rows } = await db.query(
    `WITH told AS MATERIALIZED (
       SELECT h.source_id, h.record_id, h.cdr_id, h.site_id, h.account_id, h.energy_wh, p.start_at, p.end_at FROM record_head h JOIN session_span p ON p.record_id = h.record_id JOIN site s ON s.id = h.site_id AND s.kind = 'home'
       WHERE h.source_id = ANY($1) AND h.service_month BETWEEN $2 AND $3 AND h.state = 'rejected' AND h.issues @> '[{"code": "keptAsEvidence"}]'
     ), metered AS MATERIALIZED (
       SELECT h.site_id, h.account_id, h.record_id, h.energy_wh, p.start_at, p.end_at FROM record_head h JOIN session_span p ON p.record_id = h.record_id
       WHERE h.state = 'booked' AND (h.site_id, h.account_id) IN (SELECT site_id, account_id FROM told)
         AND p.start_at < (SELECT max(end_at) FROM told) AND p.end_at > (SELECT min(start_at) FROM told)
     )
     SELECT t.*, sum(m.energy_wh)::bigint AS metered_wh, coalesce(array_agg(m.record_id ORDER BY m.record_id) FILTER (WHERE m.record_id IS NOT NULL), '{}') AS metered_records
     FROM told t LEFT JOIN metered m ON m.site_id = t.site_id AND m.account_id = t.account_id AND m.start_at < t.end_at AND m.end_at > t.start_at
     GROUP BY t.source_id, t.record_id, t.cdr_id, t.site_id, t.account_id, t.energy_wh, t.start_at, t.end_at ORDER BY t.start_at, t.record_id`,
    [filter.sourceIds, filter.firstMonth, filter.lastMonth],
  );
  return rows.map((r) => {
    const evidence = { vehicleWh: r.energy_wh as bigint, meteredWh: r.metered_wh as bigint | null };
    return {
      sourceId: r.source_id,
      recordId: r.record_id,
      cdrId: r.cdr_id,
      siteId: r.site_id,
      accountId: r.account_id,
      startAt: r.start_at,
      endAt: r.end_at,
      ...evidence,
      meteredRecords: r.metered_records.map(BigInt),
      status: compareEvidence(evidence, limitsOf.get(r.source_id) ?? { moreThanMeterPercent: 0, lossPercent: 0 }),
    };
  });
}
