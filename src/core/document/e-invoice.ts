import { type Issue, issue } from '../issues.ts';
import { type EInvoiceLine, eInvoiceLines } from './e-invoice-lines.ts';
import { type ElectronicAddress, electronicAddressOf, registerNumberOf } from './electronic-address.ts';
import { bankgiroFor, deliveryOf, type IssuedDocument, isByCard, isCredit, isWrittenForSeller, type PartyWords } from './issued-document.ts';
import { plainText } from './plain-text.ts';

export type EInvoiceParty = {
  readonly endpoint: ElectronicAddress;
  readonly name: string;
  readonly country: string;
  readonly address: PartyWords['address'];
  /** Left out of documents outside VAT (BR-O-02). */
  readonly vatNumber: string | null;
  /** `scheme` is null for the number of a register that has none here. */
  readonly register: { readonly scheme: string | null; readonly id: string } | null;
  readonly hasFTax: boolean;
};
export type EInvoiceVat = { readonly category: string; readonly percent: string | null; readonly baseMinor: bigint; readonly vatMinor: bigint; readonly exemption: string | null };

/** A document in the terms of EN 16931. Money in minor units with the sign that the form wants: credit notes are positive. */
export type EInvoice = {
  /** UNTDID 1001. */
  readonly typeCode: '380' | '381' | '389' | '261';
  readonly isCredit: boolean;
  readonly isSelfBilled: boolean;
  readonly number: string;
  readonly issuedOn: string;
  readonly dueOn: string;
  readonly currency: string;
  readonly reference: string;
  /** BT-13. */
  readonly purchaseOrder: string | null;
  readonly from: string;
  readonly to: string;
  /** BG-3: what a credit note is for, and what lines of an invoice correct. */
  readonly credits: IssuedDocument['credits'];
  readonly seller: EInvoiceParty;
  readonly buyer: EInvoiceParty;
  readonly payment: { readonly ocr: string | null; readonly bankgiro: string | null; readonly iban: string | null; readonly bic: string | null } | null;
  /** `period`: the days of its month that the document is of (PEPPOL-EN16931-R110, R111); null where it is of none of them. */
  readonly lines: readonly (EInvoiceLine & { readonly category: string; readonly percent: string | null; readonly period: Days | null })[];
  /** What VAT of the whole document leaves over against the lines' nets (D02), by category; positive is a charge. */
  readonly roundings: readonly { readonly category: string; readonly percent: string | null; readonly amountMinor: bigint }[];
  readonly vat: readonly EInvoiceVat[];
  /** VAT in the currency of the books, where that is another one and VAT is asked. */
  readonly bookVat: { readonly currency: string; readonly minor: bigint } | null;
  readonly totals: {
    /** BT-106, sum of the lines. */
    readonly linesMinor: bigint;
    readonly chargesMinor: bigint;
    readonly allowancesMinor: bigint;
    /** BT-109 and BT-112. */
    readonly netMinor: bigint;
    readonly grossMinor: bigint;
    readonly vatMinor: bigint;
    /** BT-114, whole kronor (D04). */
    readonly roundingMinor: bigint;
    readonly payableMinor: bigint;
  };
};

type Days = { readonly from: string; readonly to: string };

const typeCodes: Partial<Record<IssuedDocument['type'], EInvoice['typeCode']>> = { invoice: '380', creditNote: '381', selfBilling: '389', selfBillingCredit: '261' };
// Codes of the CEF list VATEX.
const exemptions: Readonly<Record<string, string | null>> = { S: null, Z: null, AE: 'vatex-eu-ae', O: 'vatex-eu-o', G: 'vatex-eu-g', K: 'vatex-eu-ic' };

