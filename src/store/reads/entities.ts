import type { Db } from '../db.ts';

export type EntityView = { readonly id: string; readonly name: string; readonly country: string; readonly currency: string; readonly timeZone: string };

/** Legal entities, each with the zone its days are reckoned in. */
export async function listEntities(db: Db): Promise<readonly EntityView[]> {
  const { rows } = await db.query('SELECT id, name, country, currency, time_zone FROM legal_entity ORDER BY id');
  return rows.map((r) => ({ id: r.id, name: r.name, country: r.country, currency: r.currency, timeZone: r.time_zone }));
}

/** Whether there is an entity of this id. */
export async function hasEntity(db: Db, id: string): Promise<boolean> {
  return (await db.query('SELECT FROM legal_entity WHERE id = $1', [id])).rowCount !== 0;
}

export type CalendarView = { readonly id: string; readonly entityId: string; readonly cadence: string };

/** By what periods entities bill. */
export async function listCalendars(db: Db): Promise<readonly CalendarView[]> {
  const { rows } = await db.query('SELECT id, entity_id, cadence FROM billing_calendar ORDER BY entity_id, cadence, id');
  return rows.map((r) => ({ id: r.id, entityId: r.entity_id, cadence: r.cadence }));
}

/** Legal entities with their zone; `paused` is passed on. */
export async function scheduledEntities(db: Db, paused: boolean): Promise<{ id: string; timeZone: string; paused: boolean }[]> {
  const { rows } = await db.query<{ id: string; time_zone: string }>('SELECT id, time_zone FROM legal_entity ORDER BY id');
  return rows.map((r) => ({ id: r.id, timeZone: r.time_zone, paused }));
}

/** The zone of the entity that a source's records belong to; UTC when there is no such source. */
export async function zoneOfSource(db: Db, sourceId: string): Promise<string> {
  const { rows } = await db.query<{ time_zone: string }>('SELECT e.time_zone FROM source s JOIN legal_entity e ON e.id = s.entity_id WHERE s.id = $1', [sourceId]);
  return rows[0]?.time_zone ?? 'UTC';
}
