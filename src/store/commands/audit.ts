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
