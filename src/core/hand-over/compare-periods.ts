import type { PeriodState } from '../accounting/period-states.ts';
import { dayBefore, monthAfter } from '../period/segments.ts';

/** How the period of a date stands in an ERP; closed: it takes nothing of that date now, and says so. */
export type PeriodThere = { readonly state: 'open' } | { readonly state: 'closed'; readonly words: string };
/** A month that is closed on one side alone. `words`: the ERP's, of what is closed there. */
export type PeriodDifference = { readonly month: string; readonly here: PeriodState; readonly there: PeriodThere['state']; readonly words: string | null };

/**
 * Months that an ERP has closed and we have not, or the other way, in their order; `there` is by date. A month is closed there when one of
 * the dates that were asked for is. What is soft-closed here still takes postings.
 */
export function periodDifferences(there: ReadonlyMap<string, PeriodThere>, stateOf: (month: string) => PeriodState): readonly PeriodDifference[] {
  const months = new Map<string, PeriodThere>();
  for (const [date, period] of there) {
    const month = date.slice(0, 7);
    if (months.get(month)?.state !== 'closed') months.set(month, period);
  }
  return [...months]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([month, period]) => {
      const here = stateOf(month);
      if ((here === 'closed') === (period.state === 'closed')) return [];
      return [{ month, here, there: period.state, words: period.state === 'closed' ? period.words : null }];
    });
}

/** Dates that an ERP's periods are asked for: those on which something is to be posted, and the last day of each month that is closed here. */
export function datesToAsk(closedHere: readonly string[], postedOn: readonly string[]): readonly string[] {
  return [...new Set([...postedOn, ...closedHere.map((month) => dayBefore(`${monthAfter(month)}-01`))])].sort();
}
