import { createHash } from 'node:crypto';
import type { Db } from '../db.ts';
import { keyBefore, type Page, type PageOrder, pageOf } from './page.ts';

export const roles = ['partner', 'finance-preparer', 'finance-approver', 'ops', 'auditor', 'admin'] as const;
export type Role = (typeof roles)[number];
/** Who calls: `sourceId` limits a partner to one source. */
export type Caller = { readonly actor: string; readonly roles: readonly Role[]; readonly sourceId: string | null };

/** Tokens are kept as SHA-256 only: they are random, so no salt is needed. */
export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** The holder of a token; undefined when it is unknown or revoked. */
export async function callerOf(db: Db, token: string): Promise<Caller | undefined> {
  const { rows } = await db.query('SELECT actor, roles, source_id FROM api_key WHERE key_hash = $1 AND revoked_at IS NULL', [hashToken(token)]);
  return rows[0] === undefined ? undefined : { actor: rows[0].actor, roles: rows[0].roles, sourceId: rows[0].source_id };
}

/** True when a sample user may sign in: a production environment refuses to start then. */
export async function hasSampleKeys(db: Db): Promise<boolean> {
  return (await db.query('SELECT 1 FROM api_key WHERE sample AND revoked_at IS NULL LIMIT 1')).rowCount !== 0;
}

export type ApiKeyView = {
  readonly id: string;
  readonly actor: string;
  readonly roles: readonly Role[];
  readonly sourceId: string | null;
  readonly sample: boolean;
  readonly revokedAt: string | null;
};

/** All keys by their id, without their tokens; those that are revoked too. */
export async function listApiKeys(db: Db, page: PageOrder): Promise<Page<ApiKeyView>> {
  const { rows } = await db.query('SELECT id, actor, roles, source_id, sample, revoked_at FROM api_key WHERE $1::text IS NULL OR id > $1 ORDER BY id LIMIT $2', [
    keyBefore('API keys', page),
    page.limit + 1,
  ]);
  return pageOf(
    'API keys',
    rows,
    page.limit,
    (r) => r.id,
    (r): ApiKeyView => ({ id: r.id, actor: r.actor, roles: r.roles, sourceId: r.source_id, sample: r.sample, revokedAt: r.revoked_at?.toISOString() ?? null }),
  );
}
