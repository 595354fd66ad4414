import { type Issue, issue } from '../issues.ts';
import { formatInstant, parseInstant, startOfLocalDay } from '../time.ts';

/** A point as it was sent; `row` counts from 1, a CSV's header apart. */
export type SentPoint = { readonly row: number; readonly start: string; readonly seconds: string | undefined; readonly price: string };
/** A point that may be kept: epoch ms, its length, and the price as plain decimal. */
export type NewPoint = { readonly row: number; readonly startMs: number; readonly seconds: number; readonly price: string };

const lengths = new Set([300, 900, 1800, 3600]);
/** From this day of the market on an interval is a quarter, before it an hour (D18). */
const quartersFrom = '2025-10-01';
const withOffset = /(?:[Zz]|[+-]\d{2}:\d{2})$/;
const decimal = /^-?\d{1,12}(\.\d{1,6})?$/;

/** Reads a CSV with the header `start,price` or `start,seconds,price`; issues name what is no row. */
export function readPriceCsv(text: string): { readonly points: readonly SentPoint[]; readonly issues: readonly Issue[] } {
  const [first = '', ...lines] = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const header = first.split(',').map((c) => c.trim());
  const expected = header.length === 2 ? ['start', 'price'] : ['start', 'seconds', 'price'];
  const wrong = expected.findIndex((name, i) => header[i] !== name);
  if (wrong !== -1 || header.length !== expected.length) {
    return { points: [], issues: [issue('wrongHeader', 'blocks', 'header', { position: wrong + 1, found: header[wrong] ?? first, expected: expected[wrong] ?? expected.join(',') })] };
  }
  const issues: Issue[] = [];
  const points = lines.flatMap((line, i): SentPoint[] => {
    if (line.trim() === '') return [];
    const cells = line.split(',').map((c) => c.trim());
    if (cells.length !== expected.length) {
      issues.push(issue('wrongColumnCount', 'blocks', `row ${i + 1}`, { found: cells.length, expected: expected.length }));
      return [];
    }
    const [start = '', second = '', third = ''] = cells;
    return [expected.length === 2 ? { row: i + 1, start, seconds: undefined, price: second } : { row: i + 1, start, seconds: second === '' ? undefined : second, price: third }];
  });
  return { points, issues };
}

/**
 * Checks points row by row: an instant with its offset, a plain decimal, an interval of the market on the clock, none that overlaps another.
 * A length that is not given is an hour before 1 October 2025 in the market's zone, and a quarter from then on. In order of their start.
 */
export function checkPricePoints(sent: readonly SentPoint[], marketZone: string): { readonly points: readonly NewPoint[]; readonly issues: readonly Issue[] } {
  const issues: Issue[] = [];
  const quartersFromMs = startOfLocalDay(quartersFrom, marketZone);
  const read = sent.flatMap(({ row, start, seconds, price }): NewPoint[] => {
    const subject = `row ${row}`;
    const startMs = withOffset.test(start) ? parseInstant(start) : undefined;
    if (startMs === undefined) issues.push(issue('badTimestamp', 'blocks', subject, { field: 'start', value: start }));
    if (!decimal.test(price)) issues.push(issue('badNumber', 'blocks', subject, { field: 'price', value: price }));
    if (startMs === undefined || !decimal.test(price)) return [];
    const length = seconds === undefined ? (startMs < quartersFromMs ? 3600 : 900) : Number(seconds);
    if (!lengths.has(length) || startMs % (length * 1000) !== 0) {
      issues.push(issue('pricePointLength', 'blocks', subject, { seconds: seconds ?? length, start }));
      return [];
    }
    return [{ row, startMs, seconds: length, price }];
  });
  const points = read.sort((a, b) => a.startMs - b.startMs || a.row - b.row);
  for (const [i, point] of points.entries()) {
    const before = points[i - 1];
    if (before !== undefined && endMsOf(before) > point.startMs) {
      issues.push(issue('pricePointOverlaps', 'blocks', `row ${point.row}`, { start: formatInstant(point.startMs), other: formatInstant(before.startMs) }));
    }
  }
  return { points, issues };
}

/** A point that a series holds in its newest version. */
export type KnownPoint = { readonly startMs: number; readonly seconds: number; readonly version: number; readonly price: string };
export type VersionedPoint = NewPoint & { readonly version: number };

/**
 * What of new points is new to a series, and in which version: another price for the same interval corrects it, the same price is a repeat,
 * an interval that overlaps one of another start or length is refused. Gaps between the new ones are told. Both in order of their start.
 */
export function versionPoints(points: readonly NewPoint[], known: readonly KnownPoint[]): { readonly added: readonly VersionedPoint[]; readonly issues: readonly Issue[] } {
  const issues: Issue[] = [];
  const added: VersionedPoint[] = [];
  let at = 0;
  for (const point of points) {
    while ((known[at] === undefined ? Number.POSITIVE_INFINITY : endMsOf(known[at] as KnownPoint)) <= point.startMs) at += 1;
    const there = known[at];
    if (there === undefined || there.startMs >= endMsOf(point)) added.push({ ...point, version: 1 });
    else if (there.startMs !== point.startMs || there.seconds !== point.seconds) {
      issues.push(issue('pricePointOverlaps', 'blocks', `row ${point.row}`, { start: formatInstant(point.startMs), other: formatInstant(there.startMs) }));
    } else if (plain(there.price) !== plain(point.price)) added.push({ ...point, version: there.version + 1 });
  }
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined) return { added, issues };
  const all = [...points, ...known].sort((a, b) => a.startMs - b.startMs);
  let covered = first.startMs;
  for (const point of all) {
    if (point.startMs > last.startMs) break;
    if (point.startMs > covered) issues.push(issue('pricePointGap', 'warns', 'points', { from: formatInstant(covered), to: formatInstant(point.startMs) }));
    covered = Math.max(covered, endMsOf(point));
  }
  return { added, issues };
}

const endMsOf = (point: { readonly startMs: number; readonly seconds: number }) => point.startMs + point.seconds * 1000;

/** `12.50` and `12.5` are the same price. */
function plain(price: string): string {
  const text = (price.includes('.') ? price.replace(/\.?0+$/, '') : price).replace(/^(-?)0+(?=\d)/, '$1');
  return text === '-0' ? '0' : text;
}
