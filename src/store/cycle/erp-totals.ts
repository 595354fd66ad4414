import type { Db } from '../db.ts';

/** Both sides of one sum, in minor units; `key` as `kind|glAccount|costCenter|vatCode|currency`. */
export type ErpCompared = { readonly key: string; readonly handedOver: bigint; readonly inErp: bigint };

/** Keeps what a run handed over and what the ERP holds of it, in the place of what was compared before. */
export async function keepControlTotals(db: Db, runId: string, totals: readonly ErpCompared[]): Promise<void> {
  await db.query('DELETE FROM erp_control_total WHERE run_id = $1', [runId]);
  await db.query('INSERT INTO erp_control_total (run_id, key, handed_over, in_erp) SELECT $1, t.* FROM unnest($2::text[], $3::bigint[], $4::bigint[]) AS t', [
    runId,
    totals.map((t) => t.key),
    totals.map((t) => t.handedOver.toString()),
    totals.map((t) => t.inErp.toString()),
  ]);
}
