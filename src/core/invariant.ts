/** A defect of ours, not of the input: crash with the reason. */
export function invariant(condition: boolean, why: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${why}`);
}
