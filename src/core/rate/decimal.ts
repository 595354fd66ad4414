/** A decimal number exactly: n / 10^decimals. */
export type Decimal = { readonly n: bigint; readonly decimals: number };

const pattern = /^([+-]?)(\d{1,30})(?:\.(\d{1,30}))?(?:[eE]([+-]?\d{1,3}))?$/;
/** Seventeen digits of a double, and as small as adding doubles up leaves. */
const maxDecimals = 40;

/** No session comes near: 1.1 million kWh, or 300,000 hours. Below it a double holds nine decimals of a kWh exactly. */
export const maxMicro = 2 ** 50;

/**
 * Reads a number, or text with a number, as people wrote it (0.1 is one tenth). Undefined for anything else, for infinity,
 * and for more than 30 digits.
 */
export function decimalOf(value: unknown): Decimal | undefined {
  if (typeof value === 'string') return decimalOfText(value);
  if (typeof value !== 'number' || !Number.isFinite(value)) return undefined;
  if (Number.isSafeInteger(value)) return { n: BigInt(value), decimals: 0 };
  // A double that equals k / 10^n is the one nearest to that decimal, so the decimal is what was written.
  const cents = Math.round(value * 100);
  if (cents / 100 === value && Number.isSafeInteger(cents)) return { n: BigInt(cents), decimals: 2 };
  const fine = Math.round(value * 10_000);
  if (fine / 10_000 === value && Number.isSafeInteger(fine)) return { n: BigInt(fine), decimals: 4 };
  return decimalOfText(String(value));
}

function decimalOfText(text: string): Decimal | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = '0', fraction = '', exponent = '0'] = match;
  const decimals = fraction.length - Number(exponent);
  if (decimals > maxDecimals || decimals < -maxDecimals) return undefined;
  const digits = BigInt(whole + fraction);
  const n = decimals < 0 ? digits * 10n ** BigInt(-decimals) : digits;
  return { n: sign === '-' ? -n : n, decimals: Math.max(decimals, 0) };
}

const plain = /^-?\d+(?:\.\d+)?$/;

/** The number as it was written, or, where that has a plus or an exponent, as a plain decimal. */
export function plainTextOf(value: unknown, { n, decimals }: Decimal): string {
  const text = String(value);
  const size = typeof value === 'number' ? Math.abs(value) : 0;
  // Numbers between these are never written with an exponent.
  if ((size >= 1e-6 && size < 1e21) || plain.test(text)) return text;
  const digits = (n < 0n ? -n : n).toString().padStart(decimals + 1, '0');
  const whole = decimals === 0 ? digits : `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
  return n < 0n ? `-${whole}` : whole;
}

/**
 * A volume in millionths: µWh of a kWh figure with `perUnit` 1e9, µs of hours with 3.6e9. Exact for up to nine decimals of a kWh
 * and eight of an hour (OCPI allows four); beyond that the nearest millionth. Undefined for what is no number or out of range.
 */
export function microOf(value: unknown, perUnit: number): number | undefined {
  const number = typeof value === 'number' ? value : typeof value === 'string' && pattern.test(value) ? Number(value) : Number.NaN;
  const micro = Math.round(number * perUnit);
  // Adding zero turns -0 into 0.
  return Math.abs(micro) <= maxMicro ? micro + 0 : undefined;
}

/** Whether a number has more than the four decimals of an OCPI number (OCPI 2.2.1 types, number). */
export function hasExcessDecimals(value: unknown): boolean {
  const number = Number(value);
  return Math.round(number * 10_000) / 10_000 !== number;
}

/** Compact text of a micro quantity in whole units: 115200000 µWh as Wh is `115.2`. */
export function microText(micro: number, digits: number): string {
  const size = Math.abs(micro)
    .toString()
    .padStart(digits + 1, '0');
  const whole = size.slice(0, -digits);
  let end = size.length;
  while (end > whole.length && size.charCodeAt(end - 1) === 48) end -= 1;
  const text = end === whole.length ? whole : `${whole}.${size.slice(whole.length, end)}`;
  return micro < 0 ? `-${text}` : text;
}
