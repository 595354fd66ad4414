/** A wall-clock reading; month 1 to 12. Instants are epoch milliseconds; a zone is always given by its IANA name. */
export type LocalTime = { readonly year: number; readonly month: number; readonly day: number; readonly hour: number; readonly minute: number; readonly second?: number };

const dayMs = 86_400_000;
type Offsets = { readonly starts: readonly number[]; readonly offsets: readonly number[] };
const tables = new Map<string, Offsets>();
// Outside these years the first or last known offset is used; no session lies there.
const firstYear = 1970;
const lastYear = 2100;

/** True for an IANA zone that this runtime knows. */
export function isValidZone(zone: string): boolean {
  if (tables.has(zone)) return true;
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

/** Offset from UTC in ms at an instant: a binary search in the zone's own table of transitions, built once from Intl. Throws RangeError on an unknown zone. */
function offsetAt(ms: number, zone: string): number {
  const table = tables.get(zone) ?? buildTable(zone);
  let low = 0;
  let high = table.starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((table.starts[middle] ?? 0) <= ms) low = middle;
    else high = middle - 1;
  }
  return table.offsets[low] ?? 0;
}

function buildTable(zone: string): Offsets {
  const format = new Intl.DateTimeFormat('en-US-u-ca-iso8601', {
    timeZone: zone,
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
    hourCycle: 'h23',
  });
  // Names are not case-sensitive and have aliases: all of them share one table.
  const canonical = format.resolvedOptions().timeZone;
  const known = tables.get(canonical);
  if (known !== undefined) {
    tables.set(zone, known);
    return known;
  }
  const offsetOf = (ms: number) => {
    const parts: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(ms)) parts[type] = Number(value);
    return Date.UTC(parts['year'] ?? 0, (parts['month'] ?? 1) - 1, parts['day'], parts['hour'], parts['minute'], parts['second']) - Math.floor(ms / 1000) * 1000;
  };
  const fromMs = Date.UTC(firstYear, 0, 1);
  const toMs = Date.UTC(lastYear, 0, 1);
  const starts = [Number.NEGATIVE_INFINITY];
  const offsets = [offsetOf(fromMs)];
  // Two transitions never lie within 14 days of each other in today's rules; a bisection finds the second.
  for (let at = fromMs; at < toMs; at += 14 * dayMs) {
    const before = offsets.at(-1) ?? 0;
    const after = offsetOf(at + 14 * dayMs);
    if (after === before) continue;
    let low = at;
    let high = at + 14 * dayMs;
    while (high - low > 1000) {
      const middle = Math.floor((low + high) / 2000) * 1000;
      if (offsetOf(middle) === before) low = middle;
      else high = middle;
    }
    starts.push(high);
    offsets.push(after);
  }
  const table = { starts, offsets };
  tables.set(zone, table);
  tables.set(canonical, table);
  return table;
}

/** Instants strictly inside (startMs, endMs) at which the zone's clock jumps. */
export function clockChangesBetween(startMs: number, endMs: number, zone: string): number[] {
  return (tables.get(zone) ?? buildTable(zone)).starts.filter((ms) => ms > startMs && ms < endMs);
}

/** Wall-clock reading of an instant; `weekday` is 1 for Monday to 7 for Sunday, `offsetMinutes` east of UTC. */
export function instantToLocal(ms: number, zone: string): Required<LocalTime> & { readonly weekday: number; readonly offsetMinutes: number } {
  const offset = offsetAt(ms, zone);
  const d = new Date(ms + offset);
  return {
    year: d.getUTCFullYear(),
    month: d.getUTCMonth() + 1,
    day: d.getUTCDate(),
    hour: d.getUTCHours(),
    minute: d.getUTCMinutes(),
    second: d.getUTCSeconds(),
    weekday: d.getUTCDay() === 0 ? 7 : d.getUTCDay(),
    offsetMinutes: offset / 60_000,
  };
}

/**
 * The instant of a wall-clock reading. A `fold` (autumn) has two, `earlier` and `later`; a `gap` (spring) has none: all three
 * then read it with the offset before the jump, which shows as the later clock time. `instant` is `earlier` (RFC 5545, 3.3.5).
 * Fields out of range roll over as in Date.UTC. Throws RangeError on an unknown zone.
 */
