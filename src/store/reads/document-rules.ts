import { type DocumentRules, documentRulesSchema } from '../../contracts/document-rules.ts';
import { lintAuthorities } from '../../core/document/authorities.ts';
import { describeIssue } from '../../core/issues.ts';
import type { Db } from '../db.ts';

/** How an entity's documents are made, and the version of it; version 0: the defaults. */
export async function documentRulesOf(db: Db, entityId: string): Promise<{ readonly version: number; readonly own: DocumentRules }> {
  const { rows } = await db.query<{ version: number; body: unknown }>('SELECT version, body FROM document_rules_version WHERE entity_id = $1 ORDER BY version DESC LIMIT 1', [entityId]);
  return rows[0] === undefined ? { version: 0, own: documentRulesSchema.parse({}) } : { version: rows[0].version, own: documentRulesSchema.parse(rows[0].body) };
}

/** The authorities of the entity of a run. Throws RangeError when there is no such run. */
export async function authoritiesOfRun(db: Db, runId: string): Promise<DocumentRules['authorities']> {
  const run = (await db.query<{ entity_id: string }>('SELECT entity_id FROM billing_run WHERE id = $1', [runId])).rows[0];
  if (run === undefined) throw new RangeError(`no run "${runId}"`);
  return (await documentRulesOf(db, run.entity_id)).own.authorities;
}

/** Throws where an entity's rules have none, or two, as authority for a task: what is done by nobody, or twice, shall not begin. */
export async function requireAuthorities(db: Db): Promise<void> {
  const { rows } = await db.query<{ entity_id: string; body: unknown }>('SELECT DISTINCT ON (entity_id) entity_id, body FROM document_rules_version ORDER BY entity_id, version DESC');
  const problems = rows.flatMap((r) => lintAuthorities(documentRulesSchema.parse(r.body).authorities).map((found) => `${r.entity_id}, ${describeIssue(found)}`));
  if (problems.length > 0) throw new Error(`the document rules cannot stand: ${problems.join(' ')}`);
}
