import type { IssuedDocument } from '../../../core/document/issued-document.ts';
import type { Paper, PaperSession } from '../../../core/document/paper.ts';
import type { Words } from '../words/words.ts';
import { kWhText, localTime, moneyText } from './figures.ts';
import { page, type Sheet } from './sheet.ts';
import { type Column, Table } from './table.ts';

/** Every session of the document, on pages of their own, with what is carried over from page to page; for a fleet first the sums by cost center and vehicle. */
export function writeAnnex(sheet: Sheet, document: IssuedDocument, paper: Paper, words: Words): void {
  const { labels } = words;
  const { currency } = document;
  const amountTitle = `${paper.showsGross ? labels.amountGross : labels.amount} ${currency}`;
  const money = (minor: bigint) => moneyText(minor, currency, words);
  sheet.newPage();
  if (paper.sessions.some((s) => s.costCenter !== null || s.unit !== null)) {
    title(sheet, labels.summary);
    const table = new Table(sheet, [
      { title: labels.costCenter, width: 25 },
      { title: labels.unit, width: 30 },
      { title: labels.sessions, width: 15, align: 'right' },
      { title: labels.energy, width: 18, align: 'right' },
      { title: amountTitle, width: 22, align: 'right' },
    ]);
    for (const row of paper.summary) table.row([row.costCenter ?? labels.noCostCenter, row.unit ?? '-', String(row.sessions), kWhText(row.energyWh, words), money(row.amountMinor)]);
    table.rule();
    table.row([labels.total, null, String(paper.sessions.length), kWhText(paper.sessionsTotal.energyWh, words), money(paper.sessionsTotal.amountMinor)], { bold: true });
    sheet.y += 18;
  }
  title(sheet, labels.annex);
  const isFleet = document.strategy === 'fleetInvoice';
  const hasUnits = paper.sessions.some((s) => s.unit !== null);
  const time = (at: Date) => localTime(at, document.timeZone);
  const columns: (Column & { readonly of: (s: PaperSession) => string })[] = [
    { title: labels.start, width: isFleet ? 19 : 15, of: (s) => (s.startAt === null ? s.serviceOn : time(s.startAt)) },
    { title: labels.end, width: isFleet ? 19 : 15, of: (s) => (s.endAt === null ? '' : time(s.endAt)) },
    { title: labels.site, width: isFleet ? 22 : 18, of: (s) => s.siteName ?? '' },
    ...(isFleet
      ? [{ title: labels.costCenter, width: 16, of: (s: PaperSession) => s.costCenter ?? '' }, ...(hasUnits ? [{ title: labels.unit, width: 24, of: (s: PaperSession) => s.unit ?? '' }] : [])]
      : // A UUID as a whole: by it a partner finds the session.
        [{ title: labels.number, width: 37, of: (s: PaperSession) => s.sessionId }]),
    { title: labels.energy, width: isFleet ? 14 : 13, align: 'right', of: (s) => kWhText(s.energyWh, words) },
    { title: amountTitle, width: 19, align: 'right', of: (s) => money(s.amountMinor) },
  ];
  const empty = columns.slice(0, -3).map(() => null);
  let running = { energyWh: 0n, amountMinor: 0n };
  const sums = (label: string, { energyWh, amountMinor }: typeof running) => [label, ...empty, kWhText(energyWh, words), money(amountMinor)];
  const table = new Table(sheet, columns, { size: 7, turn: (where) => (running.amountMinor === 0n && running.energyWh === 0n ? null : sums(labels[where], running)) });
  for (const session of paper.sessions) {
    table.row(columns.map((c) => c.of(session)));
    running = session.running;
  }
  table.row(sums(labels.sessions, paper.sessionsTotal), { bold: true }, 2);
  table.row([labels.without, ...empty, null, money(paper.othersMinor)]);
  table.row([labels.total, ...empty, null, money(paper.linesMinor)], { bold: true });
}

function title(sheet: Sheet, text: string): void {
  if (!sheet.hasRoom(80)) sheet.newPage();
  sheet.line(text, page.left, page.right - page.left, { size: 13, bold: true });
  sheet.y += 24;
}
