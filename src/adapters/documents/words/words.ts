import type { DocumentType, IssuedDocument } from '../../../core/document/issued-document.ts';

type Titles = Readonly<Record<DocumentType | 'emspSettlement', string>>;
type LabelName =
  | 'number'
  | 'issuedOn'
  | 'dated'
  | 'dueOn'
  | 'period'
  | 'customerId'
  | 'purchaseOrder'
  | 'partnerId'
  | 'seller'
  | 'buyer'
  | 'payee'
  | 'payer'
  | 'orgNumber'
  | 'vatNumber'
  | 'seat'
  | 'fTax'
  | 'credits'
  | 'line'
  | 'month'
  | 'quantity'
  | 'unitPrice'
  | 'vat'
  | 'amount'
  | 'amountGross'
  | 'subtotal'
  | 'noCostCenter'
  | 'costCenter'
  | 'net'
  | 'rounding'
  | 'payable'
  | 'owed'
  | 'creditedSum'
  | 'takenBack'
  | 'base'
  | 'percent'
  | 'vatAmount'
  | 'vatIn'
  | 'paySlip'
  | 'bankgiro'
  | 'iban'
  | 'bic'
  | 'ocr'
  | 'payBy'
  | 'annex'
  | 'summary'
  | 'start'
  | 'end'
  | 'site'
  | 'unit'
  | 'energy'
  | 'sessions'
  | 'carried'
  | 'brought'
  | 'total'
  | 'page'
  | 'without';
type NoteName = 'reverseCharge' | 'outsideVat' | 'selfBilled' | 'noVat' | 'roundedPerSession' | 'roundedVat' | 'payTo' | 'byCard';

/** Every word that stands on a document, in one language. A language is a file beside this one, named in languages.ts. */
export type Words = {
  /** ISO 639-1. */
  readonly language: string;
  /** Of numbers. */
  readonly decimal: string;
  readonly group: string;
  readonly units: Readonly<Record<'KWH' | 'SEC' | 'C62', string>>;
  readonly prices: Readonly<Record<'KWH' | 'SEC' | 'C62', string>>;
  readonly titles: Titles;
  /** What is sold, by the code of the component. What is not listed stands under its code. */
  readonly items: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<LabelName, string>>;
  readonly notes: Readonly<Record<NoteName, string>>;
};

/** The document's heading: an invoice to a roaming partner is called its settlement. */
export function titleOf(document: Pick<IssuedDocument, 'type' | 'strategy'>, words: Words): string {
  return document.type === 'invoice' && document.strategy === 'emspSettlement' ? words.titles.emspSettlement : words.titles[document.type];
}

/** What is sold in words; later differences of a clause, `included#2`, have the name of the first. */
export function itemText(item: string, words: Words): string {
  return words.items[item] ?? words.items[item.replace(/#\d+$/, '')] ?? item;
}
