/** kWh of whole Wh as decimal text with three places: `-0.500` for -500 Wh. */
export function kWhDecimal(wh: bigint): string {
  const digits = (wh < 0n ? -wh : wh).toString().padStart(4, '0');
  return `${wh < 0n ? '-' : ''}${digits.slice(0, -3)}.${digits.slice(-3)}`;
}
