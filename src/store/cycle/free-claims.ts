import type { Db } from '../db.ts';

/** SQL that holds for a claim `k` of what somebody pays: what is owed waits in no run that is closed (`freeWaitingShares`). */
const isSold = 'EXISTS (SELECT FROM rated_charge s WHERE s.charge_id = k.charge_id AND s.payer_account_id IS NOT NULL)';

/** Frees claims of a run, all or those that were pulled in (of one account): what an earlier run carried is carried by it again, the rest is open. Answers how many. */
export async function freeClaims(db: Db, runId: string, only: { readonly pulledIn: boolean; readonly accountId?: string | undefined } = { pulledIn: false }): Promise<number> {
  const params = [runId, only.pulledIn, only.accountId ?? null];
  // Shares that came along with a sale go with it when they are built again.
  const freed = `k.run_id = $1 AND (NOT $2 OR k.pulled_in_by IS NOT NULL AND ${isSold}) AND ($3::text IS NULL OR k.account_id = $3)`;
  const returned = await db.query(
    `UPDATE claim k SET run_id = f.run_id, document_id = NULL, line_no = NULL, disposition = 'carried', pulled_in_by = NULL
     FROM (SELECT DISTINCT ON (h.charge_id) h.charge_id, h.run_id, h.outcome FROM claim k JOIN exclusion_hit h ON h.charge_id = k.charge_id JOIN billing_run r ON r.id = h.run_id AND r.state = 'closed' AND r.kind = 'live'
       WHERE ${freed} AND ${isSold} ORDER BY h.charge_id, r.closed_at DESC) f
     WHERE k.charge_id = f.charge_id AND f.outcome = 'carried' AND ${freed}`,
    params,
  );
  const opened = await db.query(`DELETE FROM claim k WHERE ${freed}`, params);
  return (returned.rowCount ?? 0) + (opened.rowCount ?? 0);
}
