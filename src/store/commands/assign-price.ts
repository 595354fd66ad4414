import { createHash } from 'node:crypto';
import type { Db } from '../db.ts';
import { lockOffers } from '../ocpi/offer-lock.ts';
import { audit, type By } from './audit.ts';
import { Refused } from './refusal.ts';

export type NewAssignment = {
  readonly entityId: string;
  readonly tariffId: string;
  readonly segment: 'driver' | 'fleet' | 'eMSP';
  /** Only this EVSE (eMI3 id), or only this site; everywhere in the entity without either. The nearer goes before the wider. */
  readonly evseId?: string | undefined;
  readonly siteId?: string | undefined;
  readonly validFrom?: Date | undefined;
  readonly validTo?: Date | undefined;
};

/** Lets a tariff hold for a segment, at a site or everywhere, for a time. The same again changes nothing. Refused when it was ended since, or would overlap another one: exactly one must match a session. */
export async function assignPrice(db: Db, assignment: NewAssignment, by: By): Promise<{ readonly id: string }> {
  const { entityId, tariffId, segment, siteId = null, evseId = null } = assignment;
  if (siteId !== null && evseId !== null) throw new Refused('invalid', 'an assignment is for an EVSE or for a site: leave one out');
  if ((await db.query('SELECT 1 FROM legal_entity WHERE id = $1 FOR UPDATE', [entityId])).rowCount === 0) throw new Refused('notFound', `there is no entity "${entityId}"`);
  if ((await db.query('SELECT 1 FROM tariff_version WHERE tariff_id = $1', [tariffId])).rowCount === 0) throw new Refused('notFound', `tariff "${tariffId}" has no published version`);
  if (siteId !== null && (await db.query('SELECT 1 FROM site WHERE id = $1 AND entity_id = $2', [siteId, entityId])).rowCount === 0)
    throw new Refused('notFound', `${entityId} has no site "${siteId}"`);
  const from = assignment.validFrom?.toISOString() ?? '-infinity';
  const to = assignment.validTo?.toISOString() ?? 'infinity';
  if (assignment.validFrom !== undefined && assignment.validTo !== undefined && assignment.validTo <= assignment.validFrom) throw new Refused('invalid', 'validTo has to lie after validFrom');
  const id = `pa_${createHash('sha256')
    .update(JSON.stringify([entityId, tariffId, segment, siteId, evseId, from, to]))
    .digest('hex')
    .slice(0, 20)}`;
  const known = (await db.query<{ same: boolean }>('SELECT valid_to = $2::timestamptz AS same FROM price_assignment WHERE id = $1', [id, to])).rows[0];
  if (known?.same === true) return { id };
  if (known !== undefined) throw new Refused('wrongState', `${id} is that assignment, and was ended: give a validFrom from which it holds again`);
  const { rows } = await db.query<{ id: string; tariff_id: string }>(
    'SELECT id, tariff_id FROM price_assignment WHERE entity_id = $1 AND segment = $2 AND site_id IS NOT DISTINCT FROM $3 AND upper(evse_id) IS NOT DISTINCT FROM upper($6) AND valid_from < $5::timestamptz AND valid_to > $4::timestamptz ORDER BY id',
    [entityId, segment, siteId, from, to, evseId],
  );
  if (rows.length > 0) throw new Refused('wrongState', `that time is taken by ${rows.map((r) => `${r.id} (${r.tariff_id})`).join(', ')}: end it first`);
  await lockOffers(db);
  await db.query(
    'INSERT INTO price_assignment (id, entity_id, tariff_id, segment, site_id, evse_id, valid_from, valid_to, author, made_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, clock_timestamp())',
    [id, entityId, tariffId, segment, siteId, evseId, from, to, by.actor],
  );
  await audit(db, by, { action: 'price.assign', subject: id, after: assignment });
  return { id };
}

/** Ends an assignment at an instant. What was priced by it stays priced by it. */
export async function endAssignment(db: Db, id: string, at: Date, by: By): Promise<void> {
  const { rows } = await db.query<{ ended: boolean }>(
    'UPDATE price_assignment SET valid_to = $2::timestamptz WHERE id = $1 AND valid_from < $2::timestamptz AND valid_to > $2::timestamptz RETURNING true AS ended',
    [id, at],
  );
  if (rows.length === 0) throw new Refused('notFound', `there is no assignment ${id} that is in force at ${at.toISOString()}`);
  await audit(db, by, { action: 'price.end', subject: id, after: { at } });
}

/** Sources of an entity: whose waiting records a new price may let through. */
export async function sourcesOf(db: Db, entityId: string): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>('SELECT id FROM source WHERE entity_id = $1 ORDER BY id', [entityId]);
  return rows.map((r) => r.id);
}
