import type { Db } from '../db.ts';

/** Says of each charge that a run claims of these accounts whether it is billed, written off or carried, and takes off its document what is not billed. */
export async function decideDispositions(db: Db, runId: string, accounts: readonly string[]): Promise<void> {
  await db.query(
    `WITH rule AS (SELECT * FROM exclusion_rule WHERE run_id = $1 AND withdrawn_at IS NULL), decided AS (
       SELECT k.charge_id, coalesce(CASE WHEN c.clause = 'smallSession' THEN 'excluded' END,
         (SELECT CASE WHEN bool_or(x.outcome = 'writeOff') THEN 'excluded' WHEN bool_or(x.outcome = 'carry') THEN 'carried' END
          FROM rule x WHERE x.subject_id = CASE x.scope WHEN 'account' THEN k.account_id WHEN 'site' THEN c.site_id WHEN 'record' THEN c.record_id::text END), 'document') AS disposition
       FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id WHERE k.run_id = $1 AND k.account_id = ANY($2))
     UPDATE claim k SET document_id = NULL, line_no = NULL, disposition = d.disposition FROM decided d
     WHERE d.charge_id = k.charge_id AND (k.disposition <> d.disposition OR d.disposition <> 'document' AND k.document_id IS NOT NULL)`,
    [runId, accounts],
  );
}
