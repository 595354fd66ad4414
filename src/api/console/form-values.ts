import { localToInstant } from '../../core/time.ts';
import { Problem } from '../problem.ts';

/** What forms say, as the API takes it; a Problem is thrown for what cannot be read. */

/** Ids parted by commas or blanks. */
export const listed = (text: string | undefined): string[] => (text ?? '').split(/[\s,]+/).filter(Boolean);

/** kWh in decimal text as Wh. */
export function whOf(label: string, text: string): number {
  const match = /^(\d{1,7})(?:\.(\d{1,3}))?$/.exec(text.trim());
  if (match === null) throw new Problem(422, 'invalid', `${label}: "${text}" is not in kWh with up to three decimals; write 13.7.`);
  return Number(match[1]) * 1000 + Number((match[2] ?? '').padEnd(3, '0'));
}

/** A whole number. */
export function wholeOf(label: string, text: string): number {
  if (!/^\d{1,9}$/.test(text.trim())) throw new Problem(422, 'invalid', `${label}: "${text}" is no whole number; write 3.`);
  return Number(text);
}

/** What a browser's date-and-time field says, as an instant. Throws Problem on what is no such time, or one the clocks skip. */
export function instantOf(text: string, timeZone: string): string {
  const [, year, month, day, hour, minute] = /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::\d{2})?$/.exec(text.trim()) ?? [];
  if (year === undefined) throw new Problem(422, 'invalid', `At: "${text}" is not a date and time; write 2020-01-05T10:00, or leave it empty.`);
  const local = { year: Number(year), month: Number(month), day: Number(day), hour: Number(hour), minute: Number(minute) };
  const { instant, ambiguity } = localToInstant(local, timeZone);
  if (ambiguity === 'gap') throw new Problem(422, 'invalid', `At: the clocks of ${timeZone} skip ${text}; name a time before or after.`);
  return new Date(instant).toISOString();
}
