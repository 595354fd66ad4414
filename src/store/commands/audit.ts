import type { Db } from '../db.ts';

/** Who orders something, by which request, and why, where the order itself has no reason. */
export type By = { readonly actor: string; readonly requestId?: string | undefined; readonly reason?: string | undefined };

/** Writes the audit event of a command, in the command's own transaction. */
export async function audit(db: Db, by: By, event: { readonly action: string; readonly subject: string; readonly reason?: string | undefined; readonly after?: unknown }): Promise<void> {
  await db.query('INSERT INTO audit_event (actor, action, subject, reason, after, request_id) VALUES ($1, $2, $3, $4, $5, $6)', [
    by.actor,
    event.action,
    event.subject,
    event.reason ?? by.reason ?? null,
    event.after === undefined ? null : JSON.stringify(event.after, (_key, v) => (typeof v === 'bigint' ? v.toString() : v)),
    by.requestId ?? null,
  ]);
}

/** The same of a step that is tried again after its answer was lost: nothing, where the last of such `actions` on the subject is this very request's. */
export async function auditOnce(db: Db, by: By & { readonly requestId: string }, event: Parameters<typeof audit>[2], actions: readonly string[] = [event.action]): Promise<void> {
  const { rows } = await db.query<{ action: string; actor: string; request_id: string | null }>(
    'SELECT action, actor, request_id FROM audit_event WHERE subject = $1 AND action = ANY($2::text[]) ORDER BY id DESC LIMIT 1',
    [event.subject, actions],
  );
  const [last] = rows;
  if (last?.action === event.action && last.actor === by.actor && last.request_id === by.requestId) return;
  await audit(db, by, event);
}
