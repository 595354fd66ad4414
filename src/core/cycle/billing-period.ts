import { monthAfter } from '../period/segments.ts';
import { dayNumberOfDate, formatInstant, instantToLocal, localDateOf, monthPeriod, startOfLocalDay } from '../time.ts';

export const cadences = ['monthly', 'weekly', 'quarterly'] as const;
export type Cadence = (typeof cadences)[number];

/** A period of a billing calendar, half-open, in epoch ms. Months as `2019-12`. */
export type BillingPeriod = {
  /** `2019-12`, `2019-W50` (ISO 8601: weeks begin on Monday, week 1 holds 4 January) or `2019-Q4`. */
  readonly label: string;
  readonly startMs: number;
  readonly endMs: number;
  /** The months of its first and of its last day. */
  readonly firstMonth: string;
  readonly lastMonth: string;
  /** The last month that has ended with it: before the last month where a week ends within one. */
  readonly fullMonth: string;
};

const forms: Readonly<Record<Cadence, RegExp>> = { monthly: /^[12]\d{3}-(0[1-9]|1[0-2])$/, weekly: /^[12]\d{3}-W(0[1-9]|[1-4]\d|5[0-3])$/, quarterly: /^[12]\d{3}-Q[1-4]$/ };
/** How a period of each cadence is written. */
export const exampleOf: Readonly<Record<Cadence, string>> = { monthly: '2019-12', weekly: '2019-W50', quarterly: '2019-Q4' };

/** The cadence whose periods are written like this; undefined when there is none. */
export function cadenceOf(label: string): Cadence | undefined {
  return cadences.find((cadence) => forms[cadence].test(label));
}

/** The period of a label in a zone; undefined when there is none, such as week 53 of a year of 52. */
export function billingPeriod(label: string, zone: string): BillingPeriod | undefined {
  const cadence = cadenceOf(label);
  if (cadence === undefined) return undefined;
  const months = monthsOfPeriod(label);
  if (cadence !== 'weekly') return { label, startMs: monthPeriod(months.firstMonth, zone).startMs, endMs: monthPeriod(months.lastMonth, zone).endMs, ...months, fullMonth: months.lastMonth };
  const monday = mondayOf(label);
  const startMs = startOfLocalDay(dateAfter(monday, 0), zone);
  if (periodLabelAt(startMs, 'weekly', zone) !== label) return undefined;
  const endOn = dateAfter(monday, 7);
  return { label, startMs, endMs: startOfLocalDay(endOn, zone), ...months, fullMonth: monthAfter(endOn.slice(0, 7), -1) };
}

/** The months in which a period begins and ends; another text is taken for a month. */
export function monthsOfPeriod(label: string): Pick<BillingPeriod, 'firstMonth' | 'lastMonth'> {
  if (label[5] === 'W') return { firstMonth: dateAfter(mondayOf(label), 0).slice(0, 7), lastMonth: dateAfter(mondayOf(label), 6).slice(0, 7) };
  if (label[5] !== 'Q') return { firstMonth: label, lastMonth: label };
  const firstMonth = `${label.slice(0, 4)}-${String(Number(label.slice(6)) * 3 - 2).padStart(2, '0')}`;
  return { firstMonth, lastMonth: monthAfter(firstMonth, 2) };
}

/** The label of the period that an instant lies in; a period's end is in the next one (D05). */
export function periodLabelAt(ms: number, cadence: Cadence, zone: string): string {
  const on = localDateOf(ms, zone);
  if (cadence === 'monthly') return on.slice(0, 7);
  if (cadence === 'quarterly') return quarterOf(on);
  // The year of a week is that of its Thursday.
  const thursday = formatInstant(Date.parse(`${on}T00:00:00Z`) + (4 - instantToLocal(ms, zone).weekday) * dayMs).slice(0, 10);
  const week = 1 + Math.floor(((dayNumberOfDate(thursday) ?? 0) - (dayNumberOfDate(`${thursday.slice(0, 4)}-01-01`) ?? 0)) / 7);
  return `${thursday.slice(0, 4)}-W${String(week).padStart(2, '0')}`;
}

/** The period of a cadence that a month lies in, of months or quarters. */
export function quarterOf(month: string): string {
  return `${month.slice(0, 4)}-Q${Math.ceil(Number(month.slice(5, 7)) / 3)}`;
}

const dayMs = 86_400_000;

/** The Monday of an ISO week, in epoch ms of its date in UTC: that of the week of 4 January, and weeks on. */
function mondayOf(label: string): number {
  const fourth = Date.parse(`${label.slice(0, 4)}-01-04T00:00:00Z`);
  return fourth + ((Number(label.slice(6)) - 1) * 7 - ((new Date(fourth).getUTCDay() + 6) % 7)) * dayMs;
}

const dateAfter = (ms: number, days: number) => formatInstant(ms + days * dayMs).slice(0, 10);
