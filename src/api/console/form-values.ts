import { localToInstant } from '../../core/time.ts';
import { Problem } from '../problem.ts';

/** What forms say, as the API takes it; a Problem is thrown for what cannot be read. */

/** Throws Problem unless the version that a form was opened at still holds. */
export function stillHolds(seen: string | undefined, version: number): void {
  if (seen !== String(version)) throw new Problem(409, 'wrongState', `The rules were changed meanwhile: version ${version} holds. Leave this form, and open it again.`);
}

/** Ids parted by commas or blanks. */
export const listed = (text: string | undefined): string[] => (text ?? '').split(/[\s,]+/).filter(Boolean);

/** A decimal of up to so many places in units of the last of them; undefined for anything else, and for what a number does not hold exactly. */
export function scaledOf(text: string, places: number): number | undefined {
  const [, whole, part = ''] = /^(\d{1,16})(?:\.(\d+))?$/.exec(text.trim()) ?? [];
  if (whole === undefined || part.length > places) return undefined;
  const scaled = BigInt(whole + part.padEnd(places, '0'));
  return scaled > BigInt(Number.MAX_SAFE_INTEGER) ? undefined : Number(scaled);
}

/** kWh in decimal text as Wh. */
export function whOf(label: string, text: string): number {
  const wh = scaledOf(text, 3);
  if (wh === undefined || wh >= 1e10) throw new Problem(422, 'invalid', `${label}: "${text}" is not in kWh with up to three decimals; write 13.7.`);
  return wh;
}

/** A whole number. */
export function wholeOf(label: string, text: string): number {
  if (!/^\d{1,9}$/.test(text.trim())) throw new Problem(422, 'invalid', `${label}: "${text}" is no whole number; write 3.`);
  return Number(text);
}

/** What a browser's date-and-time field of that label says, as an instant. Throws Problem on what is no such time, or one the clocks skip. */
export function instantOf(label: string, text: string, timeZone: string): string {
  const [, year, month, day, hour, minute] = /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::\d{2})?$/.exec(text.trim()) ?? [];
  if (year === undefined) throw new Problem(422, 'invalid', `${label}: "${text}" is not a date and time; write 2020-01-05T10:00, or leave it empty.`);
  const local = { year: Number(year), month: Number(month), day: Number(day), hour: Number(hour), minute: Number(minute) };
  const { instant, ambiguity } = localToInstant(local, timeZone);
  if (ambiguity === 'gap') throw new Problem(422, 'invalid', `${label}: the clocks of ${timeZone} skip ${text}; name a time before or after.`);
  return new Date(instant).toISOString();
}
