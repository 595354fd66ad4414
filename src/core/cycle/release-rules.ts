import type { ReleaseRules } from '../../contracts/release-rules.ts';

/** Documents of a group that are alike, with the sum and the largest of what they ask for or credit, in minor units. */
export type GroupTotals = { readonly strategy: string; readonly category: string; readonly currency: string; readonly sumMinor: bigint; readonly largestMinor: bigint };

/** True when a rule wants two to approve documents of these totals. Amounts of different currencies are never added. */
export function needsTwo(rules: ReleaseRules, totals: readonly GroupTotals[]): boolean {
  return rules.secondApprover.some((rule) => {
    const meant = totals.filter((t) => (rule.strategy ?? t.strategy) === t.strategy && (rule.category ?? t.category) === t.category && (rule.currency ?? t.currency) === t.currency);
    const sums = new Map<string, bigint>();
    for (const t of meant) sums.set(t.currency, (sums.get(t.currency) ?? 0n) + t.sumMinor);
    const { groupAbove, documentAbove } = rule;
    return (groupAbove !== undefined && [...sums.values()].some((sum) => sum > BigInt(groupAbove))) || (documentAbove !== undefined && meant.some((t) => t.largestMinor > BigInt(documentAbove)));
  });
}

/** How many documents of each currency of a strategy go first in a group of so many documents. */
export function canaryOf(rules: ReleaseRules, strategy: string, groupDocuments: number): number {
  if (groupDocuments < rules.canary.smallestGroup) return 0;
  return rules.canary.strategies[strategy]?.documents ?? rules.canary.documents;
}

/** A group goes on by itself only when every strategy in its canary may. */
export function waitsForRelease(rules: ReleaseRules, strategies: readonly string[]): boolean {
  return strategies.some((strategy) => (rules.canary.strategies[strategy]?.release ?? rules.canary.release) === 'wait');
}
