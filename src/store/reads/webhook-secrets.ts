import type { Db } from '../db.ts';

/** Secrets that a source's webhook may sign with at an instant, newest first; empty for an unknown source. */
export async function webhookSecretsOf(db: Db, sourceId: string, at: Date): Promise<readonly string[]> {
  const { rows } = await db.query<{ secret: string }>('SELECT secret FROM webhook_secret WHERE source_id = $1 AND (valid_until IS NULL OR valid_until > $2) ORDER BY made_at DESC', [sourceId, at]);
  return rows.map((r) => r.secret);
}

export type WebhookSecretView = { readonly secretId: string; readonly madeAt: string; readonly validUntil: string | null; readonly author: string };

/** Without the secrets themselves, newest first; those that are over too. */
export async function listWebhookSecrets(db: Db, sourceId: string): Promise<readonly WebhookSecretView[]> {
  const { rows } = await db.query('SELECT id, made_at, valid_until, author FROM webhook_secret WHERE source_id = $1 ORDER BY made_at DESC, id LIMIT 100', [sourceId]);
  return rows.map((r) => ({ secretId: r.id, madeAt: r.made_at.toISOString(), validUntil: r.valid_until?.toISOString() ?? null, author: r.author }));
}
