/** The accounts of an off-cycle run; null for a run of all that are on its calendar. */
export type Selection = { readonly accountIds: readonly string[] };

/** SQL: the calendar of an entity that bills whoever is on no other. */
const defaultCalendar = (entity: string) => `(SELECT k.id FROM billing_calendar k WHERE k.entity_id = ${entity} ORDER BY k.cadence <> 'monthly', k.id LIMIT 1)`;

/** SQL: the calendar that bills account `a`: its own, else that of its strategy, else the entity's monthly one. */
export const calendarOf = (a: string) => `coalesce(${a}.calendar_id,
  (SELECT k.id FROM billing_calendar k WHERE k.entity_id = ${a}.entity_id AND ${a}.strategy = ANY (k.strategies) ORDER BY k.id LIMIT 1), ${defaultCalendar(`${a}.entity_id`)})`;

/** SQL that holds when run `r` bills everybody, since nobody is on another calendar. Asked when a run is planned, and when its set closes. */
export const takesAll = `(r.calendar_id = ${defaultCalendar('r.entity_id')} AND NOT EXISTS (
  SELECT FROM billing_calendar o WHERE o.entity_id = r.entity_id AND o.id <> r.calendar_id AND (o.strategies <> '{}' OR EXISTS (SELECT FROM account y WHERE y.calendar_id = o.id))))`;

/** SQL: run $1 as a relation, whose `takes_all` holds before its set has closed too. */
export const runAsItStands = `(SELECT r.id, r.entity_id, r.label, r.first_month, r.period, r.full_month, r.period_end, r.calendar_id, r.selection, CASE WHEN r.set_closed_at IS NULL THEN ${takesAll} ELSE r.takes_all END AS takes_all
  FROM billing_run r WHERE r.id = $1 OFFSET 0)`;

/** SQL that holds when a run bills an account: an off-cycle run those of its selection, any other those on its calendar. What is nobody's yet may be anybody's. */
export const selected = (account: string, run = 'r') =>
  `CASE WHEN ${run}.selection IS NOT NULL THEN ${run}.selection->'accountIds' ? ${account} ELSE ${run}.takes_all OR ${account} IS NULL OR EXISTS (SELECT FROM account y WHERE y.id = ${account} AND ${calendarOf('y')} = ${run}.calendar_id) END`;

/** SQL: a column of the latest run before run $1 on its calendar that has not closed its set yet, once for a statement; null where there is none, and for an off-cycle run. */
export const earlierOpen = (
  column: string,
) => `(SELECT e.${column} FROM billing_run own JOIN billing_run e ON e.calendar_id = own.calendar_id AND e.kind = 'live' AND e.selection IS NULL AND e.set_closed_at IS NULL AND e.state <> 'cancelled'
    AND e.period_end < own.period_end WHERE own.id = $1 AND own.selection IS NULL ORDER BY e.period_end DESC LIMIT 1)`;

/** SQL that holds when a charge (of `c`, with its month) is not of the time of an earlier run that still collects: each session is billed by the run of its period. Without such a run no session is looked at. */
export const notOfEarlier = (c: string, month: string) =>
  `NOT coalesce(${month} <= coalesce(${earlierOpen('period')}, '') AND (${earlierOpen('full_month')} = ${earlierOpen('period')} OR ${month} <= ${earlierOpen('full_month')}
    OR coalesce((SELECT x.end_at < ${earlierOpen('period_end')} FROM charge_record x WHERE x.record_id = ${c}.record_id AND x.revision = ${c}.revision), true)), false)`;

/** SQL that holds when a charge (of `c`, with its month) lies in the period of run `r` or before it: by its session's end where the period ends within a month. */
export const withinPeriod = (c: string, month: string) =>
  `${month} <= r.period AND (r.full_month = r.period OR ${month} <= r.full_month OR coalesce((SELECT x.end_at < r.period_end FROM charge_record x WHERE x.record_id = ${c}.record_id AND x.revision = ${c}.revision), true))`;

/** SQL that holds when record `h` is of the entity of run `r`, and belongs into its period or before it, as far as its facts say. */
export const arrivedIn =
  "(SELECT s.entity_id FROM source s WHERE s.id = h.source_id) = r.entity_id AND coalesce(h.service_month, r.period) <= r.period AND (r.full_month = r.period OR coalesce(h.service_month, r.period) <= r.full_month OR coalesce(h.ended_on, '-infinity') < (r.period_end AT TIME ZONE (SELECT e.time_zone FROM legal_entity e WHERE e.id = r.entity_id))::date)";
