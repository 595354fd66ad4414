import type { PriceBook, PricePoint, PriceSeries } from '../core/share/price-by-interval.ts';
import type { Db } from './db.ts';

/** Prices that are needed: a series and a span of time, epoch ms, half-open. */
export type WantedPrices = { readonly seriesId: string; readonly fromMs: number; readonly toMs: number };

const hourMs = 3_600_000;

/** The newest versions of the points that share time with what is wanted, in one query. A series that does not exist is missing; one without points there has none. */
export async function loadPricePoints(db: Db, wanted: readonly WantedPrices[]): Promise<PriceBook> {
  if (wanted.length === 0) return new Map();
  const spans = joined(wanted);
  const { rows } = await db.query<{ id: string; zone: string; currency: string; unit: 'kWh' | 'MWh'; start_ms: string | null; seconds: number; version: number; price: string }>(
    `SELECT s.id, s.zone, s.currency, s.unit, (extract(epoch FROM p.start_at) * 1000)::bigint::text AS start_ms, p.seconds, p.version, trim_scale(p.price)::text AS price
     FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[]) AS w(series_id, from_at, to_at) JOIN price_series s ON s.id = w.series_id
     LEFT JOIN LATERAL (SELECT DISTINCT ON (start_at) start_at, seconds, version, price FROM price_point
       WHERE series_id = w.series_id AND start_at > w.from_at - interval '1 hour' AND start_at < w.to_at ORDER BY start_at, version DESC) p ON true
     ORDER BY s.id, p.start_at`,
    [spans.map((w) => w.seriesId), spans.map((w) => new Date(w.fromMs).toISOString()), spans.map((w) => new Date(w.toMs).toISOString())],
  );
  const book = new Map<string, PriceSeries & { readonly points: PricePoint[] }>();
  for (const row of rows) {
    const series = book.get(row.id) ?? { seriesId: row.id, zone: row.zone, currency: row.currency, unit: row.unit, points: [] };
    book.set(row.id, series);
    if (row.start_ms !== null) series.points.push({ startMs: Number(row.start_ms), seconds: row.seconds, version: row.version, price: row.price });
  }
  return book;
}

/** Spans of a series that touch, or lie less than an interval apart, as one: no point comes twice. */
function joined(wanted: readonly WantedPrices[]): WantedPrices[] {
  const spans: { seriesId: string; fromMs: number; toMs: number }[] = [];
  for (const { seriesId, fromMs, toMs } of [...wanted].sort((a, b) => (a.seriesId === b.seriesId ? a.fromMs - b.fromMs : a.seriesId < b.seriesId ? -1 : 1))) {
    const last = spans.at(-1);
    // A session without duration still lies in one interval.
    const end = Math.max(toMs, fromMs + 1);
    if (last !== undefined && last.seriesId === seriesId && fromMs <= last.toMs + hourMs) last.toMs = Math.max(last.toMs, end);
    else spans.push({ seriesId, fromMs, toMs: end });
  }
  return spans;
}
