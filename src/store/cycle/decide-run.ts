import { needsTwo } from '../../core/cycle/release-rules.ts';
import type { RunState } from '../../core/cycle/run-states.ts';
import { audit } from '../commands/audit.ts';
import type { Db } from '../db.ts';
import { releaseRulesOf } from '../reads/release-rules.ts';
import { contentProblems } from './approved-content.ts';
import { authoredBy } from './authored.ts';
import { followGroups, type GroupState, groupStates, lockRun, runKind } from './run-state.ts';

export type RunDecision = {
  readonly runId: string;
  /** The request's id: a repeat meets the first answer. */
  readonly approvalId: string;
  readonly decision: 'approve' | 'reject';
  /** What was looked at: the group's hash, or without a group the run's. */
  readonly contentHash: string;
  /** Without it all groups that are still in review. */
  readonly group?: string | undefined;
  readonly actor: string;
  readonly comment: string;
  readonly requestId?: string | undefined;
};
export type DecisionResult =
  /** `waitsForSecond`: groups that somebody else has to approve too. */
  | { readonly ok: true; readonly waitsForSecond?: readonly string[] }
  /** The content changed since it was looked at; `current` is what stands now, empty while it is being built. */
  | { readonly ok: false; readonly reason: 'staleHash'; readonly current: string }
  | { readonly ok: false; readonly reason: 'wrongState'; readonly state: string; readonly group?: string }
  /** The approver authored something that takes effect in the run (invariant 7), the first approval among it. */
  | { readonly ok: false; readonly reason: 'ownWork'; readonly what: string }
  /** Findings that block stand unsigned. */
  | { readonly ok: false; readonly reason: 'blockingFindings'; readonly findings: number }
  /** What is stored is not what was built. */
  | { readonly ok: false; readonly reason: 'unsoundContent'; readonly problems: readonly string[] };

/**
 * Approves, which fixes the documents, or rejects exactly the content whose hash is given: of one group, or of all that are in review. Where
 * the entity's rules want two, the first approval is kept and the group waits for the second. Repeatable by `approvalId`. Two who decide
 * at once come one after the other, by the lock on the run.
 */
export async function decideRun(db: Db, input: RunDecision): Promise<DecisionResult> {
  const state = await lockRun(db, input.runId);
  if ((await runKind(db, input.runId)) !== 'live') return { ok: false, reason: 'wrongState', state: 'a dry run' };
  const groups = await groupStates(db, input.runId);
  const before = await db.query<{ group_name: string }>("SELECT group_name FROM approval WHERE run_id = $1 AND (id = $2 OR starts_with(id, $2 || '.'))", [input.runId, input.approvalId]);
  if (before.rows.length > 0) return answer(groups.filter((g) => input.decision === 'approve' && g.state === 'inReview' && before.rows.some((r) => r.group_name === g.name)));
  const found = await meant(db, input, state, groups);
  if (!('groups' in found)) return found;
  const pending: GroupState[] = [];
  const approved: GroupState[] = [];
  if (input.decision === 'approve') {
    const refused = await refusal(db, input, found.groups);
    if (refused !== undefined) return refused;
    for (const group of found.groups) {
      // The rules may want one alone by now, of whom it was that approved first too.
      const first = (await wantsTwo(db, input.runId, group.name)) ? await firstApprover(db, input.runId, group) : null;
      if (first === input.actor) return { ok: false, reason: 'ownWork', what: `the first approval of group ${group.name}` };
      if (first === undefined) pending.push(group);
      else approved.push(group);
    }
  }
  await store(db, input, found.groups);
  const names = found.groups.map((g) => g.name);
  if (input.decision === 'reject') await db.query('UPDATE release_group SET review = review + 1 WHERE run_id = $1 AND name = ANY($2)', [input.runId, names]);
  await fixGroups(
    db,
    input.runId,
    approved.map((g) => g.name),
  );
  const after = { contentHash: input.contentHash, groups: names, ...(pending.length === 0 ? {} : { waitsForSecond: pending.map((g) => g.name) }) };
  await audit(db, input, { action: `run.${input.decision}`, subject: input.runId, reason: input.comment, after });
  return answer(pending);
}

