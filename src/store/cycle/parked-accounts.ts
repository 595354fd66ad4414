import type { Db } from '../db.ts';

/** Parks accounts of a run, by their reasons: they do not stop the others, and each build tries them again. */
export async function markParked(db: Db, runId: string, reasons: ReadonlyMap<string, string>): Promise<void> {
  if (reasons.size === 0) return;
  await db.query(
    `INSERT INTO run_account (run_id, account_id, state, reason) SELECT $1, p.account_id, 'parked', p.reason FROM unnest($2::text[], $3::text[]) AS p(account_id, reason)
     ON CONFLICT (run_id, account_id) DO UPDATE SET state = 'parked', reason = excluded.reason, plain = false`,
    [runId, [...reasons.keys()], [...reasons.values()]],
  );
}

/** Lets wait what accounts of a run were to be billed. */
export async function carryClaims(db: Db, runId: string, accountIds: readonly string[]): Promise<void> {
  await db.query("UPDATE claim SET disposition = 'carried', document_id = NULL, line_no = NULL WHERE run_id = $1 AND account_id = ANY($2) AND disposition = 'document'", [runId, accountIds]);
}
