import { z } from 'zod';
import type { IssuedDocument } from '../../../core/document/issued-document.ts';

const labelNames = [
  'number',
  'issuedOn',
  'dated',
  'dueOn',
  'period',
  'customerId',
  'purchaseOrder',
  'partnerId',
  'seller',
  'buyer',
  'payee',
  'payer',
  'orgNumber',
  'vatNumber',
  'seat',
  'fTax',
  'credits',
  'corrects',
  'line',
  'month',
  'quantity',
  'unitPrice',
  'vat',
  'amount',
  'amountGross',
  'subtotal',
  'noCostCenter',
  'costCenter',
  'net',
  'rounding',
  'payable',
  'owed',
  'creditedSum',
  'takenBack',
  'base',
  'percent',
  'vatAmount',
  'vatIn',
  'paySlip',
  'bankgiro',
  'iban',
  'bic',
  'ocr',
  'payBy',
  'annex',
  'summary',
  'start',
  'end',
  'site',
  'unit',
  'energy',
  'sessions',
  'carried',
  'brought',
  'total',
  'page',
  'without',
] as const;
const noteNames = ['reverseCharge', 'outsideVat', 'selfBilled', 'noVat', 'roundedPerSession', 'roundedVat', 'payTo', 'byCard'] as const;
const titleNames = ['invoice', 'creditNote', 'receipt', 'selfBilling', 'selfBillingCredit', 'settlementStatement', 'reimbursement', 'emspSettlement'] as const;
const unitNames = ['KWH', 'SEC', 'C62'] as const;
const word = z.string().min(1).max(200);

/** Every word that stands on a document, in one language: a file of the folder `languages`, named by its language. */
export const wordsSchema = z.strictObject({
  /** ISO 639-1. */
  language: z.string().regex(/^[a-z]{2}$/, 'must be a language such as sv'),
  /** ISO 3166 codes of the countries whose receivers are written to in it. */
  countries: z.array(z.string().regex(/^[A-Z]{2}$/, 'must be a country such as SE')),
  /** Of numbers. */
  decimal: z.string().length(1),
  group: z.string().length(1),
  units: z.record(z.enum(unitNames), word),
  prices: z.record(z.enum(unitNames), word),
  titles: z.record(z.enum(titleNames), word),
  /** What is sold, by the code of the component. What is not listed stands under its code. */
  items: z.record(z.string(), word),
  labels: z.record(z.enum(labelNames), word),
  notes: z.record(z.enum(noteNames), word),
});
export type Words = Readonly<z.infer<typeof wordsSchema>>;

/** The document's heading: an invoice to a roaming partner is called its settlement. */
export function titleOf(document: Pick<IssuedDocument, 'type' | 'strategy'>, words: Words): string {
  return document.type === 'invoice' && document.strategy === 'emspSettlement' ? words.titles.emspSettlement : words.titles[document.type];
}

/** What is sold in words; later differences of a clause, `included#2`, have the name of the first, and so has what a statement says in another currency, `negativeMonth@EUR`. */
export function itemText(item: string, words: Words): string {
  return words.items[item] ?? words.items[item.replace(/(@[A-Z]{3})?(#\d+)?$/, '')] ?? item;
}
