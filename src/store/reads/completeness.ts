import { monthAfter } from '../../core/period/segments.ts';
import { monthPeriod } from '../../core/time.ts';
import type { Db } from '../db.ts';
import type { ControlDay } from './control-day.ts';
import { controlTotalDays } from './control-totals.ts';
import { missingCdrs } from './expectations.ts';

/** Energy is null where CDRs are counted alone. */
type TotalsView = { readonly count: number; readonly energyWh: string | null; readonly amount: string | null };
export type ControlDayView = Omit<ControlDay, 'stated' | 'received' | 'difference' | 'sourceId'> & {
  readonly stated: TotalsView | null;
  readonly received: TotalsView;
  readonly difference: TotalsView | null;
};
/** How complete a source is of a month. Days are local to the source; energy in Wh as text; instants as ISO text. */
export type SourceCompleteness = {
  readonly sourceId: string;
  readonly month: string;
  readonly timeZone: string;
  readonly completeUntil: string | null;
  /** The whole month has been delivered, it says. */
  readonly monthComplete: boolean;
  readonly days: readonly ControlDayView[];
  /** CDRs without a readable end: they belong to no day yet. */
  readonly undated: number;
  /** Sessions opened before the month's end whose CDR has not come. */
  readonly missing: { readonly open: number; readonly energyWh: string; readonly atRisk: readonly { readonly currency: string; readonly amount: string }[] };
};

/** Undefined when there is no such source. */
export async function completenessOf(db: Db, sourceId: string, month: string): Promise<SourceCompleteness | undefined> {
  const source = (await db.query('SELECT time_zone, complete_until FROM source WHERE id = $1', [sourceId])).rows[0];
  if (source === undefined) return undefined;
  const end = new Date(monthPeriod(month, source.time_zone).endMs);
  const days = await controlTotalDays(db, { sourceIds: [sourceId], from: `${month}-01`, to: `${monthAfter(month)}-01` });
  const undated = await db.query<{ n: bigint }>("SELECT count(*) AS n FROM record_head WHERE source_id = $1 AND ended_on IS NULL AND state IN ('received', 'quarantined')", [sourceId]);
  const [missing] = await missingCdrs(db, { sourceIds: [sourceId], before: end });
  return {
    sourceId,
    month,
    timeZone: source.time_zone,
    completeUntil: source.complete_until?.toISOString() ?? null,
    monthComplete: source.complete_until !== null && source.complete_until >= end,
    days: days.map(controlDayView),
    undated: Number(undated.rows[0]?.n ?? 0n),
    missing: { open: missing?.open ?? 0, energyWh: (missing?.energyWh ?? 0n).toString(), atRisk: missing?.atRisk ?? [] },
  };
}

export function controlDayView({ sourceId: _source, stated, received, difference, ...day }: ControlDay): ControlDayView {
  return { ...day, stated: stated === null ? null : text(stated), received: text(received), difference: difference === null ? null : text(difference) };
}

const text = (t: NonNullable<ControlDay['stated']>): TotalsView => ({ ...t, energyWh: t.energyWh?.toString() ?? null });

export type StatedVersion = {
  readonly on: string;
  readonly party: string | null;
  readonly origin: string;
  readonly version: number;
  readonly currency: string | null;
  readonly author: string;
  readonly receivedAt: string;
} & TotalsView;

/** All that a source stated of a month, every version, by date, origin, party and version. */
export async function statedTotals(db: Db, sourceId: string, month: string): Promise<readonly StatedVersion[]> {
  const { rows } = await db.query('SELECT * FROM control_total WHERE source_id = $1 AND on_date >= $2 AND on_date < $3 ORDER BY on_date, span, origin, party, version', [
    sourceId,
    `${month}-01`,
    `${monthAfter(month)}-01`,
  ]);
  return rows.map((r) => ({
    on: r.span === 'month' ? r.on_date.slice(0, 7) : r.on_date,
    party: r.party === '' ? null : r.party,
    origin: r.origin,
    version: r.version,
    count: r.stated_count,
    energyWh: r.stated_wh?.toString() ?? null,
    amount: r.amount,
    currency: r.currency,
    author: r.author,
    receivedAt: r.received_at.toISOString(),
  }));
}
