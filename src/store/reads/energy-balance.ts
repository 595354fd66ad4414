import type { Db } from '../db.ts';

export type BalanceRow = {
  readonly month: string;
  readonly received: bigint;
  readonly billed: bigint;
  readonly open: bigint;
  readonly carried: bigint;
  readonly parked: bigint;
  readonly held: bigint;
  readonly excluded: bigint;
  readonly rejected: bigint;
  /** received minus all the rest: not zero is a stop-the-line defect. */
  readonly difference: bigint;
};

/**
 * The energy balance of each service month in Wh (invariant 9). The left side comes from the current facts of each record, the
 * right side from charges, claims and documents; a record without a readable end stands under month `unknown`.
 */
export async function energyBalance(db: Db): Promise<BalanceRow[]> {
  const { rows } = await db.query(
    `WITH heads AS (
       SELECT coalesce(service_month, 'unknown') AS month, sum(energy_wh) AS received,
              sum(energy_wh) FILTER (WHERE state = 'parked') AS parked,
              sum(energy_wh) FILTER (WHERE state IN ('received', 'quarantined')) AS held,
              sum(energy_wh) FILTER (WHERE state = 'rejected') AS rejected
       FROM record_head GROUP BY 1
     ), charges AS (
       SELECT c.service_month AS month,
              sum(c.energy_wh) FILTER (WHERE d.state = 'issued') AS billed,
              sum(c.energy_wh) FILTER (WHERE k.disposition = 'excluded') AS excluded,
              sum(c.energy_wh) FILTER (WHERE k.disposition = 'carried') AS carried,
              sum(c.energy_wh) FILTER (WHERE k.charge_id IS NULL OR k.disposition = 'document' AND d.state IS DISTINCT FROM 'issued') AS open
       FROM rated_charge c LEFT JOIN claim k ON k.charge_id = c.charge_id LEFT JOIN document d ON d.id = k.document_id
       WHERE c.role <> 'siteShareEstimate' GROUP BY 1
     )
     SELECT month, coalesce(received, 0)::bigint AS received, coalesce(billed, 0)::bigint AS billed, coalesce(open, 0)::bigint AS open, coalesce(carried, 0)::bigint AS carried,
            coalesce(parked, 0)::bigint AS parked, coalesce(held, 0)::bigint AS held, coalesce(excluded, 0)::bigint AS excluded, coalesce(rejected, 0)::bigint AS rejected
     FROM heads FULL JOIN charges USING (month) ORDER BY month`,
  );
  return rows.map((r) => ({ ...r, difference: r.received - r.billed - r.open - r.carried - r.parked - r.held - r.excluded - r.rejected }));
}
