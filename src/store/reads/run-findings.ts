import type { QueryResultRow } from 'pg';
import type { RunFinding } from '../../contracts/run-finding.ts';
import { type Issue, messageOf, remedyOf, type Severity } from '../../core/issues.ts';
import type { Db } from '../db.ts';
import { keyBefore, type Page, type PageOrder, pageOf } from './page.ts';

const columns = `SELECT f.*, l.account_id, d.actor, d.reason, d.decided_at FROM run_finding l JOIN finding f ON f.id = l.finding_id
  LEFT JOIN LATERAL (SELECT * FROM decision s WHERE s.subject_kind = 'finding' AND s.subject_id = f.id::text AND s.run_id = l.run_id ORDER BY s.id LIMIT 1) d ON true`;

/** Findings of a run's preview, newest last; of one severity where it is given. */
export async function listRunFindings(db: Db, runId: string, severity: Severity | undefined, page: PageOrder): Promise<Page<RunFinding>> {
  const list = ['findings', runId, severity] as const;
  const { rows } = await db.query(`${columns} WHERE l.run_id = $1 AND ($2::text IS NULL OR f.severity = $2) AND ($3::text IS NULL OR f.id > $3::bigint) ORDER BY f.id LIMIT $4`, [
    runId,
    severity ?? null,
    keyBefore(list, page),
    page.limit + 1,
  ]);
  return pageOf(list, rows, page.limit, (r) => r['id'].toString(), viewOf);
}

/** Those of a run's findings that are named, in their order; what is none of its is left out. */
export async function runFindingsOf(db: Db, runId: string, findingIds: readonly string[]): Promise<readonly RunFinding[]> {
  return (await db.query(`${columns} WHERE l.run_id = $1 AND f.id::text = ANY($2) ORDER BY f.id`, [runId, findingIds])).rows.map(viewOf);
}

function viewOf(r: QueryResultRow): RunFinding {
  const found: Issue = { code: r['code'], severity: r['severity'], subject: r['subject'], params: r['params'] };
  return {
    findingId: r['id'].toString(),
    rule: found.code,
    ruleVersion: r['rule_version'],
    rulesVersion: r['profile_version'],
    severity: found.severity,
    subject: found.subject,
    accountId: r['account_id'],
    documentId: r['document_id'],
    recordId: r['record_id']?.toString() ?? null,
    computed: r['computed'],
    limit: r['allowed'],
    text: messageOf(found),
    remedy: remedyOf(found.code),
    foundAt: r['found_at'].toISOString(),
    signed: r['actor'] === null ? null : { by: r['actor'], reason: r['reason'], at: r['decided_at'].toISOString() },
  };
}

export type FindingCounts = { readonly blocks: number; readonly warns: number; readonly info: number; readonly unsigned: number };

/** How many findings a run's preview has; `unsigned` are those that block its approval. */
export async function countRunFindings(db: Db, runId: string): Promise<FindingCounts> {
  const { rows } = await db.query<Record<keyof FindingCounts, bigint>>(
    `SELECT count(*) FILTER (WHERE f.severity = 'blocks') AS blocks, count(*) FILTER (WHERE f.severity = 'warns') AS warns, count(*) FILTER (WHERE f.severity = 'info') AS info,
       count(*) FILTER (WHERE f.severity = 'blocks' AND NOT EXISTS (SELECT FROM decision d WHERE d.subject_kind = 'finding' AND d.subject_id = f.id::text AND d.run_id = l.run_id)) AS unsigned
     FROM run_finding l JOIN finding f ON f.id = l.finding_id WHERE l.run_id = $1`,
    [runId],
  );
  const n = (name: keyof FindingCounts) => Number(rows[0]?.[name] ?? 0n);
  return { blocks: n('blocks'), warns: n('warns'), info: n('info'), unsigned: n('unsigned') };
}
