import { type Issue, issue } from '../issues.ts';
import { isValidZone } from '../time.ts';

/** How an account of each category is billed and rounded (D03): consumers by the gross, businesses by the net. */
const billing: Readonly<Record<string, { readonly strategies: readonly string[]; readonly roundingMode: string }>> = {
  driver: { strategies: ['driverInvoice', 'cardReceipt'], roundingMode: 'grossFirst' },
  fleet: { strategies: ['fleetInvoice'], roundingMode: 'netFirst' },
  eMSP: { strategies: ['emspSettlement'], roundingMode: 'netFirst' },
  siteOwner: { strategies: ['selfBilling'], roundingMode: 'netFirst' },
  partner: { strategies: ['emspSettlement', 'selfBilling'], roundingMode: 'netFirst' },
};

export type Values = Readonly<Record<string, unknown>>;

/** What a new account of a category is when nothing else is said. */
export function accountDefaults({ category }: Values): Values {
  const fit = billing[String(category)];
  return { strategy: fit?.strategies[0], roundingMode: fit?.roundingMode, paymentTermsDays: 30, releaseGroup: 'all' };
}

/** What does not fit in an account; the issues' subject is its id. */
export function checkAccount(id: string, { category, strategy, roundingMode, currency }: Values): Issue[] {
  const fit = billing[String(category)];
  if (fit === undefined) return [];
  const because = `the account is of category ${category}`;
  return [
    ...(fit.strategies.includes(String(strategy)) ? [] : [misfit(id, 'strategy', strategy, because, fit.strategies.join(' or '))]),
    ...(fit.roundingMode === roundingMode ? [] : [misfit(id, 'roundingMode', roundingMode, because, fit.roundingMode)]),
    ...checkCurrency(id, currency),
  ];
}

/** What does not fit in a site; `categoryOf` tells the category of an account that exists. */
export function checkSite(id: string, site: Values, categoryOf: (accountId: string) => string | undefined): Issue[] {
  const { kind, timeZone, ownerAccountId, operatorAccountId } = site;
  const owner = typeof ownerAccountId === 'string' ? categoryOf(ownerAccountId) : undefined;
  const operator = typeof operatorAccountId === 'string' ? categoryOf(operatorAccountId) : undefined;
  return [
    ...checkZone(id, timeZone),
    ...(owner === undefined || owner === 'siteOwner' || (owner === 'driver' && kind === 'home')
      ? []
      : [misfit(id, 'ownerAccountId', ownerAccountId, `that account is of category ${owner}`, 'an account of category siteOwner')]),
    ...(operator === undefined || operator === 'partner' || operator === 'eMSP'
      ? []
      : [misfit(id, 'operatorAccountId', operatorAccountId, `that account is of category ${operator}`, 'an account of category partner')]),
    ...(kind === 'foreign' && operatorAccountId == null ? [misfit(id, 'operatorAccountId', '', 'the site is another operator’s', 'the account of the operator who is paid')] : []),
    ...(kind !== 'foreign' && operatorAccountId != null ? [misfit(id, 'operatorAccountId', operatorAccountId, `the site is of kind ${kind}`, 'kind foreign, or no operator')] : []),
  ];
}

export function checkZone(id: string, timeZone: unknown): Issue[] {
  return typeof timeZone === 'string' && !isValidZone(timeZone) ? [misfit(id, 'timeZone', timeZone, 'it is not a time zone', 'an IANA zone such as Europe/Stockholm')] : [];
}

const currencies = new Set(Intl.supportedValuesOf('currency'));
export function checkCurrency(id: string, currency: unknown): Issue[] {
  return typeof currency === 'string' && !currencies.has(currency) ? [misfit(id, 'currency', currency, 'it is not a currency', 'a code of ISO 4217 such as SEK')] : [];
}

/** Says what does not fit, and what would. */
export function misfit(id: string, field: string, value: unknown, because: string, expected: string): Issue {
  return issue('rowDoesNotFit', 'blocks', id, { field, value: String(value), because, expected });
}
