import { type Issue, issue } from '../issues.ts';
import { add, allocate, type Exact, exactFromDecimal, exactFromInt, mul } from '../money.ts';
import { formatInstant } from '../time.ts';
import type { DeliveredEnergy } from './delivered-energy.ts';

/** What a price series says of one interval of the market; the newest version that was known. Price in major units per unit of the series. */
export type PricePoint = { readonly startMs: number; readonly seconds: number; readonly version: number; readonly price: string };
/** Points in order of their start, without overlaps; `zone` is the bidding zone, such as SE3. */
export type PriceSeries = { readonly seriesId: string; readonly zone: string; readonly currency: string; readonly unit: 'kWh' | 'MWh'; readonly points: readonly PricePoint[] };
/** Series by id, each with the points that were asked for. */
export type PriceBook = ReadonlyMap<string, PriceSeries>;

export type PricedInterval = PricePoint & { readonly energyWh: bigint };
export type IntervalPrice = {
  /** Major units of the series' currency, exact. */
  readonly exact: Exact;
  readonly intervals: readonly PricedInterval[];
  /** The points it was priced by, such as `SE3 2026-03-01T00:00Z..02:00Z v1`; empty without energy. */
  readonly pinned: string;
};

/**
 * Prices delivered energy by the interval of its series in which it was delivered (D18). Energy runs at constant power within each stretch
 * (D29); whole Wh by largest remainder, so they sum exactly. An interval that has energy and no price is an issue that blocks; the first
 * one of each stretch is named.
 */
export function priceByInterval(series: PriceSeries, delivered: DeliveredEnergy, subject: string): IntervalPrice | readonly Issue[] {
  const energyOf = new Map<PricePoint, bigint>();
  const issues: Issue[] = [];
  for (const stretch of delivered.stretches) {
    if (stretch.energyWh === 0n) continue;
    const covering = pointsWithin(series.points, stretch.startMs, stretch.endMs);
    const gap = gapWithin(covering, stretch.startMs, stretch.endMs);
    if (gap !== undefined) {
      issues.push(issue('missingPricePoint', 'blocks', subject, { series: series.seriesId, at: formatInstant(gap.fromMs), until: formatInstant(gap.toMs) }));
      continue;
    }
    const lengths = covering.map((p) => BigInt(Math.min(endOf(p), stretch.endMs) - Math.max(p.startMs, stretch.startMs)));
    for (const [i, wh] of allocate(stretch.energyWh, lengths).entries()) {
      const point = covering[i];
      if (point !== undefined) energyOf.set(point, (energyOf.get(point) ?? 0n) + wh);
    }
  }
  if (issues.length > 0) return issues;
  const intervals = [...energyOf].map(([point, energyWh]): PricedInterval => ({ ...point, energyWh })).sort((a, b) => a.startMs - b.startMs);
  const perWh: Exact = { n: 1n, d: series.unit === 'kWh' ? 1000n : 1_000_000n };
  const exact = intervals.map((i) => mul(mul(exactFromDecimal(i.price), exactFromInt(i.energyWh)), perWh)).reduce(add, exactFromInt(0));
  return { exact, intervals, pinned: pinnedName(series.zone, intervals) };
}

const endOf = (point: PricePoint) => point.startMs + point.seconds * 1000;

/** Points that share time with a stretch; of one without duration, the point it lies in. */
function pointsWithin(points: readonly PricePoint[], fromMs: number, toMs: number): PricePoint[] {
  let low = 0;
  let high = points.length;
  // The first point that ends after the stretch begins.
  while (low < high) {
    const middle = (low + high) >> 1;
    const point = points[middle];
    if (point !== undefined && endOf(point) <= fromMs) low = middle + 1;
    else high = middle;
  }
  const found: PricePoint[] = [];
  for (let i = low; i < points.length; i += 1) {
    const point = points[i];
    if (point === undefined || point.startMs >= Math.max(toMs, fromMs + 1)) break;
    found.push(point);
  }
  return found;
}

/** The first time in [from, to) that no point covers. */
function gapWithin(points: readonly PricePoint[], fromMs: number, toMs: number): { readonly fromMs: number; readonly toMs: number } | undefined {
  let at = fromMs;
  for (const point of points) {
    if (point.startMs > at) return { fromMs: at, toMs: Math.min(point.startMs, toMs) };
    at = Math.max(at, endOf(point));
  }
  return at < toMs || points.length === 0 ? { fromMs: at, toMs } : undefined;
}

/** Consecutive intervals of one version are one span. */
function pinnedName(zone: string, intervals: readonly PricedInterval[]): string {
  const spans: { from: number; to: number; version: number }[] = [];
  for (const i of intervals) {
    const last = spans.at(-1);
    if (last !== undefined && last.to === i.startMs && last.version === i.version) last.to = endOf(i);
    else spans.push({ from: i.startMs, to: endOf(i), version: i.version });
  }
  const minute = (ms: number) => formatInstant(ms).replace(':00Z', 'Z');
  return spans
    .map(({ from, to, version }) => {
      const [start, end] = [minute(from), minute(to)];
      return `${zone} ${start}..${end.slice(0, 10) === start.slice(0, 10) ? end.slice(11) : end} v${version}`;
    })
    .join(', ');
}
