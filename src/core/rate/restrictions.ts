import { clockChangesBetween, instantToLocal, localClockOf, localToInstant } from '../time.ts';

const secondsPerDay = 86_400;
const everyDay = 0xff;

/** Who an element is for: a session, a reservation that was used, or one that lapsed (OCPI 2.2.1 mod_tariffs, ReservationRestrictionType). */
export type Reservation = 'RESERVATION' | 'RESERVATION_EXPIRES';

/** The restrictions of an element as numbers; absent members restrict nothing. `reservation` is not here: it chooses a list of elements. */
export type RestrictionValues = {
  readonly startSecond?: number;
  readonly endSecond?: number;
  /** Local days since 1970-01-01. */
  readonly startDay?: number;
  readonly endDay?: number;
  /** From 1 for Monday to 7; none means every day. */
  readonly weekdays?: readonly number[];
  readonly minMicroWh?: number;
  readonly maxMicroWh?: number;
  readonly minMs?: number;
  readonly maxMs?: number;
  /** kW and A. */
  readonly minPower?: number;
  readonly maxPower?: number;
  readonly minCurrent?: number;
  readonly maxCurrent?: number;
};

/** Restrictions made ready for many tests: bounds that always hold where nothing is restricted. */
export type CompiledRestrictions = {
  readonly clock: { readonly start: number; readonly end: number } | undefined;
  readonly startDay: number;
  readonly endDay: number;
  /** One bit per weekday, Monday is 2. */
  readonly weekdays: number;
  readonly minMicroWh: number;
  readonly maxMicroWh: number;
  readonly minMs: number;
  readonly maxMs: number;
  readonly minPower: number | undefined;
  readonly maxPower: number | undefined;
  readonly minCurrent: number | undefined;
  readonly maxCurrent: number | undefined;
  readonly usesDate: boolean;
  /** Whether local time matters, and whether the answer may change while a period runs. */
  readonly usesLocalTime: boolean;
  readonly moves: boolean;
  readonly usesReadings: boolean;
};

/** Power in kW and current in A (sum over phases) of a period; undefined where the CDR states none. */
export type Readings = { readonly minPower: number | undefined; readonly maxPower: number | undefined; readonly minCurrent: number | undefined; readonly maxCurrent: number | undefined };

export const noReadings: Readings = { minPower: undefined, maxPower: undefined, minCurrent: undefined, maxCurrent: undefined };

/** Where in a session a test is made: instant with its local clock, ms since the first period, µWh before this moment, the period's readings. */
export type Moment = {
  readonly ms: number;
  readonly day: number;
  readonly weekday: number;
  readonly second: number;
  readonly elapsedMs: number;
  readonly energyMicroWh: number;
  readonly readings: Readings;
};

export type RestrictionName =
  | 'min_kwh'
  | 'max_kwh'
  | 'min_duration'
  | 'max_duration'
  | 'min_power'
  | 'max_power'
  | 'min_current'
  | 'max_current'
  | 'start_date'
  | 'end_date'
  | 'day_of_week'
  | 'start_time/end_time';

/** Prepares the restrictions of an element; undefined when they restrict nothing. */
export function compileRestrictions(r: RestrictionValues): CompiledRestrictions | undefined {
  const weekdays = (r.weekdays ?? []).reduce((bits, day) => bits | (1 << day), 0);
  const clock = r.startSecond === undefined && r.endSecond === undefined ? undefined : compileClock(r.startSecond, r.endSecond);
  const usesDate = r.startDay !== undefined || r.endDay !== undefined;
  const usesLocalTime = clock !== undefined || usesDate || weekdays !== 0;
  const usesReadings = r.minPower !== undefined || r.maxPower !== undefined || r.minCurrent !== undefined || r.maxCurrent !== undefined;
  const moves = usesLocalTime || r.minMicroWh !== undefined || r.maxMicroWh !== undefined || r.minMs !== undefined || r.maxMs !== undefined;
  if (!moves && !usesReadings) return undefined;
  return {
    clock,
    startDay: r.startDay ?? Number.NEGATIVE_INFINITY,
    endDay: r.endDay ?? Number.POSITIVE_INFINITY,
    weekdays: weekdays === 0 ? everyDay : weekdays,
    minMicroWh: r.minMicroWh ?? Number.NEGATIVE_INFINITY,
    maxMicroWh: r.maxMicroWh ?? Number.POSITIVE_INFINITY,
    minMs: r.minMs ?? Number.NEGATIVE_INFINITY,
    maxMs: r.maxMs ?? Number.POSITIVE_INFINITY,
    minPower: r.minPower,
    maxPower: r.maxPower,
    minCurrent: r.minCurrent,
    maxCurrent: r.maxCurrent,
    usesDate,
    usesLocalTime,
    moves,
    usesReadings,
  };
}

