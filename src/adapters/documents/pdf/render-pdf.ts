import { logoProblem } from '../../../contracts/letterhead.ts';
import { addressLines } from '../../../core/document/address-lines.ts';
import { bankgiroFor, type IssuedDocument, isByCard, isStatement, isWrittenForSeller, type PartyWords } from '../../../core/document/issued-document.ts';
import { type Paper, type PaperLine, type PaperSession, paperOf } from '../../../core/document/paper.ts';
import { wordsFor } from '../words/languages.ts';
import { itemText, titleOf, type Words } from '../words/words.ts';
import { writeAnnex } from './annex.ts';
import { bankgiroText, ibanText, kWhText, localTime, moneyText, numberText, priceText } from './figures.ts';
import { page, Sheet } from './sheet.ts';
import { Table } from './table.ts';

/** An issued document as PDF, A4. The same document in the same language gives the same bytes, so that they can be archived by their hash. */
export async function renderPdf(document: IssuedDocument, language?: string): Promise<Buffer> {
  const words = wordsFor(document, language);
  const paper = paperOf(document);
  const title = titleOf(document, words);
  const sheet = new Sheet({ title: `${title} ${document.legalNumber}`, author: document.entity.name, language: words.language, createdOn: document.issuedOn });
  writeHead(sheet, document, paper, words, title);
  writeLines(sheet, document, paper, words);
  writeTotals(sheet, document, paper, words);
  writePayment(sheet, document, paper, words);
  if (paper.sessions.length > 0 && sessionOfReceipt(document, paper) === undefined) writeAnnex(sheet, document, paper, words);
  return sheet.end((pageNo, pages) => writeFoot(sheet, document, words, pageNo, pages));
}

const logoHeight = 40;
const half = (page.left + page.right) / 2 + 10;

function writeHead(sheet: Sheet, document: IssuedDocument, paper: Paper, words: Words, title: string): void {
  const { labels } = words;
  const { entity, party } = document;
  sheet.y = page.top;
  // A document is worth more than its logo; `verify` names one that cannot be drawn.
  const logo = logoProblem(entity.letterhead) === undefined ? entity.letterhead.logo : undefined;
  if (logo !== undefined) {
    sheet.picture(Buffer.from(logo, 'base64'), page.left, 180, logoHeight);
    sheet.line(title, half, page.right - half, { size: 18, bold: true });
    sheet.y += logoHeight + 6;
  }
  sheet.block(entity.name, page.left, half - page.left - 20, { size: 13, bold: true }, 2);
  if (logo === undefined) sheet.line(title, half, page.right - half, { size: 18, bold: true });
  sheet.y += 34;
  const factsTop = sheet.y;
  // Who paid at a terminal is nobody in particular; a simplified invoice needs no buyer, and nor does its credit note.
  const namesParty = document.strategy !== 'cardReceipt' || party.address.street !== undefined;
  const session = sessionOfReceipt(document, paper);
  const facts: (readonly [string, string])[] = [
    [labels.number, document.legalNumber],
    [document.type === 'receipt' || isStatement(document.type) ? labels.dated : labels.issuedOn, document.issuedOn],
    ...(paper.isCredit || document.type === 'receipt' ? [] : [[labels.dueOn, document.dueOn] as const]),
    ...(session === undefined ? [[labels.period, paper.from === paper.to ? paper.from : `${paper.from} – ${paper.to}`] as const] : sessionFacts(session, document, words)),
    ...(namesParty ? [[isWrittenForSeller(document.type) ? labels.partnerId : labels.customerId, document.accountId] as const] : []),
    ...(document.purchaseOrder === null ? [] : [[labels.purchaseOrder, document.purchaseOrder] as const]),
    ...document.credits.map((c) => [labels.credits, c.legalNumber] as const),
  ];
  for (const [label, value] of facts) {
    sheet.line(label, half, 95, { gray: true });
    sheet.y += Math.max(13, sheet.block(value, half + 98, page.right - half - 98, {}, 8));
  }
  const factsEnd = sheet.y;
  sheet.y = factsTop;
  if (isWrittenForSeller(document.type)) {
    sheet.line(isStatement(document.type) ? labels.payee : labels.seller, page.left, 200, { gray: true });
    sheet.y += 13;
  }
  for (const [i, text] of (namesParty ? partyLines(party, entity.country) : []).entries()) sheet.y += sheet.block(text, page.left, half - page.left - 20, { size: 10, bold: i === 0 }, 8);
  if (isWrittenForSeller(document.type)) {
    sheet.y += 8;
    sheet.line(isStatement(document.type) ? labels.payer : labels.buyer, page.left, 200, { gray: true });
    sheet.y += 13;
    for (const [i, text] of partyLines(entity, entity.country).entries()) sheet.y += sheet.block(text, page.left, half - page.left - 20, { size: 10, bold: i === 0 }, 8);
  }
  sheet.y = Math.max(sheet.y, factsEnd) + 14;
  for (const note of notesOf(document, words)) {
    sheet.line(note, page.left, page.right - page.left, { bold: true });
    sheet.y += 14;
  }
  sheet.y += 6;
}

