import type { Db } from '../db.ts';
import { lockSetUp } from '../set-up-lock.ts';
import { audit, type By } from './audit.ts';
import { Refused } from './refusal.ts';

export type TakeOver = {
  readonly entityId: string;
  readonly connectionId: string;
  readonly adapter: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly production: boolean;
  /** The first day whose documents go to it, YYYY-MM-DD. */
  readonly from: string;
};

/**
 * A new ERP connection of an entity, which takes over on a day: documents issued from then on go to it. The one before ends that day and
 * keeps what it holds; what is still in its queue goes there. Refused for a day on or before which something was handed to the one before.
 */
export async function takeOverErp(db: Db, order: TakeOver, reason: string, by: By): Promise<{ readonly ended: string | null }> {
  await lockSetUp(db);
  const { rows: entity } = await db.query('SELECT FROM legal_entity WHERE id = $1', [order.entityId]);
  if (entity.length === 0) throw new Refused('notFound', `there is no entity "${order.entityId}"`);
  if ((await db.query('SELECT FROM erp_connection WHERE id = $1', [order.connectionId])).rowCount !== 0)
    throw new Refused('wrongState', `there is an ERP connection ${order.connectionId} already: give the new one an id of its own`);
  const { rows: later } = await db.query<{ id: string }>('SELECT id FROM erp_connection WHERE entity_id = $1 AND valid_from >= $2', [order.entityId, order.from]);
  if (later.length > 0) throw new Refused('wrongState', `${later[0]?.id} begins on or after ${order.from}: choose a later day`);
  const { rows: before } = await db.query<{ id: string }>('SELECT id FROM erp_connection WHERE entity_id = $1 AND (valid_to IS NULL OR valid_to > $2) FOR UPDATE', [order.entityId, order.from]);
  for (const { id } of before) {
    const sent = await db.query<{ key: string }>("SELECT key FROM erp_posting WHERE connection_id = $1 AND convert_from(payload, 'UTF8')::jsonb ->> 'postedOn' >= $2 ORDER BY key LIMIT 1", [
      id,
      order.from,
    ]);
    if (sent.rows[0] !== undefined) throw new Refused('wrongState', `${sent.rows[0].key} of ${order.from} or later is with ${id}: choose a later day`);
    await db.query('UPDATE erp_connection SET valid_to = $2 WHERE id = $1', [id, order.from]);
  }
  await db.query('INSERT INTO erp_connection (id, entity_id, adapter, settings, production, valid_from) VALUES ($1, $2, $3, $4, $5, $6)', [
    order.connectionId,
    order.entityId,
    order.adapter,
    JSON.stringify(order.settings),
    order.production,
    order.from,
  ]);
  const ended = before[0]?.id ?? null;
  await audit(db, by, {
    action: 'erp.takeOver',
    subject: order.connectionId,
    reason,
    after: { entityId: order.entityId, adapter: order.adapter, production: order.production, from: order.from, ended },
  });
  return { ended };
}
