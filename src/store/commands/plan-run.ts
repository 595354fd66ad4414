import type { WhatIf } from '../../contracts/dry-run.ts';
import { monthPeriod } from '../../core/time.ts';
import { type CutOff, setCutOff } from '../cycle/cut-off.ts';
import type { Selection } from '../cycle/selection.ts';
import type { Db } from '../db.ts';
import { audit, type By } from './audit.ts';
import { Refused } from './refusal.ts';

export type PlanRunInput = {
  readonly entityId: string;
  readonly period: string;
  readonly kind?: RunKind | undefined;
  /** What a dry run supposes. */
  readonly whatIf?: WhatIf | undefined;
  /** Makes it an off-cycle run, of these accounts alone: a final invoice, or what cannot wait for the month. */
  readonly selection?: Selection | undefined;
  readonly cutOffAt?: Date | undefined;
  readonly cutOff?: CutOff | undefined;
  readonly by: By;
};
export type RunKind = 'live' | 'dry';
export type PlannedRun = { readonly runId: string; readonly workflowId: string; readonly cutOffAt: Date };

const defaultWaitMs = 5 * 86_400_000;

/**
 * Plans the monthly run of an entity; its window is the local month of the entity's zone. Cut-off of a live one: five days after it unless
 * told; an off-cycle one closes its set at once. `cutOff: automatic` closes as soon as every source is complete, then at the latest. A dry run waits for nothing and may be of any
 * month. Refused when the entity is unknown, the period is not a month, or a live run of that period is not cancelled; so is an earlier month
 * whose sessions a later run has taken in and not billed yet.
 */
export async function planRun(db: Db, input: PlanRunInput): Promise<PlannedRun> {
  const { kind = 'live', selection } = input;
  if (!/^\d{4}-(0[1-9]|1[0-2])$/.test(input.period)) throw new Refused('invalid', `period "${input.period}" is not a month: write 2019-12`);
  const entity = (
    await db.query("SELECT e.time_zone, c.id AS calendar_id FROM legal_entity e JOIN billing_calendar c ON c.entity_id = e.id AND c.cadence = 'monthly' WHERE e.id = $1 FOR UPDATE OF e", [
      input.entityId,
    ])
  ).rows[0];
  if (entity === undefined) throw new Refused('notFound', `no entity "${input.entityId}" with a monthly calendar`);
  const { startMs, endMs } = monthPeriod(input.period, entity.time_zone);
  if (selection !== undefined) await refuseUnknownAccounts(db, input.entityId, selection.accountIds);
  else if (kind === 'live') await refuseSecondLive(db, input.entityId, input.period);
  await refuseUnknownTariffs(db, input.whatIf?.tariffVersionIds ?? []);
  const { rows } = await db.query<{ n: number }>('SELECT count(*)::integer + 1 AS n FROM billing_run WHERE entity_id = $1 AND period = $2 AND kind = $3', [input.entityId, input.period, kind]);
  const n = rows[0]?.n ?? 1;
  const runId = `run_${input.entityId}_${input.period}_${kind}${n === 1 ? '' : `_${n}`}`;
  const workflowId = `run/${input.entityId}/${input.period}/${kind}${n === 1 ? '' : `/${n}`}`;
  const cutOffAt = kind === 'live' ? (input.cutOffAt ?? (selection === undefined ? new Date(endMs + defaultWaitMs) : new Date(startMs))) : new Date(startMs);
  await db.query(
    `INSERT INTO billing_run (id, entity_id, calendar_id, period, kind, n, state, workflow_id, period_start, period_end, cut_off_at, author, what_if, selection)
     VALUES ($1, $2, $3, $4, $5, $6, 'planned', $7, $8, $9, $10, $11, $12, $13)`,
    [
      runId,
      input.entityId,
      entity.calendar_id,
      input.period,
      kind,
      n,
      workflowId,
      new Date(startMs),
      new Date(endMs),
      cutOffAt,
      input.by.actor,
      kind === 'live' || input.whatIf === undefined ? null : JSON.stringify(input.whatIf),
      selection === undefined ? null : JSON.stringify(selection),
    ],
  );
  await db.query("INSERT INTO release_group (run_id, name, state) VALUES ($1, 'all', 'planned')", [runId]);
  if (kind === 'live') await setCutOff(db, runId, input.cutOff);
  await audit(db, input.by, { action: 'run.plan', subject: runId, after: { period: input.period, kind, selection, cutOffAt, cutOff: input.cutOff, whatIf: input.whatIf } });
  return { runId, workflowId, cutOffAt };
}

async function refuseSecondLive(db: Db, entityId: string, period: string): Promise<void> {
  const { rows } = await db.query<{ id: string; period: string; state: string }>(
    `SELECT id, period, state FROM billing_run WHERE entity_id = $1 AND kind = 'live' AND selection IS NULL AND state <> 'cancelled'
       AND (period = $2 OR period > $2 AND set_closed_at IS NOT NULL AND state NOT IN ('reconciled', 'closed')) ORDER BY period LIMIT 1`,
    [entityId, period],
  );
  const [open] = rows;
  if (open === undefined) return;
  if (open.period === period) throw new Refused('wrongState', `${period} has the live run ${open.id} already, in state ${open.state}: cancel it before planning it again`);
  throw new Refused('wrongState', `run ${open.id} is ${open.state} and has taken in what was open of ${period}: let it close, or cancel it and plan ${period} first`);
}

async function refuseUnknownAccounts(db: Db, entityId: string, ids: readonly string[]): Promise<void> {
  const { rows } = await db.query<{ id: string }>('SELECT id FROM unnest($1::text[]) AS t(id) WHERE NOT EXISTS (SELECT FROM account a WHERE a.id = t.id AND a.entity_id = $2)', [ids, entityId]);
  if (rows[0] !== undefined) throw new Refused('notFound', `entity ${entityId} has no account "${rows[0].id}"`);
}

async function refuseUnknownTariffs(db: Db, ids: readonly string[]): Promise<void> {
  const { rows } = await db.query<{ id: string }>(
    'SELECT id FROM unnest($1::text[]) AS t(id) WHERE NOT EXISTS (SELECT FROM tariff_version v WHERE v.id = t.id) AND NOT EXISTS (SELECT FROM tariff_proposal p WHERE p.id = t.id)',
    [ids],
  );
  if (rows[0] !== undefined) throw new Refused('notFound', `no version or proposal "${rows[0].id}" of a tariff`);
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
       AND NOT EXISTS (SELECT FROM billing_run r WHERE r.entity_id = c.entity_id AND r.kind = 'live' AND r.selection IS NULL AND r.state <> 'cancelled' AND r.period >= c.service_month)`,
    [entityId, nowMs],
  );
  return rows.flatMap((r) => (r.period === null ? [] : [r.period]));
}