/** The one session of a receipt, which stands on the receipt itself; undefined where an annex lists several. */
function sessionOfReceipt({ type }: IssuedDocument, { sessions }: Paper): PaperSession | undefined {
  return type === 'receipt' && sessions.length === 1 ? sessions[0] : undefined;
}

function sessionFacts({ siteName, startAt, endAt, energyWh }: PaperSession, { timeZone }: IssuedDocument, words: Words): (readonly [string, string])[] {
  const { labels } = words;
  return [
    ...(siteName === null ? [] : [[labels.site, siteName] as const]),
    ...(startAt === null ? [] : [[labels.start, localTime(startAt, timeZone)] as const]),
    ...(endAt === null ? [] : [[labels.end, localTime(endAt, timeZone)] as const]),
    [labels.energy, kWhText(energyWh, words)],
  ];
}

/** A party with its number below: the VAT number, or that of the register. */
function partyLines(party: PartyWords, home: string): string[] {
  const number = party.vatNumber ?? party.orgNumber ?? '';
  return [...addressLines(party, home), ...(number === '' ? [] : [number])];
}

function notesOf(document: IssuedDocument, { notes }: Words): string[] {
  const has = (category: string) => document.vat.some((v) => v.category === category);
  return [
    ...(document.type === 'selfBilling' || document.type === 'selfBillingCredit' ? [notes.selfBilled] : []),
    ...(isStatement(document.type) ? [notes.noVat] : []),
    ...(has('AE') ? [notes.reverseCharge] : []),
    ...(has('O') && !isStatement(document.type) ? [notes.outsideVat] : []),
  ];
}

function writeLines(sheet: Sheet, document: IssuedDocument, paper: Paper, words: Words): void {
  const { labels } = words;
  const table = new Table(sheet, [
    { title: labels.line, width: 30 },
    { title: labels.month, width: 11 },
    { title: labels.quantity, width: 20, align: 'right' },
    { title: labels.unitPrice, width: 18, align: 'right' },
    { title: labels.vat, width: 8, align: 'right' },
    { title: `${paper.showsGross ? labels.amountGross : labels.amount} ${document.currency}`, width: 25, align: 'right' },
  ]);
  const hasGroups = paper.groups.some((g) => g.costCenter !== null);
  for (const group of paper.groups) {
    if (hasGroups) table.row([group.costCenter === null ? labels.noCostCenter : `${labels.costCenter} ${group.costCenter}`], { bold: true }, 1);
    for (const [i, line] of group.lines.entries()) {
      const keep = hasGroups && i === group.lines.length - 1 ? 1 : 0;
      table.tallRow(cellsOf(line, document.currency, words), keep + (line.corrects === null ? 0 : 1));
      if (line.corrects !== null) table.row([`${labels.corrects} ${line.corrects}`], { gray: true }, keep);
    }
    if (hasGroups) {
      table.row([labels.subtotal, null, null, null, null, moneyText(group.subtotalMinor, document.currency, words)], { bold: true });
      sheet.y += 4;
    }
  }
}

