import type { AgreementOf, SupplyClause } from '../../contracts/agreement.ts';
import { formatInstant, localDateOf, monthPeriod, startOfLocalDay } from '../time.ts';

/** A version of a supply contract; epoch ms, half-open. */
export type SupplyVersion = { readonly version: number; readonly fromMs: number; readonly toMs: number; readonly agreement: AgreementOf<'supply'> };
type MonthClauseKind = 'fee' | 'included' | 'tiers' | 'cap' | 'minimum';
export type MonthClause<Kind extends MonthClauseKind = MonthClauseKind> = Extract<SupplyClause, { kind: Kind }>;
/** Days of a month on which a clause holds unchanged; local dates, `toOn` not included. */
export type ClauseSegment<Kind extends MonthClauseKind> = {
  readonly clause: MonthClause<Kind>;
  readonly version: number;
  readonly fromOn: string;
  readonly toOn: string;
  readonly days: number;
  readonly ofDays: number;
};

/** The version in force at an instant: the newest that has begun. */
function versionAt(versions: readonly SupplyVersion[], ms: number): SupplyVersion | undefined {
  let best: SupplyVersion | undefined;
  for (const v of versions) if (v.fromMs <= ms && ms < v.toMs && (best === undefined || v.version > best.version)) best = v;
  return best;
}

/**
 * The stretches of a local month on which clauses of a kind hold, in order of their first day. A day belongs to the version that holds at
 * its end: the day of a change is the new plan's (D10). A pause or an end leaves days without any. A change that does not touch the clause
 * does not part it.
 */
export function segmentsOf<Kind extends MonthClauseKind>(versions: readonly SupplyVersion[], month: string, zone: string, kind: Kind): ClauseSegment<Kind>[] {
  const days = daysOf(month, zone);
  const open = new Map<string, { -readonly [Part in keyof ClauseSegment<Kind>]: ClauseSegment<Kind>[Part] }>();
  const done: ClauseSegment<Kind>[] = [];
  // From change to change: most months have none.
  for (const { version, first, last, count } of stretchesOf(versions, days)) {
    const clauses = version?.agreement.status === 'active' ? version.agreement.clauses.filter((c): c is MonthClause<Kind> => c.kind === kind) : [];
    const texts = new Map(clauses.map((c) => [JSON.stringify(c), c]));
    for (const [text, segment] of open) {
      if (texts.has(text)) continue;
      done.push(segment);
      open.delete(text);
    }
    for (const [text, clause] of texts) {
      const before = open.get(text);
      if (before === undefined) {
        open.set(text, { clause, version: version?.version ?? 0, fromOn: first.on, toOn: last.nextOn, days: count, ofDays: days.length });
        continue;
      }
      before.clause = clause;
      before.version = version?.version ?? 0;
      before.toOn = last.nextOn;
      before.days += count;
    }
  }
  return [...done, ...open.values()].sort((a, b) => (a.fromOn === b.fromOn ? ((a.clause as { id: string }).id < (b.clause as { id: string }).id ? -1 : 1) : a.fromOn < b.fromOn ? -1 : 1));
}

/** Days one after the other on which the same version is in force, or none. */
function stretchesOf(versions: readonly SupplyVersion[], days: readonly Day[]) {
  const stretches: { readonly version: SupplyVersion | undefined; readonly first: Day; last: Day; count: number }[] = [];
  for (const day of days) {
    const version = versionAt(versions, day.lastMs);
    const current = stretches.at(-1);
    if (current === undefined || current.version !== version) {
      stretches.push({ version, first: day, last: day, count: 1 });
      continue;
    }
    current.last = day;
    current.count += 1;
  }
  return stretches;
}

type Day = { readonly on: string; readonly nextOn: string; readonly lastMs: number };
/** The days of the months last asked for: a run asks for the same few of each contract. */
const knownDays = new Map<string, readonly Day[]>();
const mostKnown = 64;

/** The local days of a month, each with the day after it and its last instant. */
function daysOf(month: string, zone: string): readonly Day[] {
  const key = `${zone} ${month}`;
  const known = knownDays.get(key);
  if (known !== undefined) return known;
  const { startMs, endMs } = monthPeriod(month, zone);
  const days: Day[] = [];
  for (let at = startMs; at < endMs; ) {
    const on = localDateOf(at, zone);
    const nextOn = dayAfter(on);
    at = startOfLocalDay(nextOn, zone);
    days.push({ on, nextOn, lastMs: at - 1 });
  }
  if (knownDays.size >= mostKnown) knownDays.clear();
  knownDays.set(key, days);
  return days;
}

/** The day so many days after another, `2019-12-31`, by the calendar. */
export function dayAfter(on: string, by = 1): string {
  return formatInstant(Date.parse(`${on}T00:00:00Z`) + by * 86_400_000).slice(0, 10);
}

export function dayBefore(on: string): string {
  return dayAfter(on, -1);
}

/** The month so many months after another, `2026-03`. */
export function monthAfter(month: string, by = 1): string {
  const [year = 0, of = 1] = month.split('-').map(Number);
  const index = year * 12 + of - 1 + by;
  return `${Math.floor(index / 12)}-${String((index % 12) + 1).padStart(2, '0')}`;
}
