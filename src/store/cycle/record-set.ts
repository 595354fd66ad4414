import type { Db } from '../db.ts';
import { claimCreditOrders } from './credit-orders.ts';
import { lockRun } from './run-state.ts';

/**
 * Sale charges a run ($1) may claim: of its months, claimed by none, or carried by a run that is closed. A charge and its mirror
 * that no run has billed cancel out and stay as they are.
 */
export const claimable = `SELECT c.charge_id, c.payer_account_id, c.energy_wh, c.net_minor, c.currency
  FROM billing_run r JOIN rated_charge c ON c.entity_id = r.entity_id AND c.service_month <= r.period AND c.payer_account_id IS NOT NULL
  LEFT JOIN claim own ON own.charge_id = c.charge_id
  LEFT JOIN rated_charge mirror ON mirror.reversal_of = c.charge_id
  LEFT JOIN claim original ON original.charge_id = c.reversal_of
  LEFT JOIN billing_run carrier ON carrier.id = own.run_id AND own.disposition = 'carried' AND carrier.state = 'closed'
  WHERE r.id = $1 AND (own.charge_id IS NULL OR carrier.id IS NOT NULL) AND mirror.charge_id IS NULL AND (c.reversal_of IS NULL OR original.charge_id IS NOT NULL AND original.disposition <> 'carried')`;

/** A carried charge moves to the run that claims it now. */
export const takeOver =
  "ON CONFLICT (charge_id) DO UPDATE SET run_id = excluded.run_id, account_id = excluded.account_id, disposition = 'document', pulled_in_by = excluded.pulled_in_by WHERE claim.disposition = 'carried'";

/** Closes the record set of a live run: one INSERT claims every charge it may, late ones of earlier months with it. Repeatable: the set closes once. */
export async function closeRecordSet(db: Db, runId: string): Promise<{ readonly claimed: number }> {
  await lockRun(db, runId);
  const closed = await db.query('UPDATE billing_run SET set_closed_at = now() WHERE id = $1 AND set_closed_at IS NULL RETURNING id', [runId]);
  if (closed.rowCount === 0) return { claimed: 0 };
  const { rowCount } = await db.query(`INSERT INTO claim (charge_id, run_id, account_id, disposition) SELECT l.charge_id, $1, l.payer_account_id, 'document' FROM (${claimable}) l ${takeOver}`, [
    runId,
  ]);
  await db.query(
    "INSERT INTO run_account (run_id, account_id, state) SELECT DISTINCT run_id, account_id, 'pending' FROM claim WHERE run_id = $1 ON CONFLICT (run_id, account_id) DO UPDATE SET state = 'pending'",
    [runId],
  );
  // Fees and minimums are due without a session too.
  await db.query(
    `INSERT INTO run_account (run_id, account_id, state) SELECT DISTINCT r.id, a.id, 'pending' FROM billing_run r JOIN account a ON a.entity_id = r.entity_id JOIN contract k ON k.account_id = a.id AND k.kind = 'supply'
       JOIN contract_version v ON v.contract_id = k.id AND v.valid_from < r.period_end + interval '1 month' AND v.valid_to > r.period_start - interval '2 months'
     WHERE r.id = $1 AND (v.clauses->'clauses' @> '[{"kind":"fee"}]' OR v.clauses->'clauses' @> '[{"kind":"minimum"}]') ON CONFLICT DO NOTHING`,
    [runId],
  );
  await claimCreditOrders(db, runId);
  return { claimed: rowCount ?? 0 };
}
