import type { Db } from '../db.ts';

/** Says of each charge that a run claims of these accounts whether it is billed, written off or carried, and takes it off its document. */
export async function decideDispositions(db: Db, runId: string, accounts: readonly string[]): Promise<void> {
  await db.query(
    `UPDATE claim k SET document_id = NULL, line_no = NULL, disposition = coalesce(CASE WHEN own.clause = 'smallSession' THEN 'excluded' END,
       (SELECT CASE WHEN bool_or(x.outcome = 'writeOff') THEN 'excluded' WHEN bool_or(x.outcome = 'carry') THEN 'carried' END
        FROM exclusion_rule x JOIN rated_charge c ON c.charge_id = k.charge_id
        WHERE x.run_id = k.run_id AND x.withdrawn_at IS NULL AND x.subject_id = CASE x.scope WHEN 'account' THEN k.account_id WHEN 'site' THEN c.site_id WHEN 'record' THEN c.record_id::text END), 'document')
     FROM rated_charge own WHERE own.charge_id = k.charge_id AND k.run_id = $1 AND k.account_id = ANY($2)`,
    [runId, accounts],
  );
}
