/** A page of a list: `cursor` is what the page before answered as `nextCursor`. */
export type PageOrder = { readonly cursor?: string | undefined; readonly limit: number };
export type Page<T> = { readonly items: readonly T[]; readonly nextCursor: string | null };

/** Cuts one row too many off, which tells that there is a next page; `keyOf` gives the cursor of a row. */
export function pageOf<Row, T>(rows: readonly Row[], limit: number, keyOf: (row: Row) => string, read: (row: Row) => T): Page<T> {
  const kept = rows.slice(0, limit);
  const last = kept.at(-1);
  return { items: kept.map(read), nextCursor: rows.length > limit && last !== undefined ? keyOf(last) : null };
}
