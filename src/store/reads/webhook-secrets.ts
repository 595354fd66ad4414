import type { Db } from '../db.ts';
import { keyBefore, type Page, type PageOrder, pageOf } from './page.ts';

/** Secrets that a source's webhook may sign with at an instant, newest first; empty for an unknown source. */
export async function webhookSecretsOf(db: Db, sourceId: string, at: Date): Promise<readonly string[]> {
  const { rows } = await db.query<{ secret: string }>('SELECT secret FROM webhook_secret WHERE source_id = $1 AND (valid_until IS NULL OR valid_until > $2) ORDER BY made_at DESC', [sourceId, at]);
  return rows.map((r) => r.secret);
}

export type WebhookSecretView = { readonly secretId: string; readonly madeAt: string; readonly validUntil: string | null; readonly author: string };

/** Without the secrets themselves, newest first; those that are over too. */
export async function listWebhookSecrets(db: Db, sourceId: string, page: PageOrder): Promise<Page<WebhookSecretView>> {
  const list = ['webhook secrets', sourceId] as const;
  const { rows } = await db.query(
    `SELECT id, made_at, valid_until, author FROM webhook_secret
     WHERE source_id = $1 AND ($2::text IS NULL OR (made_at, id) < (SELECT made_at, id FROM webhook_secret WHERE id = $2)) ORDER BY made_at DESC, id DESC LIMIT $3`,
    [sourceId, keyBefore(list, page), page.limit + 1],
  );
  return pageOf(
    list,
    rows,
    page.limit,
    (r) => r.id,
    (r): WebhookSecretView => ({ secretId: r.id, madeAt: r.made_at.toISOString(), validUntil: r.valid_until?.toISOString() ?? null, author: r.author }),
  );
}