export function localToInstant(local: LocalTime, zone: string): { readonly instant: number; readonly earlier: number; readonly later: number; readonly ambiguity: 'none' | 'fold' | 'gap' } {
  const wall = Date.UTC(local.year, local.month - 1, local.day, local.hour, local.minute, local.second ?? 0);
  const before = wall - offsetAt(wall - dayMs, zone);
  const after = wall - offsetAt(wall + dayMs, zone);
  if (before === after) return { instant: before, earlier: before, later: before, ambiguity: 'none' };
  const beforeFits = before + offsetAt(before, zone) === wall;
  const afterFits = after + offsetAt(after, zone) === wall;
  if (beforeFits && afterFits) {
    const earlier = Math.min(before, after);
    return { instant: earlier, earlier, later: Math.max(before, after), ambiguity: 'fold' };
  }
  const only = afterFits ? after : before;
  return { instant: only, earlier: only, later: only, ambiguity: beforeFits || afterFits ? 'none' : 'gap' };
}

/** First instant of a local calendar date (`YYYY-MM-DD`); a day lasts 23, 24 or 25 hours. Throws RangeError on anything else. */
export function startOfLocalDay(date: string, zone: string): number {
  const [year = 0, month = 0, day = 0] = /^\d{4}-\d{2}-\d{2}$/.test(date) ? date.split('-').map(Number) : [];
  const back = new Date(Date.UTC(year, month - 1, day));
  if (back.getUTCFullYear() !== year || back.getUTCMonth() !== month - 1 || back.getUTCDate() !== day) throw new RangeError(`not a calendar date: ${date}`);
  return localToInstant({ year, month, day, hour: 0, minute: 0, second: 0 }, zone).earlier;
}

/** Local calendar date of an instant, `YYYY-MM-DD`. */
export function localDateOf(ms: number, zone: string): string {
  const local = ms + offsetAt(ms, zone);
  if (local >= earliestMs && local < latestMs) return dateOf(Math.floor(local / dayMs));
  const l = instantToLocal(ms, zone);
  return `${String(l.year).padStart(4, '0')}-${pad(l.month)}-${pad(l.day)}`;
}

/** The day asked for last, which is nearly always the one asked for next. */
let lastDay = { day: Number.NaN, date: '', month: '' };

function dateOf(day: number): string {
  if (lastDay.day !== day) {
    const date = dateTextOf(day);
    lastDay = { day, date, month: date.slice(0, 7) };
  }
  return lastDay.date;
}

/** Half-open window of a local month, `2019-12`. Throws RangeError on another form. */
export function monthPeriod(periodKey: string, zone: string): { readonly startMs: number; readonly endMs: number } {
  const [year = 0, month = 1] = periodKey.split('-').map(Number);
  const next = month === 12 ? `${year + 1}-01` : `${year}-${pad(month + 1)}`;
  return { startMs: startOfLocalDay(`${periodKey}-01`, zone), endMs: startOfLocalDay(`${next}-01`, zone) };
}

/** The month a session belongs to: that of its end; an end of exactly 00:00:00 belongs to the new month (D05). */
export function periodKeyOf(endMs: number, zone: string): string {
  const date = localDateOf(endMs, zone);
  return date === lastDay.date ? lastDay.month : date.slice(0, 7);
}

const instantPattern = /^(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)?$/;

/**
 * RFC 3339 text to epoch ms, cut to whole ms; undefined when it is not one, and for leap seconds, which epoch ms cannot hold.
 * A missing designator means UTC (OCPI 2.2.1 types, DateTime).
 */
export function parseInstant(text: string): number | undefined {
  const plain = parsePlainUtc(text);
  if (plain !== undefined) return plain;
  const m = instantPattern.exec(text);
  if (m === null) return undefined;
  const [year, month, day, hour, minute, second] = m.slice(1, 7).map(Number) as [number, number, number, number, number, number];
  if (!isCalendarTime(year, month, day, hour, minute, second)) return undefined;
  const zone = m[8];
  const offset = zone === undefined || zone === 'Z' || zone === 'z' ? 0 : (zone.startsWith('-') ? -1 : 1) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4, 6))) * 60_000;
  return utcMs(year, month, day, hour, minute, second) - offset + Number((m[7] ?? '0').padEnd(3, '0').slice(0, 3));
}

/** Whether a time says itself how far it is from UTC. */
export function hasOffset(text: string): boolean {
  return /(?:[Zz]|[+-]\d{2}:\d{2})$/.test(text);
}

