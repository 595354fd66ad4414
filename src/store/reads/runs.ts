import type { Siblings } from '../../contracts/dry-run.ts';
import { unsignedWaiting } from '../cycle/run-reads.ts';
import type { Db } from '../db.ts';
import { withErpWords } from '../erp-words.ts';
import { keyBefore, type Page, type PageOrder, pageOf } from './page.ts';

export type RunRow = {
  readonly runId: string;
  readonly entityId: string;
  readonly period: string;
  readonly kind: string;
  readonly state: string;
  readonly paused: boolean;
  readonly problem: string | null;
  readonly workflowId: string;
};

/** Billing runs, newest first. */
export async function listRuns(db: Db, page: PageOrder): Promise<Page<RunRow>> {
  const { rows } = await db.query(
    `SELECT id, entity_id, label AS period, kind, state, paused, problem, workflow_id, planned_at FROM billing_run
     WHERE $1::text IS NULL OR (planned_at, id) < (SELECT planned_at, id FROM billing_run WHERE id = $1) ORDER BY planned_at DESC, id DESC LIMIT $2`,
    [keyBefore('runs', page), page.limit + 1],
  );
  const problems = await withErpWords(
    db,
    rows.map((r) => r.problem),
  );
  return pageOf(
    'runs',
    rows.map((r, i) => ({ ...r, problem: problems[i] ?? null })),
    page.limit,
    (r) => r.id,
    (r): RunRow => ({ runId: r.id, entityId: r.entity_id, period: r.period, kind: r.kind, state: r.state, paused: r.paused, problem: r.problem, workflowId: r.workflow_id }),
  );
}

/** Runs that are not over, live ones before dry ones, newest first: at most so many, and how many there are. */
export async function openRuns(db: Db, most: number): Promise<{ readonly runIds: readonly string[]; readonly count: number }> {
  const { rows } = await db.query<{ id: string; n: number }>(
    "SELECT id, (count(*) OVER ())::integer AS n FROM billing_run WHERE state NOT IN ('closed', 'cancelled') ORDER BY kind DESC, planned_at DESC, id DESC LIMIT $1",
    [most],
  );
  return { runIds: rows.map((r) => r.id), count: rows[0]?.n ?? 0 };
}

/** Other runs of the same calendar and period that have a preview: live ones before dry ones, newest first: at most 20, and how many more there are. */
export async function siblingRuns(db: Db, runId: string): Promise<Siblings> {
  const { rows } = await db.query(
    `SELECT o.id, o.kind, o.state, o.what_if, o.selection IS NOT NULL AS selected, (count(*) OVER ())::integer AS n FROM billing_run r JOIN billing_run o ON (o.calendar_id, o.label) = (r.calendar_id, r.label) AND o.id <> r.id
     WHERE r.id = $1 AND o.state <> 'cancelled' AND EXISTS (SELECT FROM preview_build b WHERE b.run_id = o.id) ORDER BY o.kind DESC, o.planned_at DESC, o.id LIMIT 20`,
    [runId],
  );
  const siblings = rows.map((r) => ({ runId: r.id, kind: r.kind, state: r.state, whatIf: r.what_if, isSelection: r.selected }));
  return { siblings, moreSiblings: (rows[0]?.n ?? 0) - siblings.length };
}

/** What keeps a reconciled run from closing and nobody has signed, in sentences; before that nothing of it is asked. */
export async function toSignOf(db: Db, run: { readonly runId: string; readonly state: string }): Promise<readonly string[]> {
  return run.state === 'reconciled' ? unsignedWaiting(db, run.runId) : [];
}

/** What the workflow of a run is started with; undefined when there is no such run. */
export async function runStart(db: Db, runId: string): Promise<{ readonly workflowId: string; readonly period: string; readonly kind: 'live' | 'dry'; readonly cutOffAtMs: number } | undefined> {
  const { rows } = await db.query('SELECT workflow_id, label AS period, kind, cut_off_at FROM billing_run WHERE id = $1', [runId]);
  return rows[0] === undefined ? undefined : { workflowId: rows[0].workflow_id, period: rows[0].period, kind: rows[0].kind, cutOffAtMs: rows[0].cut_off_at.getTime() };
}

/** `contentHash`: what was looked at, the group's or the run's; `isPresent`: the group's content is still that. */
export type ApprovalView = {
  readonly group: string;
  readonly decision: string;
  readonly actor: string;
  readonly comment: string;
  readonly at: string;
  readonly contentHash: string;
  readonly isPresent: boolean;
};

/** Approvals and rejections of a run, oldest first. */
export async function approvalsOf(db: Db, runId: string): Promise<readonly ApprovalView[]> {
  const { rows } = await db.query(
    `SELECT a.group_name, a.decision, a.actor, a.comment, a.decided_at, encode(coalesce(a.named_hash, a.content_hash), 'hex') AS hash, coalesce(g.content_hash = a.content_hash, false) AS present
     FROM approval a LEFT JOIN release_group g ON g.run_id = a.run_id AND g.name = a.group_name WHERE a.run_id = $1 ORDER BY a.decided_at, a.group_name`,
    [runId],
  );
  return rows.map((r) => ({ group: r.group_name, decision: r.decision, actor: r.actor, comment: r.comment, at: r.decided_at.toISOString(), contentHash: r.hash, isPresent: r.present }));
}
