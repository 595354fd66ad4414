import type { Supply } from '../../contracts/vat-table.ts';
import type { Issue } from '../issues.ts';
import { allocate, formatMinor, minorUnitDigits, roundToMoney, toDecimal4HalfEven } from '../money.ts';
import type { PeriodCharge } from '../period/period-charge.ts';
import { dayNumberOfDate, formatInstant } from '../time.ts';
import { type Cell, type ClauseTotal, type Month, type MonthSession, monthTotals } from './month.ts';
import { earnsAnyway, type ShareAgreement } from './pipeline.ts';
import { componentOf, supplyOf } from './share-of-record.ts';

/** Shares of sessions that are booked and live, or a row that an earlier statement of the month stated. */
export type StatedShare = { readonly clause: string; readonly payeeAccountId: string; readonly siteId: string | null; readonly netMinor: bigint };

/** What months hand on to the next: what guarantees added and have not taken back, by clause; what a payee still owes us, by account (0 or below). */
export type Carried = { readonly guarantees: ReadonlyMap<string, bigint>; readonly balances: ReadonlyMap<string, bigint> };

export type StatementInput = Omit<Month, 'sessions'> & {
  readonly sessions: readonly (MonthSession & {
    /** No earlier statement of the month had it, or had it otherwise. */
    readonly isLate: boolean;
  })[];
  /** What the sessions' records booked: one by one, or summed of what is alike. */
  readonly booked: readonly StatedShare[];
  /** 1 for the month's first statement. */
  readonly statementNo: number;
  readonly stated: readonly StatedShare[];
  /** Of sales in other currencies: these are as their records booked them, but for what is given up. */
  readonly elsewhere?: readonly OtherCurrency[];
};

/** Of a month the sales in another currency than the contract's. Minor units of `currency`. */
export type OtherCurrency = {
  readonly currency: string;
  /** What records booked of sales that are written off, by the agreement at their start. */
  readonly givenUp: readonly { readonly agreement: ShareAgreement; readonly shares: readonly StatedShare[] }[];
  readonly stated: readonly StatedShare[];
};

/** A row of a statement: a period charge without what VAT, GL mapping and the books add. */
export type StatementRow = Pick<
  PeriodCharge,
  | 'component'
  | 'splitNo'
  | 'contractId'
  | 'contractVersion'
  | 'clause'
  | 'payeeAccountId'
  | 'currency'
  | 'netMinor'
  | 'exactNet'
  | 'unitPrice'
  | 'quantity'
  | 'quantityUnit'
  | 'siteId'
  | 'serviceOn'
  | 'serviceMonth'
> & {
  readonly role: 'statement' | 'energyReimbursement';
  readonly supply: Supply;
  /** Names the text of the line, such as `siteAccess.guarantee`. */
  readonly textKey: string;
  /** The clause's whole month, what records booked and what earlier statements stated of it, for this payee; and how it came about. */
  readonly explanation: { readonly monthMinor: bigint; readonly bookedMinor: bigint; readonly statedMinor: bigint; readonly figures: ClauseTotal['figures'] };
};

export type Statement = {
  readonly rows: readonly StatementRow[];
  /** What each payee earns by the whole month; with what was carried: what may be paid, or is carried on (D17, D32). */
  readonly payees: readonly { readonly accountId: string; readonly monthMinor: bigint; readonly payableMinor: bigint; readonly carriedMinor: bigint }[];
  readonly carried: Carried;
  readonly issues: readonly Issue[];
};

/**
 * What a site owner's statement states beside the shares that its sessions booked: for each clause the whole service month as its sessions
 * stand now, minus what is booked and what earlier statements stated (D17). So the statements of a month sum to the same for every order of
 * arrival. Rows of nothing are left out. Issues block, and then there are no rows.
 */
