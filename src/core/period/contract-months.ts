import { type ClauseMonth, computeMonth, type Lot, type MonthInput, type MonthResult } from './month.ts';
import { baseOf, type FeeRole, feeRoleOf } from './period-charge.ts';
import { monthAfter, segmentsOf } from './segments.ts';
import { type DueRow, type IssuedRow, isOwedAnew, settleMonth, type WrittenOffRow } from './settle.ts';

export type ContractMonths = Pick<MonthInput, 'zone' | 'currency' | 'mode' | 'versions' | 'ownPlace'> & {
  readonly firstMonth: string;
  readonly sessions: ReadonlyMap<string, MonthInput['sessions']>;
  readonly issued: ReadonlyMap<string, readonly IssuedRow[]>;
  /** Fees that runs left out: the earliest month of those that wait, and what of each month was written off. */
  readonly leftOut?: { readonly waitsFrom: string | null; readonly writtenOff: ReadonlyMap<string, readonly WrittenOffRow[]> };
};

/** The months of a contract from `from` to `to`, with what allowances of earlier ones roll over. */
export function resultsOf(contract: ContractMonths, from: string, to: string): Map<string, MonthResult> {
  const rolls = contract.versions.some((v) => v.agreement.clauses.some((c) => c.kind === 'included' && c.rolloverMonths > 0));
  const results = new Map<string, MonthResult>();
  let lots: readonly Lot[] = [];
  for (let month = rolls && contract.firstMonth < from ? contract.firstMonth : from; month <= to; month = monthAfter(month)) {
    const result = computeMonth({ ...contract, month, sessions: contract.sessions.get(month) ?? [] }, lots);
    lots = result.lots;
    if (month >= from) results.set(month, result);
  }
  return results;
}

/** The months of a run: `first` to `last` are those of its period, `full` the last that has ended with it, and none before `since` was ever run. */
export type RunMonths = { readonly first: string; readonly last: string; readonly full: string; readonly since: string };

/** The first month of which something may be due that no session of the run belongs to: what was carried or parked in the runs before. */
export function regularFrom({ first, last, since }: RunMonths): string {
  const [year = 0, month = 0] = last.split('-').map(Number);
  const [ofYear = 0, of = 0] = first.split('-').map(Number);
  const back = monthAfter(first, -Math.max(2, (year - ofYear) * 12 + month - of + 1));
  return back < since ? since : back;
}

/** What is due only when its month has ended. */
const atMonthsEnd: ReadonlySet<string> = new Set(['subscriptionFee', 'minimumTrueUp']);

/** Whether a run looks at fees of a role in a month: of months to come at those in advance of the next alone. */
export function looksAt({ last, full }: RunMonths, role: FeeRole, month: string): boolean {
  return month <= (atMonthsEnd.has(role) ? full : full < last ? last : monthAfter(last));
}

/** The first month that a run looks at: since it has sessions of it, what it was billed is taken back, a fee of it waits, or it was carried or parked in the runs before. */
function lookedAtFrom(contract: Pick<ContractMonths, 'sessions' | 'issued' | 'leftOut'>, run: RunMonths): string {
  const touched = [...contract.sessions].flatMap(([month, sessions]) => (sessions.some((s) => s.isNew) ? [month] : []));
  const takenBack = [...contract.issued].flatMap(([month, rows]) => (isOwedAnew(rows) ? [month] : []));
  return [...touched, ...takenBack, contract.leftOut?.waitsFrom ?? run.last, regularFrom(run), run.last].sort()[0] ?? run.last;
}

export type OpenFee = { readonly clause: string; readonly component: string; readonly serviceMonth: string };

/** The fees and minimums of the months that a run looks at of which nothing was billed or written off yet: what waits where they cannot be computed. */
export function openFees(contract: Pick<ContractMonths, 'zone' | 'versions' | 'sessions' | 'issued' | 'leftOut'>, run: RunMonths): OpenFee[] {
  const found = new Map<string, OpenFee>();
  for (let month = lookedAtFrom(contract, run); month <= monthAfter(run.last); month = monthAfter(month)) {
    const done = new Set([...(contract.issued.get(month) ?? []), ...(contract.leftOut?.writtenOff.get(month) ?? [])].map((r) => `${baseOf(r.component)}\n${r.clause}`));
    for (const kind of ['fee', 'minimum'] as const)
      for (const { clause } of segmentsOf(contract.versions, month, contract.zone, kind)) {
        const component = clause.kind === 'minimum' ? 'minimum' : clause.billed === 'advance' ? 'advanceFee' : 'fee';
        const key = `${component}\n${clause.id}`;
        if (looksAt(run, feeRoleOf(component), month) && !done.has(key)) found.set(`${key}\n${month}`, { clause: clause.id, component, serviceMonth: month });
      }
  }
  return [...found.values()];
}

/**
 * What a run bills of a contract: of its months and of those before (what was carried or parked then), of every month of which it has
 * sessions or of which something was taken back, of every month since a fee of it waits, and the next month's fees in advance; each less what was issued. Of a month that goes on after the run's week, what its
 * sessions up to then come to: its fees in arrears, its minimum and the next fee in advance are due with the week in which it ends.
 */
export function dueOf(contract: ContractMonths, run: RunMonths): { readonly serviceMonth: string; readonly row: DueRow }[] {
  const from = lookedAtFrom(contract, run);
  const isDue = (month: string) => (of: { readonly role: string }) => month <= run.full || !atMonthsEnd.has(of.role);
  const settle = (month: string, clauses: readonly ClauseMonth[]) =>
    settleMonth({ ...contract, month }, clauses.filter(isDue(month)), (contract.issued.get(month) ?? []).filter(isDue(month)), contract.leftOut?.writtenOff.get(month)).map((row) => ({
      serviceMonth: month,
      row,
    }));
  const months = [...resultsOf(contract, from, run.last)].flatMap(([month, result]) => settle(month, result.clauses));
  if (run.full < run.last) return months;
  const next = monthAfter(run.last);
  return [...months, ...settle(next, computeMonth({ ...contract, month: next, sessions: [], advanceOnly: true }).clauses)];
}
