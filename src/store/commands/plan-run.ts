import type { WhatIf } from '../../contracts/dry-run.ts';
import { type BillingPeriod, billingPeriod, type Cadence, cadenceOf, exampleOf } from '../../core/cycle/billing-period.ts';
import { type CutOff, setCutOff } from '../cycle/cut-off.ts';
import type { RunState } from '../cycle/run-state.ts';
import { type Selection, takesAll } from '../cycle/selection.ts';
import type { Db } from '../db.ts';
import { audit, type By } from './audit.ts';
import { newId } from './new-id.ts';
import { Refused } from './refusal.ts';

export type PlanRunInput = {
  readonly entityId: string;
  /** A period as its calendar writes it: `2019-12`, `2019-W50`, `2019-Q4`. */
  readonly period: string;
  /** The entity's calendar of that cadence unless told. */
  readonly calendarId?: string | undefined;
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

/** How long late CDRs are waited for after a period unless told: shorter where the next one would be over. */
const waitMs: Readonly<Record<Cadence, number>> = { monthly: 5 * 86_400_000, weekly: 2 * 86_400_000, quarterly: 5 * 86_400_000 };

/**
 * Plans the run of an entity's calendar and period; its window is local to the entity's zone. Cut-off of a live one: five days after it (two
 * after a week) unless told; an off-cycle one closes its set at once. `cutOff: automatic` closes as soon as every source is complete, then at
 * the latest. A dry run waits for nothing and may be of any period. Refused when the entity is unknown, the period is none of the calendar, or
 * a live run of that period is not cancelled; so is an earlier period whose sessions a later run has taken in and not billed yet. A repeat of
 * the same request is answered with the run that it planned, and where that stands.
 */
export async function planRun(db: Db, input: PlanRunInput, idempotencyKey?: string): Promise<PlannedRun & { readonly state: RunState }> {
  const { kind = 'live', selection } = input;
  const { calendarId, cadence, period } = await calendarPeriod(db, input);
  const orderId = idempotencyKey === undefined ? undefined : newId('ord', [input.entityId, 'plan', input.by.actor], idempotencyKey);
  const before = await plannedBefore(db, input, orderId);
  if (before !== undefined) return before;
  const { startMs, endMs } = period;
  if (selection !== undefined) await refuseUnknownAccounts(db, input.entityId, selection.accountIds);
  else if (kind === 'live') await refuseSecondLive(db, calendarId, period);
  await refuseUnknownTariffs(db, input.whatIf?.tariffVersionIds ?? []);
  const { rows } = await db.query<{ n: number }>('SELECT count(*)::integer + 1 AS n FROM billing_run WHERE entity_id = $1 AND label = $2 AND kind = $3', [input.entityId, input.period, kind]);
  const n = rows[0]?.n ?? 1;
  const runId = `run_${input.entityId}_${input.period}_${kind}${n === 1 ? '' : `_${n}`}`;
  const workflowId = `run/${input.entityId}/${input.period}/${kind}${n === 1 ? '' : `/${n}`}`;
  const cutOffAt = kind === 'live' ? (input.cutOffAt ?? (selection === undefined ? new Date(endMs + waitMs[cadence]) : new Date(startMs))) : new Date(startMs);
  await db.query(
    `INSERT INTO billing_run (id, entity_id, calendar_id, label, first_month, period, full_month, kind, n, state, workflow_id, period_start, period_end, cut_off_at, author, what_if, selection)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'planned', $10, $11, $12, $13, $14, $15, $16)`,
    [
      runId,
      input.entityId,
      calendarId,
      period.label,
      period.firstMonth,
      period.lastMonth,
      period.fullMonth,
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
  await db.query(`UPDATE billing_run r SET takes_all = ${takesAll} WHERE r.id = $1`, [runId]);
  await db.query("INSERT INTO release_group (run_id, name, state) VALUES ($1, 'all', 'planned')", [runId]);
  if (kind === 'live') await setCutOff(db, runId, input.cutOff);
  await audit(db, input.by, { action: 'run.plan', subject: runId, after: { period: input.period, calendarId, kind, selection, cutOffAt, cutOff: input.cutOff, whatIf: input.whatIf, orderId } });
  return { runId, workflowId, cutOffAt, state: 'planned' };
}

/** The run that the same request has planned: its answer was lost, or its workflow could not be started. */
async function plannedBefore(db: Db, { entityId, period }: PlanRunInput, orderId: string | undefined): Promise<(PlannedRun & { readonly state: RunState }) | undefined> {
  if (orderId === undefined) return undefined;
  const { rows } = await db.query<PlannedRun & { readonly state: RunState }>(
    `SELECT r.id AS "runId", r.workflow_id AS "workflowId", r.cut_off_at AS "cutOffAt", r.state FROM billing_run r JOIN audit_event a ON a.subject = r.id AND a.action = 'run.plan'
     WHERE r.entity_id = $1 AND r.label = $2 AND a.after->>'orderId' = $3`,
    [entityId, period, orderId],
  );
  return rows[0];
}

/** The calendar that is meant, and its period; the entity's row is locked, so that plans of it wait for each other, but not what refers to it: a plan may wait for a set that is closing. */
async function calendarPeriod(db: Db, input: PlanRunInput): Promise<{ readonly calendarId: string; readonly cadence: Cadence; readonly period: BillingPeriod }> {
  const entity = (await db.query<{ time_zone: string }>('SELECT time_zone FROM legal_entity WHERE id = $1 FOR NO KEY UPDATE', [input.entityId])).rows[0];
  if (entity === undefined) throw new Refused('notFound', `no entity "${input.entityId}"`);
  const { rows: calendars } = await db.query<{ id: string; cadence: Cadence }>('SELECT id, cadence FROM billing_calendar WHERE entity_id = $1 ORDER BY id', [input.entityId]);
  const cadence = cadenceOf(input.period);
  const period = billingPeriod(input.period, entity.time_zone);
  if (cadence === undefined || period === undefined) throw new Refused('invalid', `period "${input.period}" is no month, week or quarter: write ${Object.values(exampleOf).join(', ')}`);
  const meant = calendars.filter((c) => (input.calendarId === undefined ? c.cadence === cadence : c.id === input.calendarId));
  const [calendar] = meant;
  if (calendar === undefined) throw new Refused('notFound', `entity ${input.entityId} has no ${input.calendarId === undefined ? `${cadence} calendar` : `calendar "${input.calendarId}"`}`);
  if (calendar.cadence !== cadence) throw new Refused('invalid', `calendar ${calendar.id} is ${calendar.cadence}: write its period like ${exampleOf[calendar.cadence]}`);
  if (meant.length > 1) throw new Refused('invalid', `entity ${input.entityId} has several ${cadence} calendars: name one of ${meant.map((c) => c.id).join(', ')} as calendarId`);
  return { calendarId: calendar.id, cadence, period };
}

/**
 * A later run takes in what is open of periods that have no run: a set that is just closing, a lane of it, and a pull-in are waited for, and
 * wait for this plan, so that each sees the other. What lanes of a closing have claimed that did not end is taken in as well.
 */
async function refuseSecondLive(db: Db, calendarId: string, { label, endMs }: BillingPeriod): Promise<void> {
  const later = [calendarId, new Date(endMs)];
  await db.query(
    "SELECT FROM billing_run WHERE calendar_id = $1 AND period_end > $2 AND kind = 'live' AND selection IS NULL AND state <> 'cancelled' AND set_closed_at IS NULL ORDER BY id FOR UPDATE",
    later,
  );
  const { rows } = await db.query<{ id: string; label: string; state: string }>(
    `SELECT id, label, state FROM billing_run r WHERE calendar_id = $1 AND kind = 'live' AND selection IS NULL AND state <> 'cancelled'
       AND (label = $3 OR period_end > $2 AND state NOT IN ('reconciled', 'closed') AND (set_closed_at IS NOT NULL OR EXISTS (SELECT FROM claim k WHERE k.run_id = r.id))) ORDER BY period_end LIMIT 1`,
    [...later, label],
  );
  const [open] = rows;
  if (open === undefined) return;
  if (open.label === label) throw new Refused('wrongState', `${label} has the live run ${open.id} already, in state ${open.state}: cancel it before planning it again`);
  throw new Refused('wrongState', `run ${open.id} is ${open.state} and has taken in what was open of ${label}: let it close, or cancel it and plan ${label} first`);
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
