import { type Issue, issue } from '../issues.ts';
import { divInt, type Exact, exactFromDecimal, minorUnitDigits, mul, roundToMoney } from '../money.ts';
import type { EntitySetup } from './setup.ts';

/** Rates older than this are none: a week covers every run of bank holidays. */
const staleAfterDays = 7;

/** How amounts of a currency come into the books; `name` says by which rate, and is kept with the charge. */
export type Conversion = { readonly factor: Exact; readonly name: string | null };

/** Within one currency. */
export const sameCurrency: Conversion = { factor: { n: 1n, d: 1n }, name: null };

/**
 * The conversion from `currency` into the books' on a date (D21): the newest version of the rate of the last business day not after it.
 * None within a week is an issue that blocks, never the rate of another source.
 */
export function conversionOn(entity: Pick<EntitySetup, 'currency' | 'fx'>, currency: string, on: string, subject: string): Conversion | Issue {
  if (currency === entity.currency) return sameCurrency;
  const rates = entity.fx.rates.get(currency) ?? [];
  const known = rates.filter((r) => r.on <= on && daysBetween(r.on, on) <= staleAfterDays);
  const best = known.reduce<(typeof known)[number] | undefined>((a, b) => (a === undefined || b.on > a.on || (b.on === a.on && b.version > a.version) ? b : a), undefined);
  if (best === undefined) return issue('missingFxRate', 'blocks', subject, { currency, into: entity.currency, on, source: entity.fx.source });
  return { factor: exactFromDecimal(best.rate), name: `${entity.fx.source} ${best.on} ${currency}/${entity.currency} ${best.rate} v${best.version}` };
}

/** A rounded amount, in minor units of `currency`, in minor units of the books' (D21): converted exactly, rounded once, half away from zero. */
export function minorInBooks(minor: bigint, currency: string, { factor }: Conversion, books: string): bigint {
  if (currency === books) return minor;
  return roundToMoney(mul({ n: minor, d: 10n ** BigInt(minorUnitDigits(currency)) }, factor), books, 'halfAwayFromZero');
}

/** An amount of one currency in another one, exact: by way of the books. */
export function convertExact(amount: Exact, from: Conversion, to: Conversion): Exact {
  if (from.name === to.name) return amount;
  const inBooks = mul(amount, from.factor);
  return divInt({ n: inBooks.n * to.factor.d, d: inBooks.d }, to.factor.n);
}

function daysBetween(from: string, to: string): number {
  return (Date.parse(to) - Date.parse(from)) / 86_400_000;
}
