/** Count, energy in Wh, and what CDRs say they cost as decimal text; null where nothing tells. */
export type Totals = { readonly count: number; readonly energyWh: bigint | null; readonly amount: string | null };
/** How far apart the two may be: 0 is exact. `minor` counts hundredths of the currency. */
export type Tolerance = { readonly count: number; readonly energyWh: number; readonly minor: number };
export type Compared = { readonly difference: Totals; readonly status: 'equal' | 'tolerated' | 'differs' };

/** Holds what arrived against what the source stated: received − stated. Energy and amount count where both sides have one. */
export function compareTotals(stated: Totals, received: Totals, tolerance: Tolerance): Compared {
  const amount = stated.amount === null || received.amount === null ? null : tenThousandths(received.amount) - tenThousandths(stated.amount);
  const energyWh = stated.energyWh === null || received.energyWh === null ? null : received.energyWh - stated.energyWh;
  const difference = { count: received.count - stated.count, energyWh, amount: amount === null ? null : decimalOf(amount) };
  if (difference.count === 0 && (energyWh ?? 0n) === 0n && (amount ?? 0n) === 0n) return { difference, status: 'equal' };
  const within = Math.abs(difference.count) <= tolerance.count && magnitude(energyWh ?? 0n) <= BigInt(tolerance.energyWh) && magnitude(amount ?? 0n) <= BigInt(tolerance.minor) * 100n;
  return { difference, status: within ? 'tolerated' : 'differs' };
}

const magnitude = (value: bigint) => (value < 0n ? -value : value);

/** Decimal text of at most four places in 1/10,000. */
function tenThousandths(text: string): bigint {
  const [, sign = '', whole = '0', fraction = ''] = /^(-?)(\d+)(?:\.(\d*))?$/.exec(text) ?? [];
  const value = BigInt(whole) * 10_000n + BigInt(fraction.padEnd(4, '0').slice(0, 4));
  return sign === '-' ? -value : value;
}

function decimalOf(value: bigint): string {
  const digits = magnitude(value).toString().padStart(5, '0');
  return `${value < 0n ? '-' : ''}${digits.slice(0, -4)}.${digits.slice(-4)}`;
}
