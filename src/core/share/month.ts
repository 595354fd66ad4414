import type { ShareClause } from '../../contracts/agreement.ts';
import type { Issue } from '../issues.ts';
import { add, divInt, type Exact, exactFromDecimal, exactFromInt, mul, roundToMoney } from '../money.ts';
import { dayNumberOfDate } from '../time.ts';
import { payeesOf, splitAmong } from './payees.ts';
import { type ClauseShare, runClauses, type ShareAgreement, type SharedSession } from './pipeline.ts';
import type { PriceBook } from './price-by-interval.ts';
import { spread } from './spread.ts';
import { marginalShares } from './tiers.ts';

/** A version of the contract and the days of the month in which it holds: half-open calendar dates. One that only holds for sessions that started in the month before has no days. */
export type MonthSegment = { readonly version: number; readonly agreement: ShareAgreement; readonly fromOn: string; readonly toOn: string };

/** A session of the service month, as it stands now. */
export type MonthSession = SharedSession & {
  /** The CDR's key: with the end and the start it gives the order of the month (D08). */
  readonly key: string;
  readonly startMs: number;
  readonly endMs: number;
  /** In force at its start (D06). */
  readonly contractVersion: number;
  /** What the payer's month took off or added to its sale: allowance, tiers, caps; its marginal contribution (D44). */
  readonly periodNetMinor: bigint;
  /** Energy that an allowance covered. */
  readonly includedWh: bigint;
};

/**
 * Sessions whose share stands as their records booked it, summed instead of told one by one: all under one version, of a contract that is
 * `bookedAsShared`. Minor units of the contract's currency; how many there were, by site.
 */
export type SettledSessions = {
  readonly version: number;
  readonly bySite: ReadonlyMap<string, number>;
  readonly shares: readonly { readonly clause: string; readonly payeeAccountId: string; readonly siteId: string; readonly netMinor: bigint }[];
};

/** Whether what a month gives for a session is what its record booked, unless something moved since: not of tiers, nor of what a pass-through leaves. */
export function bookedAsShared({ status, clauses }: ShareAgreement): boolean {
  return status === 'active' && clauses.every((c) => c.kind !== 'tieredShare' && c.kind !== 'passThrough');
}

export type Month = {
  readonly contractId: string;
  readonly ownerAccountId: string;
  readonly currency: string;
  /** Such as `2026-03`. */
  readonly serviceMonth: string;
  /** In order, without overlaps. */
  readonly segments: readonly MonthSegment[];
  readonly sessions: readonly MonthSession[];
  /** Those that need not be told one by one; none of them is among `sessions`. */
  readonly settled?: SettledSessions | undefined;
  readonly prices: PriceBook;
};

/** What a payee earns of a clause at a site; null: of the month as a whole. Minor units. */
export type Cell = { readonly accountId: string; readonly siteId: string | null; readonly minor: bigint };
/** What a clause gives for the whole month. `kind` is null for the floor under a negative month. */
export type ClauseTotal = {
  readonly clause: string;
  readonly kind: ShareClause['kind'] | null;
  readonly minor: bigint;
  readonly cells: readonly Cell[];
  /** What each session gives, exact, in the order of the month: asked for where a statement is not its month's first. */
  bySession(): readonly { readonly key: string; readonly siteId: string; readonly exact: Exact }[];
  /** How it came about, in figures. */
  readonly figures: Readonly<Record<string, string | number | bigint>>;
};
export type MonthTotals = {
  readonly clauses: readonly ClauseTotal[];
  /** What guarantees have added and not taken back, by clause, after this month. */
  readonly carriedGuarantees: ReadonlyMap<string, bigint>;
  readonly issues: readonly Issue[];
};

type Entry = { readonly session: MonthSession; readonly agreement: ShareAgreement; readonly version: number; readonly share: ClauseShare };
/** A clause's total with its part under each version, which a guarantee of some of the month's days asks for. */
type Sum = ClauseTotal & { readonly byVersion: ReadonlyMap<number, bigint> };

const nothing = exactFromInt(0);

