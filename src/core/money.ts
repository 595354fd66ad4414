import { invariant } from './invariant.ts';

/** An exact amount as a rational: numerator over a positive denominator. Used inside rating; never sealed or posted. */
export type Exact = { readonly n: bigint; readonly d: bigint };

/** Whole minor units (öre, cent) of a currency: everything sealed, invoiced or posted. */
export type MinorUnits = bigint;

/** ISO 4217 letters, upper case. */
export type Currency = string;

export type RoundingRule = 'halfAwayFromZero';

const decimalPattern = /^(-?)(\d+)(?:\.(\d+))?$/;

/** Reads a plain decimal such as `-12.345`. Throws RangeError on anything else (no exponent, no comma). */
export function exactFromDecimal(text: string): Exact {
  return shortDecimal(text) ?? longDecimal(text);
}

/** Digits that a double holds exactly, read one by one: nearly every decimal, at a third of the pattern's cost. */
function shortDecimal(text: string): Exact | undefined {
  const { length } = text;
  const first = text.charCodeAt(0) === 45 ? 1 : 0;
  if (length === first || length > 16) return undefined;
  let n = 0;
  let point = -1;
  for (let i = first; i < length; i += 1) {
    const digit = text.charCodeAt(i) - 48;
    if (digit >= 0 && digit <= 9) n = n * 10 + digit;
    else if (digit === -2 && point < 0 && i > first && i < length - 1) point = i;
    else return undefined;
  }
  if (n > Number.MAX_SAFE_INTEGER) return undefined;
  return { n: BigInt(first === 1 ? 0 - n : n), d: powerOfTen(point < 0 ? 0 : length - point - 1) };
}

function longDecimal(text: string): Exact {
  const match = decimalPattern.exec(text);
  if (match === null) throw new RangeError(`not a decimal number: ${text}`);
  const [, sign, whole = '0', fraction = ''] = match;
  const n = BigInt(whole + fraction);
  return { n: sign === '-' ? -n : n, d: powerOfTen(fraction.length) };
}

const powersOfTen = Array.from({ length: 20 }, (_, i) => 10n ** BigInt(i));

function powerOfTen(exponent: number): bigint {
  return powersOfTen[exponent] ?? 10n ** BigInt(exponent);
}

/** A whole number as an exact amount. Throws RangeError on a fraction or NaN. */
export function exactFromInt(value: number | bigint): Exact {
  return { n: BigInt(value), d: 1n };
}

/** a + b, exact. */
export function add(a: Exact, b: Exact): Exact {
  if (a.d === b.d) return { n: a.n + b.n, d: a.d };
  // Denominators are mostly powers of ten: keeping the larger one stops long sums from growing.
  if (a.d > b.d && a.d % b.d === 0n) return { n: a.n + b.n * (a.d / b.d), d: a.d };
  if (b.d > a.d && b.d % a.d === 0n) return { n: a.n * (b.d / a.d) + b.n, d: b.d };
  return { n: a.n * b.d + b.n * a.d, d: a.d * b.d };
}

/** a - b, exact. */
export function sub(a: Exact, b: Exact): Exact {
  return add(a, { n: -b.n, d: b.d });
}

/** a × b, exact. */
export function mul(a: Exact, b: Exact): Exact {
  return { n: a.n * b.n, d: a.d * b.d };
}

/** a / divisor, exact; the divisor is positive. */
export function divInt(a: Exact, divisor: bigint): Exact {
  invariant(divisor > 0n, 'a divisor is positive');
  return { n: a.n, d: a.d * divisor };
}

