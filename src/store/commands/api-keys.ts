import type { Db } from '../db.ts';
import { hashToken, type Role } from '../reads/api-keys.ts';
import { audit, type By } from './audit.ts';
import { Refused } from './refusal.ts';

export type NewKey = { readonly id: string; readonly actor: string; readonly token: string; readonly roles: readonly Role[]; readonly sourceId: string | null; readonly sample: boolean };

/** Stores API keys, hashed. A key whose id exists gets the new token; with the token that was revoked it stays so. */
export async function putApiKeys(db: Db, keys: readonly NewKey[]): Promise<void> {
  for (const key of keys) {
    await db.query(
      `INSERT INTO api_key AS k (id, actor, key_hash, roles, source_id, sample) VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT (id) DO UPDATE SET actor = excluded.actor, key_hash = excluded.key_hash, roles = excluded.roles, source_id = excluded.source_id,
         sample = excluded.sample, revoked_at = CASE WHEN k.key_hash = excluded.key_hash THEN k.revoked_at END`,
      [key.id, key.actor, hashToken(key.token), key.roles, key.sourceId, key.sample],
    );
  }
}

/** Makes a key, or gives one its new token, with its audit event. */
export async function makeApiKey(db: Db, key: NewKey, by: By): Promise<void> {
  await putApiKeys(db, [key]);
  await audit(db, by, { action: 'apiKey.make', subject: key.id, after: { actor: key.actor, roles: key.roles, sourceId: key.sourceId } });
}

/** Ends a key, such as one that leaked. Refused for one that is not there or is revoked. */
export async function revokeApiKey(db: Db, id: string, by: By & { readonly reason: string }): Promise<void> {
  const { rows } = await db.query<{ revoked_at: Date | null }>('SELECT revoked_at FROM api_key WHERE id = $1 FOR UPDATE', [id]);
  if (rows[0] === undefined) throw new Refused('notFound', `there is no API key "${id}"`);
  if (rows[0].revoked_at !== null) throw new Refused('wrongState', `API key ${id} is revoked already`);
  await db.query('UPDATE api_key SET revoked_at = now() WHERE id = $1', [id]);
  await audit(db, by, { action: 'apiKey.revoke', subject: id });
}
