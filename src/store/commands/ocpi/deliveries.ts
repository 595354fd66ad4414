import type { Db } from '../../db.ts';
import { audit, type By } from '../audit.ts';
import { Refused } from '../refusal.ts';

/** The other side read these sales: a partner itself has seen them, a hub has acknowledged them. */
export async function markRead(db: Db, by: 'peer' | 'hub', saleIds: readonly bigint[]): Promise<void> {
  if (saleIds.length === 0) return;
  const column = by === 'hub' ? 'hub_acknowledged_at' : 'seen_at';
  await db.query(`UPDATE ocpi_delivery SET ${column} = now() WHERE sale_id = ANY($1) AND ${column} IS NULL`, [saleIds]);
}

/** Queues again what the peer refused, tariffs too; answers how many CDRs. */
export async function retryDeliveries(db: Db, peerId: string, by: By): Promise<number> {
  const { rowCount } = await db.query("UPDATE ocpi_delivery SET state = 'queued' WHERE peer_id = $1 AND state = 'refused'", [peerId]);
  await db.query("UPDATE ocpi_tariff_push SET state = 'queued' WHERE peer_id = $1 AND state IN ('refused', 'notTakenBack')", [peerId]);
  await audit(db, by, { action: 'ocpi.retry', subject: peerId, after: { requeued: rowCount } });
  return rowCount ?? 0;
}

/** Settles CDRs that are held by the partner's document alone: neither they nor what corrects them is sent. Refused when one of them is not held. */
export async function settleByDocument(db: Db, peerId: string, cdrIds: readonly string[], by: By): Promise<number> {
  const withhold = "UPDATE ocpi_delivery d SET state = 'withheld', issues = NULL, rules_version = NULL";
  const { rows } = await db.query<{ cdr_id: string; sale_id: bigint; record_id: bigint }>(
    `${withhold} FROM ocpi_sale s WHERE s.id = d.sale_id AND s.peer_id = $1 AND s.cdr_id = ANY($2) AND d.state = 'held' RETURNING s.cdr_id, d.sale_id, d.record_id`,
    [peerId, cdrIds],
  );
  // What follows for the session waited behind it.
  await db.query(
    `${withhold} FROM unnest($2::bigint[], $3::bigint[]) AS w(sale_id, record_id) WHERE d.peer_id = $1 AND d.record_id = w.record_id AND d.sale_id > w.sale_id AND d.state IN ('queued', 'held', 'pullOnly')`,
    [peerId, rows.map((r) => r.sale_id), rows.map((r) => r.record_id)],
  );
  const settled = new Set(rows.map((r) => r.cdr_id));
  const other = cdrIds.find((id) => !settled.has(id));
  if (other !== undefined) throw new Refused('invalid', `CDR ${other} is not held for ${peerId}`);
  await audit(db, by, { action: 'ocpi.byDocument', subject: peerId, after: { cdrIds } });
  return settled.size;
}

/** The partner agreed to these CDRs, as its settlement or its word says; what is agreed stays agreed. Refused when one of them was never sent. */
export async function agreeToCdrs(db: Db, peerId: string, cdrIds: readonly string[], by: By): Promise<number> {
  const { rows } = await db.query<{ cdr_id: string }>(
    'SELECT w.cdr_id FROM unnest($2::text[]) AS w(cdr_id) LEFT JOIN ocpi_sale s ON s.peer_id = $1 AND s.cdr_id = w.cdr_id LEFT JOIN ocpi_delivery d ON d.sale_id = s.id WHERE d.sent_at IS NULL AND d.seen_at IS NULL AND d.hub_acknowledged_at IS NULL LIMIT 1',
    [peerId, cdrIds],
  );
  if (rows[0] !== undefined) throw new Refused('invalid', `CDR ${rows[0].cdr_id} has not reached ${peerId}`);
  const { rowCount } = await db.query(
    'UPDATE ocpi_delivery d SET agreed_at = now(), agreed_by = $3 FROM ocpi_sale s WHERE s.id = d.sale_id AND s.peer_id = $1 AND s.cdr_id = ANY($2) AND d.agreed_at IS NULL',
    [peerId, cdrIds, by.actor],
  );
  await audit(db, by, { action: 'ocpi.agree', subject: peerId, after: { cdrIds } });
  return rowCount ?? 0;
}
