import type { QueryResultRow } from 'pg';
import { formatMinor } from '../../core/money.ts';
import type { Db } from '../db.ts';
import { type Page, type PageOrder, pageOf } from './page.ts';

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
    `SELECT id, entity_id, period, kind, state, paused, problem, workflow_id, planned_at FROM billing_run
     WHERE $1::text IS NULL OR (planned_at, id) < (SELECT planned_at, id FROM billing_run WHERE id = $1) ORDER BY planned_at DESC, id DESC LIMIT $2`,
    [page.cursor ?? null, page.limit + 1],
  );
  return pageOf(
    rows,
    page.limit,
    (r) => r.id,
    (r): RunRow => ({ runId: r.id, entityId: r.entity_id, period: r.period, kind: r.kind, state: r.state, paused: r.paused, problem: r.problem, workflowId: r.workflow_id }),
  );
}

/** What the workflow of a run is started with; undefined when there is no such run. */
export async function runStart(db: Db, runId: string): Promise<{ readonly workflowId: string; readonly period: string; readonly cutOffAtMs: number } | undefined> {
  const { rows } = await db.query('SELECT workflow_id, period, cut_off_at FROM billing_run WHERE id = $1', [runId]);
  return rows[0] === undefined ? undefined : { workflowId: rows[0].workflow_id, period: rows[0].period, cutOffAtMs: rows[0].cut_off_at.getTime() };
}

/** `contentHash`: what was looked at, the group's or the run's. */
export type ApprovalView = { readonly group: string; readonly decision: string; readonly actor: string; readonly comment: string; readonly at: string; readonly contentHash: string };

/** Approvals and rejections of a run, oldest first. */
export async function approvalsOf(db: Db, runId: string): Promise<readonly ApprovalView[]> {
  const { rows } = await db.query(
    "SELECT group_name, decision, actor, comment, decided_at, encode(coalesce(named_hash, content_hash), 'hex') AS hash FROM approval WHERE run_id = $1 ORDER BY decided_at, group_name",
    [runId],
  );
  return rows.map((r) => ({ group: r.group_name, decision: r.decision, actor: r.actor, comment: r.comment, at: r.decided_at.toISOString(), contentHash: r.hash }));
}

type Life = { readonly reason: string; readonly author: string; readonly createdAt: string; readonly withdrawnAt: string | null };
export type ExclusionView = Life & { readonly id: string; readonly scope: string; readonly subjectId: string; readonly outcome: string };
export type AdjustmentView = Life & {
  readonly id: string;
  readonly accountId: string;
  readonly amount: string;
  readonly currency: string;
  readonly vatCode: string;
  readonly glAccount: string;
  readonly costCenter: string;
  readonly description: string;
};

/** Exclusions and adjustments of a run in order of their making, withdrawn ones with the time they were withdrawn. */
export async function shapesOf(db: Db, runId: string): Promise<{ readonly exclusions: readonly ExclusionView[]; readonly adjustments: readonly AdjustmentView[] }> {
  const exclusions = await db.query('SELECT * FROM exclusion_rule WHERE run_id = $1 ORDER BY created_at, id', [runId]);
  const adjustments = await db.query('SELECT * FROM adjustment WHERE run_id = $1 ORDER BY created_at, id', [runId]);
  const lifeOf = (r: QueryResultRow): Life => ({ reason: r['reason'], author: r['author'], createdAt: r['created_at'].toISOString(), withdrawnAt: r['withdrawn_at']?.toISOString() ?? null });
  return {
    exclusions: exclusions.rows.map((r) => ({ id: r.id, scope: r.scope, subjectId: r.subject_id, outcome: r.outcome, ...lifeOf(r) })),
    adjustments: adjustments.rows.map((r) => ({
      id: r.id,
      accountId: r.account_id,
      amount: formatMinor(r.amount_minor, r.currency),
      currency: r.currency,
      vatCode: r.vat_code,
      glAccount: r.gl_account,
      costCenter: r.cost_center,
      description: r.description,
      ...lifeOf(r),
    })),
  };
}
