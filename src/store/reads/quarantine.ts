import type { QuarantineCause } from '../../contracts/quarantine-cause.ts';
import { type IssueCode, remedyOf } from '../../core/issues.ts';
import { formatMinor } from '../../core/money.ts';
import { ownerOf } from '../../core/plausibility/rules.ts';
import type { Db } from '../db.ts';
import { standsSql } from '../intake/load-decisions.ts';
import { causeSql } from './waiting.ts';

/** The quarantine by cause and source, most energy first. */
export async function quarantineByCause(db: Db, sourceId?: string): Promise<QuarantineCause[]> {
  const { rows } = await db.query(
    `WITH waiting AS (
       SELECT ${causeSql} AS cause, h.source_id, coalesce(h.waiting_for, '') AS waiting_for, h.energy_wh, h.at_risk_minor, h.at_risk_currency, h.waiting_since,
         EXISTS (SELECT FROM decision o WHERE o.raw_id = h.waiting_raw_id AND o.needs_second AND ${standsSql()} AND NOT EXISTS (SELECT FROM decision s
           WHERE s.raw_id = o.raw_id AND s.actor <> o.actor AND s.needs_second AND (s.action, s.correction, s.billed_by) IS NOT DISTINCT FROM (o.action, o.correction, o.billed_by))) AS second
       FROM record_head h WHERE h.waiting_raw_id IS NOT NULL AND ($1::text IS NULL OR h.source_id = $1)
     ), money AS (
       SELECT cause, source_id, waiting_for, jsonb_object_agg(at_risk_currency, minor::text ORDER BY at_risk_currency) AS at_risk
       FROM (SELECT cause, source_id, waiting_for, at_risk_currency, sum(at_risk_minor) AS minor FROM waiting WHERE at_risk_minor IS NOT NULL GROUP BY 1, 2, 3, 4) m GROUP BY 1, 2, 3
     )
     SELECT w.cause, w.source_id, w.waiting_for, count(*) AS records, sum(w.energy_wh)::bigint AS wh, count(*) FILTER (WHERE w.at_risk_minor IS NULL) AS unpriced, min(w.waiting_since) AS oldest,
       count(*) FILTER (WHERE w.second) AS second, m.at_risk
     FROM waiting w LEFT JOIN money m USING (cause, source_id, waiting_for) GROUP BY w.cause, w.source_id, w.waiting_for, m.at_risk ORDER BY wh DESC, w.cause, w.source_id`,
    [sourceId ?? null],
  );
  return rows.map((r) => ({
    cause: r.cause,
    remedy: r.cause === 'unknown' ? 'Look at the record.' : remedyOf(r.cause as IssueCode),
    owner: ownerOf(r.cause),
    sourceId: r.source_id,
    waitingFor: r.waiting_for,
    records: Number(r.records),
    energyWh: String(r.wh),
    atRisk: Object.entries((r.at_risk ?? {}) as Record<string, string>).map(([currency, minor]) => ({ currency, net: formatMinor(BigInt(minor), currency) })),
    unpriced: Number(r.unpriced),
    oldest: r.oldest.toISOString(),
    awaitingSecond: Number(r.second),
  }));
}
