import type { Db } from '../db.ts';

/** Legal entities with their zone; `paused` is passed on. */
export async function scheduledEntities(db: Db, paused: boolean): Promise<{ id: string; timeZone: string; paused: boolean }[]> {
  const { rows } = await db.query<{ id: string; time_zone: string }>('SELECT id, time_zone FROM legal_entity ORDER BY id');
  return rows.map((r) => ({ id: r.id, timeZone: r.time_zone, paused }));
}
