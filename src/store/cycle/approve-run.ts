import type { Db } from '../db.ts';
import { lockRun } from './run-state.ts';

export type ApprovalInput = { readonly runId: string; readonly approvalId: string; readonly contentHash: string; readonly actor: string; readonly comment: string };
export type ApprovalResult =
  | { readonly ok: true }
  /** The content changed since it was looked at: `current` is what stands now. */
  | { readonly ok: false; readonly reason: 'staleHash'; readonly current: string }
  | { readonly ok: false; readonly reason: 'wrongState'; readonly state: string }
  /** The approver authored something that takes effect in the run (invariant 7). */
  | { readonly ok: false; readonly reason: 'ownWork'; readonly what: string };

/** Approves exactly the content whose hash is given and fixes the documents. Repeatable by `approvalId`. */
export async function approveRun(db: Db, input: ApprovalInput): Promise<ApprovalResult> {
  const state = await lockRun(db, input.runId);
  const before = await db.query('SELECT content_hash FROM approval WHERE id = $1', [input.approvalId]);
  if (before.rowCount !== 0) return { ok: true };
  if (state !== 'inReview') return { ok: false, reason: 'wrongState', state };
  const run = (await db.query<{ content_hash: Buffer }>('SELECT content_hash FROM billing_run WHERE id = $1', [input.runId])).rows[0];
  const current = run?.content_hash.toString('hex') ?? '';
  if (current !== input.contentHash) return { ok: false, reason: 'staleHash', current };
  const authored = await db.query<{ what: string }>(
    `SELECT what FROM (
       SELECT 'exclusion ' || id AS what, author FROM exclusion_rule WHERE run_id = $1 AND withdrawn_at IS NULL
       UNION ALL SELECT 'adjustment ' || id, author FROM adjustment WHERE run_id = $1 AND withdrawn_at IS NULL
       UNION ALL SELECT 'decision on record ' || d.subject_id, d.actor FROM decision d JOIN claim k ON k.run_id = $1 JOIN rated_charge c ON c.charge_id = k.charge_id AND d.subject_id = c.record_id::text WHERE d.subject_kind = 'record'
       UNION ALL SELECT 'mapping ' || m.external_key, m.author FROM mapping m JOIN run_account a ON a.run_id = $1 AND a.account_id = m.internal_id
       UNION ALL SELECT 'tariff ' || t.id, t.author FROM tariff_version t WHERE t.id IN (SELECT c.tariff_version_id FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id WHERE k.run_id = $1)
     ) w WHERE author = $2 LIMIT 1`,
    [input.runId, input.actor],
  );
  const own = authored.rows[0];
  if (own !== undefined) return { ok: false, reason: 'ownWork', what: own.what };
  await db.query("INSERT INTO approval (id, run_id, group_name, content_hash, decision, actor, comment) VALUES ($1, $2, 'all', $3, 'approve', $4, $5)", [
    input.approvalId,
    input.runId,
    run?.content_hash,
    input.actor,
    input.comment,
  ]);
  await db.query("UPDATE document SET state = 'approved' WHERE run_id = $1 AND state IN ('draft', 'frozen')", [input.runId]);
  await db.query("UPDATE billing_run SET state = 'approved' WHERE id = $1", [input.runId]);
  await db.query("UPDATE release_group SET state = 'approved' WHERE run_id = $1", [input.runId]);
  await db.query("INSERT INTO audit_event (actor, action, subject, reason, after) VALUES ($1, 'run.approve', $2, $3, $4)", [
    input.actor,
    input.runId,
    input.comment,
    JSON.stringify({ contentHash: current }),
  ]);
  return { ok: true };
}
