import type { PeriodState } from '../../core/accounting/period-states.ts';
import { monthPeriod } from '../../core/time.ts';
import { Refused } from '../commands/refusal.ts';
import type { Db } from '../db.ts';

export type PeriodOfEntity = {
  readonly month: string;
  readonly state: PeriodState;
  readonly hasEnded: boolean;
  /** Its end, in the entity's zone. */
  readonly endAt: Date;
  /** The first month before it that has postings and is not closed. */
  readonly openBefore: string | null;
  readonly closedAfter: string | null;
  readonly askedBy: string | null;
};

/**
 * A month of an entity, locked against postings until the caller's transaction ends: whoever books waits, and then sees what came of it. A
 * month before a closed one is closed. Refused for an unknown entity or month.
 */
export async function lockPeriod(db: Db, entityId: string, month: string): Promise<PeriodOfEntity> {
  if (!/^\d{4}-(0[1-9]|1[0-2])$/.test(month)) throw new Refused('invalid', `"${month}" is no month such as 2019-12`);
  const zone = (await db.query<{ time_zone: string }>('SELECT time_zone FROM legal_entity WHERE id = $1', [entityId])).rows[0]?.time_zone;
  if (zone === undefined) throw new Refused('notFound', `there is no entity "${entityId}"`);
  await db.query("SELECT pg_advisory_xact_lock(hashtextextended('period/' || $1, 0))", [entityId]);
  const endAt = new Date(monthPeriod(month, zone).endMs);
  const { rows } = await db.query<{ state: PeriodState | null; closed_through: string | null; has_ended: boolean; open_before: string | null; asked_by: string | null }>(
    `SELECT (SELECT state FROM accounting_period WHERE entity_id = $1 AND month = $2) AS state, c.through AS closed_through, now() >= $3::timestamptz AS has_ended,
       (SELECT min(period) FROM ledger_transaction WHERE entity_id = $1 AND period < $2 AND period > coalesce(c.through, '')) AS open_before,
       (SELECT CASE WHEN action = 'askReopen' THEN actor END FROM accounting_period_event WHERE entity_id = $1 AND month = $2 ORDER BY id DESC LIMIT 1) AS asked_by
     FROM (SELECT max(month) AS through FROM accounting_period WHERE entity_id = $1 AND state = 'closed') c`,
    [entityId, month, endAt],
  );
  const row = rows[0];
  const through = row?.closed_through ?? '';
  return {
    month,
    state: month <= through ? 'closed' : (row?.state ?? 'open'),
    hasEnded: row?.has_ended ?? false,
    endAt,
    openBefore: row?.open_before ?? null,
    closedAfter: through > month ? through : null,
    askedBy: row?.asked_by ?? null,
  };
}

/**
 * Keeps a month open until the caller's transaction ends, for what is booked only later and dated into it. Throws RangeError where it is not open,
 * as the database does of what is booked.
 */
export async function keepOpen(db: Db, entityId: string, month: string): Promise<void> {
  await db.query("SELECT pg_advisory_xact_lock_shared(hashtextextended('period/' || $1, 0))", [entityId]);
  const { rowCount } = await db.query("SELECT FROM accounting_period WHERE entity_id = $1 AND (state = 'closed' AND month >= $2 OR state = 'softClosed' AND month = $2) LIMIT 1", [entityId, month]);
  if (rowCount !== 0) throw new RangeError(`accounting period ${month} of ${entityId} is not open: issue by a date in an open one, or have it reopened`);
}

/** Documents that the ERP was handed without a number, dated into a month or before, and that are booked once it tells theirs. */
export async function awaitedUpTo(db: Db, entityId: string, month: string): Promise<readonly string[]> {
  const { rows } = await db.query<{ id: string }>(
    `SELECT d.id FROM document d JOIN erp_posting p ON p.document_id = d.id WHERE d.entity_id = $1 AND d.state = 'awaitingNumber' AND left(convert_from(p.payload, 'UTF8')::jsonb ->> 'postedOn', 7) <= $2 ORDER BY 1`,
    [entityId, month],
  );
  return rows.map((r) => r.id);
}

/** How many closed months an ERP is asked for. */
const closedMonthsAsked = 12;

/** How months of the entity behind an ERP connection stand: a month before a closed one is closed. `closed`: the last ones that somebody closed, newest first. */
export async function monthsHere(db: Db, connectionId: string): Promise<{ readonly stateOf: (month: string) => PeriodState; readonly closed: readonly string[] }> {
  const { rows } = await db.query<{ month: string; state: PeriodState }>('SELECT p.month, p.state FROM accounting_period p JOIN erp_connection c ON c.entity_id = p.entity_id WHERE c.id = $1', [
    connectionId,
  ]);
  const states = new Map(rows.map((r) => [r.month, r.state]));
  const closed = rows
    .flatMap((r) => (r.state === 'closed' ? [r.month] : []))
    .sort()
    .reverse();
  const [through = ''] = closed;
  return { stateOf: (month) => (month <= through ? 'closed' : (states.get(month) ?? 'open')), closed: closed.slice(0, closedMonthsAsked) };
}
