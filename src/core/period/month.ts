import type { Scope } from '../../contracts/agreement.ts';
import { add, allocate, apportion, compare, divInt, type Exact, exactFromDecimal, exactFromInt, minorUnitDigits, mul, roundToMoney, sub } from '../money.ts';
import { localDateOf } from '../time.ts';
import type { PeriodRole } from './period-charge.ts';
import { type ClauseSegment, dayBefore, monthAfter, type SupplyVersion, segmentsOf } from './segments.ts';

/** What a row of a month's charge burdens (D44). A place without a site is that of the contract itself. */
export type Place = {
  readonly costCenter: string;
  readonly customerCostCenter: string | null;
  readonly siteId: string | null;
  readonly vat: { readonly code: string; readonly percent: string; readonly rule: string };
};
/** One sold component of a session: what stands of it after corrections. `amount` is in minor units, gross or net by the account's mode (D03); free: it has no price by a price rule (D14). */
export type SoldItem = { readonly component: string; readonly energyWh: bigint; readonly amount: bigint; readonly place: Place; readonly isFree?: boolean };
/** A session of the month; its items in the order of their price elements. */
export type MonthSession = {
  readonly key: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly siteId: string;
  readonly siteKind: 'own' | 'foreign' | 'home';
  /** It is billed for the first time now, or changed since. */
  readonly isNew: boolean;
  readonly items: readonly SoldItem[];
};
export type MonthInput = {
  readonly month: string;
  readonly zone: string;
  readonly currency: string;
  readonly mode: 'grossFirst' | 'netFirst';
  readonly versions: readonly SupplyVersion[];
  readonly sessions: readonly MonthSession[];
  /** What fees and a month without sessions burden, by the last day of the service period (D07). */
  readonly ownPlace: (on: string) => Place;
  /** Only fees in advance: the month has not come yet. */
  readonly advanceOnly?: boolean;
};

/** What a clause comes to at one place; `amount` in minor units, gross or net by the mode. */
export type Part = { readonly place: Place; readonly amount: bigint; readonly exact: Exact; readonly quantity: bigint; readonly isNew: boolean; readonly serviceOn: string };
/** What of a clause a line of a session brought about; `amount` in minor units, gross or net by the mode. */
export type SessionUse = { readonly session: string; readonly place: Place; readonly amount: bigint; readonly energyWh: bigint };
export type ClauseMonth = {
  readonly clause: string;
  readonly component: 'fee' | 'advanceFee' | 'included' | 'tiers' | 'cap' | 'minimum';
  readonly role: PeriodRole;
  readonly version: number;
  readonly unit: string;
  readonly unitPrice: string;
  readonly parts: readonly Part[];
  /** Of the new sessions that the clause is about what they were sold for, also where it gives them nothing. */
  late(): readonly Pick<Part, 'place' | 'amount' | 'serviceOn'>[];
  /** The sessions behind the parts; none behind a fee. */
  readonly uses: readonly SessionUse[];
};
/** Allowance that is left of an earlier month; it can be used up to and with `lastMonth`. */
export type Lot = { readonly clause: string; readonly wh: bigint; readonly lastMonth: string };
export type AllowanceUse = { readonly session: string; readonly endMs: number; readonly energyWh: bigint; readonly coveredWh: bigint; readonly value: bigint };
export type Allowance = {
  readonly clause: string;
  readonly fromOn: string;
  readonly toOn: string;
  readonly includedWh: bigint;
  readonly rolledInWh: bigint;
  readonly usedWh: bigint;
  readonly leftWh: bigint;
  readonly lapsesWh: bigint;
  readonly uses: readonly AllowanceUse[];
};
export type MonthResult = { readonly clauses: readonly ClauseMonth[]; readonly allowances: readonly Allowance[]; readonly lots: readonly Lot[] };

/** A clause over the month's sessions with its days. */
type OverSessions = ClauseSegment<'included'> | ClauseSegment<'tiers'> | ClauseSegment<'cap'> | ClauseSegment<'minimum'>;
/** `worth`: what the session's energy costs after its discounts and at the tariff's maximum, as a part of what it costs before. */
type Line = { readonly item: SoldItem; readonly session: MonthSession; readonly worth: Exact; energyLeft: bigint; left: bigint };
const zero = exactFromInt(0);

/**
 * What a month, and not a session, decides: fees, then included energy, tiers, cap and minimum, each over what the one before left. Sessions
 * count in the order (end, start, key), and under the plan that held at their start (D06, D08). The result depends on the set alone, not
 * on who came when. `lots` are what earlier months left.
 */
