import type { StatementLayout } from '../../contracts/statement-layout.ts';
import { add, compare, type Exact, exactFromDecimal, exactFromInt, mul, roundToMoney, toDecimal4HalfEven } from '../money.ts';

/** A line of a statement file, its cells by the header's names. */
export type StatementLine = { readonly line: number; readonly cells: Readonly<Record<string, string>> };
/** Of a day (`2019-12-05`) or month (`2019-12`) and a party (`NO*NRD`), undefined for all. Energy in whole Wh; amount as decimal text with four places. */
export type StatementTotal = {
  readonly on: string;
  readonly party?: string;
  readonly count: number;
  readonly energyWh: number;
  readonly amount?: string;
  readonly currency?: string;
  readonly origin: string;
};
export type RefusedLine = { readonly line: number; readonly errors: readonly string[] };
export type ReadStatement = { readonly totals: readonly StatementTotal[]; readonly refused: readonly RefusedLine[] };

type Read = { readonly on: string; readonly party: string | undefined; readonly count: number; readonly wh: Exact; readonly amount: Exact | undefined; readonly currency: string | undefined };
type Sum = Read & { readonly line: number };

const whOf = { Wh: 1, kWh: 1000, MWh: 1_000_000 } as const;
const mostCount = 2_000_000_000;

/**
 * Reads the lines of a source's statement by its layout. Lines of one day or month and party are parts of one total: they are added, exactly,
 * and energy is rounded once, to the Wh. A line that cannot be read is named with all that is wrong with it.
 */
export function readStatement(lines: readonly StatementLine[], layout: StatementLayout): ReadStatement {
  const sums = new Map<string, Sum>();
  const refused: RefusedLine[] = [];
  for (const { line, cells } of lines) {
    const errors: string[] = [];
    const read = readLine(cells, layout, (problem) => errors.push(problem));
    const key = `${read.on} ${read.party ?? ''}`;
    const before = sums.get(key);
    if (errors.length === 0 && before !== undefined && before.currency !== read.currency) {
      errors.push(`its currency is ${read.currency}, and that of line ${before.line}, of the same ${layout.per}${read.party === undefined ? '' : ' and party'}, ${before.currency}`);
    }
    if (errors.length > 0) refused.push({ line, errors });
    else sums.set(key, before === undefined ? { ...read, line } : together(before, read));
  }
  return { totals: [...sums.values()].map((sum) => totalOf(sum, layout.origin)), refused };
}

function together(a: Sum, b: Read): Sum {
  return { ...a, count: a.count + b.count, wh: add(a.wh, b.wh), amount: a.amount === undefined || b.amount === undefined ? a.amount : add(a.amount, b.amount) };
}

function totalOf({ on, party, count, wh, amount, currency }: Sum, origin: string): StatementTotal {
  return {
    on,
    ...(party === undefined ? {} : { party }),
    count,
    energyWh: Number(roundToMoney(wh, 'JPY', 'halfAwayFromZero')),
    ...(amount === undefined || currency === undefined ? {} : { amount: toDecimal4HalfEven(amount), currency }),
    origin,
  };
}

function readLine(cells: StatementLine['cells'], layout: StatementLayout, wrong: (problem: string) => void): Read {
  const { columns } = layout;
  const cell = (column: string): string => {
    const text = cells[column]?.trim();
    if (text === undefined) wrong(`there is no column "${column}": correct the layout, or its header`);
    else if (text === '') wrong(`${column} is empty`);
    return text ?? '';
  };
  const number = (column: string, decimals: number): Exact => {
    const text = cell(column);
    const plain = plainNumber(text, layout);
    if (plain !== undefined && (plain.split('.')[1]?.length ?? 0) <= decimals) return exactFromDecimal(plain);
    if (text !== '') wrong(`${column}: "${text.slice(0, 40)}" is no number with "${layout.decimal}" and at most ${decimals} decimals`);
    return exactFromInt(0);
  };
  const count = columns.count === undefined ? exactFromInt(1) : number(columns.count, 0);
  if (columns.count !== undefined && (compare(count, exactFromInt(0)) < 0 || compare(count, exactFromInt(mostCount)) > 0)) wrong(`${columns.count} must be from 0 to ${mostCount}`);
  const currency = columns.currency === undefined ? layout.currency : cell(columns.currency).toUpperCase();
  if (columns.amount !== undefined && currency !== undefined && currency !== '' && !/^[A-Z]{3}$/.test(currency)) wrong(`"${currency.slice(0, 40)}" is no currency such as SEK`);
  return {
    on: dateOf(cell(columns.on), layout, wrong),
    party: partyOf(columns.party, cell, wrong),
    count: Number(count.n / count.d),
    wh: mul(number(columns.energy, 9), exactFromInt(whOf[layout.energyUnit])),
    amount: columns.amount === undefined ? undefined : number(columns.amount, 4),
    currency: columns.amount === undefined ? undefined : currency,
  };
}

/** Decimal text with a point; undefined for what is no number by the layout. Groups have three digits. */
function plainNumber(text: string, { decimal, grouping }: StatementLayout): string | undefined {
  const escaped = (mark: string) => mark.replace('.', '\\.');
  // Some write a no-break space between thousands.
  const even = grouping === ' ' ? text.replace(/[\u00a0\u202f]/g, ' ') : text;
  const whole = grouping === '' ? '\\d{1,15}' : `(?:\\d{1,3}(?:${escaped(grouping)}\\d{3}){0,4}|\\d{1,15})`;
  if (!new RegExp(`^-?${whole}(?:${escaped(decimal)}\\d{1,9})?$`, 'u').test(even)) return undefined;
  return (grouping === '' ? even : even.replaceAll(grouping, '')).replace(decimal, '.');
}

/** As `2019-12-05`, or `2019-12` per month. */
function dateOf(text: string, { dateFormat, per }: StatementLayout, wrong: (problem: string) => void): string {
  if (text === '') return '';
  const pattern = dateFormat.replace(/[./]/g, '\\$&').replace('YYYY', '(?<year>\\d{4})').replace('MM', '(?<month>\\d{1,2})').replace('DD', '(?<day>\\d{1,2})');
  // Without marks between them digits cannot be left out.
  const strict = /[-./]/.test(dateFormat) ? pattern : pattern.replaceAll('{1,2}', '{2}');
  const found = new RegExp(`^${strict}(?:[ T].*)?$`, 'u').exec(text)?.groups;
  const [year, month, day] = [found?.['year'], found?.['month']?.padStart(2, '0'), (found?.['day'] ?? '01').padStart(2, '0')];
  const on = `${year}-${month}-${day}`;
  if (found === undefined || Number.isNaN(Date.parse(on)) || !new Date(on).toISOString().startsWith(on)) wrong(`"${text.slice(0, 40)}" is no date as ${dateFormat}`);
  return per === 'month' ? on.slice(0, 7) : on;
}

function partyOf(columns: StatementLayout['columns']['party'], cell: (column: string) => string, wrong: (problem: string) => void): string | undefined {
  if (columns === undefined) return undefined;
  const text = (typeof columns === 'string' ? cell(columns) : `${cell(columns.country)}*${cell(columns.party)}`).toUpperCase();
  const found = /^([A-Z]{2})[*-]?([A-Z0-9]{3})$/.exec(text);
  if (found === null && text !== '' && text !== '*') wrong(`"${text.slice(0, 40)}" names no country and party such as NO*NRD`);
  return found === null ? '' : `${found[1]}*${found[2]}`;
}
