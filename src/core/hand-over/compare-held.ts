import type { ErpDocument, ErpHeld, ErpLine } from '../../contracts/erp-document.ts';
import { sumsOf } from './sums.ts';

/** In words, how what an ERP holds under a key differs from what was sent; empty when number, date, currency and every sum agree to the minor unit, in the books too where both sides say it. */
export function heldDifferences(sent: ErpDocument, held: ErpHeld): readonly string[] {
  const differences: string[] = [];
  for (const field of ['legalNumber', 'currency', 'postedOn'] as const) {
    if (sent[field] !== held[field]) differences.push(`${field} is ${held[field]}, not ${sent[field]}`);
  }
  compareSums(differences, sumsOf(sent.lines), sumsOf(held.lines), '');
  if (sent.books !== undefined && held.lines.every((l) => l.bookMinor !== undefined)) compareSums(differences, sumsOf(inBooks(sent.lines)), sumsOf(inBooks(held.lines)), ` in ${sent.books.currency}`);
  return differences;
}

function inBooks<T extends Pick<ErpLine, 'amountMinor' | 'bookMinor'>>(lines: readonly T[]): readonly T[] {
  return lines.map((line) => ({ ...line, amountMinor: line.bookMinor ?? '0' }));
}

function compareSums(differences: string[], ours: ReadonlyMap<string, bigint>, theirs: ReadonlyMap<string, bigint>, of: string): void {
  for (const key of [...new Set([...ours.keys(), ...theirs.keys()])].sort()) {
    const [a, b] = [ours.get(key) ?? 0n, theirs.get(key) ?? 0n];
    if (a !== b) differences.push(`${key}${of} is ${b}, not ${a}`);
  }
}
