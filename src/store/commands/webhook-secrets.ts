import { randomBytes } from 'node:crypto';
import type { Db } from '../db.ts';
import { audit, type By } from './audit.ts';
import { Refused } from './refusal.ts';

/** The secret is told once, here. */
export type NewWebhookSecret = { readonly secretId: string; readonly secret: string; readonly othersValidUntil: Date };

/** Makes a new secret for a source's webhook; those in force end after `overlapHours`, so that the sender can change over. Refused for an unknown source. */
export async function rotateWebhookSecret(db: Db, input: { readonly sourceId: string; readonly overlapHours: number }, now: Date, by: By): Promise<NewWebhookSecret> {
  const { sourceId, overlapHours } = input;
  if ((await db.query('SELECT FROM source WHERE id = $1 FOR UPDATE', [sourceId])).rowCount === 0) throw new Refused('notFound', `there is no source "${sourceId}"`);
  const othersValidUntil = new Date(now.getTime() + overlapHours * 3_600_000);
  await db.query('UPDATE webhook_secret SET valid_until = $2 WHERE source_id = $1 AND (valid_until IS NULL OR valid_until > $2)', [sourceId, othersValidUntil]);
  const secretId = `whk_${randomBytes(8).toString('hex')}`;
  const secret = `whsec_${randomBytes(32).toString('base64url')}`;
  await db.query('INSERT INTO webhook_secret (id, source_id, secret, author) VALUES ($1, $2, $3, $4)', [secretId, sourceId, secret, by.actor]);
  await audit(db, by, { action: 'source.webhookSecret', subject: sourceId, after: { secretId, othersValidUntil } });
  return { secretId, secret, othersValidUntil };
}

/** Ends a secret at once, such as one that leaked. Refused when the source has no such secret. */
export async function revokeWebhookSecret(db: Db, input: { readonly sourceId: string; readonly secretId: string; readonly reason: string }, now: Date, by: By): Promise<void> {
  const { rowCount } = await db.query('UPDATE webhook_secret SET valid_until = $3 WHERE source_id = $1 AND id = $2 AND (valid_until IS NULL OR valid_until > $3)', [
    input.sourceId,
    input.secretId,
    now,
  ]);
  if (rowCount === 0) throw new Refused('notFound', `source ${input.sourceId} has no secret ${input.secretId} in force`);
  await audit(db, by, { action: 'source.revokeWebhookSecret', subject: input.sourceId, reason: input.reason, after: { secretId: input.secretId } });
}