export function stateMonth(input: StatementInput, carried: Carried): Statement {
  const totals = monthTotals(input, carried.guarantees);
  if (totals.issues.length > 0) return { rows: [], payees: [], carried, issues: totals.issues };
  const { booked } = input;
  const known = new Set(totals.clauses.map((c) => c.clause));
  // What was booked or stated of a clause that now gives nothing, such as a floor that is no longer needed.
  const gone = [...new Set([...booked, ...input.stated].map((s) => s.clause).filter((c) => !known.has(c)))];
  const clauses = [...totals.clauses, ...gone.map((clause): ClauseTotal => ({ clause, kind: kindOf(input, clause), minor: 0n, cells: [], bySession: () => [], figures: {} }))];
  const payees = payeesOf(totals.clauses, carried.balances);
  return {
    rows: [...clauses.flatMap((c) => rowsOf(input, c, booked)), ...(input.elsewhere ?? []).flatMap((o) => takenBack(input, o))],
    payees,
    carried: { guarantees: totals.carriedGuarantees, balances: new Map(payees.map((p) => [p.accountId, p.carriedMinor])) },
    issues: [],
  };
}

/** Several months of a contract, oldest first: a late session changes what its month hands on, so the months after it are stated anew with it. */
export function stateMonths(months: readonly StatementInput[], carried: Carried): Statement[] {
  let handedOn = carried;
  return months.map((month) => {
    const statement = stateMonth(month, handedOn);
    handedOn = statement.carried;
    return statement;
  });
}

/**
 * Takes back, in the currency of the sale (D37), what records booked of sales that are given up, less what was stated of it: what earns nothing (D16) is
 * paid in no currency.
 */
function takenBack(input: StatementInput, { currency, givenUp, stated }: OtherCurrency): StatementRow[] {
  const booked = givenUp.flatMap(({ agreement, shares }) => shares.filter((s) => !earnsAnyway(agreement, s.clause)));
  return [...new Set([...booked, ...stated].map((s) => s.clause))].flatMap((clause) =>
    rowsOf({ ...input, currency, stated }, { clause, kind: kindOf(input, clause), minor: 0n, cells: [], bySession: () => [], figures: {} }, booked, `@${currency}`),
  );
}

