import type { Db } from '../db.ts';

/** Something that takes effect in the run and was authored by the actor; undefined when there is nothing. */
export async function authoredBy(db: Db, runId: string, actor: string): Promise<string | undefined> {
  const { rows } = await db.query<{ what: string }>(
    `SELECT what FROM (
       SELECT 'exclusion ' || id AS what, author FROM exclusion_rule WHERE run_id = $1 AND withdrawn_at IS NULL
       UNION ALL SELECT 'exclusion rule ' || s.id, p.actor FROM standing_exclusion s CROSS JOIN LATERAL (VALUES (s.author), (s.signed_by), (s.ended_by)) p(actor)
         WHERE s.id IN (SELECT rule_id FROM exclusion_hit WHERE run_id = $1 UNION SELECT before_rule FROM exclusion_hit WHERE run_id = $1 UNION SELECT rule_id FROM left_out_fee WHERE run_id = $1 UNION SELECT before_rule FROM left_out_fee WHERE run_id = $1)
       UNION ALL SELECT 'signature on adjustment ' || id, signed_by FROM adjustment WHERE run_id = $1 AND withdrawn_at IS NULL
       UNION ALL SELECT 'adjustment ' || id, author FROM adjustment WHERE run_id = $1 AND withdrawn_at IS NULL
       UNION ALL SELECT 'late arrivals pulled in', pulled_in_by FROM claim WHERE run_id = $1 AND pulled_in_by IS NOT NULL
       UNION ALL SELECT 'credit ' || id, author FROM credit_order WHERE run_id = $1 AND withdrawn_at IS NULL
       UNION ALL SELECT 'credit and rebill of ' || o.document_id, o.author FROM rebill_order o JOIN rebilled_record b ON b.order_id = o.id JOIN rated_charge c ON c.record_id = b.record_id AND c.revision = b.revision JOIN claim k ON k.charge_id = c.charge_id AND k.run_id = $1
       UNION ALL SELECT 'document rules, version ' || p.version, p.author FROM billing_run r JOIN LATERAL (SELECT * FROM document_rules_version v WHERE v.entity_id = r.entity_id ORDER BY v.version DESC LIMIT 1) p ON true WHERE r.id = $1
       UNION ALL SELECT 'decision on record ' || d.subject_id, d.actor FROM decision d JOIN claim k ON k.run_id = $1 JOIN rated_charge c ON c.charge_id = k.charge_id AND d.subject_id = c.record_id::text WHERE d.subject_kind = 'record'
         -- That it was carried past the close of another run decides nothing in this one.
         AND coalesce(d.run_id, $1) = $1
       UNION ALL SELECT 'rejection of record ' || h.record_id, d.actor FROM decision d JOIN record_head h ON h.record_id = d.subject_id::bigint AND h.state = 'rejected'
         JOIN source s ON s.id = h.source_id JOIN billing_run r ON r.entity_id = s.entity_id AND h.service_month BETWEEN r.first_month AND r.period
         WHERE d.subject_kind = 'record' AND d.action = 'reject' AND r.id = $1
       UNION ALL SELECT 'signature on finding ' || d.subject_id, d.actor FROM decision d JOIN run_finding l ON l.run_id = $1 AND l.finding_id::text = d.subject_id WHERE d.subject_kind = 'finding' AND d.run_id = $1
       UNION ALL SELECT 'acceptance of the total of ' || t.source_id || ' of ' || t.on_date, t.author FROM billing_run r JOIN legal_entity e ON e.id = r.entity_id JOIN source s ON s.entity_id = r.entity_id
         JOIN control_total_acceptance t ON t.source_id = s.id AND t.on_date >= (r.period_start AT TIME ZONE e.time_zone)::date AND t.on_date < (r.period_end AT TIME ZONE e.time_zone)::date WHERE r.id = $1
       UNION ALL SELECT 'cancellation of expectation ' || x.key, x.resolved_actor FROM billing_run r JOIN source s ON s.entity_id = r.entity_id
         -- Of earlier months too: what was open of them the run asked for.
         JOIN expectation x ON x.source_id = s.id AND x.resolution = 'cancelled' AND x.opened_at < r.period_end AND (x.opened_at >= r.period_start OR x.resolved_at >= r.planned_at) WHERE r.id = $1
       UNION ALL SELECT 'rules of previews, version ' || p.version, p.author FROM billing_run r JOIN LATERAL (SELECT * FROM preview_rules_version v WHERE v.entity_id = r.entity_id ORDER BY v.version DESC LIMIT 1) p ON true WHERE r.id = $1
       UNION ALL SELECT 'rules of release, version ' || p.version, p.author FROM billing_run r JOIN LATERAL (SELECT * FROM release_rules_version v WHERE v.entity_id = r.entity_id ORDER BY v.version DESC LIMIT 1) p ON true WHERE r.id = $1
       UNION ALL SELECT 'the group of account ' || x.account_id, x.moved_by FROM run_account x WHERE x.run_id = $1 AND x.moved_by IS NOT NULL
       UNION ALL SELECT 'mapping ' || m.external_key, m.author FROM mapping m JOIN run_account a ON a.run_id = $1 AND a.account_id = m.internal_id
       UNION ALL SELECT 'tariff ' || t.id, t.author FROM tariff_version t WHERE t.id IN (SELECT c.tariff_version_id FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id WHERE k.run_id = $1)
       UNION ALL SELECT 'price assignment ' || p.id, p.author FROM price_assignment p JOIN tariff_version t ON t.tariff_id = p.tariff_id
         WHERE t.id IN (SELECT c.tariff_version_id FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id WHERE k.run_id = $1)
       UNION ALL SELECT 'contract ' || v.contract_id || ' version ' || v.version, v.author FROM contract_version v
         WHERE (v.contract_id, v.version) IN (SELECT c.contract_id, c.contract_version FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id WHERE k.run_id = $1)
       UNION ALL SELECT s.kind || ' ' || s.id, s.author FROM set_up_version s JOIN run_account a ON a.run_id = $1 JOIN account o ON o.id = a.account_id
         AND s.id = CASE s.kind WHEN 'party' THEN o.party_id ELSE o.id END WHERE s.kind IN ('party', 'account', 'vatStatus', 'payeeBankAccount')
     ) w WHERE author = $2 LIMIT 1`,
    [runId, actor],
  );
  return rows[0]?.what;
}
