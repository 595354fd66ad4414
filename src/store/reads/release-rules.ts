import { type ReleaseRules, releaseRulesSchema } from '../../contracts/release-rules.ts';
import type { Db } from '../db.ts';

/** How an entity releases its groups, and the version of that; version 0: the defaults. */
export async function releaseRulesOf(db: Db, entityId: string): Promise<{ readonly version: number; readonly rules: ReleaseRules }> {
  const { rows } = await db.query<{ version: number; body: unknown }>('SELECT version, body FROM release_rules_version WHERE entity_id = $1 ORDER BY version DESC LIMIT 1', [entityId]);
  return { version: rows[0]?.version ?? 0, rules: releaseRulesSchema.parse(rows[0]?.body ?? {}) };
}
