import { claimable } from '../cycle/record-set.ts';
import type { Db } from '../db.ts';

export type LateArrivals = { readonly charges: bigint; readonly energyWh: bigint; readonly netMinor: bigint };

/** What came for the run's months after its set closed: listed beside it, never in it. Nothing before the set is closed. */
export async function lateArrivals(db: Db, runId: string): Promise<LateArrivals> {
  const { rows } = await db.query(
    `SELECT count(*) AS charges, coalesce(sum(l.energy_wh), 0)::bigint AS energy_wh, coalesce(sum(l.net_minor), 0)::bigint AS net_minor
     FROM (${claimable}) l WHERE EXISTS (SELECT FROM billing_run r WHERE r.id = $1 AND r.set_closed_at IS NOT NULL)
       AND NOT EXISTS (SELECT FROM claim own WHERE own.charge_id = l.charge_id AND own.run_id = $1)`,
    [runId],
  );
  return { charges: rows[0].charges, energyWh: rows[0].energy_wh, netMinor: rows[0].net_minor };
}
