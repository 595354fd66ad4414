import { type Issue, issue } from '../issues.ts';
import { add, compare, divInt, exactFromDecimal, mul, sub, toDecimal4HalfEven } from '../money.ts';
import { activeComponent, type CompiledComponent, type CompiledTariff, type ComponentKind } from './compile-tariff.ts';
import { microText } from './decimal.ts';
import { type CompiledRestrictions, failingRestriction, type Moment } from './restrictions.ts';

/** What is unusual, in major units of the tariff's currency (per kWh, per hour, once), percent, Wh and seconds. */
export type UsualPrices = { readonly perKwh: string; readonly perHour: string; readonly fee: string; readonly vatPercent: string; readonly stepWh: number; readonly stepSeconds: number };

const usualPrices: UsualPrices = { perKwh: '20', perHour: '500', fee: '500', vatPercent: '30', stepWh: 10_000, stepSeconds: 86_400 };

// Far more than a tariff has; enough to answer within a second.
const mostMoments = 200_000;
const kinds = ['ENERGY', 'TIME', 'PARKING_TIME', 'FLAT', 'RESERVATION_TIME', 'RESERVATION_FLAT'] as const satisfies readonly ComponentKind[];
const weekdayNames = ['', 'MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY', 'SUNDAY'];

/**
 * What is probably wrong with a tariff, as warnings and hints for whoever enters it: elements that never price anything, hours of the day
 * without a price, unusual prices and steps, price limits that contradict each other (D12). The issue's subject is the tariff's id.
 */
export function lintTariff(tariff: CompiledTariff, usual: UsualPrices = usualPrices): Issue[] {
  const grid = gridOf(tariff);
  const count = grid.days.length * grid.seconds.length * grid.elapsed.length * grid.energies.length * grid.powers.length * grid.currents.length;
  const tried = count > mostMoments ? [issue('lintIncomplete', 'info', tariff.id, { count })] : kinds.flatMap((kind) => lintKind(tariff, kind, grid));
  return [...tried, ...lintPrices(tariff, usual), ...lintLimits(tariff)];
}

/** One value inside every stretch in which no restriction of the tariff changes its answer. */
type Grid = {
  readonly days: readonly number[];
  readonly seconds: readonly number[];
  readonly elapsed: readonly number[];
  readonly energies: readonly number[];
  readonly powers: readonly number[];
  readonly currents: readonly number[];
};

function gridOf({ restricted }: CompiledTariff): Grid {
  const edges = (pick: (r: CompiledRestrictions) => readonly (number | undefined)[], first: number) =>
    [...new Set([first, ...restricted.flatMap(pick).filter((edge): edge is number => edge !== undefined && Number.isFinite(edge))])].sort((a, b) => a - b);
  // The week after each date that begins or ends something, and the one before the first.
  const dates = edges((r) => [r.startDay, r.endDay], Number.NEGATIVE_INFINITY).filter(Number.isFinite);
  const weeks = [(dates[0] ?? 7) - 7, ...dates];
  return {
    days: weeks.flatMap((from, i) => Array.from({ length: 7 }, (_, day) => from + day).filter((day) => day < (weeks[i + 1] ?? Number.POSITIVE_INFINITY))),
    seconds: edges((r) => (r.clock === undefined ? [] : [r.clock.start, r.clock.end % 86_400]), 0),
    elapsed: edges((r) => [r.minMs, r.maxMs], 0),
    energies: edges((r) => [r.minMicroWh, r.maxMicroWh], 0),
    powers: edges((r) => [r.minPower, r.maxPower], 0),
    currents: edges((r) => [r.minCurrent, r.maxCurrent], 0),
  };
}

function lintKind(tariff: CompiledTariff, kind: ComponentKind, grid: Grid): Issue[] {
  const list = kind === 'RESERVATION_TIME' || kind === 'RESERVATION_FLAT' ? [...new Set([...tariff.ofLapsed[kind], ...tariff.byKind[kind]])] : tariff.byKind[kind];
  if (list.length === 0) return [];
  const chosen = new Set<CompiledComponent>();
  const held = new Set<CompiledComponent>();
  let gap: Moment | undefined;
  for (const state of statesOf(grid)) {
    let [priced, free]: (Moment | undefined)[] = [undefined, undefined];
    for (const day of grid.days) {
      for (const second of grid.seconds) {
        const at = { ...state, day, second, weekday: ((((day + 3) % 7) + 7) % 7) + 1 };
        const active = activeFor(tariff, kind, at, chosen);
        for (const c of list) if (failingRestriction(c.restrictions, at) === undefined) held.add(c);
        if (active) priced ??= at;
        else free ??= at;
      }
    }
    if (priced !== undefined) gap ??= free;
  }
  const never = list.filter((c) => !chosen.has(c)).map((c) => issue(held.has(c) ? 'shadowedElement' : 'unreachableElement', 'warns', tariff.id, { element: c.elementIndex + 1, dimension: c.kind }));
  return gap === undefined || kind.startsWith('RESERVATION') ? never : [...never, gapIssue(tariff, kind, gap)];
}

