import type { QueryResultRow } from 'pg';
import { formatMinor } from '../../core/money.ts';
import { dueFrom, waits } from '../cycle/waiting-adjustments.ts';
import type { Db } from '../db.ts';
import { keyBefore, type Page, type PageOrder, pageOf } from './page.ts';

type Life = { readonly reason: string; readonly author: string; readonly createdAt: string; readonly withdrawnAt: string | null };
export type ExclusionView = Life & { readonly id: string; readonly scope: string; readonly subjectId: string; readonly outcome: string };
export type AdjustmentView = Life & {
  readonly id: string;
  /** The run that bills it, or that left it behind; null for a reversal that no run has taken. */
  readonly runId: string | null;
  readonly accountId: string;
  readonly amount: string;
  readonly currency: string;
  readonly vatCode: string;
  readonly glKey: string | null;
  readonly glAccount: string;
  readonly costCenter: string;
  readonly description: string;
  readonly serviceMonth: string | null;
  readonly chargeId: string | null;
  readonly line: { readonly documentId: string; readonly lineNo: number } | null;
  readonly attachment: { readonly ref: string; readonly sha256: string } | null;
  readonly signedBy: string | null;
  /** The adjustment that this one takes back. */
  readonly reverses: string | null;
  /** What takes it back later; `runId` is null while it waits. */
  readonly twin: { readonly id: string; readonly duePeriod: string; readonly runId: string | null } | null;
  /** The runs that left it behind, in order, and why; the first is the one in which it was entered. */
  readonly leftBy: readonly { readonly runId: string; readonly why: string; readonly since: string }[];
};

const withTwin = `SELECT j.*, t.id AS twin_id, t.due_period AS twin_due, t.run_id AS twin_run, l.left_by FROM adjustment j LEFT JOIN adjustment t ON t.reversal_of = j.id
  CROSS JOIN LATERAL (SELECT coalesce(jsonb_agg(jsonb_build_object('runId', w.run_id, 'why', w.why, 'since', w.since) ORDER BY w.since, w.run_id), '[]') AS left_by FROM adjustment_wait w WHERE w.adjustment_id = j.id) l`;

/** Exclusions and adjustments of a run in order of their making, withdrawn ones with the time they were withdrawn; also what it left behind. */
export async function shapesOf(db: Db, runId: string): Promise<{ readonly exclusions: readonly ExclusionView[]; readonly adjustments: readonly AdjustmentView[] }> {
  const exclusions = await db.query('SELECT * FROM exclusion_rule WHERE run_id = $1 ORDER BY created_at, id', [runId]);
  const adjustments = await db.query(`${withTwin} WHERE j.run_id = $1 OR j.id IN (SELECT adjustment_id FROM adjustment_wait WHERE run_id = $1) ORDER BY j.created_at, j.id`, [runId]);
  return {
    exclusions: exclusions.rows.map((r) => ({ id: r.id, scope: r.scope, subjectId: r.subject_id, outcome: r.outcome, ...lifeOf(r) })),
    adjustments: adjustments.rows.map(adjustmentView),
  };
}

/** Manual amounts that wait for a run: what closed and cancelled runs left behind, and what is to take a billed one back. By the first month whose run may take them. */
export async function waitingAdjustments(db: Db, page: PageOrder): Promise<Page<AdjustmentView & { readonly duePeriod: string }>> {
  const { rows } = await db.query(
    `${withTwin} WHERE ${waits('j')} AND ($1::text IS NULL OR (${dueFrom('j')}, j.id) > (SELECT ${dueFrom('c')}, c.id FROM adjustment c WHERE c.id = $1)) ORDER BY ${dueFrom('j')}, j.id LIMIT $2`,
    [keyBefore('waiting adjustments', page), page.limit + 1],
  );
  return pageOf(
    'waiting adjustments',
    rows,
    page.limit,
    (r) => r['id'],
    (r) => ({ ...adjustmentView(r), duePeriod: r['due_period'] ?? r['service_month'] }),
  );
}

const lifeOf = (r: QueryResultRow): Life => ({ reason: r['reason'], author: r['author'], createdAt: r['created_at'].toISOString(), withdrawnAt: r['withdrawn_at']?.toISOString() ?? null });

function adjustmentView(r: QueryResultRow): AdjustmentView {
  return {
    id: r['id'],
    runId: r['run_id'],
    accountId: r['account_id'],
    amount: formatMinor(r['amount_minor'], r['currency']),
    currency: r['currency'],
    vatCode: r['vat_code'],
    glKey: r['gl_key'],
    glAccount: r['gl_account'],
    costCenter: r['cost_center'],
    description: r['description'],
    serviceMonth: r['service_month'],
    chargeId: r['charge_id']?.toString() ?? null,
    line: r['document_id'] === null ? null : { documentId: r['document_id'], lineNo: r['line_no'] },
    attachment: r['attachment_ref'] === null ? null : { ref: r['attachment_ref'], sha256: r['attachment_sha256'] },
    signedBy: r['signed_by'],
    reverses: r['reversal_of'],
    twin: r['twin_id'] === null ? null : { id: r['twin_id'], duePeriod: r['twin_due'], runId: r['twin_run'] },
    leftBy: (r['left_by'] as AdjustmentView['leftBy']).map((l) => ({ ...l, since: new Date(l.since).toISOString() })),
    ...lifeOf(r),
  };
}
