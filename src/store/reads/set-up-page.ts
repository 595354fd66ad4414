import { cursorAt, keysBefore, type ListName, PageRefused } from './page.ts';

/** What a caller asks of a list: where the last page ended, and how many items at most (1 to 200, 50 unless said otherwise). */
export type PageRequest = { readonly cursor?: string | undefined; readonly limit?: number | undefined };
export type Page<T> = { readonly items: readonly T[]; readonly nextCursor: string | null };

const largest = 200;

/**
 * One page in key order. `find` returns the first `take` rows after the key, or from the start; rows added or removed
 * between two calls neither repeat nor hide others. A cursor belongs to the list it came from.
 */
export async function pageAfter<T>(
  list: ListName,
  request: PageRequest,
  keyOf: (row: T) => readonly string[],
  find: (after: readonly string[] | undefined, take: number) => Promise<T[]>,
): Promise<Page<T>> {
  const { cursor, limit = 50 } = request;
  if (!Number.isInteger(limit) || limit < 1 || limit > largest) throw new PageRefused(`limit wants a whole number from 1 to ${largest}`);
  const rows = await find(keysBefore(list, cursor), limit + 1);
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, nextCursor: rows.length > limit && last !== undefined ? cursorAt(list, ...keyOf(last)) : null };
}
