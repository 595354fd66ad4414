import type { NewExpectation } from '../../contracts/completeness.ts';
import { tokenRefOf } from '../../core/normalise/token-ref.ts';
import { matchExpectations } from '../cycle/match-expectations.ts';
import type { Db } from '../db.ts';
import { tokenSecret } from '../token-secret.ts';
import { audit, type By } from './audit.ts';
import { Refused } from './refusal.ts';

export type OpenedExpectation = { readonly key: string; readonly status: 'opened' | 'updated' | 'resolved' };

/**
 * Keeps what a source expects to send. A key that is known and still open takes the newer words; one that is resolved stays so. What has
 * come already resolves at once. Of the token only its reference is kept.
 */
export async function openExpectations(db: Db, sourceId: string, expectations: readonly NewExpectation[], by: By): Promise<OpenedExpectation[]> {
  if ((await db.query('SELECT FROM source WHERE id = $1', [sourceId])).rowCount === 0) throw new Refused('notFound', `there is no source "${sourceId}"`);
  const secret = await tokenSecret(db);
  const rows = [...new Map(expectations.map((e) => [e.key, e])).values()].map((e) => ({
    key: e.key,
    kind: e.kind,
    opened_at: e.openedAt,
    session_id: e.sessionId ?? (e.kind === 'session' ? e.key : null),
    authorization_id: e.authorizationId ?? (e.kind === 'authorization' ? e.key : null),
    place: e.evseId?.toUpperCase() ?? null,
    site_key: e.siteKey ?? null,
    token_ref: e.token === undefined ? null : tokenRefOf(secret, e.token),
    estimated_wh: e.estimatedWh ?? null,
    estimated_amount: e.amount ?? null,
    currency: e.currency ?? null,
  }));
  const { rows: written } = await db.query<{ key: string; made: boolean }>(
    `INSERT INTO expectation AS e (source_id, key, kind, opened_at, session_id, authorization_id, place, site_id, token_ref, estimated_wh, estimated_amount, currency, author)
     SELECT $1, t.key, t.kind, t.opened_at, t.session_id, t.authorization_id, t.place,
       (SELECT m.internal_id FROM mapping m WHERE m.source_id = $1 AND m.kind = 'site' AND m.external_key = t.site_key AND m.valid_from <= t.opened_at AND t.opened_at < m.valid_to LIMIT 1),
       t.token_ref, t.estimated_wh, t.estimated_amount, t.currency, $3
     FROM jsonb_to_recordset($2::jsonb) AS t(key text, kind text, opened_at timestamptz, session_id text, authorization_id text, place text, site_key text, token_ref text, estimated_wh bigint, estimated_amount numeric, currency text)
     ON CONFLICT (source_id, key) DO UPDATE SET kind = excluded.kind, opened_at = excluded.opened_at, session_id = excluded.session_id, authorization_id = excluded.authorization_id, place = excluded.place,
       site_id = excluded.site_id, token_ref = excluded.token_ref, estimated_wh = excluded.estimated_wh, estimated_amount = excluded.estimated_amount, currency = excluded.currency, author = excluded.author
       WHERE e.resolution IS NULL
     RETURNING e.key, xmax = 0 AS made`,
    [sourceId, JSON.stringify(rows), by.actor],
  );
  const made = new Map(written.map((w) => [w.key, w.made]));
  if (made.size > 0) {
    await matchExpectations(db, [sourceId]);
    await audit(db, by, { action: 'source.expect', subject: sourceId, after: { opened: written.filter((w) => w.made).length, updated: written.filter((w) => !w.made).length } });
  }
  const resolved = await db.query<{ key: string }>('SELECT key FROM expectation WHERE source_id = $1 AND key = ANY($2) AND resolution IS NOT NULL', [sourceId, rows.map((r) => r.key)]);
  const gone = new Set(resolved.rows.map((r) => r.key));
  return expectations.map(({ key }) => ({ key, status: gone.has(key) ? 'resolved' : made.get(key) === true ? 'opened' : 'updated' }));
}

/** Says that CDRs which were expected will never come, and why. Those resolved already stay as they are. Refused when a key is unknown. Answers how many were open. */
export async function cancelExpectations(db: Db, input: { readonly sourceId: string; readonly keys: readonly string[]; readonly reason: string }, by: By): Promise<{ readonly cancelled: number }> {
  const known = await db.query<{ key: string }>('SELECT key FROM expectation WHERE source_id = $1 AND key = ANY($2)', [input.sourceId, input.keys]);
  const found = new Set(known.rows.map((r) => r.key));
  const unknown = input.keys.filter((key) => !found.has(key));
  if (unknown.length > 0) throw new Refused('notFound', `source ${input.sourceId} has no expectation ${unknown.slice(0, 20).join(', ')}`);
  const { rowCount } = await db.query(
    `UPDATE expectation SET resolution = 'cancelled', resolved_at = now(), resolved_actor = $3, resolution_reason = $4 WHERE source_id = $1 AND key = ANY($2) AND resolution IS NULL`,
    [input.sourceId, input.keys, by.actor, input.reason],
  );
  if (rowCount !== 0) await audit(db, by, { action: 'source.cancelExpectations', subject: input.sourceId, reason: input.reason, after: { keys: input.keys } });
  return { cancelled: rowCount ?? 0 };
}
