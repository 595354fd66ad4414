import { type PreviewRules, previewRulesSchema } from '../../contracts/preview-rules.ts';
import type { Db } from '../db.ts';

/** An entity's own rules and their version; version 0: the defaults. */
export async function previewRulesOf(db: Db, entityId: string): Promise<{ readonly version: number; readonly own: PreviewRules }> {
  const { rows } = await db.query<{ version: number; body: unknown }>('SELECT version, body FROM preview_rules_version WHERE entity_id = $1 ORDER BY version DESC LIMIT 1', [entityId]);
  return rows[0] === undefined ? { version: 0, own: { rules: {} } } : { version: rows[0].version, own: previewRulesSchema.parse(rows[0].body) };
}