/** The currency that a row's component names, of what is stated in another than the contract's. */
export const otherCurrencyOf = (component: string): string | undefined => /@([A-Z]{3})(?:#\d+)?$/.exec(component)?.[1];

function rowsOf(input: StatementInput, total: ClauseTotal, booked: readonly StatedShare[], suffix = ''): StatementRow[] {
  const segment = input.segments.findLast((s) => s.agreement.clauses.some((c) => c.id === total.clause)) ?? input.segments.at(-1);
  if (segment === undefined) return [];
  const component = `${total.kind === null ? total.clause : componentOf({ kind: total.kind, id: total.clause })}${suffix}`;
  const own = (shares: readonly StatedShare[]) => shares.filter((s) => s.clause === total.clause);
  const [ownBooked, ownStated] = [own(booked), own(input.stated)];
  const accounts = [...new Set([...total.cells.map((c) => c.accountId), ...[...ownBooked, ...ownStated].map((s) => s.payeeAccountId)])];
  const digits = 10n ** BigInt(minorUnitDigits(input.currency));
  return accounts
    .flatMap((accountId) => {
      const of = (shares: readonly StatedShare[]) => shares.filter((s) => s.payeeAccountId === accountId);
      const [mine, before] = [of(ownBooked), of(ownStated)];
      const cells = total.cells.filter((c) => c.accountId === accountId);
      const explanation = { monthMinor: sumOf(cells.map((c) => c.minor)), bookedMinor: netOf(mine), statedMinor: netOf(before), figures: total.figures };
      return sitesOf(input, total, cells, mine, before).map((cell) => ({ accountId, cell, explanation }));
    })
    .filter(({ cell }) => cell.minor !== 0n)
    .map(
      ({ accountId, cell, explanation }, splitNo): StatementRow => ({
        role: total.kind === 'passThrough' ? 'energyReimbursement' : 'statement',
        component: input.statementNo === 1 ? component : `${component}#${input.statementNo}`,
        splitNo,
        contractId: input.contractId,
        contractVersion: segment.version,
        clause: total.clause,
        payeeAccountId: accountId,
        currency: input.currency,
        netMinor: cell.minor,
        exactNet: toDecimal4HalfEven({ n: cell.minor, d: digits }),
        unitPrice: formatMinor(cell.minor, input.currency),
        quantity: 1n,
        quantityUnit: 'statement',
        siteId: cell.siteId,
        serviceOn: lastDay(input),
        serviceMonth: input.serviceMonth,
        supply: supplyOf(segment.agreement, total.kind ?? 'netShare'),
        textKey: `${segment.agreement.supplyModel}.${total.kind ?? total.clause}`,
        explanation,
      }),
    );
}

/**
 * The sites that a payee's difference burdens: each site's own in the month's first statement; later wholly those of the late sessions, by
 * what they added (D44); where none is behind it, such as new prices, each site's own again.
 */
function sitesOf(input: StatementInput, total: ClauseTotal, cells: readonly Cell[], booked: readonly StatedShare[], stated: readonly StatedShare[]): Cell[] {
  const perSite = new Map<string | null, bigint>();
  const addUp = (siteId: string | null, minor: bigint) => perSite.set(siteId, (perSite.get(siteId) ?? 0n) + minor);
  for (const c of cells) addUp(c.siteId, c.minor);
  for (const s of [...booked, ...stated]) addUp(s.siteId, -s.netMinor);
  const accountId = cells[0]?.accountId ?? '';
  // What no session brings about is one row, also where the month had no site before.
  if (total.kind === 'guarantee' || total.kind === null) return [{ accountId, siteId: cells[0]?.siteId ?? stated[0]?.siteId ?? null, minor: sumOf([...perSite.values()]) }];
  const each = [...perSite].map(([siteId, minor]): Cell => ({ accountId, siteId, minor }));
  const late = new Set(input.sessions.filter((s) => s.isLate).map((s) => s.key));
  const added = input.statementNo === 1 ? [] : total.bySession().filter((s) => late.has(s.key));
  const sites = [...new Set(added.map((s) => s.siteId))];
  if (sites.length === 0) return each;
  const weights = sites.map((site) =>
    added.filter((s) => s.siteId === site).reduce((sum, s) => sum + magnitude(roundToMoney({ n: s.exact.n * 10_000n, d: s.exact.d }, input.currency, 'halfAwayFromZero')), 0n),
  );
  return allocate(sumOf(each.map((c) => c.minor)), weights).map((minor, i): Cell => ({ accountId, siteId: sites[i] ?? null, minor }));
}

function payeesOf(clauses: readonly ClauseTotal[], balances: ReadonlyMap<string, bigint>): Statement['payees'] {
  const cells = clauses.flatMap((c) => c.cells);
  const accounts = [...new Set([...cells.map((c) => c.accountId), ...balances.keys()])];
  return accounts.map((accountId) => {
    const monthMinor = sumOf(cells.filter((c) => c.accountId === accountId).map((c) => c.minor));
    const due = monthMinor + (balances.get(accountId) ?? 0n);
    return { accountId, monthMinor, payableMinor: due > 0n ? due : 0n, carriedMinor: due < 0n ? due : 0n };
  });
}

function kindOf(input: StatementInput, clause: string): ClauseTotal['kind'] {
  return input.segments.flatMap((s) => s.agreement.clauses).find((c) => c.id === clause)?.kind ?? null;
}

/** The last day of the service period (D07): the end of the month, or of the contract within it. */
function lastDay(input: StatementInput): string {
  const end = input.segments.at(-1)?.toOn ?? `${input.serviceMonth}-01`;
  return formatInstant(((dayNumberOfDate(end) ?? 0) - 1) * 86_400_000).slice(0, 10);
}

const netOf = (shares: readonly StatedShare[]) => sumOf(shares.map((s) => s.netMinor));
const sumOf = (values: readonly bigint[]) => values.reduce((a, b) => a + b, 0n);
const magnitude = (value: bigint) => (value < 0n ? -value : value);
