import { type TariffRestrictions, weekdayNames } from '../../contracts/tariff.ts';
import { clockChangesBetween, instantToLocal, localDateOf, localToInstant } from '../time.ts';

const secondsPerDay = 86_400;

/** Restrictions made ready for many tests; absent members restrict nothing. Clock in seconds of the local day, Wh integer, ms. */
export type CompiledRestrictions = {
  readonly clock: { readonly start: number; readonly end: number } | undefined;
  readonly startDate: string | undefined;
  readonly endDate: string | undefined;
  readonly weekdays: ReadonlySet<number> | undefined;
  readonly minWh: number | undefined;
  readonly maxWh: number | undefined;
  readonly minMs: number | undefined;
  readonly maxMs: number | undefined;
};

/** Where in a session a test is made: instant, ms since the first period, Wh before this moment. */
export type Moment = { readonly ms: number; readonly elapsedMs: number; readonly energyWh: number };

export function compileRestrictions(r: TariffRestrictions | undefined): CompiledRestrictions | undefined {
  if (r === undefined) return undefined;
  const days = r.day_of_week ?? [];
  const compiled: CompiledRestrictions = {
    clock: compileClock(r),
    startDate: r.start_date,
    endDate: r.end_date,
    weekdays: days.length === 0 ? undefined : new Set(days.map((d) => weekdayNames.indexOf(d) + 1)),
    // Energy is whole Wh: at or above 1.5 Wh means from 2 Wh on.
    minWh: r.min_kwh === undefined ? undefined : ceilWh(r.min_kwh),
    maxWh: r.max_kwh === undefined ? undefined : ceilWh(r.max_kwh),
    minMs: r.min_duration === undefined ? undefined : r.min_duration * 1000,
    maxMs: r.max_duration === undefined ? undefined : r.max_duration * 1000,
  };
  return Object.values(compiled).some((member) => member !== undefined) ? compiled : undefined;
}

/** Whether all restrictions hold at a moment, in the location's local time (OCPI 2.2.1 mod_tariffs, TariffRestrictions). */
export function restrictionsHold(r: CompiledRestrictions | undefined, at: Moment, zone: string): boolean {
  if (r === undefined) return true;
  if (r.minWh !== undefined && at.energyWh < r.minWh) return false;
  if (r.maxWh !== undefined && at.energyWh >= r.maxWh) return false;
  if (r.minMs !== undefined && at.elapsedMs < r.minMs) return false;
  if (r.maxMs !== undefined && at.elapsedMs >= r.maxMs) return false;
  if (r.startDate !== undefined || r.endDate !== undefined) {
    const date = localDateOf(at.ms, zone);
    if (r.startDate !== undefined && date < r.startDate) return false;
    if (r.endDate !== undefined && date >= r.endDate) return false;
  }
  if (r.clock === undefined && r.weekdays === undefined) return true;
  const local = instantToLocal(at.ms, zone);
  // The weekday is that of the instant: Friday 22:00-06:00 does not reach Saturday morning.
  if (r.weekdays !== undefined && !r.weekdays.has(local.weekday)) return false;
  return r.clock === undefined || clockHolds(r.clock, local.hour * 3600 + local.minute * 60 + local.second);
}

/** [start, end); an end before the start wraps midnight; equal times never match (rating.md, decisions). */
function clockHolds({ start, end }: { start: number; end: number }, second: number): boolean {
  return end < start ? second >= start || second < end : second >= start && second < end;
}

function compileClock(r: TariffRestrictions): CompiledRestrictions['clock'] {
  if (r.start_time === undefined && r.end_time === undefined) return undefined;
  return {
    start: r.start_time === undefined ? 0 : secondOf(r.start_time),
    // 00:00 as an end is the end of the day.
    end: r.end_time === undefined || r.end_time === '00:00' ? secondsPerDay : secondOf(r.end_time),
  };
}

/** Instants strictly inside (startMs, endMs) at which a clock, date, weekday or duration may begin or cease to hold, ascending. */
export function candidateBoundaries(all: readonly CompiledRestrictions[], startMs: number, endMs: number, zone: string): number[] {
  const found = new Set<number>();
  const seconds = new Set<number>();
  for (const r of all) {
    for (const ms of [r.minMs, r.maxMs]) if (ms !== undefined) found.add(startMs + ms);
    if (r.clock !== undefined) {
      seconds.add(r.clock.start);
      seconds.add(r.clock.end % secondsPerDay);
    }
    if (r.startDate !== undefined || r.endDate !== undefined || r.weekdays !== undefined) seconds.add(0);
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

function secondOf(clock: string): number {
  return Number(clock.slice(0, 2)) * 3600 + Number(clock.slice(3, 5)) * 60;
}

function ceilWh(kwh: string): number {
  const [, sign = '', whole = '0', fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(kwh) ?? [];
  const wh = Number(whole + fraction.padEnd(3, '0').slice(0, 3));
  const rest = /[1-9]/.test(fraction.slice(3));
  return sign === '-' ? -wh : wh + (rest ? 1 : 0);
}