/** The e-invoice of an issued document, or why there is none: every reason, each with its remedy. */
export function eInvoiceOf(document: IssuedDocument): { readonly invoice: EInvoice } | { readonly issues: readonly Issue[] } {
  const { type, currency, entity, party } = document;
  const typeCode = typeCodes[type];
  const subject = document.legalNumber;
  if (typeCode === undefined) return { issues: [issue('notAnEInvoice', 'blocks', subject, { type })] };
  const credit = isCredit(type);
  const selfBilled = isWrittenForSeller(type);
  const sign = credit ? -1n : 1n;
  const categoryOf = new Map(document.vat.map((v) => [v.vatCode, v.category]));
  const percentOf = new Map(document.vat.map((v) => [v.vatCode, v.category === 'O' ? null : v.percent]));
  const categories = new Set(categoryOf.values());
  const isOutsideVat = categories.has('O');
  const taxed = categories.has('S') || categories.has('AE') || categories.has('E') || categories.has('Z') || categories.has('K') || categories.has('G');
  const [sellerWords, buyerWords] = selfBilled ? [party, entity] : [entity, party];
  const issues = [
    ...(isOutsideVat && categories.size > 1 ? [issue('outsideVatBesideVat', 'blocks', subject)] : []),
    ...[...categories].flatMap((category) => (category in exemptions ? [] : [issue('vatCategoryUnknown', 'blocks', subject, { category })])),
    ...[sellerWords, buyerWords].flatMap((words) => [
      ...(electronicAddressOf(words) === undefined ? [issue('electronicAddressMissing', 'blocks', subject, { name: plainText(words.name) })] : []),
      ...(plainText(words.name) === '' ? [issue('nameUnwritable', 'blocks', subject)] : []),
    ]),
    ...(taxed && sellerWords.vatNumber === null ? [issue('vatNumberMissing', 'blocks', subject, { name: plainText(sellerWords.name) })] : []),
    ...(categories.has('AE') && buyerWords.vatNumber === null ? [issue('vatNumberMissing', 'blocks', subject, { name: plainText(buyerWords.name) })] : []),
    // A statement that comes out negative credits no single document (D17).
    ...(type === 'creditNote' && document.credits.length === 0 ? [issue('creditsNothing', 'blocks', subject)] : []),
  ];
  if (issues.length > 0) return { issues };

  const delivery = deliveryOf(document);
  const days = { from: daysOf(delivery.from).from, to: daysOf(delivery.to).to };
  const lines = eInvoiceLines(document.lines, currency, sign).map((line) => ({
    ...line,
    category: categoryOf.get(line.vatCode) ?? '',
    percent: percentOf.get(line.vatCode) ?? null,
    period: shared(days, daysOf(line.serviceMonth)),
  }));
  const vat = vatByCategory(document, sign);
  const sum = (values: readonly bigint[]) => values.reduce((a, b) => a + b, 0n);
  const roundings = vat
    .map(({ category, percent, baseMinor }) => ({ category, percent, amountMinor: baseMinor - sum(lines.filter((l) => l.category === category && l.percent === percent).map((l) => l.netMinor)) }))
    .filter((rounding) => rounding.amountMinor !== 0n);
  const netMinor = sum(vat.map((v) => v.baseMinor));
  const vatMinor = sum(vat.map((v) => v.vatMinor));
  const payableMinor = document.payableMinor * sign;
  const { letterhead } = entity;
  return {
    invoice: {
      typeCode,
      isCredit: credit,
      isSelfBilled: selfBilled,
      number: subject,
      issuedOn: document.issuedOn,
      dueOn: document.dueOn,
      currency,
      reference: document.accountId,
      purchaseOrder: document.purchaseOrder === null ? null : plainText(document.purchaseOrder),
      ...days,
      credits: [...document.credits, ...correctedBy(document)],
      seller: partyOf(sellerWords, isOutsideVat, selfBilled ? false : letterhead.fTax === true),
      buyer: partyOf(buyerWords, isOutsideVat, false),
      payment:
        credit || selfBilled || isByCard(document) || (letterhead.bankgiro === undefined && letterhead.iban === undefined)
          ? null
          : { ocr: document.ocr, bankgiro: bankgiroFor(document) ?? null, iban: letterhead.iban ?? null, bic: letterhead.bic ?? null },
      lines,
      roundings,
      vat,
      bookVat: vatMinor === 0n || currency === entity.currency ? null : { currency: entity.currency, minor: document.bookVatMinor * sign },
      totals: {
        linesMinor: sum(lines.map((l) => l.netMinor)),
        chargesMinor: sum(roundings.map((r) => (r.amountMinor > 0n ? r.amountMinor : 0n))),
        allowancesMinor: sum(roundings.map((r) => (r.amountMinor < 0n ? -r.amountMinor : 0n))),
        netMinor,
        grossMinor: netMinor + vatMinor,
        vatMinor,
        roundingMinor: payableMinor - netMinor - vatMinor,
        payableMinor,
      },
    },
  };
}

/** The documents that lines correct, each once, in the order of their numbers. */
function correctedBy({ lines }: IssuedDocument): IssuedDocument['credits'] {
  const corrected = new Map(lines.flatMap(({ corrects }) => (corrects === null ? [] : [[corrects.legalNumber, corrects]])));
  return [...corrected.values()].sort((a, b) => (a.legalNumber < b.legalNumber ? -1 : 1));
}

/** One row per category and percent, though codes of several countries may share them. */
function vatByCategory({ vat }: IssuedDocument, sign: 1n | -1n): EInvoiceVat[] {
  const rows = new Map<string, EInvoiceVat>();
  for (const v of vat) {
    const percent = v.category === 'O' ? null : v.percent;
    const key = `${v.category} ${percent}`;
    const row = rows.get(key);
    rows.set(key, {
      category: v.category,
      percent,
      baseMinor: (row?.baseMinor ?? 0n) + v.baseMinor * sign,
      vatMinor: (row?.vatMinor ?? 0n) + v.vatMinor * sign,
      exemption: exemptions[v.category] ?? null,
    });
  }
  return [...rows.values()];
}

function partyOf(words: PartyWords, isOutsideVat: boolean, hasFTax: boolean): EInvoiceParty {
  const endpoint = electronicAddressOf(words);
  if (endpoint === undefined) throw new RangeError(`${words.name} has no electronic address`);
  const vatNumber = isOutsideVat ? null : words.vatNumber;
  // Who is named by no VAT number is named by that of a register (BR-CO-26).
  const other = vatNumber === null && words.orgNumber !== null ? { scheme: null, id: plainText(words.orgNumber) } : null;
  return { endpoint, name: plainText(words.name), country: words.country, address: words.address, vatNumber, register: registerNumberOf(words) ?? other, hasFTax };
}

/** First and last day of a month `YYYY-MM`, or of a day. */
function daysOf(time: string): Days {
  if (time.length !== 7) return { from: time, to: time };
  const [year, number] = time.split('-').map(Number);
  return { from: `${time}-01`, to: new Date(Date.UTC(year ?? 0, number ?? 0, 0)).toISOString().slice(0, 10) };
}

/** The days that two spans have in common. */
function shared(one: Days, two: Days): Days | null {
  const from = one.from < two.from ? two.from : one.from;
  const to = one.to < two.to ? one.to : two.to;
  return from <= to ? { from, to } : null;
}