/** Marks what prices a dimension at a moment: for reserved time once as used, once as lapsed. */
function activeFor(tariff: CompiledTariff, kind: ComponentKind, at: Moment, chosen: Set<CompiledComponent>): boolean {
  const lists = kind === 'RESERVATION_TIME' || kind === 'RESERVATION_FLAT' ? [tariff.byKind[kind], tariff.ofLapsed[kind]] : [tariff.byKind[kind]];
  return lists.map((list) => activeComponent(list, at)).filter((c) => c !== undefined && chosen.add(c)).length > 0;
}

function* statesOf({ elapsed, energies, powers, currents }: Grid): Generator<Moment> {
  for (const elapsedMs of elapsed) {
    for (const energyMicroWh of energies) {
      for (const power of powers) {
        for (const current of currents) {
          const readings = { minPower: power, maxPower: power, minCurrent: current, maxCurrent: current };
          yield { ms: 0, day: 0, weekday: 4, second: 0, elapsedMs, energyMicroWh, readings };
        }
      }
    }
  }
}

function gapIssue(tariff: CompiledTariff, kind: ComponentKind, { weekday, second }: Moment): Issue {
  const two = (n: number) => n.toString().padStart(2, '0');
  const time = `${two(Math.floor(second / 3600))}:${two(Math.floor(second / 60) % 60)}`;
  // Energy is rarely meant to be free for an hour; time and parking often are.
  return issue('gapInDay', kind === 'ENERGY' ? 'warns' : 'info', tariff.id, { dimension: kind, weekday: weekdayNames[weekday] ?? '', time });
}

function lintPrices(tariff: CompiledTariff, usual: UsualPrices): Issue[] {
  const found: Issue[] = [];
  for (const kind of kinds) {
    const limit = kind === 'ENERGY' ? usual.perKwh : kind.endsWith('TIME') ? usual.perHour : usual.fee;
    const stepLimit = kind === 'ENERGY' ? usual.stepWh : usual.stepSeconds;
    for (const { elementIndex, price, vatPercent, step } of tariff.byKind[kind]) {
      const at = { element: elementIndex + 1, dimension: kind };
      const exact = exactFromDecimal(price);
      if (exact.n < 0n || compare(exact, exactFromDecimal(limit)) > 0) found.push(issue('absurdPrice', 'warns', tariff.id, { ...at, price, limit: `0 to ${limit}` }));
      if (vatPercent !== null && compare(exactFromDecimal(vatPercent), exactFromDecimal(usual.vatPercent)) > 0) {
        found.push(issue('absurdVat', 'warns', tariff.id, { ...at, percent: vatPercent, limit: usual.vatPercent }));
      }
      if (!kind.endsWith('FLAT') && step > stepLimit * 1_000_000) found.push(issue('absurdStep', 'warns', tariff.id, { ...at, value: microText(step, 6), limit: stepLimit }));
    }
  }
  return found;
}

function lintLimits(tariff: CompiledTariff): Issue[] {
  const { min, max } = tariff;
  const found: Issue[] = [];
  for (const side of ['excl', 'incl'] as const) {
    const [low, high] = [min?.[side] ?? null, max?.[side] ?? null];
    if (low !== null && high !== null && compare(low, high) > 0) found.push(issue('limitsCross', 'warns', tariff.id, { min: toDecimal4HalfEven(low), max: toDecimal4HalfEven(high) }));
  }
  const percents = new Set(kinds.flatMap((kind) => tariff.byKind[kind].map((c) => c.vatPercent ?? '0')));
  const [percent] = percents;
  // With several rates the tax of a limit cannot be checked.
  if (percent === undefined || percents.size > 1) return found;
  const factor = add({ n: 1n, d: 1n }, divInt(exactFromDecimal(percent), 100n));
  for (const [bound, limit] of [['min_price', min] as const, ['max_price', max] as const]) {
    if (limit === undefined || limit.excl === null || limit.incl === null) continue;
    const expected = mul(limit.excl, factor);
    const gap = sub(expected, limit.incl);
    // Half a cent: both figures may be rounded.
    const half = { n: 1n, d: 200n };
    if (compare(gap, half) <= 0 && compare({ n: -gap.n, d: gap.d }, half) <= 0) continue;
    const figures = { excl: toDecimal4HalfEven(limit.excl), incl: toDecimal4HalfEven(limit.incl), expected: toDecimal4HalfEven(expected) };
    found.push(issue('limitsDisagree', 'warns', tariff.id, { bound, percent, ...figures }));
  }
  return found;
}
