import type { Db } from '../db.ts';
import { keyBefore, type Page, type PageOrder, pageOf } from './page.ts';

export type PriceSeriesView = {
  readonly id: string;
  readonly zone: string;
  readonly currency: string;
  readonly unit: string;
  readonly marketZone: string;
  readonly points: number;
  /** From the first point to the end of the last one; null without points. */
  readonly from: string | null;
  readonly to: string | null;
};
export type PricePointView = { readonly start: string; readonly seconds: number; readonly version: number; readonly price: string; readonly loadId: string };
export type PriceGap = { readonly from: string; readonly to: string };
/** Half-open; without an end all there is. */
export type Span = { readonly from?: string | undefined; readonly to?: string | undefined };

/** Price series in order of their id, each with how far its points reach. */
export async function listPriceSeries(db: Db, page: PageOrder): Promise<Page<PriceSeriesView>> {
  const { rows } = await db.query(
    `SELECT s.*, p.n, p.from_at, p.to_at FROM (SELECT * FROM price_series WHERE $1::text IS NULL OR id > $1 ORDER BY id LIMIT $2) s
     LEFT JOIN LATERAL (SELECT count(DISTINCT start_at) AS n, min(start_at) AS from_at, max(start_at + seconds * interval '1 second') AS to_at FROM price_point WHERE series_id = s.id) p ON true ORDER BY s.id`,
    [keyBefore('price series', page), page.limit + 1],
  );
  return pageOf(
    'price series',
    rows,
    page.limit,
    (r) => r.id,
    (r): PriceSeriesView => ({
      id: r.id,
      zone: r.zone,
      currency: r.currency,
      unit: r.unit,
      marketZone: r.market_zone,
      points: Number(r.n),
      from: r.from_at?.toISOString() ?? null,
      to: r.to_at?.toISOString() ?? null,
    }),
  );
}

/** Every version of a series' points, by start and version; only the newest of each unless asked otherwise. Undefined when there is no such series. */
export async function listPricePoints(db: Db, seriesId: string, page: PageOrder & Span & { readonly allVersions: boolean }): Promise<Page<PricePointView> | undefined> {
  if (!(await exists(db, seriesId))) return undefined;
  const list = ['price points', seriesId, page.from, page.to, page.allVersions] as const;
  const [start, version] = keyBefore(list, page)?.split('|') ?? [];
  const { rows } = await db.query(
    `SELECT p.start_at, p.seconds, p.version, trim_scale(p.price)::text AS price, p.load_id FROM price_point p
     WHERE p.series_id = $1 AND ($2::timestamptz IS NULL OR p.start_at >= $2) AND ($3::timestamptz IS NULL OR p.start_at < $3)
       AND ($4::timestamptz IS NULL OR (p.start_at, p.version) > ($4, $5::integer))
       AND ($6 OR NOT EXISTS (SELECT FROM price_point newer WHERE newer.series_id = p.series_id AND newer.start_at = p.start_at AND newer.version > p.version))
     ORDER BY p.start_at, p.version LIMIT $7`,
    [seriesId, page.from ?? null, page.to ?? null, start ?? null, version ?? null, page.allVersions, page.limit + 1],
  );
  return pageOf(
    list,
    rows,
    page.limit,
    (r) => `${r.start_at.toISOString()}|${r.version}`,
    (r): PricePointView => ({ start: r.start_at.toISOString(), seconds: r.seconds, version: r.version, price: r.price, loadId: r.load_id.toString() }),
  );
}

/** Times without a price between a series' points, and up to the ends of the span where it has some; oldest first. Undefined when there is no such series. */
export async function listPriceGaps(db: Db, seriesId: string, page: PageOrder & Span): Promise<Page<PriceGap> | undefined> {
  if (!(await exists(db, seriesId))) return undefined;
  const list = ['price gaps', seriesId, page.from, page.to] as const;
  const { rows } = await db.query(
    `WITH covered AS (
       SELECT DISTINCT start_at, start_at + seconds * interval '1 second' AS end_at FROM price_point
       WHERE series_id = $1 AND ($2::timestamptz IS NULL OR start_at > $2::timestamptz - interval '1 hour') AND ($3::timestamptz IS NULL OR start_at < $3)
       UNION ALL SELECT $2::timestamptz, $2::timestamptz WHERE $2 IS NOT NULL UNION ALL SELECT $3::timestamptz, $3::timestamptz WHERE $3 IS NOT NULL),
     gaps AS (SELECT max(end_at) OVER (ORDER BY start_at, end_at ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS from_at, start_at AS to_at FROM covered)
     SELECT from_at, to_at FROM gaps WHERE from_at < to_at AND ($4::timestamptz IS NULL OR from_at > $4) ORDER BY from_at LIMIT $5`,
    [seriesId, page.from ?? null, page.to ?? null, keyBefore(list, page), page.limit + 1],
  );
  return pageOf(
    list,
    rows,
    page.limit,
    (r) => r.from_at.toISOString(),
    (r): PriceGap => ({ from: r.from_at.toISOString(), to: r.to_at.toISOString() }),
  );
}

async function exists(db: Db, seriesId: string): Promise<boolean> {
  return (await db.query('SELECT 1 FROM price_series WHERE id = $1', [seriesId])).rowCount !== 0;
}

/** Every source: whose waiting records a new price may let through. */
export async function allSources(db: Db): Promise<string[]> {
  return (await db.query<{ id: string }>('SELECT id FROM source ORDER BY id')).rows.map((r) => r.id);
}
