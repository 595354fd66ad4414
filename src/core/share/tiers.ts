import type { ShareClause } from '../../contracts/agreement.ts';
import { add, compare, divInt, type Exact, exactFromDecimal, exactFromInt, mul, sub } from '../money.ts';
import { percentOf } from './pipeline.ts';

export type TieredShare = Extract<ShareClause, { kind: 'tieredShare' }>;
const nothing = exactFromInt(0);

/** Where a month stands on the ladder: its base in major units, or its kWh. */
export type Rung = { readonly clause: TieredShare; readonly base: Exact; readonly energyWh: bigint; readonly sharesLosses: boolean };

/** What each session adds to a month's tiered share, in the order given (D08); exact, major units. A threshold belongs to the step it opens. */
export function marginalShares(rungs: readonly Rung[]): Exact[] {
  let position = nothing;
  return rungs.map(({ clause, base, energyWh, sharesLosses }) => {
    const before = position;
    position = add(before, clause.by === 'net' ? base : { n: energyWh, d: 1000n });
    return clause.by === 'net' ? sub(shareUpTo(clause, position, sharesLosses), shareUpTo(clause, before, sharesLosses)) : shareByEnergy(clause, base, before, position);
  });
}

/** The share of a month whose base is `total`; below nothing only where losses are shared. */
function shareUpTo(clause: TieredShare, total: Exact, sharesLosses: boolean): Exact {
  if (total.n <= 0n) return sharesLosses ? percentOf(total, clause.steps[0]?.percent ?? '0') : nothing;
  return within(clause, nothing, total)
    .map(({ percent, length }) => percentOf(length, percent))
    .reduce(add, nothing);
}

/** The base spread evenly over the session's kWh, each at the rate of the step it falls in; without energy all at the present step. */
function shareByEnergy(clause: TieredShare, base: Exact, from: Exact, to: Exact): Exact {
  const order = compare(from, to);
  if (order === 0) {
    const step = clause.steps.findLast((s) => compare(exactFromDecimal(s.from), from) <= 0);
    return percentOf(base, step?.percent ?? '0');
  }
  const [low, high] = order < 0 ? [from, to] : [to, from];
  const whole = sub(high, low);
  return within(clause, low, high)
    .map(({ percent, length }) => divInt(mul(percentOf(base, percent), { n: length.n * whole.d, d: length.d }), whole.n))
    .reduce(add, nothing);
}

/** The steps that [low, high) runs through, each with its length. */
function within(clause: TieredShare, low: Exact, high: Exact): { readonly percent: string; readonly length: Exact }[] {
  return clause.steps.flatMap(({ from, percent }, i) => {
    const next = clause.steps[i + 1];
    const start = later(exactFromDecimal(from), low);
    const end = next === undefined ? high : earlier(exactFromDecimal(next.from), high);
    return compare(start, end) < 0 ? [{ percent, length: sub(end, start) }] : [];
  });
}

const later = (a: Exact, b: Exact) => (compare(a, b) > 0 ? a : b);
const earlier = (a: Exact, b: Exact) => (compare(a, b) < 0 ? a : b);
