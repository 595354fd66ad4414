import { createHash } from 'node:crypto';

/** A list by its name, with what it is of: its parent and its filters, in their order. Of another one, or otherwise filtered, it is another list. */
export type ListName = string | readonly [name: string, ...of: readonly (string | number | boolean | Date | readonly string[] | null | undefined)[]];

/** A page of a list: `cursor` is what the page before answered as `nextCursor`. */
export type PageOrder = { readonly cursor?: string | undefined; readonly limit: number };
export type Page<T> = { readonly items: readonly T[]; readonly nextCursor: string | null };

/** The caller asked for a page that cannot be: its words are fit to be shown. */
export class PageRefused extends Error {
  override readonly name = 'PageRefused';
}

/** Cuts one row too many off, which tells that there is a next page; `keyOf` gives the key of a row in its list. */
export function pageOf<Row, T>(list: ListName, rows: readonly Row[], limit: number, keyOf: (row: Row) => string, read: (row: Row) => T): Page<T> {
  const kept = rows.slice(0, limit);
  const last = kept.at(-1);
  return { items: kept.map(read), nextCursor: rows.length > limit && last !== undefined ? cursorAt(list, keyOf(last)) : null };
}

/** The cursor of what follows a key of a list. */
export function cursorAt(list: ListName, ...key: readonly string[]): string {
  return Buffer.from(JSON.stringify([markOf(list), ...key])).toString('base64url');
}

/** What its cursors begin with: its name, and in short what it is of, which may be long. */
function markOf(list: ListName): string {
  if (typeof list === 'string') return list;
  const [name, ...of] = list;
  return `${name} ${createHash('sha256').update(JSON.stringify(of)).digest('base64url').slice(0, 12)}`;
}

/** The key that a page begins after; null: it begins where the list does. A cursor that another list gave out, or the same of something else or filtered otherwise, is refused. */
export function keyBefore(list: ListName, { cursor }: Pick<PageOrder, 'cursor'>): string | null {
  return keysBefore(list, cursor)?.[0] ?? null;
}

/** The same of a key of several parts. */
export function keysBefore(list: ListName, cursor: string | undefined): readonly string[] | undefined {
  if (cursor === undefined) return undefined;
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    parts = undefined;
  }
  if (!Array.isArray(parts) || parts[0] !== markOf(list) || parts.length < 2 || parts.some((part) => typeof part !== 'string')) throw foreignCursor(list);
  return parts.slice(1);
}

export function foreignCursor(list: ListName): PageRefused {
  const [name, of] = typeof list === 'string' ? [list, ''] : [list[0], ' with the same path and filters'];
  return new PageRefused(`cursor is none that the list of ${name}${of} gave out: leave it out to start from the beginning`);
}
