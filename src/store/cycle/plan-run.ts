import { monthPeriod } from '../../core/time.ts';
import type { Db } from '../db.ts';

export type PlanRunInput = { readonly entityId: string; readonly period: string; readonly cutOffAt?: Date; readonly author: string };
export type PlannedRun = { readonly runId: string; readonly workflowId: string; readonly cutOffAt: Date };

const defaultWaitMs = 5 * 86_400_000;

/**
 * Plans the live monthly run of an entity; its window is the local month of the entity's zone. Cut-off: five days after it unless told.
 * Throws when the entity is unknown or a run of that period is neither cancelled nor absent.
 */
export async function planRun(db: Db, input: PlanRunInput): Promise<PlannedRun> {
  if (!/^\d{4}-(0[1-9]|1[0-2])$/.test(input.period)) throw new RangeError(`period "${input.period}" is not a month: write 2019-12`);
  const entity = (
    await db.query("SELECT e.time_zone, c.id AS calendar_id FROM legal_entity e JOIN billing_calendar c ON c.entity_id = e.id AND c.cadence = 'monthly' WHERE e.id = $1", [input.entityId])
  ).rows[0];
  if (entity === undefined) throw new RangeError(`no entity "${input.entityId}" with a monthly calendar`);
  const { startMs, endMs } = monthPeriod(input.period, entity.time_zone);
  const before = await db.query("SELECT n, state FROM billing_run WHERE entity_id = $1 AND period = $2 AND kind = 'live' ORDER BY n", [input.entityId, input.period]);
  const open = before.rows.find((r) => r.state !== 'cancelled');
  if (open !== undefined) throw new RangeError(`${input.period} has a live run already, in state ${open.state}: cancel it before planning it again`);
  const n = before.rows.length + 1;
  const suffix = n === 1 ? '' : `_${n}`;
  const runId = `run_${input.entityId}_${input.period}_live${suffix}`;
  const workflowId = `run/${input.entityId}/${input.period}/live${n === 1 ? '' : `/${n}`}`;
  const cutOffAt = input.cutOffAt ?? new Date(endMs + defaultWaitMs);
  await db.query(
    `INSERT INTO billing_run (id, entity_id, calendar_id, period, kind, n, state, workflow_id, period_start, period_end, cut_off_at, author)
     VALUES ($1, $2, $3, $4, 'live', $5, 'planned', $6, $7, $8, $9, $10)`,
    [runId, input.entityId, entity.calendar_id, input.period, n, workflowId, new Date(startMs), new Date(endMs), cutOffAt, input.author],
  );
  await db.query("INSERT INTO release_group (run_id, name, state) VALUES ($1, 'all', 'planned')", [runId]);
  await db.query("INSERT INTO audit_event (actor, action, subject, after) VALUES ($1, 'run.plan', $2, $3)", [input.author, runId, JSON.stringify({ period: input.period, cutOffAt })]);
  return { runId, workflowId, cutOffAt };
}
