import { sha256 } from '../../core/seal/charge-record.ts';
import { audit } from '../commands/audit.ts';
import type { Db } from '../db.ts';
import { contentProblems } from './approved-content.ts';
import { authoredBy } from './authored.ts';
import { fixGroups } from './decide-run.ts';
import { type GroupState, groupStates, lockRun } from './run-state.ts';

/**
 * Approves the groups in review that a standing approval covers on that day: documents of its strategy and currency alone, none below zero or
 * above its cap, with what it approved that day no more than its daily cap, without an open finding, and nothing that anybody shaped by hand or
 * rejected. Neither of its signers may have authored anything that takes effect. Answers which. Repeatable.
 */
export async function approveByStanding(db: Db, runId: string, today: string): Promise<readonly string[]> {
  if ((await lockRun(db, runId)) !== 'inReview') return [];
  const standing = await db.query<{ id: string; proposed_by: string; signed_by: string; reason: string; strategy: string; currency: string; document_cap_minor: bigint; day_cap_minor: bigint }>(
    // Locked, so that two runs of a day cannot both use what is left of its cap.
    `SELECT s.* FROM standing_approval s JOIN billing_run r ON r.entity_id = s.entity_id
     WHERE r.id = $1 AND s.signed_by IS NOT NULL AND s.revoked_by IS NULL AND s.valid_from <= $2 AND $2 < s.valid_to ORDER BY s.id FOR UPDATE OF s`,
    [runId, today],
  );
  if (standing.rows.length === 0) return [];
  const approved: string[] = [];
  for (const group of await groupStates(db, runId)) {
    // A group that somebody rejected or reopened is for people to decide.
    if (group.state !== 'inReview' || group.hash === null || group.review !== 1) continue;
    for (const s of standing.rows) {
      const sum = await coveredSum(db, runId, group, s);
      if (sum === undefined || sum + (await usedOn(db, s.id, today)) > s.day_cap_minor) continue;
      if ((await authoredBy(db, runId, s.proposed_by)) !== undefined || (await authoredBy(db, runId, s.signed_by)) !== undefined) continue;
      if ((await contentProblems(db, runId, [group.name])).length > 0) continue;
      const id = `apr_${sha256(`${runId}\n${group.name}\n${group.hash.toString('hex')}\n${s.id}`)
        .toString('hex')
        .slice(0, 20)}`;
      await db.query(
        "INSERT INTO approval (id, run_id, group_name, content_hash, decision, actor, comment, named_hash, review, standing_approval_id) VALUES ($1, $2, $3, $4, 'approve', $5, $6, $4, $7, $8)",
        [id, runId, group.name, group.hash, `standing approval ${s.id}`, `${s.reason} (signed by ${s.proposed_by} and ${s.signed_by})`, group.review, s.id],
      );
      await fixGroups(db, runId, [group.name]);
      await audit(db, { actor: `standing approval ${s.id}` }, { action: 'run.approve', subject: runId, reason: s.reason, after: { contentHash: group.hash.toString('hex'), groups: [group.name] } });
      approved.push(group.name);
      break;
    }
  }
  return approved;
}

/** What a group's documents ask for in sum, in minor units; undefined when one of them, or what is known of the group, is not for a standing approval. */
async function coveredSum(db: Db, runId: string, group: GroupState, s: { readonly strategy: string; readonly currency: string; readonly document_cap_minor: bigint }): Promise<bigint | undefined> {
  const { rows } = await db.query<{ n: bigint; fit: boolean; sum: bigint }>(
    `SELECT count(*) AS n, bool_and(d.strategy = $3 AND d.currency = $4 AND d.payable_minor BETWEEN 0 AND $5) AS fit, sum(d.payable_minor)::bigint AS sum
     FROM document d WHERE d.run_id = $1 AND d.group_name = $2 AND d.state <> 'discarded'`,
    [runId, group.name, s.strategy, s.currency, s.document_cap_minor],
  );
  const [found] = rows;
  if (found === undefined || found.n === 0n || !found.fit) return undefined;
  const shaped = await db.query(
    `SELECT FROM run_account x WHERE x.run_id = $1 AND x.group_name = $2 AND (x.moved_by IS NOT NULL OR x.state <> 'ready'
       OR EXISTS (SELECT FROM adjustment j WHERE j.run_id = x.run_id AND j.account_id = x.account_id AND j.withdrawn_at IS NULL)
       OR EXISTS (SELECT FROM claim k WHERE k.run_id = x.run_id AND k.account_id = x.account_id AND k.pulled_in_by IS NOT NULL))
     -- What one person leaves out makes what is left all the smaller.
     UNION ALL SELECT FROM (SELECT account_id FROM exclusion_hit WHERE run_id = $1 AND cause = 'own' AND outcome <> 'billed' UNION ALL SELECT account_id FROM left_out_fee WHERE run_id = $1 AND cause = 'own' AND outcome <> 'billed') h
       JOIN run_account x ON x.run_id = $1 AND x.account_id = h.account_id AND x.group_name = $2
     UNION ALL SELECT FROM run_finding l JOIN finding f ON f.id = l.finding_id LEFT JOIN run_account x ON x.run_id = l.run_id AND x.account_id = l.account_id
       WHERE l.run_id = $1 AND f.severity <> 'info' AND (x.group_name IS NULL OR x.group_name = $2)
         AND NOT EXISTS (SELECT FROM decision d WHERE d.subject_kind = 'finding' AND d.subject_id = l.finding_id::text AND d.run_id = $1)
     LIMIT 1`,
    [runId, group.name],
  );
  return shaped.rowCount === 0 ? found.sum : undefined;
}

/** What a standing approval has approved on a day of its entity, in minor units. */
async function usedOn(db: Db, id: string, today: string): Promise<bigint> {
  const { rows } = await db.query<{ used: bigint }>(
    `SELECT coalesce(sum(d.payable_minor), 0)::bigint AS used FROM approval a JOIN standing_approval s ON s.id = a.standing_approval_id JOIN legal_entity e ON e.id = s.entity_id
     JOIN document d ON d.run_id = a.run_id AND d.group_name = a.group_name AND d.state <> 'discarded'
     WHERE a.standing_approval_id = $1 AND (a.decided_at AT TIME ZONE e.time_zone)::date = $2`,
    [id, today],
  );
  return rows[0]?.used ?? 0n;
}