function cellsOf(line: PaperLine, currency: string, words: Words): (string | null)[] {
  return [
    itemText(line.item, words),
    line.serviceMonth,
    line.hasPrice ? `${numberText(line.quantity, words)} ${words.units[line.unitCode]}` : null,
    line.hasPrice ? `${priceText(line.price, words)}${words.prices[line.unitCode]}` : null,
    line.percent === null ? '-' : `${numberText(line.percent.replace(/\.0+$/, ''), words)} %`,
    moneyText(line.amountMinor, currency, words),
  ];
}

function writeTotals(sheet: Sheet, document: IssuedDocument, paper: Paper, words: Words): void {
  const { labels } = words;
  const { currency, entity } = document;
  const money = (minor: bigint) => moneyText(minor, currency, words);
  const hasVat = !isStatement(document.type);
  const sums: (readonly [string, string])[] = [
    [labels.net, money(paper.netMinor)],
    ...(hasVat ? [[labels.vat, money(paper.vatMinor)] as const] : []),
    ...(paper.roundingMinor === 0n ? [] : [[labels.rounding, money(paper.roundingMinor)] as const]),
    ...(hasVat && currency !== entity.currency && paper.vatMinor !== 0n ? [[labels.vatIn.replace('{currency}', entity.currency), moneyText(paper.bookVatMinor, entity.currency, words)] as const] : []),
  ];
  const height = 16 * Math.max(sums.length + 1, paper.vat.length + 1) + 24;
  if (!sheet.hasRoom(height)) sheet.newPage();
  sheet.y += 4;
  sheet.rule(1);
  sheet.y += 8;
  const top = sheet.y;
  const columns = [0, 62, 137] as const;
  if (hasVat) {
    for (const [i, text] of [labels.percent, labels.base, labels.vatAmount].entries())
      sheet.line(text, page.left + (columns[i] ?? 0), i === 0 ? 60 : 70, { gray: true, ...(i === 0 ? {} : { align: 'right' }) });
    sheet.y += 14;
    for (const v of paper.vat) {
      sheet.line(v.percent === null ? v.category : `${numberText(v.percent.replace(/\.0+$/, ''), words)} %`, page.left, 60);
      sheet.line(money(v.baseMinor), page.left + columns[1], 70, { align: 'right' });
      sheet.line(money(v.vatMinor), page.left + columns[2], 70, { align: 'right' });
      sheet.y += 14;
    }
  }
  const end = sheet.y;
  sheet.y = top;
  for (const [label, value] of sums) {
    sheet.line(label, half, 120);
    sheet.line(value, half + 120, page.right - half - 120, { align: 'right' });
    sheet.y += 14;
  }
  sheet.y += 3;
  sheet.line(payableLabel(document, paper, words), half, 130, { bold: true, size: 11 });
  sheet.line(`${money(paper.payableMinor)} ${currency}`, half + 100, page.right - half - 100, { bold: true, size: 11, align: 'right' });
  sheet.y = Math.max(sheet.y + 18, end) + 10;
}

function payableLabel(document: IssuedDocument, paper: Paper, { labels }: Words): string {
  if (document.type === 'receipt') return labels.total;
  if (isWrittenForSeller(document.type)) return paper.isCredit ? labels.takenBack : labels.owed;
  return paper.isCredit ? labels.creditedSum : labels.payable;
}

