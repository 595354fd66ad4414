import fc from 'fast-check';
import { Temporal } from 'temporal-polyfill';
import { expect, it } from 'vitest';
import { dayNumberOfDate, formatInstant, instantToLocal, localClockOf, localDateOf, localToInstant, monthPeriod, parseInstant, periodKeyOf, startOfLocalDay } from '../../src/core/time.ts';

const zones = fc.constantFrom('Europe/Stockholm', 'Europe/Oslo', 'America/New_York', 'Australia/Lord_Howe', 'UTC');
const instant = fc.integer({ min: Date.UTC(2000, 0, 1) / 1000, max: Date.UTC(2060, 0, 1) / 1000 }).map((s) => s * 1000);
const nextMonth = (key: string) => Temporal.PlainYearMonth.from(key).add({ months: 1 }).toString();

it('month windows tile time across DST', () => {
  fc.assert(
    fc.property(instant, zones, (ms, zone) => {
      const key = periodKeyOf(ms, zone);
      const { startMs, endMs } = monthPeriod(key, zone);
      expect(startMs <= ms && ms < endMs).toBe(true);
      expect(monthPeriod(nextMonth(key), zone).startMs).toBe(endMs);
      expect([periodKeyOf(endMs, zone), periodKeyOf(endMs - 1, zone)]).toEqual([nextMonth(key), key]);
    }),
  );
});

it('a Stockholm or Oslo day lasts 23, 24 or 25 hours, 23 and 25 once a year', () => {
  for (const zone of ['Europe/Stockholm', 'Europe/Oslo']) {
    for (const year of [2018, 2019, 2020]) {
      const odd: number[] = [];
      for (let day = Temporal.PlainDate.from({ year, month: 1, day: 1 }); day.year === year; day = day.add({ days: 1 })) {
        const hours = (startOfLocalDay(day.add({ days: 1 }).toString(), zone) - startOfLocalDay(day.toString(), zone)) / 3_600_000;
        if (hours !== 24) odd.push(hours);
      }
      expect(odd).toEqual([23, 25]);
    }
  }
});

it('local time and back; Temporal agrees both ways', () => {
  fc.assert(
    fc.property(instant, zones, (ms, zone) => {
      const local = instantToLocal(ms, zone);
      const { earlier, later, ambiguity } = localToInstant(local, zone);
      expect(ambiguity).not.toBe('gap');
      expect([earlier, later]).toContain(ms);
      expect(localDateOf(ms, zone)).toBe(Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(zone).toPlainDate().toString());
    }),
    { numRuns: 300 },
  );
});

it('any wall clock reads as Temporal reads it, gaps and folds included', () => {
  // Minutes around the changes of 2018 to 2020.
  const wall = fc.tuple(fc.constantFrom('2018-03-25', '2018-10-28', '2019-03-31', '2019-10-27', '2020-03-29', '2020-10-25', '2020-04-05', '2020-11-01'), fc.integer({ min: 0, max: 359 }));
  fc.assert(
    fc.property(wall, zones, ([date, minutes], zone) => {
      const plain = Temporal.PlainDateTime.from(date).add({ minutes });
      const read = (disambiguation: 'compatible' | 'later') => plain.toZonedDateTime(zone, { disambiguation }).epochMilliseconds;
      const ours = localToInstant({ year: plain.year, month: plain.month, day: plain.day, hour: plain.hour, minute: plain.minute }, zone);
      expect([ours.instant, ours.later]).toEqual([read('compatible'), read('later')]);
    }),
    { numRuns: 1000 },
  );
});

it('an instant survives its text', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4e12 }), (ms) => {
      expect(parseInstant(formatInstant(ms))).toBe(ms);
    }),
  );
});

it('instants are written and read as Date does, days counted as it counts them', () => {
  const instant = fc.integer({ min: Date.UTC(1000, 0, 1), max: Date.UTC(9999, 11, 31) });
  fc.assert(
    fc.property(instant, fc.boolean(), (any, whole) => {
      const ms = whole ? Math.floor(any / 1000) * 1000 : any;
      const iso = new Date(ms).toISOString();
      expect(formatInstant(ms)).toBe(iso.replace('.000Z', 'Z'));
      expect([parseInstant(iso), parseInstant(formatInstant(ms))]).toEqual([ms, ms]);
      expect(dayNumberOfDate(iso.slice(0, 10))).toBe(Math.floor(ms / 86_400_000));
    }),
    { numRuns: 2000 },
  );
});

it('what is no timestamp is none, whichever character is wrong', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 19 }), fc.constantFrom('x', '/', ':', '9', ' '), (at, character) => {
      const text = '2024-02-29T23:59:59Z';
      const changed = text.slice(0, at) + character + text.slice(at + 1);
      const ms = parseInstant(changed);
      if (ms !== undefined) expect(formatInstant(ms)).toBe(changed);
    }),
  );
  expect(['2023-02-29T00:00:00Z', '2024-13-01T00:00:00Z', '2024-00-01T00:00:00Z', '2024-04-31T00:00:00Z', '2024-01-01T24:00:00Z'].map(parseInstant)).toEqual(Array(5).fill(undefined));
});

it('the local clock is that of the wall', () => {
  fc.assert(
    fc.property(fc.integer({ min: Date.UTC(2018, 0, 1), max: Date.UTC(2026, 0, 1) }), fc.constantFrom('Europe/Stockholm', 'America/St_Johns', 'Pacific/Apia', 'UTC'), (ms, zone) => {
      const [clock, wall] = [localClockOf(ms, zone), instantToLocal(ms, zone)];
      expect(clock).toEqual({ day: Date.UTC(wall.year, wall.month - 1, wall.day) / 86_400_000, weekday: wall.weekday, second: wall.hour * 3600 + wall.minute * 60 + wall.second });
    }),
  );
});
