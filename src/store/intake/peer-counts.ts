import { dayAfter, dayBefore } from '../../core/period/segments.ts';
import { localDateOf, startOfLocalDay } from '../../core/time.ts';
import type { Db } from '../db.ts';
import { controlTotalDays } from '../reads/control-totals.ts';
import { connectionOf } from './sweeps.ts';

/** Days are local to the source, both included. */
export type CountWindow = { readonly from: string; readonly to: string };
/** How a look at a peer's counts went; `stated` of `days` had X-Total-Count. Kept with the connection. */
export type CountsNote = { readonly at: string; readonly until: string | null; readonly days: number; readonly stated: number; readonly problem: string | null };

/** CDRs of a day may still be written when it ends. */
const settleMs = 3_600_000;
const mostDays = 62;

/**
 * Closed days that an OCPI peer is asked about now: the last ones, as many as its connection says and those since the last look, and each of
 * the last two months that differed; or a window somebody orders. Undefined for a source that no OCPI peer is pulled into.
 */
export async function daysToCount(db: Db, input: { readonly sourceId: string; readonly now: Date; readonly window?: CountWindow | undefined }): Promise<readonly string[] | undefined> {
  const { sourceId, now, window } = input;
  const found = await connectionOf(db, sourceId);
  if (found?.connection.kind !== 'ocpi') return undefined;
  const row = (
    await db.query<{ time_zone: string; until: string | null }>("SELECT s.time_zone, c.counts->>'until' AS until FROM source s JOIN source_connection c ON c.source_id = s.id WHERE s.id = $1", [
      sourceId,
    ])
  ).rows[0];
  const zone = row?.time_zone ?? 'UTC';
  const today = localDateOf(now.getTime() - settleMs, zone);
  const last = dayBefore(today);
  if (window !== undefined) return daysOf(window.from, window.to < last ? window.to : last).slice(-mostDays);
  const oldest = dayAfter(today, -mostDays);
  const since = row?.until == null ? undefined : dayAfter(row.until);
  const regular = dayAfter(today, -found.connection.countDays);
  const from = since !== undefined && since < regular ? since : regular;
  const differing = (await controlTotalDays(db, { sourceIds: [sourceId], from: oldest, to: today })).filter((d) => d.countedBy === 'lastUpdated' && d.status === 'differs').map((d) => d.on);
  return [...new Set([...differing, ...daysOf(from > oldest ? from : oldest, last)])].sort();
}

/** From the first to the last, by the calendar. */
function daysOf(from: string, to: string): string[] {
  const days: string[] = [];
  for (let day = from; day <= to && days.length < 400; day = dayAfter(day)) days.push(day);
  return days;
}

/** The instants of a source's local day: what OCPI calls date_from and date_to. */
export async function instantsOfDay(db: Db, sourceId: string, day: string): Promise<{ readonly from: Date; readonly to: Date }> {
  const zone = (await db.query<{ time_zone: string }>('SELECT time_zone FROM source WHERE id = $1', [sourceId])).rows[0]?.time_zone ?? 'UTC';
  return { from: new Date(startOfLocalDay(day, zone)), to: new Date(startOfLocalDay(dayAfter(day), zone)) };
}

/** Notes how a look went; until which day it was seen only goes forward, and what was noted of its problem in full stays. */
export async function noteCounts(db: Db, sourceId: string, note: CountsNote): Promise<void> {
  await db.query(
    "UPDATE source_connection SET counts = $2::jsonb || jsonb_build_object('until', greatest($2::jsonb->>'until', counts->>'until'), 'problem', CASE WHEN starts_with(counts->>'problem', $2::jsonb->>'problem') THEN counts->>'problem' ELSE $2::jsonb->>'problem' END) WHERE source_id = $1",
    [sourceId, JSON.stringify(note)],
  );
}