function answer(pending: readonly GroupState[]): DecisionResult {
  return pending.length === 0 ? { ok: true } : { ok: true, waitsForSecond: pending.map((g) => g.name) };
}

/** The groups a decision is about, once its hash is the one that stands. */
async function meant(db: Db, { runId, group, contentHash }: RunDecision, state: RunState, groups: readonly GroupState[]): Promise<{ readonly groups: readonly GroupState[] } | DecisionResult> {
  if (group === undefined) {
    if (state !== 'inReview') return { ok: false, reason: 'wrongState', state };
    const run = (await db.query<{ hash: string | null }>("SELECT encode(content_hash, 'hex') AS hash FROM billing_run WHERE id = $1", [runId])).rows[0];
    const current = run?.hash ?? '';
    return current === '' || current !== contentHash ? { ok: false, reason: 'staleHash', current } : { groups: groups.filter((g) => g.state === 'inReview') };
  }
  const found = groups.find((g) => g.name === group);
  if (found?.state !== 'inReview') return { ok: false, reason: 'wrongState', state: found?.state ?? 'not a group of the run', group };
  const current = found.hash?.toString('hex') ?? '';
  return current === '' || current !== contentHash ? { ok: false, reason: 'staleHash', current } : { groups: [found] };
}

/** Why these groups cannot be approved, or not by this actor. */
async function refusal(db: Db, { runId, actor }: RunDecision, groups: readonly GroupState[]): Promise<DecisionResult | undefined> {
  const own = await authoredBy(db, runId, actor);
  if (own !== undefined) return { ok: false, reason: 'ownWork', what: own };
  const names = groups.map((g) => g.name);
  const findings = await unsignedBlocking(db, runId, names);
  if (findings > 0) return { ok: false, reason: 'blockingFindings', findings };
  const problems = await contentProblems(db, runId, names);
  return problems.length === 0 ? undefined : { ok: false, reason: 'unsoundContent', problems };
}

/** How many findings that block stand in these groups, or in the run as a whole, and are signed by nobody. */
async function unsignedBlocking(db: Db, runId: string, groups: readonly string[]): Promise<number> {
  const { rows } = await db.query<{ n: bigint }>(
    `SELECT count(*) AS n FROM run_finding l JOIN finding f ON f.id = l.finding_id LEFT JOIN run_account x ON x.run_id = l.run_id AND x.account_id = l.account_id
     WHERE l.run_id = $1 AND f.severity = 'blocks' AND (x.group_name IS NULL OR x.group_name = ANY($2))
       AND NOT EXISTS (SELECT FROM decision d WHERE d.subject_kind = 'finding' AND d.subject_id = l.finding_id::text AND d.run_id = $1)`,
    [runId, groups],
  );
  return Number(rows[0]?.n ?? 0n);
}

/** Whose approval of the very content of a group waits for a second; undefined too when the first has authored something since. */
async function firstApprover(db: Db, runId: string, group: GroupState): Promise<string | undefined> {
  const { rows } = await db.query<{ actor: string }>(
    "SELECT actor FROM approval WHERE run_id = $1 AND group_name = $2 AND decision = 'approve' AND content_hash = $3 AND review = $4 ORDER BY decided_at",
    [runId, group.name, group.hash, group.review],
  );
  for (const { actor } of rows) if ((await authoredBy(db, runId, actor)) === undefined) return actor;
  return undefined;
}

/** Whether the entity's rules want two to approve a group as it stands. */
export async function wantsTwo(db: Db, runId: string, group: string): Promise<boolean> {
  const run = (await db.query<{ entity_id: string }>('SELECT entity_id FROM billing_run WHERE id = $1', [runId])).rows[0];
  const { rules } = await releaseRulesOf(db, run?.entity_id ?? '');
  const totals = await db.query(
    `SELECT d.strategy, a.category, d.currency, sum(abs(d.payable_minor))::bigint AS "sumMinor", max(abs(d.payable_minor)) AS "largestMinor"
     FROM document d JOIN account a ON a.id = d.account_id WHERE d.run_id = $1 AND d.group_name = $2 AND d.state <> 'discarded' GROUP BY 1, 2, 3`,
    [runId, group],
  );
  return needsTwo(rules, totals.rows);
}

