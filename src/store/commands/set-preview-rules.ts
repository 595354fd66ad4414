import type { PreviewRules } from '../../contracts/preview-rules.ts';
import { lintPreviewRules } from '../../core/cycle/preview-rules.ts';
import type { Db } from '../db.ts';
import type { By } from './audit.ts';
import { Refused } from './refusal.ts';
import { type NewRules, setEntityRules } from './set-entity-rules.ts';

/** Sets how an entity's previews are judged from their next build on; every version is kept. Refused for a rule or limit that does not exist or no preview can be judged by. */
export async function setPreviewRules(db: Db, input: NewRules<PreviewRules>, by: By): Promise<{ readonly version: number }> {
  const problems = lintPreviewRules(input.rules);
  if (problems.length > 0) throw new Refused('invalid', problems.map(({ path, message }) => `${path}: ${message}`).join('; '));
  return setEntityRules(db, { table: 'preview_rules_version', action: 'previewRules.set' }, input, by);
}
