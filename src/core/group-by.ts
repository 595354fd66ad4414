/** Rows by a key of theirs; keys in the order they first come, rows in theirs. */
export function groupBy<T>(rows: readonly T[], keyOf: (row: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const key = keyOf(row);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  return groups;
}

/** One text for parts in their order, and another for others: each place has text without NUL, as PostgreSQL's is, or numbers, or truth values; or null. Cheaper than JSON. */
export function keyOf(parts: readonly (string | number | boolean | null)[]): string {
  let key = '';
  for (const part of parts) key += part === null ? '\0' : `=${part}\0`;
  return key;
}