async function store(db: Db, input: RunDecision, groups: readonly GroupState[]): Promise<void> {
  const [only, ...more] = groups;
  const idOf = (name: string) => (more.length === 0 && only?.name === name ? input.approvalId : `${input.approvalId}.${name}`);
  // Under the lock: two who decide at once began in another order, perhaps.
  await db.query(
    `INSERT INTO approval (id, run_id, group_name, content_hash, decision, actor, comment, named_hash, review, decided_at)
     SELECT t.id, $1, g.name, g.content_hash, $4, $5, $6, decode($7, 'hex'), g.review, clock_timestamp() FROM unnest($2::text[], $3::text[]) AS t(id, name) JOIN release_group g ON g.run_id = $1 AND g.name = t.name`,
    [input.runId, groups.map((g) => idOf(g.name)), groups.map((g) => g.name), input.decision, input.actor, input.comment, input.contentHash],
  );
}

/** Fixes the documents of groups whose approval is stored. */
export async function fixGroups(db: Db, runId: string, groups: readonly string[]): Promise<void> {
  if (groups.length === 0) return;
  await db.query("UPDATE document SET state = 'approved' WHERE run_id = $1 AND group_name = ANY($2) AND state IN ('draft', 'frozen')", [runId, groups]);
  await db.query("UPDATE release_group SET state = 'approved', problem = NULL WHERE run_id = $1 AND name = ANY($2)", [runId, groups]);
  await followGroups(db, runId);
}

/** Opens an approved group again before anything of it is issued: its documents are drafts, and its approval no longer counts. Throws nothing: false when it is not approved. A repeat of the same request, whose answer was lost, is answered as it was. */
export async function reopenGroups(
  db: Db,
  input: { readonly runId: string; readonly group?: string | undefined; readonly actor: string; readonly reason: string; readonly requestId?: string | undefined },
): Promise<{ readonly ok: true; readonly reopened: readonly string[] } | { readonly ok: false; readonly state: string }> {
  const state = await lockRun(db, input.runId);
  const groups = (await groupStates(db, input.runId)).filter((g) => input.group === undefined || g.name === input.group);
  const names = groups.filter((g) => g.state === 'approved').map((g) => g.name);
  if (names.length === 0) {
    const before = await reopenedBefore(db, input);
    const reopened = groups.filter((g) => g.state === 'inReview' && before.includes(g.name)).map((g) => g.name);
    return reopened.length > 0 ? { ok: true, reopened } : { ok: false, state: input.group === undefined ? state : (groups[0]?.state ?? 'not a group of the run') };
  }
  await db.query("UPDATE document SET state = 'draft' WHERE run_id = $1 AND group_name = ANY($2) AND state = 'approved'", [input.runId, names]);
  await db.query("UPDATE release_group SET state = 'inReview', review = review + 1, problem = NULL WHERE run_id = $1 AND name = ANY($2)", [input.runId, names]);
  await followGroups(db, input.runId);
  await audit(db, input, { action: 'run.reopen', subject: input.runId, reason: input.reason, after: { groups: names } });
  return { ok: true, reopened: names };
}

/** Groups that the same request has opened again. */
async function reopenedBefore(db: Db, { runId, actor, requestId }: { readonly runId: string; readonly actor: string; readonly requestId?: string | undefined }): Promise<readonly string[]> {
  if (requestId === undefined) return [];
  const { rows } = await db.query<{ groups: readonly string[] }>(
    "SELECT after->'groups' AS groups FROM audit_event WHERE subject = $1 AND action = 'run.reopen' AND actor = $2 AND request_id = $3 ORDER BY id DESC LIMIT 1",
    [runId, actor, requestId],
  );
  return rows[0]?.groups ?? [];
}
