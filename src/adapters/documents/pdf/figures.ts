import { kWhDecimal } from '../../../core/energy.ts';
import { formatMinor } from '../../../core/money.ts';
import type { Words } from '../words/words.ts';

/** Decimal text as the language writes it: 1234.5 is 1 234,5 in Swedish. */
export function numberText(decimal: string, { decimal: point, group }: Words): string {
  const [whole = '', fraction] = decimal.replace('-', '').split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, group);
  return `${decimal.startsWith('-') ? '-' : ''}${grouped}${fraction === undefined ? '' : point + fraction}`;
}

export function moneyText(minor: bigint, currency: string, words: Words): string {
  return numberText(formatMinor(minor, currency), words);
}

/** kWh of Wh, three decimals. */
export function kWhText(wh: bigint, words: Words): string {
  return numberText(kWhDecimal(wh), words);
}

/** A price with two decimals at least; more where it has them. */
export function priceText(price: string, words: Words): string {
  const [whole = '0', fraction = ''] = price.split('.');
  return numberText(`${whole}.${fraction.replace(/0+$/, '').padEnd(2, '0')}`, words);
}

/** `991-2346` or `5050-1055`. */
export function bankgiroText(digits: string): string {
  return `${digits.slice(0, -4)}-${digits.slice(-4)}`;
}

/** An IBAN in groups of four. */
export function ibanText(iban: string): string {
  return iban.replace(/(.{4})(?=.)/g, '$1 ');
}

const zones = new Map<string, Intl.DateTimeFormat>();

/** Date and time of day in a zone: `2019-12-05 18:00`. */
export function localTime(at: Date, timeZone: string): string {
  // Making a format takes longer than a page.
  const format = zones.get(timeZone) ?? new Intl.DateTimeFormat('sv-SE', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit' });
  zones.set(timeZone, format);
  return format.format(at);
}
