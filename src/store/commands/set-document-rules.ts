import type { DocumentRules } from '../../contracts/document-rules.ts';
import { lintAuthorities } from '../../core/document/authorities.ts';
import { describeIssue } from '../../core/issues.ts';
import type { Db } from '../db.ts';
import { audit, type By } from './audit.ts';
import { Refused } from './refusal.ts';

/** Sets how an entity's documents are made from the next build of a preview on; every version is kept. */
export async function setDocumentRules(db: Db, input: { readonly entityId: string; readonly rules: DocumentRules; readonly reason: string }, by: By): Promise<{ readonly version: number }> {
  const entity = await db.query('SELECT FROM legal_entity WHERE id = $1 FOR UPDATE', [input.entityId]);
  if (entity.rowCount === 0) throw new Refused('notFound', `there is no entity "${input.entityId}"`);
  const problems = lintAuthorities(input.rules.authorities);
  if (problems.length > 0) throw new Refused('invalid', problems.map(describeIssue).join(' '));
  const { rows } = await db.query<{ version: number }>(
    `INSERT INTO document_rules_version (entity_id, version, body, reason, author)
     SELECT $1, coalesce(max(version), 0) + 1, $2, $3, $4 FROM document_rules_version WHERE entity_id = $1 RETURNING version`,
    [input.entityId, JSON.stringify(input.rules), input.reason, by.actor],
  );
  const version = rows[0]?.version ?? 0;
  await audit(db, by, { action: 'documentRules.set', subject: input.entityId, reason: input.reason, after: { version, ...input.rules } });
  return { version };
}
