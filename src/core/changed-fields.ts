/** One value in two states of something, by its path; null where it is not said. */
export type ChangedField = { readonly field: string; readonly before: unknown; readonly after: unknown };
type Fields = Readonly<Record<string, unknown>>;

/** What of two states differs, by the paths of what holds no further fields, in order; a list is one value. */
export function changedFields(before: Fields, after: Fields, path: readonly string[] = []): ChangedField[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].sort().flatMap((name) => {
    const [from, to, at] = [before[name], after[name], [...path, name]];
    if ((isFields(from) || from === undefined) && (isFields(to) || to === undefined)) return changedFields(from ?? {}, to ?? {}, at);
    return JSON.stringify(from) === JSON.stringify(to) ? [] : [{ field: at.join('.'), before: from ?? null, after: to ?? null }];
  });
}

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);
