import { freeEnergySql } from '../ledger/free-energy.ts';

/** SQL: records whose last decision says that another bills them, and who; of the decisions `d` that hold. */
export const billedElsewhere = (holds: string) => `SELECT record_id, billed_by FROM (
    SELECT DISTINCT ON (d.subject_id) d.subject_id::bigint AS record_id, d.billed_by FROM decision d WHERE d.subject_kind = 'record' AND d.action <> 'carry' AND ${holds} ORDER BY d.subject_id, d.id DESC) l WHERE billed_by IS NOT NULL`;

/** SQL behind `heads` (what was received, parked, held, rejected, billed elsewhere, linked) and `judged` (each charge with its bucket): both sides summed by source, site and service month. */
export const bothSides = `, charges AS (
    SELECT source_id, site_id, month, sum(energy_wh) FILTER (WHERE bucket = 'billed') AS billed, sum(energy_wh) FILTER (WHERE bucket = 'open') AS open, sum(energy_wh) FILTER (WHERE bucket = 'carried') AS carried,
      sum(energy_wh) FILTER (WHERE bucket = 'free') AS free, sum(energy_wh) FILTER (WHERE bucket = 'excluded') AS excluded, sum(allowed_wh) FILTER (WHERE bucket = 'billed') AS included
    FROM judged GROUP BY 1, 2, 3
  ), both_sides AS (
    SELECT source_id, site_id, month, received, 0 AS billed, 0 AS open, 0 AS carried, parked, held, 0 AS free, 0 AS excluded, rejected, "billedElsewhere", 0 AS included, linked FROM heads
    UNION ALL SELECT source_id, site_id, month, 0, billed, open, carried, 0, 0, free, excluded, 0, 0, included, 0 FROM charges
  )
  SELECT b.source_id, b.site_id, b.month, coalesce(s.kind, 'unknown') AS kind, ${[
    'received',
    'billed',
    'open',
    'carried',
    'parked',
    'held',
    'free',
    'excluded',
    'rejected',
    'billedElsewhere',
    'included',
    'linked',
  ]
    .map((name) => `coalesce(sum(b."${name}"), 0)::bigint AS "${name}"`)
    .join(', ')}
  FROM both_sides b LEFT JOIN site s ON s.id = b.site_id GROUP BY b.source_id, b.site_id, b.month, s.kind`;

/** SQL that holds for a record (its source), or a charge (its entity), of the entity that `entity` is, SQL too; of any where that is NULL. */
export const sourceIsOf = (entity: string, source: string) => `(${entity} IS NULL OR ${source} IN (SELECT id FROM source WHERE entity_id = ${entity}))`;
export const chargeIsOf = (entity: string) => `(${entity} IS NULL OR c.entity_id = ${entity})`;

/**
 * The left side, held, parked and rejected come from the current facts of each record; the rest from charges, claims and documents.
 * What was free stays free, whatever becomes of its charge. Billed elsewhere is what was rejected since another bills it. `entity`: SQL, of one alone.
 */
export const energyDetails = (entity = 'NULL::text') => `WITH heads AS (
    SELECT source_id, site_id, coalesce(service_month, 'unknown') AS month, sum(energy_wh) AS received,
      sum(energy_wh) FILTER (WHERE state = 'parked') AS parked, sum(energy_wh) FILTER (WHERE state IN ('received', 'quarantined')) AS held,
      sum(energy_wh) FILTER (WHERE state = 'rejected' AND e.billed_by IS NULL) AS rejected, sum(energy_wh) FILTER (WHERE state = 'rejected' AND e.billed_by IS NOT NULL) AS "billedElsewhere",
      sum(energy_wh) FILTER (WHERE state = 'rejected' AND e.billed_by IS NULL AND linked_to IS NOT NULL) AS linked
    FROM record_head LEFT JOIN (${billedElsewhere('true')}) e USING (record_id) WHERE ${sourceIsOf(entity, 'source_id')} GROUP BY 1, 2, 3
  ), judged AS (
    SELECT h.source_id, c.site_id, c.service_month AS month, c.energy_wh, CASE WHEN c.role = 'allowance' AND c.quantity_unit = 'Wh' THEN c.quantity ELSE 0 END AS allowed_wh,
      CASE WHEN ${freeEnergySql} AND c.energy_wh <> 0 THEN 'free' WHEN d.state = 'issued' THEN 'billed' WHEN k.disposition IN ('excluded', 'carried') THEN k.disposition ELSE 'open' END AS bucket
    FROM rated_charge c LEFT JOIN record_head h ON h.record_id = c.record_id LEFT JOIN claim k ON k.charge_id = c.charge_id LEFT JOIN document d ON d.id = k.document_id
    WHERE (c.energy_wh <> 0 OR c.role = 'allowance') AND ${chargeIsOf(entity)}
  )${bothSides}`;