/** What a contract gives for a whole service month, of the sessions that are there, whatever came first. Issues block, and then there are no totals. */
export function monthTotals(month: Month, carriedGuarantees: ReadonlyMap<string, bigint>): MonthTotals {
  const { entries, issues } = runMonth(month);
  if (issues.length > 0) return { clauses: [], carriedGuarantees, issues };
  const carried = new Map(carriedGuarantees);
  const sums: Sum[] = [];
  for (const clause of clausesOf(month)) {
    const own = entries.get(clause.id) ?? [];
    switch (clause.kind) {
      case 'deduct':
        break;
      case 'guarantee':
        sums.push(guaranteed(month, clause, sums, carried));
        break;
      case 'tieredShare':
        sums.push(tiered(month, clause, own));
        break;
      default:
        sums.push(byRecord(month, clause, own));
    }
  }
  return { clauses: [...sums, ...floors(month, sums)], carriedGuarantees: carried, issues };
}

/** The order of sessions within a month (D08). */
function inOrder<T extends { readonly key: string; readonly startMs: number; readonly endMs: number }>(sessions: readonly T[]): T[] {
  return [...sessions].sort((a, b) => a.endMs - b.endMs || a.startMs - b.startMs || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
}

/** The base is what the sale came to within the payer's month; included kWh count at the contract's value where it names one (D44). */
function runMonth(month: Month): { readonly entries: ReadonlyMap<string, Entry[]>; readonly issues: readonly Issue[] } {
  const entries = new Map<string, Entry[]>();
  const issues: Issue[] = [];
  const segmentOf = new Map(month.segments.map((s) => [s.version, s]));
  for (const session of inOrder(month.sessions)) {
    const segment = segmentOf.get(session.contractVersion);
    if (segment === undefined) throw new RangeError(`session ${session.key} refers to version ${session.contractVersion} of ${month.contractId}, which does not hold in ${month.serviceMonth}`);
    const { agreement, version } = segment;
    const value = agreement.includedKwhValue;
    const included = value === undefined ? 0n : roundToMoney(mul(exactFromDecimal(value), { n: session.includedWh, d: 1000n }), month.currency, 'halfAwayFromZero');
    const shared = { ...session, saleNetMinor: session.saleNetMinor + session.periodNetMinor + included };
    const run = runClauses(agreement, shared, month.currency, month.prices, session.key);
    issues.push(...run.issues);
    for (const share of run.shares) {
      const own = entries.get(share.clause.id);
      if (own === undefined) entries.set(share.clause.id, [{ session, agreement, version, share }]);
      else own.push({ session, agreement, version, share });
    }
  }
  return { entries, issues };
}

/** Every clause of the month once, as its last version says it, in the order written; what a later version adds comes last. */
function clausesOf(month: Month): ShareClause[] {
  const found = new Map<string, ShareClause>();
  for (const { agreement } of month.segments) for (const clause of agreement.clauses) found.set(clause.id, clause);
  return [...found.values()];
}

/** Who earns what the month decides: as the last version says that holds the clause. */
function payeesOfMonth(month: Month, clause: string) {
  const segment = month.segments.findLast((s) => s.agreement.clauses.some((c) => c.id === clause)) ?? month.segments.at(-1);
  return payeesOf(segment?.agreement ?? { beneficiaries: [] }, month.ownerAccountId);
}

/** Decided record by record (D15), but nothing where pass-through leaves the month less than nothing (D17). */
function byRecord(month: Month, clause: ShareClause, entries: readonly Entry[]): Sum {
  const rest = entries.filter((e) => e.share.ofRest && !e.agreement.sharesLosses);
  const restBase = rest.map((e) => e.share.base).reduce(add, nothing);
  const floored = new Set(clause.kind === 'netShare' && restBase.n < 0n ? rest : []);
  const counted = entries.filter((e) => !floored.has(e));
  const cells = new Map<string, Cell>();
  const byVersion = new Map<number, bigint>();
  const payeesBy = new Map(month.segments.map((s) => [s.version, payeesOf(s.agreement, month.ownerAccountId)]));
  const settled = settledOf(month, clause);
  for (const { payeeAccountId, siteId, netMinor } of settled.shares) {
    addTo(cells, payeeAccountId, siteId, netMinor);
    byVersion.set(settled.version, (byVersion.get(settled.version) ?? 0n) + netMinor);
  }
  for (const { session, version, share } of counted) {
    const rounded = roundToMoney(share.exact, month.currency, 'halfAwayFromZero');
    byVersion.set(version, (byVersion.get(version) ?? 0n) + rounded);
    const payees = payeesBy.get(version) ?? [];
    const parts = payees.length === 1 ? [rounded] : splitAmong(payees, rounded);
    for (let i = 0; i < parts.length; i += 1) addTo(cells, payees[i]?.accountId ?? '', session.siteId, parts[i] ?? 0n);
  }
  return {
    clause: clause.id,
    kind: clause.kind,
    minor: sumOf([...byVersion.values()]),
    cells: inOrderOf([...payeesBy.values()].flat(), [...cells.values()]),
    bySession: () => counted.map((e) => ({ key: e.session.key, siteId: e.session.siteId, exact: e.share.exact })),
    byVersion,
    figures: { sessions: entries.length + settled.sessions, ...(floored.size > 0 ? { restFloored: floored.size } : {}) },
  };
}

/** What settled sessions give by a clause, and how many it looks at. */
function settledOf({ segments, settled }: Month, clause: ShareClause): Pick<SettledSessions, 'version' | 'shares'> & { readonly sessions: number } {
  const own = segments.find((s) => s.version === settled?.version)?.agreement.clauses.find((c) => c.id === clause.id);
  if (settled === undefined || own === undefined) return { version: 0, shares: [], sessions: 0 };
  const scope = 'scope' in own ? own.scope?.siteIds : undefined;
  const sites = [...settled.bySite].filter(([siteId]) => scope === undefined || scope.includes(siteId));
  return { version: settled.version, shares: settled.shares.filter((s) => s.clause === clause.id), sessions: sites.reduce((n, [, own]) => n + own, 0) };
}

/** Payee by payee, each by site: whatever session came first. */
function inOrderOf(payees: readonly { readonly accountId: string }[], cells: readonly Cell[]): Cell[] {
  const rank = new Map(payees.toReversed().map((p, i) => [p.accountId, payees.length - i]));
  return [...cells].sort((a, b) => (rank.get(a.accountId) ?? 0) - (rank.get(b.accountId) ?? 0) || ((a.siteId ?? '') < (b.siteId ?? '') ? -1 : 1));
}

/** The steps over the month; rounded once for the month, then split among payees and over sites by what each session added (D44). */
function tiered(month: Month, clause: ShareClause, entries: readonly Entry[]): Sum {
  const rungs = entries.flatMap((e) => (e.share.clause.kind === 'tieredShare' ? [{ clause: e.share.clause, base: e.share.base, energyWh: climbedBy(e), sharesLosses: e.agreement.sharesLosses }] : []));
  const base = rungs.map((r) => r.base).reduce(add, nothing);
  const below = base.n < 0n && !rungs.some((r) => r.sharesLosses);
  const marginal = below ? rungs.map(() => nothing) : marginalShares(rungs);
  const minor = roundToMoney(marginal.reduce(add, nothing), month.currency, 'halfAwayFromZero');
  const sites = [...new Set(entries.map((e) => e.session.siteId))];
  const versions = [...new Set(entries.map((e) => e.version))];
  const sumWhere = (holds: (e: Entry) => boolean) => entries.reduce((sum, e, i) => (holds(e) ? add(sum, marginal[i] ?? nothing) : sum), nothing);
  const exactOfSites = sites.map((site) => sumWhere((e) => e.session.siteId === site));
  const payees = payeesOfMonth(month, clause.id);
  const cells = splitAmong(payees, minor).flatMap((part, i) => {
    const share = exactOfSites.map((exact) => divInt(mul(exact, payees[i]?.percent ?? nothing), 100n));
    return spread(part, share, month.currency).map((m, at): Cell => ({ accountId: payees[i]?.accountId ?? '', siteId: sites[at] ?? null, minor: m }));
  });
  const parts = spread(
    minor,
    versions.map((v) => sumWhere((e) => e.version === v)),
    month.currency,
  );
  return {
    clause: clause.id,
    kind: clause.kind,
    minor,
    cells,
    bySession: () => entries.map((e, i) => ({ key: e.session.key, siteId: e.session.siteId, exact: marginal[i] ?? nothing })),
    byVersion: new Map(versions.map((v, i) => [v, parts[i] ?? 0n])),
    figures: {
      sessions: entries.length,
      baseMinor: roundToMoney(base, month.currency, 'halfAwayFromZero'),
      energyWh: rungs.reduce((sum, r) => sum + r.energyWh, 0n),
    },
  };
}

/** The kWh that a session takes the month up its steps: none where it is given up, since it earns nothing, by others neither (D16). */
const climbedBy = ({ session, agreement }: Entry) => (session.isWrittenOff && !agreement.writtenOffAtOurCost ? 0n : session.delivered.energyWh);

/** What the shares written before it lack to the guarantee; carried forward, what earlier months got that way is taken back above it. */
function guaranteed(month: Month, clause: Extract<ShareClause, { kind: 'guarantee' }>, before: readonly Sum[], carried: Map<string, bigint>): Sum {
  const daysInMonth = daysOf(`${month.serviceMonth}-01`, firstOfNext(month.serviceMonth));
  const held = month.segments.flatMap((s) => {
    const found = s.agreement.status === 'active' ? s.agreement.clauses.find((c) => c.id === clause.id) : undefined;
    return found?.kind === 'guarantee' ? [{ version: s.version, netPerMonth: found.netPerMonth, days: daysOf(s.fromOn, s.toOn) }] : [];
  });
  const exact = held.map((h) => divInt(mul(exactFromDecimal(h.netPerMonth), exactFromInt(h.days)), BigInt(daysInMonth))).reduce(add, nothing);
  const guaranteedMinor = roundToMoney(exact, month.currency, 'halfAwayFromZero');
  const versions = new Set(held.map((h) => h.version));
  const sharesMinor = sumOf(before.filter((s) => s.kind !== 'passThrough').flatMap((s) => [...s.byVersion].filter(([v]) => versions.has(v)).map(([, minor]) => minor)));
  const lacking = guaranteedMinor - sharesMinor;
  const owed = carried.get(clause.id) ?? 0n;
  const above = lacking < 0n && clause.carryForward ? -lacking : 0n;
  const takenBack = above < owed ? above : owed;
  const minor = lacking > 0n ? lacking : -takenBack;
  if (clause.carryForward) carried.set(clause.id, owed + minor);
  const sites = [...new Set([...(month.settled?.bySite.keys() ?? []), ...month.sessions.map((s) => s.siteId)])];
  const siteId = sites.length === 1 ? (sites[0] ?? null) : null;
  const payees = payeesOfMonth(month, clause.id);
  return {
    clause: clause.id,
    kind: clause.kind,
    minor,
    cells: splitAmong(payees, minor).map((m, i): Cell => ({ accountId: payees[i]?.accountId ?? '', siteId, minor: m })),
    bySession: () => [],
    // Of a later guarantee it counts where this one does.
    byVersion: new Map(held.at(-1) === undefined ? [] : [[held.at(-1)?.version ?? 0, minor]]),
    figures: { days: held.reduce((n, h) => n + h.days, 0), daysInMonth, guaranteedMinor, sharesMinor, carriedMinor: owed },
  };
}

/** Where a month may not end below nothing, what each payee lacks to it. */
function floors(month: Month, sums: readonly Sum[]): ClauseTotal[] {
  if (month.segments.at(-1)?.agreement.negativeMonth !== 'floor') return [];
  const cells = new Map<string, Cell>();
  for (const { accountId, minor } of sums.flatMap((s) => s.cells)) addTo(cells, accountId, null, minor);
  const lacking = [...cells.values()].filter((c) => c.minor < 0n).map((c): Cell => ({ ...c, minor: -c.minor }));
  return lacking.length === 0 ? [] : [{ clause: 'negativeMonth', kind: null, minor: sumOf(lacking.map((c) => c.minor)), cells: lacking, bySession: () => [], figures: {} }];
}

function addTo(cells: Map<string, Cell>, accountId: string, siteId: string | null, minor: bigint): void {
  const key = `${accountId}\n${siteId ?? ''}`;
  cells.set(key, { accountId, siteId, minor: minor + (cells.get(key)?.minor ?? 0n) });
}

/** Days of a half-open span of calendar dates. */
function daysOf(fromOn: string, toOn: string): number {
  const [from, to] = [dayNumberOfDate(fromOn), dayNumberOfDate(toOn)];
  if (from === undefined || to === undefined) throw new RangeError(`not calendar dates: ${fromOn}, ${toOn}`);
  return to - from;
}

function firstOfNext(serviceMonth: string): string {
  const [year = 0, month = 1] = serviceMonth.split('-').map(Number);
  return month === 12 ? `${year + 1}-01-01` : `${year}-${String(month + 1).padStart(2, '0')}-01`;
}

const sumOf = (values: readonly bigint[]) => values.reduce((a, b) => a + b, 0n);
