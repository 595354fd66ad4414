import { type RetentionClass, retentionClasses } from '../../contracts/retention.ts';
import type { Db } from '../db.ts';
import { dueOf, policyOf } from '../retention/policies.ts';
import { audit, type By } from './audit.ts';
import { Refused } from './refusal.ts';

export type RetentionChange = { readonly class: RetentionClass; readonly keep: number; readonly unit: 'months' | 'days'; readonly reason: string };
export type DryRunRow = { readonly class: RetentionClass; readonly due: number; readonly oldest: string | null };

/** Changes how long a class is kept. Refused below its floor, and in a unit that is not the class's own. */
export async function changeRetention(db: Db, change: RetentionChange, by: By): Promise<void> {
  const before = await policyOf(db, change.class, 'FOR UPDATE');
  if (change.unit !== before.unit) throw new Refused('invalid', `${change.class} is kept by ${before.unit}: name them`);
  if (change.keep < before.floor) throw new Refused('invalid', `${change.class} is kept at least ${before.floor} ${before.unit}: ${before.floorReason}`);
  await db.query('UPDATE retention_policy SET keep = $2, changed_by = $3, changed_at = now() WHERE class = $1', [change.class, change.keep, by.actor]);
  await audit(db, by, { action: 'retention.change', subject: change.class, reason: change.reason, after: { before: before.keep, keep: change.keep, unit: change.unit } });
}

/** Counts what is due and writes it into the log of runs as a dry run; nothing goes. */
export async function dryRunRetention(db: Db, input: { readonly runId: string; readonly class: RetentionClass | undefined }, now: Date, by: By): Promise<DryRunRow[]> {
  const rows: DryRunRow[] = [];
  for (const name of input.class === undefined ? retentionClasses : [input.class]) {
    const { keep } = await policyOf(db, name);
    const { due, oldest } = await dueOf(db, name, keep, now);
    await db.query('INSERT INTO retention_run (run_id, class, dry_run, keep, due, removed, oldest, actor, started_at) VALUES ($1, $2, true, $3, $4, 0, $5, $6, $7)', [
      input.runId,
      name,
      keep,
      due,
      oldest,
      by.actor,
      now,
    ]);
    rows.push({ class: name, due: Number(due), oldest: oldest?.toISOString() ?? null });
  }
  return rows;
}

/** Notes in the audit trail who had a run of retention started. */
export async function orderRetention(db: Db, order: { readonly runId: string; readonly class: RetentionClass | undefined }, by: By): Promise<void> {
  await audit(db, by, { action: 'retention.run', subject: order.runId, after: { class: order.class ?? 'all' } });
}