function writePayment(sheet: Sheet, document: IssuedDocument, paper: Paper, words: Words): void {
  const { labels, notes } = words;
  const { letterhead } = document.entity;
  const bankgiro = bankgiroFor(document);
  if (paper.isCredit || paper.payableMinor <= 0n) return;
  const note = isWrittenForSeller(document.type) ? notes.payTo : isByCard(document) ? notes.byCard : undefined;
  if (note !== undefined) {
    sheet.line(note, page.left, page.right - page.left, { gray: true });
    sheet.y += 14;
    return;
  }
  const left: (readonly [string, string])[] = [
    ...(bankgiro === undefined ? [] : [[labels.bankgiro, bankgiroText(bankgiro)] as const]),
    ...(letterhead.iban === undefined ? [] : [[labels.iban, ibanText(letterhead.iban)] as const]),
    ...(letterhead.bic === undefined ? [] : [[labels.bic, letterhead.bic] as const]),
  ];
  const right: (readonly [string, string])[] = [
    document.ocr === null ? [labels.number, document.legalNumber] : [labels.ocr, document.ocr],
    [labels.payBy, document.dueOn],
    [labels.payable, `${moneyText(paper.payableMinor, document.currency, words)} ${document.currency}`],
  ];
  // What is paid to and under is wrapped, never cut: it would be paid wrongly, or not at all.
  const bold = { bold: true } as const;
  const heightOf = ([, value]: readonly [string, string]) => {
    const { rows, height: one } = sheet.measure(value, 150, bold, 4);
    return Math.max(14, rows * one);
  };
  const height = Math.max(...[left, right].map((rows) => rows.reduce((sum, row) => sum + heightOf(row), 0))) + 30;
  if (!sheet.hasRoom(height)) sheet.newPage();
  sheet.box(page.left, page.right - page.left, height);
  sheet.y += 8;
  sheet.line(labels.paySlip, page.left + 10, 200, { bold: true, size: 10 });
  sheet.y += 17;
  const top = sheet.y;
  for (const [x, rows] of [
    [page.left + 10, left],
    [half, right],
  ] as const) {
    sheet.y = top;
    for (const [label, value] of rows) {
      sheet.line(label, x, 88, { gray: true });
      sheet.y += Math.max(14, sheet.block(value, x + 90, 150, bold, 4));
    }
  }
  sheet.y = top + height;
}

function writeFoot(sheet: Sheet, { entity, legalNumber }: IssuedDocument, words: Words, pageNo: number, pages: number): void {
  const { labels } = words;
  const { letterhead } = entity;
  sheet.y = page.bottom + 10;
  sheet.rule();
  sheet.y += 5;
  const small = { size: 7.5, gray: true } as const;
  const { address } = entity;
  const town = [address.postalCode, address.city].filter((p) => p !== undefined).join(' ');
  const who = [entity.name, address.street, town];
  const contacts = [letterhead.email, letterhead.phone, letterhead.website];
  const numbers = [
    entity.orgNumber === null ? '' : `${labels.orgNumber} ${entity.orgNumber}`,
    entity.vatNumber === null ? '' : `${labels.vatNumber} ${entity.vatNumber}`,
    letterhead.seat === undefined ? '' : `${labels.seat} ${letterhead.seat}`,
    letterhead.fTax === true ? labels.fTax : '',
  ];
  const top = sheet.y;
  const right = { ...small, align: 'right' } as const;
  sheet.y += Math.max(10.5, sheet.block(legalNumber, page.right - 90, 90, right, 4));
  sheet.line(labels.page.replace('{page}', String(pageNo)).replace('{pages}', String(pages)), page.right - 90, 90, right);
  sheet.y = top;
  // What the law asks for on an invoice is wrapped, never cut.
  for (const [parts, lines] of [
    [who, 2],
    [contacts, 1],
    [numbers, 2],
  ] as const) {
    const text = parts.filter((part) => part !== undefined && part !== '').join(' · ');
    if (text !== '') sheet.y += sheet.block(text, page.left, 400, small, lines);
  }
}
