import type { Db } from '../db.ts';

/** Sources of the entity that an account, contract or the entity itself belongs to; of all entities without one: whose waiting records new set-up may let through. */
export async function sourcesNear(db: Db, near: { readonly entityId?: string; readonly accountId?: string; readonly contractId?: string } = {}): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    `SELECT s.id FROM source s WHERE $1::text IS NULL AND $2::text IS NULL AND $3::text IS NULL OR s.entity_id = $1
       OR s.entity_id = (SELECT a.entity_id FROM account a WHERE a.id = $2) OR s.entity_id = (SELECT a.entity_id FROM contract c JOIN account a ON a.id = c.account_id WHERE c.id = $3) ORDER BY s.id`,
    [near.entityId ?? null, near.accountId ?? null, near.contractId ?? null],
  );
  return rows.map((r) => r.id);
}

/** Whether there is a source of this id. */
export async function hasSource(db: Db, id: string): Promise<boolean> {
  return (await db.query('SELECT FROM source WHERE id = $1', [id])).rowCount !== 0;
}
