import type { ReleaseRules } from '../../contracts/release-rules.ts';
import type { Db } from '../db.ts';
import { audit, type By } from './audit.ts';
import { Refused } from './refusal.ts';

/** Sets how an entity's release groups are approved and tried from now on; every version is kept. Refused for an unknown entity. */
export async function setReleaseRules(db: Db, input: { readonly entityId: string; readonly rules: ReleaseRules; readonly reason: string }, by: By): Promise<{ readonly version: number }> {
  const entity = await db.query('SELECT FROM legal_entity WHERE id = $1 FOR UPDATE', [input.entityId]);
  if (entity.rowCount === 0) throw new Refused('notFound', `there is no entity "${input.entityId}"`);
  const { rows } = await db.query<{ version: number }>(
    `INSERT INTO release_rules_version (entity_id, version, body, reason, author)
     SELECT $1, coalesce(max(version), 0) + 1, $2, $3, $4 FROM release_rules_version WHERE entity_id = $1 RETURNING version`,
    [input.entityId, JSON.stringify(input.rules), input.reason, by.actor],
  );
  const version = rows[0]?.version ?? 0;
  await audit(db, by, { action: 'releaseRules.set', subject: input.entityId, reason: input.reason, after: { version, ...input.rules } });
  return { version };
}
