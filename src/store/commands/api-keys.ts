import type { Db } from '../db.ts';
import { hashToken, type Role } from '../reads/api-keys.ts';

export type NewKey = { readonly id: string; readonly actor: string; readonly token: string; readonly roles: readonly Role[]; readonly sourceId: string | null; readonly sample: boolean };

/** Stores API keys, hashed. A key whose id exists gets the new token. */
export async function putApiKeys(db: Db, keys: readonly NewKey[]): Promise<void> {
  for (const key of keys) {
    await db.query(
      `INSERT INTO api_key (id, actor, key_hash, roles, source_id, sample) VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT (id) DO UPDATE SET actor = excluded.actor, key_hash = excluded.key_hash, roles = excluded.roles, source_id = excluded.source_id, revoked_at = NULL`,
      [key.id, key.actor, hashToken(key.token), key.roles, key.sourceId, key.sample],
    );
  }
}
