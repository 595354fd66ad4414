import type { Db } from '../db.ts';
import { audit, type By } from './audit.ts';
import { Refused } from './refusal.ts';

export type NewRules<R> = {
  readonly entityId: string;
  readonly rules: R;
  readonly reason: string;
  /** The version that the author looked at; refused when another one holds by now. */
  readonly after?: number | undefined;
};
type Kind = { readonly table: 'preview_rules_version' | 'document_rules_version' | 'release_rules_version'; readonly action: string };

/** Adds a version of one kind of an entity's rules. Refused for an unknown entity, and when others changed them meanwhile. */
export async function setEntityRules<R extends object>(db: Db, { table, action }: Kind, { entityId, rules, reason, after }: NewRules<R>, by: By): Promise<{ readonly version: number }> {
  const entity = await db.query('SELECT FROM legal_entity WHERE id = $1 FOR UPDATE', [entityId]);
  if (entity.rowCount === 0) throw new Refused('notFound', `there is no entity "${entityId}"`);
  const { rows } = await db.query<{ version: number }>(
    `INSERT INTO ${table} (entity_id, version, body, reason, author)
     SELECT $1, coalesce(max(version), 0) + 1, $2, $3, $4 FROM ${table} WHERE entity_id = $1 RETURNING version`,
    [entityId, JSON.stringify(rules), reason, by.actor],
  );
  const version = rows[0]?.version ?? 0;
  if (after !== undefined && after !== version - 1)
    throw new Refused('wrongState', `the rules were changed meanwhile: version ${version - 1} holds, not ${after}; look at it, and say again what is to change`);
  await audit(db, by, { action, subject: entityId, reason, after: { version, ...rules } });
  return { version };
}
