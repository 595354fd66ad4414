import type { Issue } from '../../core/issues.ts';
import { checkPricePoints, type KnownPoint, type SentPoint, versionPoints } from '../../core/share/read-price-points.ts';
import { isValidZone } from '../../core/time.ts';
import type { Db } from '../db.ts';
import { loadPricePoints } from '../price-points.ts';
import { audit, type By } from './audit.ts';
import { Refused } from './refusal.ts';

export type NewPriceSeries = { readonly id: string; readonly zone: string; readonly currency: string; readonly unit: 'kWh' | 'MWh'; readonly marketZone: string };

/** Adds a price series; it never changes. The same again is the same; another one under that id is refused. */
export async function addPriceSeries(db: Db, series: NewPriceSeries, by: By): Promise<void> {
  if (!isValidZone(series.marketZone)) throw new Refused('invalid', `"${series.marketZone}" is not a time zone: use an IANA name such as Europe/Brussels`);
  const made = await db.query('INSERT INTO price_series (id, zone, currency, unit, market_zone, author) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING', [
    series.id,
    series.zone,
    series.currency,
    series.unit,
    series.marketZone,
    by.actor,
  ]);
  if (made.rowCount === 0) {
    const same = await db.query('SELECT 1 FROM price_series WHERE (id, zone, currency, unit, market_zone) = ($1, $2, $3, $4, $5)', [
      series.id,
      series.zone,
      series.currency,
      series.unit,
      series.marketZone,
    ]);
    if (same.rowCount === 0) throw new Refused('wrongState', `there is another price series "${series.id}": it stays as it is, so give this one an id of its own`);
    return;
  }
  await audit(db, by, { action: 'priceSeries.add', subject: series.id, after: series });
}

export type PriceLoad = { readonly format: 'json' | 'csv' /** As it came; stored. */; readonly body: string; readonly points: readonly SentPoint[]; readonly reason?: string | undefined };
export type PriceLoadResult =
  | { readonly ok: true; readonly loadId: string | null; readonly added: number; readonly corrected: number; readonly repeated: number; readonly issues: readonly Issue[] }
  /** Nothing was kept; the issues name each row. */
  | { readonly ok: false; readonly issues: readonly Issue[] };

/**
 * Loads points into a series: all of them, or none when a row is wrong. A price that differs from the known one of its interval is a newer
 * version; a repeat adds nothing. Gaps are told, and do not stop it.
 */
export async function addPricePoints(db: Db, seriesId: string, load: PriceLoad, by: By): Promise<PriceLoadResult> {
  const series = (await db.query<{ market_zone: string }>('SELECT market_zone FROM price_series WHERE id = $1', [seriesId])).rows[0];
  if (series === undefined) throw new Refused('notFound', `there is no price series "${seriesId}": add it first`);
  // Two loads at the same time would give two prices the same version, or overlap unseen.
  await db.query("SELECT pg_advisory_xact_lock(hashtextextended('price-series/' || $1, 0))", [seriesId]);
  const checked = checkPricePoints(load.points, series.market_zone);
  if (checked.issues.length > 0) return { ok: false, issues: checked.issues };
  const { points } = checked;
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined) throw new Refused('invalid', 'there is no point in it');
  const known: readonly KnownPoint[] = (await loadPricePoints(db, [{ seriesId, fromMs: first.startMs, toMs: last.startMs + last.seconds * 1000 }])).get(seriesId)?.points ?? [];
  const { added, issues } = versionPoints(points, known);
  if (issues.some((i) => i.severity === 'blocks')) return { ok: false, issues: issues.filter((i) => i.severity === 'blocks') };
  const corrected = added.filter((p) => p.version > 1).length;
  const counts = { added: added.length - corrected, corrected, repeated: points.length - added.length };
  if (added.length === 0) return { ok: true, loadId: null, ...counts, issues };
  const made = await db.query<{ id: bigint }>('INSERT INTO price_load (series_id, format, body, reason, author) VALUES ($1, $2, $3, $4, $5) RETURNING id', [
    seriesId,
    load.format,
    load.body,
    load.reason ?? null,
    by.actor,
  ]);
  const loadId = made.rows[0]?.id ?? 0n;
  await db.query(
    `INSERT INTO price_point (series_id, start_at, version, seconds, price, load_id)
     SELECT $1, s, v, n, p, $2 FROM unnest($3::timestamptz[], $4::integer[], $5::integer[], $6::numeric[]) AS t(s, v, n, p)`,
    [seriesId, loadId, added.map((p) => new Date(p.startMs).toISOString()), added.map((p) => p.version), added.map((p) => p.seconds), added.map((p) => p.price)],
  );
  await audit(db, by, { action: 'priceSeries.load', subject: seriesId, reason: load.reason, after: { loadId, ...counts } });
  return { ok: true, loadId: loadId.toString(), ...counts, issues };
}
