import { describeIssue, type Issue } from '../../core/issues.ts';
import type { PlannedRow } from '../commands/put-rows.ts';
import type { Db } from '../db.ts';
import { keyBefore, type Page, type PageOrder, pageOf } from './page.ts';

export type VersionView = {
  readonly version: number;
  readonly body: Record<string, unknown>;
  /** What it said of people; null where it says nothing of them, or they were erased. */
  readonly words: Record<string, unknown> | null;
  readonly changed: readonly string[];
  readonly author: string;
  readonly secondPerson: string | null;
  readonly reason: string;
  readonly madeAt: string;
};

/** Versions of an entry, newest first. */
export async function listVersions(db: Db, of: { readonly kind: string; readonly id: string }, page: PageOrder): Promise<Page<VersionView>> {
  const list = ['versions', of.kind, of.id] as const;
  const { rows } = await db.query(
    `SELECT v.version, v.body, w.words, v.changed, v.author, v.second_person, v.reason, v.made_at FROM set_up_version v LEFT JOIN set_up_words w USING (kind, id, version)
     WHERE v.kind = $1 AND v.id = $2 AND ($3::integer IS NULL OR v.version < $3) ORDER BY v.version DESC LIMIT $4`,
    [of.kind, of.id, keyBefore(list, page), page.limit + 1],
  );
  return pageOf(
    list,
    rows,
    page.limit,
    (r) => String(r.version),
    (r): VersionView => ({ version: r.version, body: r.body, words: r.words, changed: r.changed, author: r.author, secondPerson: r.second_person, reason: r.reason, madeAt: r.made_at.toISOString() }),
  );
}

export type ProposalView = {
  readonly proposalId: string;
  readonly kind: string;
  readonly subjectId: string;
  readonly body: Record<string, unknown>;
  readonly words: Record<string, unknown>;
  readonly findings: readonly string[];
  readonly state: string;
  readonly author: string;
  readonly reason: string;
  readonly proposedAt: string;
  readonly decidedBy: string | null;
  readonly comment: string | null;
  readonly publishedAs: string | null;
};

/** Proposals of set-up in order of id, of a state, kind or subject when named. Of a bank account the last four digits are shown. */
export async function listProposals(
  db: Db,
  filter: PageOrder & { readonly state?: string | undefined; readonly kind?: string | undefined; readonly subjectId?: string | undefined },
): Promise<Page<ProposalView>> {
  const list = ['proposals', filter.state, filter.kind, filter.subjectId] as const;
  const { rows } = await db.query(
    'SELECT * FROM set_up_proposal WHERE ($1::text IS NULL OR state = $1) AND ($2::text IS NULL OR kind = $2) AND ($3::text IS NULL OR subject_id = $3) AND ($4::text IS NULL OR id > $4) ORDER BY id LIMIT $5',
    [filter.state ?? null, filter.kind ?? null, filter.subjectId ?? null, keyBefore(list, filter), filter.limit + 1],
  );
  return pageOf(
    list,
    rows,
    filter.limit,
    (r) => r.id,
    (r): ProposalView => ({
      proposalId: r.id,
      kind: r.kind,
      subjectId: r.subject_id,
      body: r.body,
      words: r.kind === 'payeeBankAccount' ? {} : r.words,
      findings: (r.findings as Issue[]).map(describeIssue),
      state: r.state,
      author: r.author,
      reason: r.reason,
      proposedAt: r.proposed_at.toISOString(),
      decidedBy: r.decided_by,
      comment: r.comment,
      publishedAs: r.published_as,
    }),
  );
}

export type LoadView = {
  readonly loadId: string;
  readonly state: string;
  readonly totals: Record<string, Record<string, number>>;
  readonly author: string;
  readonly madeAt: string;
  readonly expiresAt: string;
  readonly appliedBy: string | null;
  readonly appliedAt: string | null;
  readonly reason: string | null;
};

/** A load, and a page of its preview's rows; of one that was applied or is over the rows are gone. */
export async function findLoad(db: Db, id: string, filter: PageOrder & { readonly outcome?: string | undefined }): Promise<(LoadView & Page<PlannedRow>) | undefined> {
  const row = (await db.query('SELECT id, state, totals, author, made_at, expires_at, applied_by, applied_at, reason FROM set_up_load WHERE id = $1', [id])).rows[0];
  if (row === undefined) return undefined;
  const list = ['rows of a load', id, filter.outcome] as const;
  const { rows } = await db.query<{ place: bigint; row: PlannedRow }>(
    `SELECT p.place, p.row FROM set_up_load l CROSS JOIN LATERAL jsonb_array_elements(l.plan) WITH ORDINALITY AS p(row, place)
     WHERE l.id = $1 AND ($2::text IS NULL OR p.row->>'outcome' = $2) AND p.place > $3 ORDER BY p.place LIMIT $4`,
    [id, filter.outcome ?? null, keyBefore(list, filter) ?? 0, filter.limit + 1],
  );
  return {
    loadId: row.id,
    state: row.state,
    totals: row.totals,
    author: row.author,
    madeAt: row.made_at.toISOString(),
    expiresAt: row.expires_at.toISOString(),
    appliedBy: row.applied_by,
    appliedAt: row.applied_at?.toISOString() ?? null,
    reason: row.reason,
    ...pageOf(
      list,
      rows,
      filter.limit,
      (r) => r.place.toString(),
      (r) => r.row,
    ),
  };
}
