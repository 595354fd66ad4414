import type { z } from 'zod';

type Bound = number | string | undefined;
/** A lower and an upper bound by their names; `open`: equal ones have nothing between them. */
export type Bounds<T> = { readonly lower: keyof T & string; readonly upper: keyof T & string; readonly open?: boolean };

/** Refuses a lower bound above its upper one, at both fields; for what is said anew, since what was kept before may have them crossed. */
export const inOrder =
  <T extends { readonly [name: string]: unknown }>(pairs: readonly Bounds<T>[]) =>
  (value: T, ctx: z.RefinementCtx): void => {
    for (const { lower, upper, open = false } of pairs) {
      for (const { name, message } of crossed([lower, value[lower] as Bound], [upper, value[upper] as Bound], open)) ctx.addIssue({ code: 'custom', path: [name], message });
    }
  };

/** What is wrong with a pair of bounds, at each of the two: nothing while one of them is not said. */
export function crossed([lower, from]: readonly [string, Bound], [upper, to]: readonly [string, Bound], open = false): { readonly name: string; readonly message: string }[] {
  if (from === undefined || to === undefined || isLess(from, to) || (!open && !isLess(to, from))) return [];
  return [
    { name: lower, message: `nothing lies between ${from} and ${upper}, ${to}: lower the one or raise the other` },
    { name: upper, message: `nothing lies between ${lower}, ${from}, and ${to}: lower the one or raise the other` },
  ];
}

/** Of two numbers, dates, or amounts such as 12.50, which may be ill written. */
function isLess(a: number | string, b: number | string): boolean {
  if (typeof a === 'number' || typeof b === 'number') return a < b;
  const [[whole, part], [otherWhole, otherPart]] = [partsOf(a), partsOf(b)];
  return whole === otherWhole ? part < otherPart : whole.length === otherWhole.length ? whole < otherWhole : whole.length < otherWhole.length;
}

function partsOf(text: string): readonly [whole: string, part: string] {
  const [whole = '', part = ''] = text.split('.');
  return [whole.replace(/^0+(?=\d)/, ''), part.replace(/0+$/, '')];
}
