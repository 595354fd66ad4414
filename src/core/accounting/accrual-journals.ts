import type { ErpDocument } from '../../contracts/erp-document.ts';
import type { Conversion } from '../allocate/convert.ts';
import { apportion, minorUnitDigits, mul } from '../money.ts';
import { dayBefore, monthAfter } from '../period/segments.ts';
import type { AccrualLine } from './accrual.ts';

/**
 * The journals of an accrual: per currency, and the estimate apart, one on the last day of the month and its mirror on the first day of the next.
 * `accrualId` is `{entity}/{month}/{n}`; keys begin with `accrual/` or `estimate/`. A journal in another currency than the books' says what its lines
 * come to in them, by the one rate of its currency in `rates`: converted exactly, rounded by largest remainder so that they sum to zero, and taken
 * back by the same amounts.
 */
export function accrualJournals(accrualId: string, month: string, lines: readonly AccrualLine[], books: string, rates: ReadonlyMap<string, Conversion>): ErpDocument[] {
  const journals = new Map<string, { readonly key: string; readonly currency: string; readonly sums: Map<string, bigint> }>();
  for (const { kind, currency, glAccount, costCenter, amountMinor } of lines) {
    const key = `${kind === 'estimate' ? 'estimate' : 'accrual'}/${accrualId}/${currency}`;
    const own = journals.get(key) ?? { key, currency, sums: new Map<string, bigint>() };
    const place = JSON.stringify([glAccount, costCenter]);
    own.sums.set(place, (own.sums.get(place) ?? 0n) + amountMinor);
    journals.set(key, own);
  }
  const next = `${monthAfter(month)}-01`;
  return [...journals.values()].flatMap(({ key, currency, sums }) => {
    const places = [...sums].filter(([, amount]) => amount !== 0n).sort(([a], [b]) => (a < b ? -1 : 1));
    if (places.length === 0) return [];
    const rate = currency === books ? undefined : rates.get(currency);
    if (rate === undefined && currency !== books) throw new RangeError(`${key} needs a rate from ${currency} into ${books}`);
    const inBooks =
      rate === undefined
        ? undefined
        : apportion(
            0n,
            places.map(([, minor]) => mul({ n: minor, d: 10n ** BigInt(minorUnitDigits(currency)) }, rate.factor)),
            books,
          );
    const journal = (ownKey: string, postedOn: string, sign: 1n | -1n): ErpDocument => ({
      key: ownKey,
      kind: 'journal',
      runId: null,
      legalNumber: null,
      accountId: null,
      currency,
      ...(rate === undefined ? {} : { books: { currency: books, rate: rate.name ?? '' } }),
      postedOn,
      lines: places.map(([place, amount], i) => {
        const [glAccount, costCenter] = JSON.parse(place) as [string, string | null];
        const book = inBooks?.[i];
        return { part: 'net', glAccount, costCenter, vatCode: null, amountMinor: (sign * amount).toString(), ...(book === undefined ? {} : { bookMinor: (sign * book).toString() }) };
      }),
    });
    return [journal(key, dayBefore(next), 1n), journal(`${key}/reversal`, next, -1n)];
  });
}
