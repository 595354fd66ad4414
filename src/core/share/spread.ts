import { type Currency, type Exact, minorUnitDigits } from '../money.ts';

/**
 * Splits an amount in minor units over exact parts in major units of any sign, by largest remainder, ties to the earlier; loses nothing, and
 * a negated split is the exact mirror. The amount is what the parts sum to, rounded. Unlike `allocate` a part keeps its sign.
 */
export function spread(totalMinor: bigint, parts: readonly Exact[], currency: Currency): bigint[] {
  if (totalMinor < 0n) {
    return spread(
      -totalMinor,
      parts.map((p) => ({ n: -p.n, d: p.d })),
      currency,
    ).map((m) => -m);
  }
  const scale = 10n ** BigInt(minorUnitDigits(currency));
  const cut = parts.map(({ n, d }, i) => {
    const scaled = n * scale;
    const floor = scaled >= 0n ? scaled / d : -((-scaled + d - 1n) / d);
    return { i, floor, rest: { n: scaled - floor * d, d } };
  });
  const minor = cut.map((c) => c.floor);
  let left = totalMinor - minor.reduce((a, b) => a + b, 0n);
  const byRest = [...cut].sort((a, b) => {
    const [x, y] = [a.rest.n * b.rest.d, b.rest.n * a.rest.d];
    return x === y ? a.i - b.i : x > y ? -1 : 1;
  });
  const step = left < 0n ? -1n : 1n;
  const order = left < 0n ? byRest.reverse() : byRest;
  for (let at = 0; left !== 0n && order.length > 0; at += 1) {
    const i = order[at % order.length]?.i ?? 0;
    minor[i] = (minor[i] ?? 0n) + step;
    left -= step;
  }
  return minor;
}