/** The moment for tests at an instant. `zone` is the location's (OCPI 2.2.1 mod_tariffs, TariffRestrictions: local time). */
export function momentAt(ms: number, zone: string, elapsedMs: number, energyMicroWh: number, readings: Readings): Moment {
  const { day, weekday, second } = localClockOf(ms, zone);
  return { ms, day, weekday, second, elapsedMs, energyMicroWh, readings };
}

/**
 * The first restriction that does not hold at a moment, or undefined when all hold (OCPI 2.2.1 mod_tariffs, TariffRestrictions).
 * Lower bounds are inclusive, upper ones exclusive; a reading that is missing counts as met (docs/INTERPRETATIONS.md, 5).
 */
export function failingRestriction(r: CompiledRestrictions | undefined, at: Moment): RestrictionName | undefined {
  if (r === undefined) return undefined;
  if (at.energyMicroWh < r.minMicroWh) return 'min_kwh';
  if (at.energyMicroWh >= r.maxMicroWh) return 'max_kwh';
  if (at.elapsedMs < r.minMs) return 'min_duration';
  if (at.elapsedMs >= r.maxMs) return 'max_duration';
  if (at.day < r.startDay) return 'start_date';
  if (at.day >= r.endDay) return 'end_date';
  // The weekday is that of the instant: Friday 22:00-06:00 does not reach Saturday morning.
  if ((r.weekdays & (1 << at.weekday)) === 0) return 'day_of_week';
  if (r.clock !== undefined && !clockHolds(r.clock, at.second)) return 'start_time/end_time';
  return r.usesReadings ? failingReading(r, at.readings) : undefined;
}

// A minimum is tested against the period's highest reading and a maximum against its lowest: the period has to have been there at some time.
function failingReading(r: CompiledRestrictions, { minPower, maxPower, minCurrent, maxCurrent }: Readings): RestrictionName | undefined {
  if (r.minPower !== undefined && maxPower !== undefined && maxPower < r.minPower) return 'min_power';
  if (r.maxPower !== undefined && minPower !== undefined && minPower >= r.maxPower) return 'max_power';
  if (r.minCurrent !== undefined && maxCurrent !== undefined && maxCurrent < r.minCurrent) return 'min_current';
  if (r.maxCurrent !== undefined && minCurrent !== undefined && minCurrent >= r.maxCurrent) return 'max_current';
  return undefined;
}

/** The readings that restrictions ask for and a period does not have. */
export function missingReadings(r: CompiledRestrictions | undefined, readings: Readings): RestrictionName[] {
  if (r === undefined || !r.usesReadings) return [];
  const missing: RestrictionName[] = [];
  if (r.minPower !== undefined && readings.maxPower === undefined) missing.push('min_power');
  if (r.maxPower !== undefined && readings.minPower === undefined) missing.push('max_power');
  if (r.minCurrent !== undefined && readings.maxCurrent === undefined) missing.push('min_current');
  if (r.maxCurrent !== undefined && readings.minCurrent === undefined) missing.push('max_current');
  return missing;
}

/** [start, end); an end before the start wraps midnight; equal times never match (docs/INTERPRETATIONS.md, 4). */
function clockHolds({ start, end }: { start: number; end: number }, second: number): boolean {
  return end < start ? second >= start || second < end : second >= start && second < end;
}

function compileClock(start = 0, end = 0): CompiledRestrictions['clock'] {
  // 00:00 as an end is the end of the day.
  return { start, end: end === 0 ? secondsPerDay : end };
}

/** Instants strictly inside (startMs, endMs) at which a clock, date, weekday or duration may begin or cease to hold, ascending. */
export function candidateBoundaries(all: readonly CompiledRestrictions[], startMs: number, endMs: number, zone: string): number[] {
  const found = new Set<number>();
  const seconds = new Set<number>();
  for (const r of all) {
    for (const ms of [r.minMs, r.maxMs]) if (Number.isFinite(ms)) found.add(startMs + ms);
    if (r.clock !== undefined) {
      seconds.add(r.clock.start);
      seconds.add(r.clock.end % secondsPerDay);
    }
    if (r.usesDate || r.weekdays !== everyDay) seconds.add(0);
  }
  if (seconds.size > 0) {
    const first = instantToLocal(startMs, zone);
    // One more than the physical days, as a local day may be 23 hours.
    const days = Math.ceil((endMs - startMs) / 86_400_000) + 1;
    for (let i = 0; i <= days; i += 1) {
      for (const second of seconds) {
        const local = { year: first.year, month: first.month, day: first.day + i, hour: Math.floor(second / 3600), minute: (second % 3600) / 60 };
        const { earlier, later } = localToInstant(local, zone);
        found.add(earlier).add(later);
      }
    }
    // A jump of the clock may make an element hold, or hold again.
    for (const ms of clockChangesBetween(startMs, endMs, zone)) found.add(ms);
  }
  return [...found].filter((ms) => ms > startMs && ms < endMs).sort((a, b) => a - b);
}
