import { type Issue, issue } from '../issues.ts';
import { isValidZone } from '../time.ts';

/** Whom each strategy bills or pays, and how it rounds (D03): consumers' documents by the gross, all others by the net. */
const strategies = {
  driverInvoice: { category: 'driver', roundingMode: 'grossFirst' },
  cardReceipt: { category: 'driver', roundingMode: 'grossFirst' },
  cardInvoice: { category: 'driver', roundingMode: 'grossFirst' },
  // What a driver is paid for charging at home.
  reimbursement: { category: 'driver', roundingMode: 'netFirst' },
  fleetInvoice: { category: 'fleet', roundingMode: 'netFirst' },
  emspSettlement: { category: 'eMSP', roundingMode: 'netFirst' },
  selfBilling: { category: 'siteOwner', roundingMode: 'netFirst' },
  partnerPurchase: { category: 'partner', roundingMode: 'netFirst' },
} as const;

export type Values = Readonly<Record<string, unknown>>;

const fitOf = (strategy: unknown) => (typeof strategy === 'string' && strategy in strategies ? strategies[strategy as keyof typeof strategies] : undefined);
const strategiesOf = (category: unknown) => Object.entries(strategies).flatMap(([name, fit]) => (fit.category === category ? [name] : []));

/** What a new account of a category is when nothing else is said. */
export function accountDefaults({ category, strategy = strategiesOf(category)[0] }: Values): Values {
  return { strategy, roundingMode: fitOf(strategy)?.roundingMode, paymentTermsDays: 30, releaseGroup: 'all', purchaseOrderRequired: false };
}

/** What does not fit in an account; the issues' subject is its id. */
export function checkAccount(id: string, { category, strategy, roundingMode, currency }: Values): Issue[] {
  const fit = fitOf(strategy);
  if (fit === undefined || category === undefined) return [];
  return [
    ...(fit.category === category ? [] : [misfit(id, 'strategy', strategy, `the account is of category ${category}`, strategiesOf(category).join(' or '))]),
    ...(fit.roundingMode === roundingMode ? [] : [misfit(id, 'roundingMode', roundingMode, `the account is billed by ${strategy}`, fit.roundingMode)]),
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
