import type { Db } from '../db.ts';
import { audit, type By } from './audit.ts';
import { Refused } from './refusal.ts';

/**
 * Expunges the bytes of a stored message for good; hash, length, reason and actor stay, and so does what was sealed from it. Messages of
 * the very same bytes in that month share them. Refused while a record still needs the bytes. False when they were gone already.
 */
export async function expungeMessage(db: Db, rawId: string, reason: string, by: By): Promise<{ readonly expunged: boolean }> {
  const message = (await db.query<{ received_month: string; body_hash: Buffer }>('SELECT received_month, body_hash FROM raw_message WHERE id = $1', [rawId])).rows[0];
  if (message === undefined) throw new Refused('notFound', `there is no message ${rawId}`);
  const needed = await db.query<{ id: bigint; why: string }>(
    `SELECT m.id, CASE WHEN p.raw_id IS NULL THEN 'record ' || h.record_id || ' waits on it' ELSE 'it is not processed yet' END AS why FROM raw_message m
     LEFT JOIN raw_pending p ON p.raw_id = m.id LEFT JOIN raw_outcome o ON o.raw_id = m.id LEFT JOIN record_head h ON h.record_id = o.record_id AND h.waiting_raw_id = m.id
     WHERE m.received_month = $1 AND m.body_hash = $2 AND (p.raw_id IS NOT NULL OR h.record_id IS NOT NULL) LIMIT 1`,
    [message.received_month, message.body_hash],
  );
  const [user] = needed.rows;
  if (user !== undefined) throw new Refused('wrongState', `message ${user.id} cannot be expunged: ${user.why}; decide on it first`);
  const { rows } = await db.query<{ gone: boolean }>('SELECT expunge_raw_body($1, $2, $3, $4) AS gone', [message.received_month, message.body_hash, reason, by.actor]);
  const expunged = rows[0]?.gone === true;
  if (expunged) await audit(db, by, { action: 'message.expunge', subject: rawId, reason });
  return { expunged };
}
