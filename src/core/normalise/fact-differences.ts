/** A field of the facts that reads otherwise than it was sealed; null for one that is absent. */
export type FactDifference = { readonly field: string; readonly sealed: unknown; readonly present: unknown };

/** Where two JSON values differ, leaf by leaf in the order of their fields, such as `periods[0].energyWh`. */
export function factDifferences(sealed: unknown, present: unknown, field = ''): FactDifference[] {
  if (isContainer(sealed) && isContainer(present) && Array.isArray(sealed) === Array.isArray(present)) {
    const keys = [...new Set([...Object.keys(sealed), ...Object.keys(present)])];
    return keys.flatMap((key) => factDifferences(sealed[key], present[key], Array.isArray(sealed) ? `${field}[${key}]` : field === '' ? key : `${field}.${key}`));
  }
  return Object.is(sealed, present) ? [] : [{ field, sealed: sealed ?? null, present: present ?? null }];
}

function isContainer(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
