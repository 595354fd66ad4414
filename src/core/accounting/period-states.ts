export type PeriodState = 'open' | 'softClosed' | 'closed';
export type PeriodAction = 'softClose' | 'close' | 'reopen';
/** What a person asks: answers the state that comes of it, or why not. A reopening that waits for a second person changes nothing yet. */
export type PeriodStep = { readonly to: PeriodState } | { readonly waitsForSecond: true } | { readonly refused: string };

/**
 * Whether a month may go where somebody wants it. A month is closed after all before it, and reopened before all after it; what was closed is
 * reopened by two: the first asks, another one does it. `askedBy`: who asked since it was closed.
 */
export function periodStep(
  month: { readonly state: PeriodState; readonly hasEnded: boolean; readonly openBefore: string | null; readonly closedAfter: string | null; readonly askedBy: string | null },
  action: PeriodAction,
  actor: string,
): PeriodStep {
  const { state, hasEnded, openBefore, closedAfter, askedBy } = month;
  if (action === 'reopen') {
    if (state === 'open') return { refused: 'it is open' };
    if (state === 'softClosed') return { to: 'open' };
    if (closedAfter !== null) return { refused: `${closedAfter} is closed too: reopen that one first` };
    return askedBy === null || askedBy === actor ? { waitsForSecond: true } : { to: 'open' };
  }
  if (!hasEnded) return { refused: 'it has not ended' };
  if (state === 'closed' || (state === 'softClosed' && action === 'softClose')) return { refused: `it is ${state === 'closed' ? 'closed' : 'soft-closed'}` };
  if (action === 'softClose') return { to: 'softClosed' };
  return openBefore === null ? { to: 'closed' } : { refused: `${openBefore} has postings and is not closed: close that one first` };
}
