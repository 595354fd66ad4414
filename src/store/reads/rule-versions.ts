import type { z } from 'zod';
import { documentRulesSchema } from '../../contracts/document-rules.ts';
import { previewRulesSchema } from '../../contracts/preview-rules.ts';
import type { Db } from '../db.ts';

export type RuleVersion<R> = { readonly version: number; readonly rules: R; readonly reason: string; readonly author: string; readonly madeAt: string };

async function versionsIn<R>(db: Db, table: 'preview_rules_version' | 'document_rules_version', schema: z.ZodType<R>, entityId: string): Promise<RuleVersion<R>[]> {
  const { rows } = await db.query(`SELECT version, body, reason, author, made_at FROM ${table} WHERE entity_id = $1 ORDER BY version`, [entityId]);
  return rows.map((r) => ({ version: r.version, rules: schema.parse(r.body), reason: r.reason, author: r.author, madeAt: r.made_at.toISOString() }));
}

/** Every version of what an entity says of one kind of rules, oldest first; none: the defaults hold. */
export const previewRuleVersions = (db: Db, entityId: string) => versionsIn(db, 'preview_rules_version', previewRulesSchema, entityId);
export const documentRuleVersions = (db: Db, entityId: string) => versionsIn(db, 'document_rules_version', documentRulesSchema, entityId);
