/** A value that holds from an instant to another, half-open, in epoch milliseconds; without beginning or end: ±Infinity. */
export type Span<T> = { readonly fromMs: number; readonly toMs: number; readonly value: T };
/** What placing a value does to the spans that are there: one is cut short, one is added or takes another value; or nothing. */
export type Placement<T> =
  | { readonly kind: 'unchanged' }
  | {
      readonly kind: 'placed';
      readonly before: T | undefined;
      readonly cut: { readonly fromMs: number; readonly toMs: number } | undefined;
      readonly span: Span<T>;
      readonly spans: readonly Span<T>[];
    };

/**
 * Lets `value` hold from an instant on, until the next span that begins later. Nothing changes before that instant, nor from the next
 * beginning on. `spans` do not overlap and are in order of time.
 */
export function placeInTime<T>(spans: readonly Span<T>[], fromMs: number, value: T, same: (a: T, b: T) => boolean): Placement<T> {
  const holder = spans.find((s) => s.fromMs <= fromMs && fromMs < s.toMs);
  if (holder !== undefined && same(holder.value, value)) return { kind: 'unchanged' };
  const next = spans.find((s) => s.fromMs > fromMs);
  const span = { fromMs, toMs: holder?.toMs ?? next?.fromMs ?? Number.POSITIVE_INFINITY, value };
  const cut = holder === undefined || holder.fromMs === fromMs ? undefined : { fromMs: holder.fromMs, toMs: fromMs };
  const kept = spans.flatMap((s) => (s !== holder ? [s] : cut === undefined ? [] : [{ ...s, toMs: fromMs }]));
  return { kind: 'placed', before: holder?.value, cut, span, spans: [...kept, span].sort((a, b) => a.fromMs - b.fromMs) };
}
