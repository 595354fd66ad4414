import type { ErpDocument, ErpHolding } from '../../contracts/erp-document.ts';
import { heldDifferences } from './compare-held.ts';

/**
 * Where an ERP holds something else than was handed over: gone (`missing`), changed (`differs`), taken back there (`reversed`), or marked as
 * ours and never sent (`unknownThere`).
 */
export type Drift = { readonly key: string; readonly kind: 'missing' | 'differs' | 'reversed' | 'unknownThere'; readonly words: string };

/** Compares both ways, by what stands there of a key; `verified` are documents that were read back once, `known` all keys that were or are to be sent. Ordered by key. */
export function driftOf(verified: readonly ErpDocument[], known: ReadonlySet<string>, held: readonly ErpHolding[]): readonly Drift[] {
  const there = new Map<string, ErpHolding[]>();
  for (const holding of held) there.set(holding.key, [...(there.get(holding.key) ?? []), holding]);
  const drifts: Drift[] = [];
  for (const document of verified) {
    const { key } = document;
    const all = there.get(key) ?? [];
    // What was taken back there counts only where nothing was posted in its place.
    const [one = all.at(-1), ...more] = all.filter((h) => !h.isReversed);
    if (one === undefined) drifts.push({ key, kind: 'missing', words: 'it was posted and read back, and is no longer there' });
    else if (one.isReversed) drifts.push({ key, kind: 'reversed', words: `${one.externalId} was taken back in the ERP: credit it here too, or have it restored there` });
    else if (more.length > 0) drifts.push({ key, kind: 'differs', words: `it is there ${more.length + 1} times: ${[one, ...more].map((h) => h.externalId).join(', ')}` });
    else {
      const differences = heldDifferences(document, one);
      if (differences.length > 0) drifts.push({ key, kind: 'differs', words: differences.slice(0, 5).join(', ') });
    }
  }
  for (const [key, [one]] of there) {
    if (!known.has(key)) drifts.push({ key, kind: 'unknownThere', words: `${one?.externalId} bears our marks, and was never handed over` });
  }
  return drifts.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
}
