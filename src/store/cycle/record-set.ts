import type { Db } from '../db.ts';
import { lockRun } from './run-state.ts';

/**
 * Closes the record set of a live run: one INSERT claims every open sale charge up to the end of the period, late ones of
 * earlier months with it. A charge and its mirror that no run has claimed cancel out and stay unclaimed. Repeatable: the set closes once.
 */
export async function closeRecordSet(db: Db, runId: string): Promise<{ readonly claimed: number }> {
  await lockRun(db, runId);
  const closed = await db.query('UPDATE billing_run SET set_closed_at = now() WHERE id = $1 AND set_closed_at IS NULL RETURNING id', [runId]);
  if (closed.rowCount === 0) return { claimed: 0 };
  const { rowCount } = await db.query(
    `INSERT INTO claim (charge_id, run_id, account_id, disposition)
     SELECT c.charge_id, r.id, c.payer_account_id, 'document'
     FROM billing_run r JOIN rated_charge c ON c.entity_id = r.entity_id AND c.service_month <= r.period AND c.payer_account_id IS NOT NULL
     LEFT JOIN claim own ON own.charge_id = c.charge_id
     LEFT JOIN rated_charge mirror ON mirror.reversal_of = c.charge_id
     LEFT JOIN claim original ON original.charge_id = c.reversal_of
     WHERE r.id = $1 AND own.charge_id IS NULL AND mirror.charge_id IS NULL AND (c.reversal_of IS NULL OR original.charge_id IS NOT NULL)
     ON CONFLICT DO NOTHING`,
    [runId],
  );
  await db.query("INSERT INTO run_account (run_id, account_id, state) SELECT DISTINCT run_id, account_id, 'pending' FROM claim WHERE run_id = $1 ON CONFLICT DO NOTHING", [runId]);
  return { claimed: rowCount ?? 0 };
}

export type LateArrivals = { readonly charges: bigint; readonly energyWh: bigint; readonly netMinor: bigint };

/** What was booked for the run's months after its set closed: listed beside it, never in it. */
export async function lateArrivals(db: Db, runId: string): Promise<LateArrivals> {
  const { rows } = await db.query(
    `SELECT count(*) AS charges, coalesce(sum(c.energy_wh), 0)::bigint AS energy_wh, coalesce(sum(c.net_minor), 0)::bigint AS net_minor
     FROM billing_run r JOIN rated_charge c ON c.entity_id = r.entity_id AND c.service_month <= r.period AND c.payer_account_id IS NOT NULL AND c.created_at > r.set_closed_at
     WHERE r.id = $1 AND NOT EXISTS (SELECT FROM claim k WHERE k.charge_id = c.charge_id)`,
    [runId],
  );
  return { charges: rows[0].charges, energyWh: rows[0].energy_wh, netMinor: rows[0].net_minor };
}
