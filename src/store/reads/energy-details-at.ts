import { freeEnergySql } from '../ledger/free-energy.ts';
import { billedElsewhere, bothSides, chargeIsOf, sourceIsOf } from './energy-details.ts';

/**
 * SQL: the energy balance as it stood at an instant: of what had been received by then, by the revisions sealed, the charges booked, the documents issued
 * and the write-offs posted by then; carried is what the last run that had it, and was not cancelled by then, carries. Of what waited then and is booked by now the energy is that of its first revision; of what still waits, that of today. `entity`: SQL, of one alone.
 */
export function energyDetailsAt(at: Date, entity = 'NULL::text'): string {
  const t = `'${at.toISOString()}'::timestamptz`;
  return `WITH arrived AS (
    SELECT o.record_id FROM raw_outcome o JOIN raw_message m ON m.id = o.raw_id WHERE o.record_id IS NOT NULL GROUP BY 1 HAVING min(m.received_at) <= ${t}
  ), then_booked AS (
    SELECT record_id, revision FROM rated_charge WHERE record_id IS NOT NULL AND created_at <= ${t} GROUP BY 1, 2 HAVING count(*) FILTER (WHERE reversal_of IS NULL) > count(*) FILTER (WHERE reversal_of IS NOT NULL)
  ), known AS (
    SELECT h.source_id, h.state, h.linked_to, e.billed_by, b.record_id IS NOT NULL AS is_booked,
      h.updated_at <= ${t} OR EXISTS (SELECT FROM decision d WHERE d.subject_kind = 'record' AND d.subject_id = h.record_id::text AND d.action = 'reject' AND d.decided_at <= ${t}) AS is_settled,
      CASE WHEN h.state = 'booked' OR b.record_id IS NOT NULL THEN r.site_id ELSE h.site_id END AS site_id, coalesce(CASE WHEN h.state = 'booked' OR b.record_id IS NOT NULL THEN r.service_month ELSE h.service_month END, 'unknown') AS month,
      CASE WHEN h.state = 'booked' OR b.record_id IS NOT NULL THEN r.energy_wh ELSE h.energy_wh END AS energy_wh
    FROM record_head h JOIN arrived a ON a.record_id = h.record_id LEFT JOIN then_booked b ON b.record_id = h.record_id
    LEFT JOIN (${billedElsewhere(`d.decided_at <= ${t}`)}) e ON e.record_id = h.record_id LEFT JOIN charge_record r ON r.record_id = h.record_id AND r.revision = coalesce(b.revision, 1)
    WHERE ${sourceIsOf(entity, 'h.source_id')}
  ), heads AS (
    SELECT source_id, site_id, month, sum(energy_wh) AS received, sum(energy_wh) FILTER (WHERE NOT is_booked AND state = 'parked' AND is_settled) AS parked,
      sum(energy_wh) FILTER (WHERE NOT is_booked AND NOT (state IN ('parked', 'rejected') AND is_settled)) AS held,
      sum(energy_wh) FILTER (WHERE NOT is_booked AND state = 'rejected' AND is_settled AND billed_by IS NULL) AS rejected,
      sum(energy_wh) FILTER (WHERE NOT is_booked AND state = 'rejected' AND is_settled AND billed_by IS NOT NULL) AS "billedElsewhere",
      sum(energy_wh) FILTER (WHERE NOT is_booked AND state = 'rejected' AND is_settled AND billed_by IS NULL AND linked_to IS NOT NULL) AS linked
    FROM known GROUP BY 1, 2, 3
  ), judged AS (
    SELECT h.source_id, c.site_id, c.service_month AS month, c.energy_wh, CASE WHEN c.role = 'allowance' AND c.quantity_unit = 'Wh' THEN c.quantity ELSE 0 END AS allowed_wh,
      CASE WHEN ${freeEnergySql} AND c.energy_wh <> 0 THEN 'free' WHEN i.document_id IS NOT NULL THEN 'billed' WHEN w.key IS NOT NULL THEN 'excluded'
        WHEN (SELECT x.outcome FROM exclusion_hit x JOIN billing_run r ON r.id = x.run_id AND r.kind = 'live' WHERE x.charge_id = c.charge_id AND x.outcome <> 'excluded' AND r.set_closed_at <= ${t}
          AND NOT EXISTS (SELECT FROM audit_event a WHERE a.subject = r.id AND a.action = 'run.cancel' AND a.at <= ${t}) ORDER BY r.set_closed_at DESC LIMIT 1) = 'carried' THEN 'carried' ELSE 'open' END AS bucket
    FROM rated_charge c LEFT JOIN record_head h ON h.record_id = c.record_id LEFT JOIN claim k ON k.charge_id = c.charge_id
    LEFT JOIN issue_stamp i ON i.document_id = k.document_id AND i.issued_at <= ${t} LEFT JOIN ledger_transaction w ON k.disposition = 'excluded' AND w.key = 'writeOff/' || k.run_id AND w.posted_at <= ${t}
    WHERE (c.energy_wh <> 0 OR c.role = 'allowance') AND c.created_at <= ${t} AND ${chargeIsOf(entity)}
  )${bothSides}`;
}
