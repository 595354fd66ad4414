import type { z } from 'zod';
import { documentRulesSchema } from '../../contracts/document-rules.ts';
import { previewRulesSchema } from '../../contracts/preview-rules.ts';
import { releaseRulesSchema } from '../../contracts/release-rules.ts';
import { type ChangedField, changedFields } from '../../core/changed-fields.ts';
import type { Db } from '../db.ts';
import { keyBefore, type Page, type PageOrder, pageOf } from './page.ts';

export type RuleVersion<R> = { readonly version: number; readonly rules: R; readonly reason: string; readonly author: string; readonly madeAt: string };

const kinds = {
  previewRules: { table: 'preview_rules_version', schema: previewRulesSchema },
  documentRules: { table: 'document_rules_version', schema: documentRulesSchema },
  releaseRules: { table: 'release_rules_version', schema: releaseRulesSchema },
} as const;
export type RuleKind = keyof typeof kinds;
type RulesOf<K extends RuleKind> = z.infer<(typeof kinds)[K]['schema']>;

/** Every version of what an entity says of one kind of rules, oldest first; none: the defaults hold. */
export async function allRuleVersions<K extends RuleKind>(db: Db, kind: K, entityId: string): Promise<RuleVersion<RulesOf<K>>[]> {
  const { table, schema } = kinds[kind];
  const { rows } = await db.query(`SELECT version, body, reason, author, made_at FROM ${table} WHERE entity_id = $1 ORDER BY version`, [entityId]);
  return rows.map((r) => ({ version: r.version, rules: schema.parse(r.body) as RulesOf<K>, reason: r.reason, author: r.author, madeAt: r.made_at.toISOString() }));
}

/** `changed`: beside the version before, of the first beside the defaults. It holds until `validTo`; null: it holds now. */
export type ListedVersion<R> = Omit<RuleVersion<R>, 'madeAt'> & { readonly changed: readonly ChangedField[]; readonly validFrom: string; readonly validTo: string | null };

/** Versions of one kind of an entity's rules, newest first. */
export async function listRuleVersions<K extends RuleKind>(db: Db, kind: K, entityId: string, page: PageOrder): Promise<Page<ListedVersion<RulesOf<K>>>> {
  const { table, schema } = kinds[kind];
  const list = [`versions of ${kind}`, entityId] as const;
  const { rows } = await db.query(
    `SELECT v.version, v.body, v.reason, v.author, v.made_at, b.body AS before, n.made_at AS until FROM ${table} v LEFT JOIN ${table} b ON b.entity_id = v.entity_id AND b.version = v.version - 1
       LEFT JOIN ${table} n ON n.entity_id = v.entity_id AND n.version = v.version + 1
     WHERE v.entity_id = $1 AND ($2::integer IS NULL OR v.version < $2) ORDER BY v.version DESC LIMIT $3`,
    [entityId, keyBefore(list, page), page.limit + 1],
  );
  const read = (body: unknown) => schema.parse(body ?? {}) as RulesOf<K>;
  return pageOf(
    list,
    rows,
    page.limit,
    (r) => String(r.version),
    (r) => ({
      version: r.version,
      rules: read(r.body),
      changed: changedFields(read(r.before), read(r.body)),
      reason: r.reason,
      author: r.author,
      validFrom: r.made_at.toISOString(),
      validTo: r.until?.toISOString() ?? null,
    }),
  );
}
