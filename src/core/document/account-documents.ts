import type { LatePolicy } from '../../contracts/document-rules.ts';
import { monthsOfPeriod } from '../cycle/billing-period.ts';
import { groupBy } from '../group-by.ts';
import { type ComposeInput, type CreditRef, chargeIdsOf, composeDocument, type DocumentAdjustment, type DocumentCharge, type DocumentKind, type DocumentValue, type Remainder } from './compose.ts';

/** How long anything is held back at most, in months (D26, D42). */
const longestHold = 3;

export type VatRule = { readonly percent: string; readonly category: string; readonly country: string };

export type AccountInput = Pick<ComposeInput, 'entityId' | 'accountId' | 'strategy' | 'currency' | 'roundingMode' | 'period' | 'charges' | 'adjustments' | 'purchaseOrder'> & {
  /**
   * `sale`: what a customer owes. `selfBilling`: a payee's invoice, written by us. `settlement`: a statement without VAT, which is
   * no invoice: it shows corrections as lines, and may come to less than nothing (D46).
   */
  readonly side: 'sale' | 'selfBilling' | 'settlement';
  readonly vatRules: ReadonlyMap<string, VatRule>;
  readonly late: LatePolicy;
  /** An invoice in the currency of the books below it waits for the next; 0 for none. */
  readonly minimumMinor: bigint;
  /** The currency of the entity's books: that of all amounts of its rules. What is billed in another is held by none of them. */
  readonly books: string;
  /** The last month of which the account has an issued document; null for none. What is of it or before is late. */
  readonly billedUntil: string | null;
  /** The customer wants a purchase order on its invoices, and none is known. */
  readonly lacksPurchaseOrder: boolean;
  /** What somebody ordered to be credited, or billed in its place: it is not held back, and has a credit note. */
  readonly isOrdered: (charge: DocumentCharge) => boolean;
  /** What is left of each document that is credited. */
  readonly remainders: ReadonlyMap<string, Remainder>;
};

/** `key` tells the documents of an account in a run apart, the same for the same inputs. */
export type AccountDocument = {
  readonly key: string;
  readonly kind: DocumentKind;
  readonly currency: string;
  readonly credits: CreditRef | null;
  /** Whether all of it is outside the scope of VAT (D43). */
  readonly outsideVat: boolean;
  readonly value: DocumentValue;
};
/** What stays open for now, and why; `document` where a whole document waits. */
export type Held = {
  readonly reason: 'late' | 'minimum' | 'zero' | 'purchaseOrder';
  readonly chargeIds: readonly bigint[];
  readonly document?: Pick<DocumentValue, 'netMinor' | 'energyWh'> & { readonly currency: string };
};
export type AccountDocuments = { readonly documents: readonly AccountDocument[]; readonly held: readonly Held[] };

type Group = { readonly key: string; readonly currency: string; readonly roundingMode: 'grossFirst' | 'netFirst'; readonly charges: DocumentCharge[]; readonly adjustments: DocumentAdjustment[] };

/**
 * The documents of one account in a run: one per currency, rounding mode and side of VAT (D37, D43, D23), and of who pays by card per session; beside them a credit note for
 * each issued document that something is taken back from (D13). Consumers' corrections stand on their invoice as long as it is not
 * negative; a receipt has none. What came late goes by the policy (D42); nothing is made for zero or below the minimum, unless it credits something (D26).
 * An invoice that lacks a purchase order waits by itself, for as long as it takes.
 */
export function accountDocuments(input: AccountInput): AccountDocuments {
  const late = lateOf(input);
  const held: Held[] = [];
  const heldLate = input.charges.filter(late.isHeld);
  if (heldLate.length > 0) held.push({ reason: 'late', chargeIds: heldLate.flatMap((c) => c.chargeIds) });
  const kept = heldLate.length > 0 ? input.charges.filter((c) => !late.isHeld(c)) : input.charges;
  const documents: AccountDocument[] = [];
  for (const group of groupsOf(input, kept)) {
    const made = documentsOf(input, group, input.late.policy === 'separateInvoice' ? late.isLate : () => false);
    documents.push(...made.documents);
    held.push(...made.held);
  }
  return { documents, held };
}