export function computeMonth(input: MonthInput, lots: readonly Lot[] = []): MonthResult {
  const fees = feesOf(input);
  if (input.advanceOnly === true) return { clauses: fees.filter((f) => f.component === 'advanceFee'), allowances: [], lots };
  const sessions = [...input.sessions].sort((a, b) => a.endMs - b.endMs || a.startMs - b.startMs || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const lines = sessions.flatMap((session) => {
    const worth = worthOfEnergy(session.items);
    return session.items.map((item): Line => ({ item, session, worth, energyLeft: item.energyWh, left: item.amount }));
  });
  const included = includedOf(input, lines, lots);
  return { clauses: [...fees, ...included.clauses, ...tiersOf(input, lines), ...capsOf(input, lines), ...minimumsOf(input, lines)], allowances: included.allowances, lots: included.lots };
}

function feesOf(input: MonthInput): ClauseMonth[] {
  const segments = segmentsOf(input.versions, input.month, input.zone, 'fee');
  const taken: { readonly price: string; toOn: string; days: number; minor: bigint }[] = [];
  return segments.map((segment): ClauseMonth => {
    const { clause, days, ofDays, version } = segment;
    const serviceOn = dayBefore(segment.toOn);
    const place = input.ownPlace(serviceOn);
    const full = grossed(input, exactFromDecimal(clause.amount), place.vat.percent);
    const fullMinor = roundToMoney(full, input.currency, 'halfAwayFromZero');
    const price = `${clause.amount}\n${place.vat.percent}`;
    // Two fees of one price on the same days are none after the other.
    const before = taken.find((t) => t.price === price && t.toOn <= segment.fromOn) ?? { price, toOn: '', days: 0, minor: 0n };
    if (before.days === 0) taken.push(before);
    const prorated = roundToMoney(divInt(mul({ n: fullMinor, d: minorOne(input.currency) }, exactFromInt(days)), BigInt(ofDays)), input.currency, 'halfAwayFromZero');
    // Segments that tile the month at one price come to the full fee (D10).
    const amount = before.days + days === ofDays ? fullMinor - before.minor : prorated;
    before.days += days;
    before.minor += amount;
    before.toOn = segment.toOn;
    const isAdvance = clause.billed === 'advance';
    const exact = divInt(mul(full, exactFromInt(days)), BigInt(ofDays));
    return {
      clause: clause.id,
      component: isAdvance ? 'advanceFee' : 'fee',
      role: isAdvance ? 'advanceFee' : 'subscriptionFee',
      version,
      unit: `days of ${ofDays}`,
      unitPrice: clause.amount,
      parts: [{ place, amount, exact, quantity: BigInt(days), isNew: false, serviceOn }],
      late: () => [],
      uses: [],
    };
  });
}

function includedOf(input: MonthInput, lines: readonly Line[], lotsBefore: readonly Lot[]): MonthResult {
  const segments = segmentsOf(input.versions, input.month, input.zone, 'included');
  const lots = lotsBefore.filter((l) => l.lastMonth >= input.month).map((l) => ({ ...l }));
  const clauses: ClauseMonth[] = [];
  const allowances: Allowance[] = [];
  const made: Lot[] = [];
  for (const segment of segments) {
    const { clause, days, ofDays } = segment;
    const ownWh = halfUp(exactFromDecimal(clause.kWhPerMonth), BigInt(days * 1000), BigInt(ofDays));
    // Oldest first, then the month's own. What is left of older ones goes on to the clause's next segment, as it would without a new version.
    const older = lots.filter((l) => l.clause === clause.id).sort((a, b) => (a.lastMonth < b.lastMonth ? -1 : 1));
    const ownLot = { clause: clause.id, wh: ownWh, lastMonth: monthAfter(input.month, clause.rolloverMonths) };
    const pots = [...older, ownLot];
    const rolledInWh = pots.reduce((sum, p) => sum + p.wh, 0n) - ownWh;
    const covered: { line: Line; wh: bigint; exact: Exact }[] = [];
    const uses: AllowanceUse[] = [];
    const inSegment = linesIn(input, lines, segment);
    for (const [session, own] of bySession(inSegment)) {
      let coveredWh = 0n;
      for (const line of own) {
        if (line.energyLeft <= 0n || line.item.isFree === true || line.item.amount < 0n) continue;
        let wh = 0n;
        for (const pot of pots) {
          const taken = min(pot.wh, line.energyLeft - wh);
          pot.wh -= taken;
          wh += taken;
        }
        if (wh === 0n) continue;
        covered.push({ line, wh, exact: divInt(mul(worthLeft(line, input.currency), exactFromInt(-wh)), line.energyLeft) });
        line.energyLeft -= wh;
        coveredWh += wh;
      }
      uses.push({ session: session.key, endMs: session.endMs, energyWh: own.reduce((s, l) => s + l.item.energyWh, 0n), coveredWh, value: 0n });
    }
    const amounts = takeOff(input, covered);
    const worthOf = (key: string) => covered.reduce((sum, c, i) => (c.line.session.key === key ? sum - (amounts[i] ?? 0n) : sum), 0n);
    const leftWh = pots.reduce((sum, p) => sum + p.wh, 0n);
    const isLast = segments.findLast((s) => s.clause.id === clause.id) === segment;
    const lapsed = [...(isLast ? older : []), ownLot].filter((p) => p.lastMonth <= input.month);
    if (ownLot.wh > 0n && ownLot.lastMonth > input.month) made.push(ownLot);
    allowances.push({
      clause: clause.id,
      fromOn: segment.fromOn,
      toOn: segment.toOn,
      includedWh: ownWh,
      rolledInWh,
      usedWh: ownWh + rolledInWh - leftWh,
      leftWh,
      lapsesWh: lapsed.reduce((sum, p) => sum + p.wh, 0n),
      uses: uses.map((u) => ({ ...u, value: worthOf(u.session) })),
    });
    clauses.push(clauseOf(input, inSegment, segment, 'included', 'allowance', 'Wh', clause.kWhPerMonth, partsOf(input, covered, amounts), usesOf(covered, amounts)));
  }
  return { clauses, allowances, lots: [...lots.filter((l) => l.wh > 0n && l.lastMonth > input.month), ...made] };
}

function tiersOf(input: MonthInput, lines: readonly Line[]): ClauseMonth[] {
  return segmentsOf(input.versions, input.month, input.zone, 'tiers').map((segment) => {
    const steps = segment.clause.steps.map((s) => ({ fromWh: halfUp(exactFromDecimal(s.fromKwh), 1000n, 1n), discount: s.discountPerKwh })).sort((a, b) => (a.fromWh < b.fromWh ? -1 : 1));
    const taken: { line: Line; wh: bigint; exact: Exact }[] = [];
    const own = linesIn(input, lines, segment);
    let at = 0n;
    for (const line of own) {
      if (line.energyLeft <= 0n) continue;
      let wanted = zero;
      let wh = 0n;
      for (const [i, step] of steps.entries()) {
        const upTo = steps[i + 1]?.fromWh ?? at + line.energyLeft;
        const within = min(at + line.energyLeft, upTo) - max(at, step.fromWh);
        if (within <= 0n) continue;
        wh += within;
        wanted = add(wanted, divInt(mul(grossed(input, exactFromDecimal(step.discount), line.item.place.vat.percent), exactFromInt(within)), 1000n));
      }
      at += line.energyLeft;
      const worth = worthLeft(line, input.currency);
      const most = worth.n > 0n ? worth : zero;
      const exact = compare(wanted, most) > 0 ? most : wanted;
      if (wh > 0n) taken.push({ line, wh, exact: { n: -exact.n, d: exact.d } });
    }
    const amounts = takeOff(input, taken);
    return clauseOf(input, own, segment, 'tiers', 'tierDiscount', 'Wh', steps.at(-1)?.discount ?? '0', partsOf(input, taken, amounts), usesOf(taken, amounts));
  });
}

function capsOf(input: MonthInput, lines: readonly Line[]): ClauseMonth[] {
  return segmentsOf(input.versions, input.month, input.zone, 'cap').map((segment) => {
    const own = linesIn(input, lines, segment);
    const cap = limitOf(input, segment, own, segment.clause.netPerMonth);
    const over: { line: Line; wh: bigint; exact: Exact }[] = [];
    let total = 0n;
    let cut = 0n;
    for (const [, ofSession] of bySession(own)) {
      total += ofSession.reduce((sum, l) => sum + l.left, 0n);
      // Marginal: what of the excess this session brought.
      const off = max(0n, total - cap) - cut;
      cut += off;
      const shares = allocate(
        -off,
        ofSession.map((l) => max(l.left, 0n)),
      );
      for (const [i, line] of ofSession.entries()) if (shares[i] !== 0n) over.push({ line, wh: 0n, exact: { n: shares[i] ?? 0n, d: minorOne(input.currency) } });
    }
    const amounts = takeOff(input, over);
    return clauseOf(input, own, segment, 'cap', 'cap', 'month', segment.clause.netPerMonth, partsOf(input, over, amounts), usesOf(over, amounts));
  });
}

function minimumsOf(input: MonthInput, lines: readonly Line[]): ClauseMonth[] {
  return segmentsOf(input.versions, input.month, input.zone, 'minimum').map((segment) => {
    const own = linesIn(input, lines, segment);
    const lacks = limitOf(input, segment, own, segment.clause.netPerMonth) - own.reduce((sum, l) => sum + l.left, 0n);
    const price = segment.clause.netPerMonth;
    if (lacks <= 0n) return clauseOf(input, own, segment, 'minimum', 'minimumTrueUp', 'month', price, [], []);
    const unit = minorOne(input.currency);
    if (own.length === 0) {
      const serviceOn = dayBefore(segment.toOn);
      const part = { place: input.ownPlace(serviceOn), amount: lacks, exact: { n: lacks, d: unit }, quantity: 1n, isNew: false, serviceOn };
      return clauseOf(input, own, segment, 'minimum', 'minimumTrueUp', 'month', price, [part], []);
    }
    const shares = allocate(
      lacks,
      own.map((l) => max(l.left, 0n)),
    );
    const added = own.map((line, i) => ({ line, wh: 0n, exact: { n: shares[i] ?? 0n, d: unit } }));
    return clauseOf(input, own, segment, 'minimum', 'minimumTrueUp', 'month', price, partsOf(input, added, shares), usesOf(added, shares));
  });
}

/** A net limit of the month, prorated by days and grossed up as the lines are taxed, in minor units (D03, D12). */
function limitOf(input: MonthInput, segment: ClauseSegment<'cap'> | ClauseSegment<'minimum'>, lines: readonly Line[], netPerMonth: string): bigint {
  const net = divInt(mul(exactFromDecimal(netPerMonth), exactFromInt(segment.days)), BigInt(segment.ofDays));
  if (input.mode === 'netFirst') return roundToMoney(net, input.currency, 'halfAwayFromZero');
  const gross = lines.reduce((sum, l) => sum + l.left, 0n);
  const netOfLines = lines.reduce((sum, l) => add(sum, ungrossed(l.left, l.item.place.vat.percent)), zero);
  if (gross <= 0n || netOfLines.n <= 0n)
    return roundToMoney(grossed(input, net, lines[0]?.item.place.vat.percent ?? input.ownPlace(dayBefore(segment.toOn)).vat.percent), input.currency, 'halfAwayFromZero');
  return roundToMoney({ n: net.n * gross * netOfLines.d, d: net.d * netOfLines.n }, input.currency, 'halfAwayFromZero');
}

/** Rounds what is taken off once, shares it among the lines and takes it off them; answers each line's share. */
function takeOff(input: MonthInput, taken: readonly { readonly line: Line; readonly exact: Exact }[]): bigint[] {
  const total = roundToMoney(
    taken.reduce((sum, t) => add(sum, t.exact), zero),
    input.currency,
    'halfAwayFromZero',
  );
  const amounts = apportion(
    total,
    taken.map((t) => t.exact),
    input.currency,
  );
  for (const [i, { line }] of taken.entries()) line.left += amounts[i] ?? 0n;
  return amounts;
}

/** One part per place, in the order of their first session; new sessions apart, so that a later difference finds its place. */
function partsOf(input: MonthInput, taken: readonly { readonly line: Line; readonly wh: bigint; readonly exact: Exact }[], amounts: readonly bigint[]): Part[] {
  const parts = new Map<string, Part>();
  for (const [i, { line, wh, exact }] of taken.entries()) {
    const { place } = line.item;
    const { isNew } = line.session;
    const serviceOn = localDateOf(line.session.endMs, input.zone);
    const key = `${isNew}\n${placeKey(place)}`;
    const before = parts.get(key);
    parts.set(key, {
      place,
      amount: (before?.amount ?? 0n) + (amounts[i] ?? 0n),
      exact: add(before?.exact ?? zero, exact),
      quantity: (before?.quantity ?? 0n) + wh,
      isNew,
      serviceOn: before !== undefined && before.serviceOn > serviceOn ? before.serviceOn : serviceOn,
    });
  }
  return [...parts.values()];
}

function usesOf(taken: readonly { readonly line: Line; readonly wh: bigint }[], amounts: readonly bigint[]): SessionUse[] {
  return taken.map(({ line, wh }, i) => ({ session: line.session.key, place: line.item.place, amount: amounts[i] ?? 0n, energyWh: wh }));
}

/** Two places are one row when they are alike in all that a row burdens. */
export function placeKey({ costCenter, customerCostCenter, siteId, vat }: Place): string {
  return `${costCenter}\n${customerCostCenter}\n${siteId}\n${vat.code}`;
}

function clauseOf(
  input: MonthInput,
  lines: readonly Line[],
  { clause, version }: OverSessions,
  component: ClauseMonth['component'],
  role: PeriodRole,
  unit: string,
  unitPrice: string,
  parts: readonly Part[],
  uses: readonly SessionUse[],
): ClauseMonth {
  const late = () => lines.filter((l) => l.session.isNew).map(({ item, session }) => ({ place: item.place, amount: item.amount, serviceOn: localDateOf(session.endMs, input.zone) }));
  return { clause: clause.id, component, role, version, unit, unitPrice, parts, late, uses };
}

/** The lines of sessions that began on the segment's days, and that the clause is about; what began before the month counts to its first day. */
function linesIn(input: MonthInput, lines: readonly Line[], segment: OverSessions): Line[] {
  const firstOn = `${input.month}-01`;
  return lines.filter(({ session }) => {
    const startOn = localDateOf(session.startMs, input.zone);
    const on = startOn < firstOn ? firstOn : startOn;
    return segment.fromOn <= on && on < segment.toOn && isAbout(segment.clause.scope, session);
  });
}

function isAbout(scope: Scope | undefined, session: MonthSession): boolean {
  return (scope?.siteIds === undefined || scope.siteIds.includes(session.siteId)) && (scope?.siteKinds === undefined || scope.siteKinds.includes(session.siteKind));
}

function bySession(lines: readonly Line[]): Map<MonthSession, Line[]> {
  const sessions = new Map<MonthSession, Line[]>();
  for (const line of lines) {
    const own = sessions.get(line.session);
    if (own === undefined) sessions.set(line.session, [line]);
    else own.push(line);
  }
  return sessions;
}

function worthOfEnergy(items: readonly SoldItem[]): Exact {
  const energy = items.reduce((sum, i) => (i.energyWh > 0n ? sum + i.amount : sum), 0n);
  const discount = items.reduce((sum, i) => (i.component.startsWith('discount/') ? sum + i.amount : sum), 0n);
  if (energy <= 0n) return exactFromInt(1);
  // What a maximum cut off is shared by all that the tariff priced, written in capitals; clauses add to it.
  const priced = items.reduce((sum, i) => (/^[A-Z_]+\//.test(i.component) ? sum + i.amount : sum), 0n);
  const cut = items.reduce((sum, i) => (i.component === 'max_price' ? sum + i.amount : sum), 0n);
  const atMost = priced <= 0n ? exactFromInt(energy) : { n: energy * (priced + cut), d: priced };
  const { n, d } = add(atMost, exactFromInt(discount));
  return { n: max(0n, n), d: d * energy };
}

/** What the energy of a line that is left is worth: all of it, less what clauses before took off. */
function worthLeft({ item, worth, left }: Line, currency: string): Exact {
  const unit = minorOne(currency);
  return sub(mul({ n: item.amount, d: unit }, worth), { n: item.amount - left, d: unit });
}

function grossed({ mode }: MonthInput, net: Exact, percent: string): Exact {
  return mode === 'netFirst' ? net : mul(net, divInt(add(exactFromInt(100), exactFromDecimal(percent)), 100n));
}

function ungrossed(gross: bigint, percent: string): Exact {
  const { n, d } = add(exactFromInt(100), exactFromDecimal(percent));
  return { n: gross * 100n * d, d: n };
}

function minorOne(currency: string): bigint {
  return 10n ** BigInt(minorUnitDigits(currency));
}

function halfUp(value: Exact, times: bigint, by: bigint): bigint {
  const [n, d] = [value.n * times, value.d * by];
  return (2n * n + d) / (2n * d);
}

const min = (a: bigint, b: bigint) => (a < b ? a : b);
const max = (a: bigint, b: bigint) => (a > b ? a : b);
