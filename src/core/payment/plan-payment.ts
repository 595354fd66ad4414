import { groupBy } from '../group-by.ts';
import { type Issue, issue } from '../issues.ts';
import { formatMinor } from '../money.ts';
import { canonicalBytes, sha256 } from '../seal/charge-record.ts';
import type { PaymentAccount } from './payment-file.ts';

/** An issued document of what we owe and no payment holds; a credit is below zero. `openMinor` is what nobody else has settled of it. Minor units. */
export type OwedDocument = {
  readonly documentId: string;
  readonly accountId: string;
  readonly legalNumber: string;
  readonly dueOn: string;
  readonly payableMinor: bigint;
  readonly openMinor: bigint;
};
/** One payee of a payment. `end` numbers it within the payment. */
export type PaymentItem = { readonly accountId: string; readonly amountMinor: bigint; readonly bankAccountVersion: number; readonly remittance: string; readonly documentIds: readonly string[] };
export type PlannedPayment = { readonly items: readonly PaymentItem[]; readonly totalMinor: bigint /** Who is not paid now, and why. */; readonly leftOut: readonly Issue[] };

/** A remittance text of a payment file (ISO 20022, Max140Text). */
const mostLetters = 140;
/** A small sum waits no longer (D32). */
const longestMonths = 12;

/**
 * What is paid on a day: per payee all that is due and what is credited, set off; nothing below the threshold until the oldest of it is a
 * year past due, or the payee has no contract any more (D32); nothing to a bank account that a payment came back from. A document is paid whole: what somebody else has paid a part of is left to them. Payees in the order of their accounts.
 */
export function planPayment(input: {
  readonly documents: readonly OwedDocument[];
  readonly currency: string;
  readonly executeOn: string;
  /** The currency of the entity's books, which the threshold is in: payments in another have none. */
  readonly books: string;
  readonly thresholdMinor: bigint;
  /** Payees who earn by a contract still: of others nothing is to come that a small sum could wait for. */
  readonly contracted: ReadonlySet<string>;
  /** The newest published version of each payee's bank account, of those that take the currency. */
  readonly bankAccounts: ReadonlyMap<string, number>;
  /** The newest version of each payee's bank account that a payment came back from. */
  readonly returnedFrom: ReadonlyMap<string, number>;
}): PlannedPayment {
  const { currency } = input;
  const items: PaymentItem[] = [];
  const leftOut: Issue[] = [];
  for (const [accountId, owed] of [...groupBy(input.documents, (d) => d.accountId)].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const documents = owed.filter((d) => d.openMinor === d.payableMinor);
    for (const { legalNumber, payableMinor, openMinor } of owed)
      if (openMinor !== payableMinor) leftOut.push(issue('paidInPart', 'blocks', accountId, { number: legalNumber, open: formatMinor(openMinor, currency), currency }));
    if (documents.length === 0) continue;
    const inOrder = [...documents].sort(dueOrder);
    const amountMinor = inOrder.reduce((sum, d) => sum + d.payableMinor, 0n);
    const amount = formatMinor(amountMinor, currency);
    const bankAccountVersion = input.bankAccounts.get(accountId);
    const isOld = monthsLater(inOrder[0]?.dueOn ?? input.executeOn, longestMonths) <= input.executeOn;
    if (amountMinor <= 0n) leftOut.push(issue('nothingPayable', 'info', accountId, { amount, currency }));
    else if (currency === input.books && amountMinor < input.thresholdMinor && !isOld && input.contracted.has(accountId))
      leftOut.push(issue('payableBelowThreshold', 'info', accountId, { amount, currency, threshold: formatMinor(input.thresholdMinor, currency) }));
    else if (bankAccountVersion === undefined) leftOut.push(issue('bankAccountMissing', 'blocks', accountId, { amount, currency }));
    else if (bankAccountVersion <= (input.returnedFrom.get(accountId) ?? 0)) leftOut.push(issue('paymentReturned', 'blocks', accountId, { amount, currency }));
    else items.push({ accountId, amountMinor, bankAccountVersion, remittance: remittanceOf(inOrder.map((d) => d.legalNumber)), documentIds: inOrder.map((d) => d.documentId) });
  }
  return { items, totalMinor: items.reduce((sum, i) => sum + i.amountMinor, 0n), leftOut };
}

/** Whether a currency can be paid from or to an account: a bankgiro takes kronor alone. */
export function takes({ scheme }: Pick<PaymentAccount, 'scheme'>, currency: string): boolean {
  return scheme === 'iban' || currency === 'SEK';
}

/** The order of documents within an item: by when they are due. */
export function dueOrder(a: Pick<OwedDocument, 'dueOn' | 'legalNumber'>, b: Pick<OwedDocument, 'dueOn' | 'legalNumber'>): number {
  return `${a.dueOn} ${a.legalNumber}` < `${b.dueOn} ${b.legalNumber}` ? -1 : 1;
}

/** The hash by which a payment is approved: what was wanted, but for why, and its items. */
export function contentHashOf(
  { entityId, currency, format, dueUntil, executeOn }: { readonly [Key in 'entityId' | 'currency' | 'format' | 'dueUntil' | 'executeOn']: string },
  items: readonly PaymentItem[],
): Buffer {
  const own = items.map(({ accountId, amountMinor, bankAccountVersion, remittance, documentIds }) => ({
    accountId,
    amountMinor: amountMinor.toString(),
    bankAccountVersion,
    remittance,
    documentIds,
  }));
  return sha256(canonicalBytes({ entityId, currency, format, dueUntil, executeOn, reason: '', items: own }));
}

/** Numbers of documents in the room that a payment has for text: as many as fit, and how many more there are. */
export function remittanceOf(numbers: readonly string[]): string {
  for (let shown = numbers.length; shown > 0; shown -= 1) {
    const text = `${numbers.slice(0, shown).join(' ')}${shown === numbers.length ? '' : ` +${numbers.length - shown}`}`;
    if (text.length <= mostLetters) return text;
  }
  return (numbers[0] ?? '').slice(0, mostLetters);
}

function monthsLater(date: string, months: number): string {
  const [year = 0, month = 1, day = 1] = date.split('-').map(Number);
  return new Date(Date.UTC(year, month - 1 + months, day)).toISOString().slice(0, 10);
}
