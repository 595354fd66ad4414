import type { DocumentRules } from '../../contracts/document-rules.ts';
import { lintAuthorities } from '../../core/document/authorities.ts';
import { describeIssue } from '../../core/issues.ts';
import type { Db } from '../db.ts';
import type { By } from './audit.ts';
import { Refused } from './refusal.ts';
import { type NewRules, setEntityRules } from './set-entity-rules.ts';

/** Sets how an entity's documents are made from the next build of a preview on; every version is kept. */
export async function setDocumentRules(db: Db, input: NewRules<DocumentRules>, by: By): Promise<{ readonly version: number }> {
  const problems = lintAuthorities(input.rules.authorities);
  if (problems.length > 0) throw new Refused('invalid', problems.map(describeIssue).join(' '));
  return setEntityRules(db, { table: 'document_rules_version', action: 'documentRules.set' }, input, by);
}
