import { instantToLocal, parseInstant } from '../core/time.ts';

const months = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'];

/** Decimal text with its thousands apart: `-1234.50` as `-1,234.50`. */
export function grouped(decimal: string): string {
  const [whole = '', fraction] = decimal.split('.');
  const apart = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  return fraction === undefined ? apart : `${apart}.${fraction}`;
}

/** Wh as kWh with all three decimals and its thousands apart. */
export function kWh(wh: string): string {
  const sign = wh.startsWith('-') ? '-' : '';
  const digits = wh.replace('-', '').padStart(4, '0');
  return grouped(`${sign}${digits.slice(0, -3)}.${digits.slice(-3)}`);
}

/** An ISO instant as local date and time of a zone, to the second; the zone is named beside it or at the head of its column. */
export function localTime(iso: string, timeZone: string): string {
  const ms = parseInstant(iso);
  if (ms === undefined) return iso;
  const t = instantToLocal(ms, timeZone);
  const two = (n: number) => String(n).padStart(2, '0');
  return `${t.year}-${two(t.month)}-${two(t.day)} ${two(t.hour)}:${two(t.minute)}:${two(t.second)}`;
}

/** `2019-12` as `December 2019`; whatever is no month stays. */
export function monthName(period: string): string {
  const [year, month] = period.split('-');
  const name = months[Number(month) - 1];
  return name === undefined ? period : `${name} ${year}`;
}

const acronyms = /\b(vat|erp|cdr|evse|gl)\b/g;

/** A code in words: `inReview` as `in review`, `notVatRegistered` as `not VAT registered`. */
export function words(code: string): string {
  return code
    .replace(/([a-z])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`)
    .replace(acronyms, (short) => short.toUpperCase())
    .replace(/\bemsp\b/g, 'eMSP');
}

/** One of a thing, or many: `1 record`, `2 records`. */
export function count(n: number, thing: string): string {
  return `${grouped(String(n))} ${thing}${n === 1 ? '' : 's'}`;
}

/** The path of a page with its query; what is undefined or empty is left out. */
export function link(path: string, query: Readonly<Record<string, string | null | undefined>> = {}): string {
  const search = new URLSearchParams(Object.entries(query).flatMap(([key, value]): [string, string][] => (value === undefined || value === null || value === '' ? [] : [[key, value]])));
  return search.size === 0 ? path : `${path}?${search}`;
}

export const runPath = (runId: string) => `/runs/${encodeURIComponent(runId)}`;
export const documentPath = (documentId: string) => `/documents/${encodeURIComponent(documentId)}`;
export const recordPath = (recordId: string) => `/records/${encodeURIComponent(recordId)}`;
export const exclusionPath = (ruleId: string) => `/rules/exclusions/${encodeURIComponent(ruleId)}`;
