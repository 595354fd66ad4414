import { runWindow } from '../cycle/run-window.ts';
import type { Db } from '../db.ts';
import { controlTotalDays } from './control-totals.ts';
import { type MissingCdrs, missingCdrs } from './expectations.ts';
import { latencyOf } from './latency.ts';

type Counts = { readonly days: number; readonly equal: number; readonly tolerated: number; readonly accepted: number; readonly differs: number; readonly missing: number };
/** How complete one source is for a run's period. Instants as ISO text. */
export type SourceCollecting = {
  readonly sourceId: string;
  readonly name: string;
  /** Everything that ended before has been delivered, it says; null: it never said. */
  readonly completeUntil: string | null;
  readonly lastArrivalAt: string | null;
  readonly expectations: Omit<MissingCdrs, 'sourceId' | 'oldest' | 'energyWh'> & { readonly oldest: string | null; readonly energyWh: string };
  readonly controlTotals: Counts;
  readonly complete: boolean;
  /** What keeps it from being complete, in words. */
  readonly waitsFor: readonly string[];
};
export type Collecting = {
  readonly runId: string;
  readonly state: string;
  readonly cutOff: 'fixed' | 'automatic';
  readonly cutOffAt: string;
  readonly periodEnd: string;
  /** Every source of the entity is. */
  readonly complete: boolean;
  readonly sources: readonly SourceCollecting[];
};

/** What a run still lacks, source by source: how far each says it is complete, the sessions it owes, its totals against what arrived. Throws RangeError when there is no such run. */
export async function collectingOf(db: Db, runId: string): Promise<Collecting> {
  const window = await runWindow(db, runId);
  const days = await controlTotalDays(db, window);
  const lacking = new Map((await missingCdrs(db, { sourceIds: window.sourceIds, before: window.periodEnd, runId })).map((m) => [m.sourceId, m]));
  const arrivals = await db.query<{ id: string; at: Date | null }>(
    'SELECT s.id, (SELECT m.received_at FROM raw_message m WHERE m.source_id = s.id ORDER BY m.id DESC LIMIT 1) AS at FROM unnest($1::text[]) AS s(id)',
    [window.sourceIds],
  );
  const lastOf = new Map(arrivals.rows.map((r) => [r.id, r.at]));
  const sources = window.sources.map((source): SourceCollecting => {
    const own = days.filter((d) => d.sourceId === source.id);
    const count = (status: (typeof own)[number]['status']) => own.filter((d) => d.status === status).length;
    const controlTotals = { days: own.length, equal: count('equal'), tolerated: count('tolerated'), accepted: count('accepted'), differs: count('differs'), missing: count('missing') };
    const { open, oldest, energyWh, atRisk, unknown, signed } = lacking.get(source.id) ?? { open: 0, oldest: null, energyWh: 0n, atRisk: [], unknown: 0, signed: 0 };
    const waitsFor = [
      ...(source.completeUntil !== null && source.completeUntil >= window.periodEnd
        ? []
        : [source.completeUntil === null ? 'it never said until when it is complete' : `complete until ${source.completeUntil.toISOString()}`]),
      ...(open > signed ? [`${open - signed} expected CDRs have not come`] : []),
      ...(controlTotals.differs > 0 ? [`the totals of ${controlTotals.differs} days differ`] : []),
      ...(controlTotals.missing > 0 ? [`${controlTotals.missing} days have no total`] : []),
    ];
    return {
      sourceId: source.id,
      name: source.name,
      completeUntil: source.completeUntil?.toISOString() ?? null,
      lastArrivalAt: lastOf.get(source.id)?.toISOString() ?? null,
      expectations: { open, oldest, energyWh: energyWh.toString(), atRisk, unknown, signed },
      controlTotals,
      complete: waitsFor.length === 0,
      waitsFor,
    };
  });
  return {
    runId,
    state: window.state,
    cutOff: window.cutOff,
    cutOffAt: window.cutOffAt.toISOString(),
    periodEnd: window.periodEnd.toISOString(),
    complete: sources.length > 0 && sources.every((s) => s.complete),
    sources,
  };
}

/** The cut-off by which each source's last three months had come to 99.5 %: null where it delivered none. Reads all of their records. */
export async function proposedCutOffs(db: Db, runId: string): Promise<{ readonly sourceId: string; readonly proposedCutOffAt: string | null }[]> {
  const { sourceIds, periodEnd } = await runWindow(db, runId);
  return Promise.all(
    sourceIds.map(async (sourceId) => {
      const months = await latencyOf(db, sourceId, 3);
      const days = months.length === 0 ? null : Math.max(...months.map((m) => m.proposedCutOffDays));
      return { sourceId, proposedCutOffAt: days === null ? null : new Date(periodEnd.getTime() + days * 86_400_000).toISOString() };
    }),
  );
}
