import type { ErpDocument, ErpHeld } from '../../contracts/erp-document.ts';
import { sumsOf } from './sums.ts';

/** In words, how what an ERP holds under a key differs from what was sent; empty when number, date, currency and every sum agree to the minor unit. */
export function heldDifferences(sent: ErpDocument, held: ErpHeld): readonly string[] {
  const differences: string[] = [];
  for (const field of ['legalNumber', 'currency', 'postedOn'] as const) {
    if (sent[field] !== held[field]) differences.push(`${field} is ${held[field]}, not ${sent[field]}`);
  }
  const [ours, theirs] = [sumsOf(sent.lines), sumsOf(held.lines)];
  for (const key of [...new Set([...ours.keys(), ...theirs.keys()])].sort()) {
    const [a, b] = [ours.get(key) ?? 0n, theirs.get(key) ?? 0n];
    if (a !== b) differences.push(`${key} is ${b}, not ${a}`);
  }
  return differences;
}
