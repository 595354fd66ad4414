import { type ReleaseRules, releaseRulesSchema } from '../../contracts/release-rules.ts';
import type { Db } from '../db.ts';

/** When a run that waits for approval says so, and how often again. */
export type Reminders = { readonly afterMs: number; readonly everyMs: number };

/** The reminders of a run, by the rules of its entity. */
export async function remindersOf(db: Db, runId: string): Promise<Reminders> {
  const { rows } = await db.query<{ entity_id: string }>('SELECT entity_id FROM billing_run WHERE id = $1', [runId]);
  const { afterHours, everyHours } = (await releaseRulesOf(db, rows[0]?.entity_id ?? '')).rules.reminders;
  return { afterMs: Math.ceil(afterHours * hourMs), everyMs: Math.ceil(everyHours * hourMs) };
}

const hourMs = 3_600_000;

/** How an entity releases its groups, and the version of that; version 0: the defaults. */
export async function releaseRulesOf(db: Db, entityId: string): Promise<{ readonly version: number; readonly rules: ReleaseRules }> {
  const { rows } = await db.query<{ version: number; body: unknown }>('SELECT version, body FROM release_rules_version WHERE entity_id = $1 ORDER BY version DESC LIMIT 1', [entityId]);
  return { version: rows[0]?.version ?? 0, rules: releaseRulesSchema.parse(rows[0]?.body ?? {}) };
}
