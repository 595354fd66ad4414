import { Temporal } from 'temporal-polyfill';
import { describe, expect, it } from 'vitest';
import { formatInstant, instantToLocal, localToInstant, monthPeriod, parseInstant, periodKeyOf, startOfLocalDay } from '../../src/core/time.ts';

const zone = 'Europe/Stockholm';
const at = (text: string) => parseInstant(text) ?? Number.NaN;

describe('time', () => {
  it('agrees with the Temporal polyfill on every hour of two years with their clock changes', () => {
    let wrong = 0;
    for (let ms = Date.UTC(2018, 11, 1); ms < Date.UTC(2020, 11, 1); ms += 3 * 3_600_000) {
      const ours = instantToLocal(ms, zone);
      const theirs = Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(zone);
      if (ours.hour !== theirs.hour || ours.day !== theirs.day || ours.weekday !== theirs.dayOfWeek) wrong += 1;
    }
    expect(wrong).toBe(0);
  });
  it('tells the two instants of a folded hour and marks a gap', () => {
    const fold = localToInstant({ year: 2019, month: 10, day: 27, hour: 2, minute: 30, second: 0 }, zone);
    expect([formatInstant(fold.earlier), formatInstant(fold.later), fold.ambiguity]).toEqual(['2019-10-27T00:30:00Z', '2019-10-27T01:30:00Z', 'fold']);
    const gap = localToInstant({ year: 2019, month: 3, day: 31, hour: 2, minute: 30, second: 0 }, zone);
    expect([formatInstant(gap.earlier), gap.ambiguity]).toEqual(['2019-03-31T01:30:00Z', 'gap']);
  });
  it('makes a day last 23 hours in spring and 25 in autumn', () => {
    const hours = (day: string, next: string) => (startOfLocalDay(next, zone) - startOfLocalDay(day, zone)) / 3_600_000;
    expect([hours('2019-03-31', '2019-04-01'), hours('2019-10-27', '2019-10-28'), hours('2019-12-01', '2019-12-02')]).toEqual([23, 25, 24]);
  });
  it('puts an end at exactly midnight into the new month', () => {
    expect(periodKeyOf(at('2019-11-30T22:59:59Z'), zone)).toBe('2019-11');
    expect(periodKeyOf(at('2019-11-30T23:00:00Z'), zone)).toBe('2019-12');
  });
  it('tiles a hundred months without gap or overlap', () => {
    const keys = Array.from({ length: 100 }, (_, i) => `${2018 + Math.floor(i / 12)}-${String((i % 12) + 1).padStart(2, '0')}`);
    const windows = keys.map((key) => monthPeriod(key, zone));
    expect(windows.slice(1).map((w) => w.startMs)).toEqual(windows.slice(0, -1).map((w) => w.endMs));
  });
  it('reads RFC 3339 strictly, and a missing designator as UTC', () => {
    expect(formatInstant(at('2019-12-01T10:00:00+01:00'))).toBe('2019-12-01T09:00:00Z');
    expect(formatInstant(at('2019-12-01T10:00:00'))).toBe('2019-12-01T10:00:00Z');
    for (const bad of ['2019-02-30T10:00:00Z', '2019-12-01', '2019-12-01T24:00:00Z', 'yesterday']) expect(parseInstant(bad)).toBeUndefined();
  });
});
