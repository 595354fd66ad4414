import { monthPeriod } from '../../core/time.ts';
import { type CutOff, setCutOff } from '../cycle/cut-off.ts';
import type { Db } from '../db.ts';
import { audit, type By } from './audit.ts';
import { Refused } from './refusal.ts';

export type PlanRunInput = { readonly entityId: string; readonly period: string; readonly cutOffAt?: Date | undefined; readonly cutOff?: CutOff | undefined; readonly by: By };
export type PlannedRun = { readonly runId: string; readonly workflowId: string; readonly cutOffAt: Date };

const defaultWaitMs = 5 * 86_400_000;

/**
 * Plans the live monthly run of an entity; its window is the local month of the entity's zone. Cut-off: five days after it unless told.
 * `cutOff: automatic` closes as soon as every source is complete, then at the latest. Refused when the entity is unknown, the period is not a month, or a run of that period is neither cancelled nor absent.
 */
export async function planRun(db: Db, input: PlanRunInput): Promise<PlannedRun> {
  if (!/^\d{4}-(0[1-9]|1[0-2])$/.test(input.period)) throw new Refused('invalid', `period "${input.period}" is not a month: write 2019-12`);
  const entity = (
    await db.query("SELECT e.time_zone, c.id AS calendar_id FROM legal_entity e JOIN billing_calendar c ON c.entity_id = e.id AND c.cadence = 'monthly' WHERE e.id = $1 FOR UPDATE OF e", [
      input.entityId,
    ])
  ).rows[0];
  if (entity === undefined) throw new Refused('notFound', `no entity "${input.entityId}" with a monthly calendar`);
  const { startMs, endMs } = monthPeriod(input.period, entity.time_zone);
  const before = await db.query("SELECT id, n, state FROM billing_run WHERE entity_id = $1 AND period = $2 AND kind = 'live' ORDER BY n", [input.entityId, input.period]);
  const open = before.rows.find((r) => r.state !== 'cancelled');
  if (open !== undefined) throw new Refused('wrongState', `${input.period} has the live run ${open.id} already, in state ${open.state}: cancel it before planning it again`);
  const n = before.rows.length + 1;
  const runId = `run_${input.entityId}_${input.period}_live${n === 1 ? '' : `_${n}`}`;
  const workflowId = `run/${input.entityId}/${input.period}/live${n === 1 ? '' : `/${n}`}`;
  const cutOffAt = input.cutOffAt ?? new Date(endMs + defaultWaitMs);
  await db.query(
    `INSERT INTO billing_run (id, entity_id, calendar_id, period, kind, n, state, workflow_id, period_start, period_end, cut_off_at, author)
     VALUES ($1, $2, $3, $4, 'live', $5, 'planned', $6, $7, $8, $9, $10)`,
    [runId, input.entityId, entity.calendar_id, input.period, n, workflowId, new Date(startMs), new Date(endMs), cutOffAt, input.by.actor],
  );
  await db.query("INSERT INTO release_group (run_id, name, state) VALUES ($1, 'all', 'planned')", [runId]);
  await setCutOff(db, runId, input.cutOff);
  await audit(db, input.by, { action: 'run.plan', subject: runId, after: { period: input.period, cutOffAt, cutOff: input.cutOff } });
  return { runId, workflowId, cutOffAt };
}

/**
 * Ended months of an entity with charges that no run has claimed, and without a live run: what the opener opens. `now` in ms.
 * Only the latest of them: its run takes the earlier ones in as late sessions.
 */
export async function periodsToOpen(db: Db, entityId: string, nowMs: number): Promise<string[]> {
  const { rows } = await db.query<{ period: string | null }>(
    `SELECT max(c.service_month) AS period FROM rated_charge c JOIN legal_entity e ON e.id = c.entity_id
     WHERE c.entity_id = $1 AND c.payer_account_id IS NOT NULL AND c.service_month < to_char(to_timestamp($2::double precision / 1000) AT TIME ZONE e.time_zone, 'YYYY-MM')
       AND NOT EXISTS (SELECT FROM claim k WHERE k.charge_id = c.charge_id)
       AND NOT EXISTS (SELECT FROM billing_run r WHERE r.entity_id = c.entity_id AND r.kind = 'live' AND r.state <> 'cancelled' AND r.period >= c.service_month)`,
    [entityId, nowMs],
  );
  return rows.flatMap((r) => (r.period === null ? [] : [r.period]));
}
