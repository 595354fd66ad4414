import { type ClauseMonth, computeMonth, type Lot, type MonthInput, type MonthResult } from './month.ts';
import { monthAfter } from './segments.ts';
import { type DueRow, type IssuedRow, settleMonth } from './settle.ts';

export type ContractMonths = Pick<MonthInput, 'zone' | 'currency' | 'mode' | 'versions' | 'ownPlace'> & {
  readonly firstMonth: string;
  readonly sessions: ReadonlyMap<string, MonthInput['sessions']>;
  readonly issued: ReadonlyMap<string, readonly IssuedRow[]>;
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

/**
 * What a run of `period` bills of a contract: of its month and of the two before (what was carried or parked then), of every month of which it
 * has sessions, and the next month's fees in advance; each less what was issued. `since`: no month before it was ever run.
 */
export function dueOf(contract: ContractMonths, period: string, since: string): { readonly serviceMonth: string; readonly row: DueRow }[] {
  const touched = [...contract.sessions].flatMap(([month, sessions]) => (sessions.some((s) => s.isNew) ? [month] : []));
  const regular = [monthAfter(period, -2), monthAfter(period, -1)].filter((m) => m >= since);
  const from = [...touched, ...regular, period].sort()[0] ?? period;
  const settle = (month: string, clauses: readonly ClauseMonth[]) => settleMonth({ ...contract, month }, clauses, contract.issued.get(month) ?? []).map((row) => ({ serviceMonth: month, row }));
  const next = monthAfter(period);
  const ahead = computeMonth({ ...contract, month: next, sessions: [], advanceOnly: true });
  return [...[...resultsOf(contract, from, period)].flatMap(([month, result]) => settle(month, result.clauses)), ...settle(next, ahead.clauses)];
}
