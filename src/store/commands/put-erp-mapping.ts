import type { ErpMapping } from '../../contracts/erp-mapping.ts';
import type { Db } from '../db.ts';
import { audit, type By } from './audit.ts';
import { Refused } from './refusal.ts';

/** Writes the next version of a connection's mapping, whole. What is queued goes by it; what was sent stays as it was sent. */
export async function putErpMapping(
  db: Db,
  order: { readonly connectionId: string; readonly mapping: ErpMapping; readonly expectedVersion?: number | undefined },
  reason: string,
  by: By,
): Promise<{ readonly version: number }> {
  const { connectionId, mapping, expectedVersion } = order;
  if ((await db.query('SELECT FROM erp_connection WHERE id = $1 FOR UPDATE', [connectionId])).rowCount === 0) throw new Refused('notFound', `there is no ERP connection "${connectionId}"`);
  const { rows } = await db.query<{ version: number }>('SELECT coalesce(max(version), 0) AS version FROM erp_mapping WHERE connection_id = $1', [connectionId]);
  const before = Number(rows[0]?.version ?? 0);
  if (expectedVersion !== undefined && expectedVersion !== before)
    throw new Refused('wrongState', `version ${expectedVersion} is expected, and the mapping is at ${before}: look at it and send the change again`);
  const version = before + 1;
  await db.query('INSERT INTO erp_mapping (connection_id, version, body, author, reason) VALUES ($1, $2, $3, $4, $5)', [connectionId, version, JSON.stringify(mapping), by.actor, reason]);
  await audit(db, by, { action: 'erp.mapping', subject: connectionId, reason, after: { version, mapping } });
  return { version };
}