/** `2019-12-31T23:00:00Z` read digit by digit: nearly every timestamp has this form, and the general pattern costs five times as much. */
function parsePlainUtc(text: string): number | undefined {
  if (text.length !== 20 || text[19] !== 'Z' || text[10] !== 'T' || text[4] !== '-' || text[7] !== '-' || text[13] !== ':' || text[16] !== ':') return undefined;
  const [year, month, day] = [twoDigits(text, 0) * 100 + twoDigits(text, 2), twoDigits(text, 5), twoDigits(text, 8)];
  const [hour, minute, second] = [twoDigits(text, 11), twoDigits(text, 14), twoDigits(text, 17)];
  // NaN, from what is no digit, fails every comparison.
  return isCalendarTime(year, month, day, hour, minute, second) ? utcMs(year, month, day, hour, minute, second) : undefined;
}

function twoDigits(text: string, at: number): number {
  const [high, low] = [text.charCodeAt(at) - 48, text.charCodeAt(at + 1) - 48];
  return high >= 0 && high <= 9 && low >= 0 && low <= 9 ? high * 10 + low : Number.NaN;
}

// Not Date.UTC, which reads the years 0 to 99 as 1900 to 1999.
function utcMs(year: number, month: number, day: number, hour: number, minute: number, second: number): number {
  return dayNumberOf(year, month, day) * dayMs + (hour * 3600 + minute * 60 + second) * 1000;
}

function isCalendarTime(year: number, month: number, day: number, hour: number, minute: number, second: number): boolean {
  return year >= 100 && month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month) && hour <= 23 && minute <= 59 && second <= 59;
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Days since 1970-01-01 of a Gregorian date. */
function dayNumberOf(year: number, month: number, day: number): number {
  // Years that begin in March put the leap day last.
  const y = month <= 2 ? year - 1 : year;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return y * 365 + Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400) + dayOfYear - 719_468;
}

/** Days since 1970-01-01 of `YYYY-MM-DD`; undefined when there is no such day. */
export function dayNumberOfDate(date: string): number | undefined {
  if (date.length !== 10 || date[4] !== '-' || date[7] !== '-') return undefined;
  const [year, month, day] = [twoDigits(date, 0) * 100 + twoDigits(date, 2), twoDigits(date, 5), twoDigits(date, 8)];
  return isCalendarTime(year, month, day, 0, 0, 0) ? dayNumberOf(year, month, day) : undefined;
}

/** Local days since 1970-01-01, weekday from 1 for Monday to 7, and second of that day, at an instant. Throws RangeError on an unknown zone. */
export function localClockOf(ms: number, zone: string): { readonly day: number; readonly weekday: number; readonly second: number } {
  const local = ms + offsetAt(ms, zone);
  const day = Math.floor(local / dayMs);
  // Day 0 was a Thursday.
  return { day, weekday: ((((day + 3) % 7) + 7) % 7) + 1, second: Math.floor((local - day * dayMs) / 1000) };
}

/** `2019-12-31T23:00:00Z`, with milliseconds only where there are some. */
export function formatInstant(ms: number): string {
  // A fraction of a ms, or a year of more than four digits: rare enough for the slow way.
  if (!Number.isInteger(ms) || ms < earliestMs || ms >= latestMs) return new Date(ms).toISOString().replace('.000Z', 'Z');
  const dayNumber = Math.floor(ms / dayMs);
  const ofDay = ms - dayNumber * dayMs;
  const seconds = Math.floor(ofDay / 1000);
  const rest = ofDay - seconds * 1000;
  const clock = `${digits2[Math.floor(seconds / 3600)]}:${digits2[Math.floor(seconds / 60) % 60]}:${digits2[seconds % 60]}`;
  return `${dateTextOf(dayNumber)}T${clock}${rest === 0 ? '' : `.${rest.toString().padStart(3, '0')}`}Z`;
}

const digits2 = Array.from({ length: 100 }, (_, i) => i.toString().padStart(2, '0'));
const earliestMs = Date.UTC(1000, 0, 1);
const latestMs = Date.UTC(10_000, 0, 1);

/** `YYYY-MM-DD` of a day since 1970-01-01, the reverse of `dayNumberOf`. */
function dateTextOf(dayNumber: number): string {
  const z = dayNumber + 719_468;
  const era = Math.floor(z / 146_097);
  const dayOfEra = z - era * 146_097;
  const yearOfEra = Math.floor((dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const m = Math.floor((5 * dayOfYear + 2) / 153);
  const month = m < 10 ? m + 3 : m - 9;
  return `${era * 400 + yearOfEra + (month <= 2 ? 1 : 0)}-${digits2[month]}-${digits2[dayOfYear - Math.floor((153 * m + 2) / 5) + 1]}`;
}

function pad(value: number): string {
  return value.toString().padStart(2, '0');
}
