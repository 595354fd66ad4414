const keepMs = 5000;
const maxKept = 10_000;

/**
 * Asks once in a few seconds for what every request needs and seldom changes (a key's holder, a source): a change, a revoked key too,
 * takes effect within five seconds. What is not found is asked for each time.
 */
export function briefly<T>(ask: (key: string) => Promise<T | undefined>): (key: string) => Promise<T | undefined> {
  const kept = new Map<string, { readonly value: T; readonly until: number }>();
  return async (key) => {
    const known = kept.get(key);
    if (known !== undefined && known.until > Date.now()) return known.value;
    const value = await ask(key);
    kept.delete(key);
    if (value === undefined) return undefined;
    if (kept.size >= maxKept) kept.clear();
    kept.set(key, { value, until: Date.now() + keepMs });
    return value;
  };
}