/** -1, 0 or 1. */
export function compare(a: Exact, b: Exact): number {
  const left = a.n * b.d;
  const right = b.n * a.d;
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Four decimals, half-even: the OCPI figure kept for information; what is billed never comes from it (D01). */
export function toDecimal4HalfEven(value: Exact): string {
  const scaled = value.n * 10_000n;
  let q = scaled / value.d;
  const rest = abs(scaled - q * value.d) * 2n;
  if (rest > value.d || (rest === value.d && q % 2n !== 0n)) q += scaled < 0n ? -1n : 1n;
  return decimalText(q, 4);
}

/** ISO 4217 list one: the currencies that do not have two decimals, and how many they have. */
export const oddMinorDigits: ReadonlyMap<Currency, number> = new Map([
  ...['BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'VND', 'VUV', 'XAF', 'XOF', 'XPF'].map((c) => [c, 0] as const),
  ...['BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND'].map((c) => [c, 3] as const),
]);

/** Decimal places of a currency's minor unit (ISO 4217); two unless listed. */
export function minorUnitDigits(currency: Currency): number {
  return oddMinorDigits.get(currency) ?? 2;
}

/**
 * The one way from an exact amount in major units to minor units (D01: from the rational, never from the 4-decimal figure).
 * Half away from zero, so that a credit is exactly minus its invoice.
 */
export function roundToMoney(exact: Exact, currency: Currency, rule: RoundingRule): MinorUnits {
  invariant(rule === 'halfAwayFromZero', 'a known rounding rule');
  return divideHalfAway(exact.n * powerOfTen(minorUnitDigits(currency)), exact.d);
}

/**
 * Splits a total by weights, by largest remainder, ties to the earlier; loses nothing. A negative total is the exact mirror
 * of the positive one. Weights are magnitudes (their sign is dropped); all zero: equal parts, the rest to the first ones.
 */
export function allocate(total: bigint, weights: readonly bigint[]): bigint[] {
  if (weights.length === 0) {
    invariant(total === 0n, 'nothing to allocate to');
    return [];
  }
  const magnitudes = weights.some((w) => w !== 0n) ? weights.map(abs) : weights.map(() => 1n);
  const sum = magnitudes.reduce((a, b) => a + b, 0n);
  const size = abs(total);
  const parts = magnitudes.map((w) => (size * w) / sum);
  let left = size - parts.reduce((a, b) => a + b, 0n);
  const order = magnitudes.map((w, i) => ({ i, rest: (size * w) % sum })).sort((a, b) => (a.rest === b.rest ? a.i - b.i : a.rest > b.rest ? -1 : 1));
  for (const { i } of order) {
    if (left === 0n) break;
    parts[i] = (parts[i] ?? 0n) + 1n;
    left -= 1n;
  }
  return total < 0n ? parts.map((p) => -p) : parts;
}

/**
 * Shares a total in minor units among exact amounts of either sign: each gets its own figure rounded down, and what is left goes by largest
 * remainder, ties to the earlier; loses nothing. For a total that is not far from their sum.
 */
export function apportion(total: MinorUnits, amounts: readonly Exact[], currency: Currency): MinorUnits[] {
  invariant(amounts.length > 0 || total === 0n, 'nothing to apportion to');
  const scale = powerOfTen(minorUnitDigits(currency));
  const floors = amounts.map(({ n, d }) => floorDivide(n * scale, d));
  const order = amounts.map(({ n, d }, i) => ({ i, rest: { n: n * scale - (floors[i] ?? 0n) * d, d } })).sort((a, b) => compare(b.rest, a.rest) || a.i - b.i);
  const left = total - floors.reduce((a, b) => a + b, 0n);
  const count = BigInt(amounts.length);
  const [each, rest] = count === 0n ? [0n, 0n] : [floorDivide(left, count), left - floorDivide(left, count) * count];
  for (const [rank, { i }] of order.entries()) floors[i] = (floors[i] ?? 0n) + each + (BigInt(rank) < rest ? 1n : 0n);
  return floors;
}

function floorDivide(n: bigint, d: bigint): bigint {
  const q = n / d;
  return n % d !== 0n && n < 0n !== d < 0n ? q - 1n : q;
}

/** VAT on a net amount, both in minor units, rounded once, half away from zero. Throws RangeError on a negative or malformed percent. */
export function vatOfNet(net: MinorUnits, percent: string): MinorUnits {
  const rate = vatRate(percent);
  return divideHalfAway(net * rate.n, rate.d * 100n);
}

/** VAT contained in a gross amount: gross × r / (100 + r), rounded once, half away from zero (D02). Errors as `vatOfNet`. */
export function vatOfGross(gross: MinorUnits, percent: string): MinorUnits {
  const rate = vatRate(percent);
  return divideHalfAway(gross * rate.n, 100n * rate.d + rate.n);
}

/** `-12.50` for -1250 öre: the form of money on the wire. */
export function formatMinor(minor: MinorUnits, currency: Currency): string {
  return decimalText(minor, minorUnitDigits(currency));
}

/** The reverse of `formatMinor`. Throws RangeError on more decimals than the currency has. */
export function parseMinor(text: string, currency: Currency): MinorUnits {
  const digits = minorUnitDigits(currency);
  const match = decimalPattern.exec(text);
  if (match === null || (match[3] ?? '').length > digits) throw new RangeError(`not an amount in ${currency} with at most ${digits} decimals: ${text}`);
  const minor = BigInt((match[2] ?? '0') + (match[3] ?? '').padEnd(digits, '0'));
  return match[1] === '-' ? -minor : minor;
}

function vatRate(percent: string): Exact {
  const rate = exactFromDecimal(percent);
  if (rate.n < 0n) throw new RangeError(`a VAT rate is not negative: ${percent}`);
  return rate;
}

function divideHalfAway(n: bigint, d: bigint): bigint {
  const q = (abs(n) * 2n + d) / (d * 2n);
  return n < 0n ? -q : q;
}

function abs(value: bigint): bigint {
  return value < 0n ? -value : value;
}

function decimalText(scaled: bigint, digits: number): string {
  const text = abs(scaled)
    .toString()
    .padStart(digits + 1, '0');
  const sign = scaled < 0n ? '-' : '';
  return digits === 0 ? sign + text : `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}
