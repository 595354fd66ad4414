/** States of a run, and of its release groups, in the order in which they come. */
export const runStates = ['planned', 'collecting', 'previewing', 'inReview', 'approved', 'canary', 'issuing', 'handingOver', 'reconciled', 'closed', 'cancelled'] as const;
export type RunState = (typeof runStates)[number];

/** A run stands where the least advanced of its groups stands. Throws RangeError without any. */
export function leastAdvanced(states: readonly RunState[]): RunState {
  const least = runStates.find((state) => states.includes(state));
  if (least === undefined) throw new RangeError('a run without a release group stands nowhere');
  return least;
}

/** True when a state lies before another one. */
export function isBefore(state: RunState, other: RunState): boolean {
  return runStates.indexOf(state) < runStates.indexOf(other);
}
