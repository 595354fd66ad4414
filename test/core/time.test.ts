import { Temporal } from 'temporal-polyfill';
import { describe, expect, it } from 'vitest';
import { formatInstant, instantToLocal, isValidZone, localDateOf, localToInstant, monthPeriod, parseInstant, periodKeyOf, startOfLocalDay } from '../../src/core/time.ts';

const zone = 'Europe/Stockholm';
const at = (text: string) => parseInstant(text) ?? Number.NaN;

describe('local time', () => {
  it.each(['Europe/Stockholm', 'Europe/Oslo', 'America/Sao_Paulo', 'Asia/Kathmandu'])(
    'agrees with Temporal around every change of 2018 to 2020: %s',
    (name) => {
      for (let ms = Date.UTC(2018, 0, 1); ms < Date.UTC(2021, 0, 1); ms += 37 * 60_000 + 13_000) {
        // All of the DST weeks, a sample of the rest.
        const month = new Date(ms).getUTCMonth();
        if (![1, 2, 9, 10].includes(month)) ms += 11 * 3_600_000;
        const z = Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(name);
        const l = instantToLocal(ms, name);
        expect([l.year, l.month, l.day, l.hour, l.minute, l.second, l.weekday, l.offsetMinutes]).toEqual([z.year, z.month, z.day, z.hour, z.minute, z.second, z.dayOfWeek, z.offsetNanoseconds / 6e10]);
      }
    },
    60_000,
  );

  it('the autumn fold has two instants', () => {
    // 27 Oct 2019: 03:00 CEST becomes 02:00 CET at 01:00Z
    expect(localToInstant({ year: 2019, month: 10, day: 27, hour: 2, minute: 30 }, zone)).toEqual({
      instant: at('2019-10-27T00:30:00Z'),
      earlier: at('2019-10-27T00:30:00Z'),
      later: at('2019-10-27T01:30:00Z'),
      ambiguity: 'fold',
    });
  });

  it('the spring gap has none and is read an hour later', () => {
    // 31 Mar 2019: 02:00 CET becomes 03:00 CEST at 01:00Z
    const gap = localToInstant({ year: 2019, month: 3, day: 31, hour: 2, minute: 30 }, zone);
    expect([gap.ambiguity, formatInstant(gap.instant)]).toEqual(['gap', '2019-03-31T01:30:00Z']);
    expect(instantToLocal(gap.instant, zone)).toMatchObject({ hour: 3, minute: 30 });
  });

  it('the edges of fold and gap belong to one side', () => {
    const ambiguityAt = (month: number, day: number, hour: number, minute: number) => localToInstant({ year: 2019, month, day, hour, minute }, zone).ambiguity;
    expect([ambiguityAt(10, 27, 1, 59), ambiguityAt(10, 27, 2, 0), ambiguityAt(10, 27, 2, 59), ambiguityAt(10, 27, 3, 0)]).toEqual(['none', 'fold', 'fold', 'none']);
    expect([ambiguityAt(3, 31, 1, 59), ambiguityAt(3, 31, 2, 0), ambiguityAt(3, 31, 2, 59), ambiguityAt(3, 31, 3, 0)]).toEqual(['none', 'gap', 'gap', 'none']);
  });

  it('a day lasts 23, 24 or 25 hours', () => {
    const hours = (date: string, next: string) => (startOfLocalDay(next, zone) - startOfLocalDay(date, zone)) / 3_600_000;
    expect([hours('2019-03-31', '2019-04-01'), hours('2019-06-01', '2019-06-02'), hours('2019-10-27', '2019-10-28')]).toEqual([23, 24, 25]);
  });

  it('a day without midnight starts at its first instant', () => {
    expect(formatInstant(startOfLocalDay('2018-11-04', 'America/Sao_Paulo'))).toBe('2018-11-04T03:00:00Z');
  });

  it('refuses dates and zones that do not exist', () => {
    for (const date of ['2019-02-29', '2019-13-01', '2019-1-1', '']) expect(() => startOfLocalDay(date, zone)).toThrow(RangeError);
    expect([isValidZone(zone), isValidZone('Europe/Nowhere'), isValidZone('')]).toEqual([true, false, false]);
    expect(() => monthPeriod('2019-13', zone)).toThrow(RangeError);
    expect(() => localDateOf(0, 'Europe/Nowhere')).toThrow(RangeError);
  });
});

describe('month of a session (D05)', () => {
  it('an end of exactly 00:00:00 belongs to the new month', () => {
    expect(monthPeriod('2019-12', zone)).toEqual({ startMs: at('2019-11-30T23:00:00Z'), endMs: at('2019-12-31T23:00:00Z') });
    expect(periodKeyOf(at('2019-12-31T23:00:00Z'), zone)).toBe('2020-01');
    expect(periodKeyOf(at('2019-12-31T22:59:59.999Z'), zone)).toBe('2019-12');
    expect(localDateOf(at('2019-12-31T23:00:00Z'), zone)).toBe('2020-01-01');
  });
});

describe('instants as text', () => {
  it('reads RFC 3339, UTC where no designator is given', () => {
    const expected = Date.UTC(2019, 11, 31, 23);
    for (const text of ['2019-12-31T23:00:00Z', '2019-12-31T23:00:00', '2020-01-01T00:00:00+01:00', '2019-12-31T23:00:00.0004z']) expect(parseInstant(text)).toBe(expected);
    expect(parseInstant('2019-12-31T23:00:00.5-00:30')).toBe(expected + 1_800_500);
  });

  it('refuses what is not one', () => {
    for (const text of [
      '2019-02-29T00:00:00Z',
      '2019-13-01T00:00:00Z',
      '2019-01-01T24:00:00Z',
      '2019-01-01 00:00:00Z',
      '2019-01-01',
      '2019-01-01T00:00Z',
      '2019-1-1T00:00:00Z',
      '2019-01-01T00:00:60Z',
      '2019-01-01T00:00:00+24:00',
      '2019-01-01T00:00:00+0100',
      'x',
    ])
      expect(parseInstant(text), text).toBeUndefined();
  });

  it('writes ms only where there are some', () => {
    expect([formatInstant(at('2019-12-31T23:00:00Z')), formatInstant(at('2019-12-31T23:00:00.050Z'))]).toEqual(['2019-12-31T23:00:00Z', '2019-12-31T23:00:00.050Z']);
  });
});
