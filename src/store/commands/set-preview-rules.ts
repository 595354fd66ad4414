import type { PreviewRules } from '../../contracts/preview-rules.ts';
import { unknownPreviewSettings } from '../../core/cycle/preview-rules.ts';
import type { Db } from '../db.ts';
import { audit, type By } from './audit.ts';
import { Refused } from './refusal.ts';

/** Sets how an entity's previews are judged from their next build on; every version is kept. Refused for a rule or limit that does not exist. */
export async function setPreviewRules(db: Db, input: { readonly entityId: string; readonly rules: PreviewRules; readonly reason: string }, by: By): Promise<{ readonly version: number }> {
  const unknown = unknownPreviewSettings(input.rules);
  if (unknown.length > 0) throw new Refused('invalid', `${unknown.join(', ')}: no such rule or limit; GET the preview rules of the entity lists them`);
  const entity = await db.query('SELECT FROM legal_entity WHERE id = $1 FOR UPDATE', [input.entityId]);
  if (entity.rowCount === 0) throw new Refused('notFound', `there is no entity "${input.entityId}"`);
  const { rows } = await db.query<{ version: number }>(
    `INSERT INTO preview_rules_version (entity_id, version, body, reason, author)
     SELECT $1, coalesce(max(version), 0) + 1, $2, $3, $4 FROM preview_rules_version WHERE entity_id = $1 RETURNING version`,
    [input.entityId, JSON.stringify(input.rules), input.reason, by.actor],
  );
  const version = rows[0]?.version ?? 0;
  await audit(db, by, { action: 'previewRules.set', subject: input.entityId, reason: input.reason, after: { version, ...input.rules } });
  return { version };
}