/** What is late: of a month that the account was billed already; and what of it is too little to be billed yet. */
function lateOf({ charges, billedUntil, period, late, roundingMode, isOrdered, side, books }: AccountInput) {
  const { firstMonth, lastMonth } = monthsOfPeriod(period);
  const isLate = (c: DocumentCharge) => billedUntil !== null && c.serviceMonth < firstMonth && c.serviceMonth <= billedUntil && !isOrdered(c);
  if (late.policy !== 'holdBelow' || side !== 'sale') return { isLate, isHeld: () => false };
  let sum = 0n;
  let since = lastMonth;
  for (const c of charges) {
    if (c.currency !== books || !isLate(c)) continue;
    sum += roundingMode === 'netFirst' ? c.netMinor : c.grossMinor;
    if (c.heldSince !== null && c.heldSince < since) since = c.heldSince;
  }
  const isTooLittle = sizeOf(sum) < BigInt(late.thresholdMinor) && monthsBetween(since, lastMonth) < longestHold;
  return { isLate, isHeld: (c: DocumentCharge) => isTooLittle && c.currency === books && isLate(c) };
}

function groupsOf(input: AccountInput, charges: readonly DocumentCharge[]): Group[] {
  const groups = new Map<string, Group>();
  const groupOf = (currency: string, roundingMode: Group['roundingMode'], vatCode: string, credits: CreditRef | null | undefined, sessionKey: string | null = null): Group => {
    // What takes something back goes with all that does of its document.
    const apart = input.strategy === perSession ? [credits?.documentId ?? sessionKey ?? ''] : [];
    const key = [currency, roundingMode, ...apart, vatSideOf(input, roundingMode, vatCode)].join('|');
    let group = groups.get(key);
    if (group === undefined) {
      group = { key, currency, roundingMode, charges: [], adjustments: [] };
      groups.set(key, group);
    }
    return group;
  };
  for (const c of charges) groupOf(c.currency, c.roundingMode, c.vatCode, c.credits, c.sessionKey).charges.push(c);
  for (const a of input.adjustments) groupOf(input.currency, input.roundingMode, a.vatCode, a.credits).adjustments.push(a);
  return [...groups.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** What may not stand beside other VAT: what is outside its scope; and for businesses what another registration of the seller is for. */
function vatSideOf({ side, vatRules }: AccountInput, roundingMode: Group['roundingMode'], vatCode: string): string {
  if (side === 'settlement') return '';
  const rule = vatRules.get(vatCode);
  if (rule === undefined) throw new RangeError(`VAT code ${vatCode} has no rule`);
  if (rule.category === outsideScope) return outsideScope;
  return roundingMode === 'netFirst' ? rule.country : '';
}
const outsideScope = 'O';
/** Who pays each session by itself, as a card is charged. */
const perSession = 'cardReceipt';

function documentsOf(input: AccountInput, group: Group, isApart: (charge: DocumentCharge) => boolean): AccountDocuments {
  const { charges, adjustments } = group;
  // A settlement statement is no invoice: corrections are lines of it (D46).
  const isSettlement = input.side === 'settlement' || (input.side === 'selfBilling' && group.key.endsWith(`|${outsideScope}`));
  const crediting = isSettlement ? [] : [...charges.filter((c) => c.credits !== null), ...adjustments.filter((a) => a.credits)];
  // What somebody ordered to be credited has a credit note; so has every correction of a business, and of what a card paid.
  const apart = crediting.filter((part) => group.roundingMode === 'netFirst' || input.strategy === perSession || !isCharge(part) || input.isOrdered(part));
  let { creditNotes, taken } = creditNotesOf(input, group, apart);
  const compose = (kind: DocumentKind, wanted: (charge: DocumentCharge) => boolean) =>
    documentOf(input, group, kind, null, {
      charges: charges.filter((c) => !taken.has(c) && wanted(c)),
      adjustments: kind === 'lateInvoice' ? [] : adjustments.filter((a) => !taken.has(a)),
    });
  const invoices = () => [compose('invoice', (c) => !isApart(c)), compose('lateInvoice', isApart)].filter((d) => d !== undefined);
  let made = invoices();
  if (taken.size < crediting.length && made.some((d) => isNegative(d.value))) {
    ({ creditNotes, taken } = creditNotesOf(input, group, crediting));
    made = invoices();
  }
  if (input.side !== 'sale') {
    // A statement of nothing is none (D26): what cancels out in it waits, as it counts in the next one of its month.
    const isNone = ({ value }: AccountDocument) => value.netMinor === 0n && value.payableMinor === 0n && value.energyWh === 0n;
    const cancelling = made.filter((d) => isNone(d) && d.value.lines.some((l) => l.netMinor !== 0n));
    return { documents: [...made.filter((d) => !isNone(d)), ...creditNotes], held: cancelling.map((d) => heldFor('zero', d)) };
  }
  const held: Held[] = [];
  const kept = made.filter((d) => {
    const reason = waitsFor(input, group, d);
    if (reason === undefined) return true;
    held.push(heldFor(reason, d));
    return false;
  });
  return { documents: [...kept, ...creditNotes], held };
}

/** A document that waits as a whole. */
const heldFor = (reason: Held['reason'], { value, currency }: AccountDocument): Held => ({
  reason,
  chargeIds: value.lines.flatMap(chargeIdsOf),
  document: { currency, netMinor: value.netMinor, energyWh: value.energyWh },
});

/** Less than nothing, also where it is rounded to nothing. */
function isNegative({ vat, payableMinor }: DocumentValue): boolean {
  return payableMinor < 0n || vat.reduce((sum, v) => sum + v.baseMinor + v.vatMinor, 0n) < 0n;
}

/** Credit notes for what `parts` take back, one per document. What would come to more than nothing is no credit, and stays on the invoice. */
function creditNotesOf(input: AccountInput, group: Group, parts: readonly (DocumentCharge | DocumentAdjustment)[]) {
  const taken = new Set<DocumentCharge | DocumentAdjustment>();
  const creditNotes: AccountDocument[] = [];
  const byDocument = [...groupBy(parts, (p) => p.credits?.documentId ?? '')].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [, own] of byDocument) {
    const made = documentOf(input, group, 'creditNote', own[0]?.credits ?? null, {
      charges: own.filter(isCharge),
      adjustments: own.filter((p): p is DocumentAdjustment => !isCharge(p)),
    });
    if (made === undefined || made.value.payableMinor > 0n) continue;
    creditNotes.push(made);
    for (const part of own) taken.add(part);
  }
  return { creditNotes, taken };
}

const isCharge = (part: DocumentCharge | DocumentAdjustment): part is DocumentCharge => 'chargeIds' in part;

function documentOf(
  { entityId, accountId, strategy, period, side, vatRules, remainders, purchaseOrder = null }: AccountInput,
  { key, currency, roundingMode }: Group,
  kind: DocumentKind,
  credits: CreditRef | null,
  parts: Pick<ComposeInput, 'charges' | 'adjustments'>,
): AccountDocument | undefined {
  const rest = credits === null ? undefined : remainders.get(credits.documentId);
  if (credits !== null && rest === undefined) throw new RangeError(`what is left of document ${credits.documentId} is not known`);
  const value = composeDocument({
    kind,
    credits: credits === null || rest === undefined ? null : { documentId: credits.documentId, legalNumber: credits.legalNumber, rest },
    entityId,
    accountId,
    // Paid back as it was paid: whole kronor are for transfers (D04, D41).
    strategy: rest?.strategy ?? strategy,
    currency,
    roundingMode,
    period,
    purchaseOrder,
    ...parts,
    // Who bills himself, or is not registered, gets a statement without VAT (D46).
    vatPercents: new Map([...vatRules].map(([code, rule]) => [code, side === 'settlement' ? '0' : rule.percent])),
  });
  if (value === undefined) return undefined;
  return { key: [key, kind, ...(credits === null ? [] : [credits.documentId])].join('|'), kind, currency, credits, outsideVat: key.endsWith(`|${outsideScope}`), value };
}

/** Why an invoice is not made yet; undefined when it is. */
function waitsFor({ minimumMinor, books, period, lacksPurchaseOrder }: AccountInput, { charges }: Group, { kind, currency, value }: AccountDocument): Held['reason'] | undefined {
  if (lacksPurchaseOrder && kind !== 'creditNote') return 'purchaseOrder';
  const { payableMinor, lines } = value;
  // What was free is neither carried nor unbilled: its document is its end, and shows it.
  const isSmall = kind === 'invoice' && currency === books && payableMinor > 0n && payableMinor < minimumMinor;
  const reason = payableMinor === 0n && lines.some((l) => l.netMinor !== 0n) ? 'zero' : isSmall ? 'minimum' : undefined;
  if (reason === undefined || lines.some((l) => l.credits !== null || l.adjustmentId !== null)) return undefined;
  const own = new Set(lines.flatMap(chargeIdsOf));
  const { lastMonth } = monthsOfPeriod(period);
  const since = charges.reduce((first, c) => (c.chargeIds.some((id) => own.has(id)) && c.heldSince !== null && c.heldSince < first ? c.heldSince : first), lastMonth);
  return monthsBetween(since, lastMonth) >= longestHold ? undefined : reason;
}

function monthsBetween(from: string, to: string): number {
  const indexOf = (month: string) => Number(month.slice(0, 4)) * 12 + Number(month.slice(5, 7));
  return indexOf(to) - indexOf(from);
}

function sizeOf(minor: bigint): bigint {
  return minor < 0n ? -minor : minor;
}
