import { type Cadence, periodLabelAt, quarterOf } from '../../core/cycle/billing-period.ts';
import { localDateOf } from '../../core/time.ts';
import { calendarOf } from '../cycle/selection.ts';
import type { Db } from '../db.ts';

export type PeriodToOpen = { readonly calendarId: string; readonly period: string };

/**
 * Ended periods of an entity's calendars with charges that no run has claimed, and without a live run: what the opener opens. `nowMs` in
 * epoch ms. Only the latest of each calendar: its run takes the earlier ones in as late sessions.
 */
export async function periodsToOpen(db: Db, entityId: string, nowMs: number): Promise<PeriodToOpen[]> {
  const { rows: calendars } = await db.query<{ id: string; cadence: Cadence; time_zone: string; covered: Date | null }>(
    `SELECT c.id, c.cadence, e.time_zone, (SELECT max(r.period_end) FROM billing_run r WHERE r.calendar_id = c.id AND r.kind = 'live' AND r.selection IS NULL AND r.state <> 'cancelled') AS covered
     FROM billing_calendar c JOIN legal_entity e ON e.id = c.entity_id WHERE c.entity_id = $1 ORDER BY c.id`,
    [entityId],
  );
  const found: PeriodToOpen[] = [];
  for (const { id, cadence, time_zone: zone, covered } of calendars) {
    const period = cadence === 'weekly' ? await latestWeek(db, entityId, id, covered, nowMs, zone) : await latestOfMonths(db, entityId, id, covered, nowMs, cadence, zone);
    if (period !== undefined) found.push({ calendarId: id, period });
  }
  return found;
}

/** Sales of a calendar that no run has claimed: a FROM clause, of entity $1 and calendar $2. */
const openSales = `open_charge o JOIN account a ON a.id = o.account_id AND o.entity_id = $1 AND ${calendarOf('a')} = $2
  JOIN rated_charge c ON c.charge_id = o.charge_id AND c.payer_account_id = a.id`;

/** The month or quarter of the latest open sale that is over, and that no run covers. */
async function latestOfMonths(db: Db, entityId: string, calendarId: string, covered: Date | null, nowMs: number, cadence: Exclude<Cadence, 'weekly'>, zone: string): Promise<string | undefined> {
  const labelOf = (month: string) => (cadence === 'quarterly' ? quarterOf(month) : month);
  const now = labelOf(localDateOf(nowMs, zone).slice(0, 7));
  const { rows } = await db.query<{ month: string }>(`SELECT DISTINCT o.service_month AS month FROM ${openSales} WHERE o.service_month >= $3 ORDER BY 1 DESC`, [
    entityId,
    calendarId,
    covered === null ? '0000-00' : localDateOf(covered.getTime(), zone).slice(0, 7),
  ]);
  return rows.map((r) => labelOf(r.month)).find((label) => label < now);
}

async function latestWeek(db: Db, entityId: string, calendarId: string, covered: Date | null, nowMs: number, zone: string): Promise<string | undefined> {
  const now = periodLabelAt(nowMs, 'weekly', zone);
  const { rows } = await db.query<{ day_end: Date }>(
    `SELECT max(x.end_at) AS day_end FROM ${openSales} JOIN charge_record x ON x.record_id = c.record_id AND x.revision = c.revision
     WHERE x.end_at >= coalesce($3::timestamptz, '-infinity') AND x.end_at <= $4 GROUP BY (x.end_at AT TIME ZONE $5)::date ORDER BY 1 DESC`,
    [entityId, calendarId, covered, new Date(nowMs), zone],
  );
  return rows.map((r) => periodLabelAt(r.day_end.getTime(), 'weekly', zone)).find((label) => label < now);
}
