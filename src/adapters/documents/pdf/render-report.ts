import type { ClosePaper } from '../../../core/cycle/close-report.ts';
import { page, Sheet } from './sheet.ts';
import { Table } from './table.ts';

/** A close report as PDF, A4. `on` is the date that the file bears: the same report gives the same bytes. */
export async function renderReport(paper: ClosePaper, { author, on }: { readonly author: string; readonly on: string }): Promise<Buffer> {
  const sheet = new Sheet({ title: paper.title, author, language: 'en', createdOn: on });
  const width = page.right - page.left;
  sheet.line(paper.title, page.left, width, { size: 18, bold: true });
  sheet.y += 24;
  sheet.line(author, page.left, width, { size: 11 });
  sheet.y += 24;
  for (const [label, value] of paper.facts) {
    sheet.line(label, page.left, 90, { gray: true });
    sheet.line(value, page.left + 95, width - 95);
    sheet.y += 13;
  }
  for (const { title, columns, rows } of paper.tables) {
    sheet.y += 14;
    if (!sheet.hasRoom(80)) sheet.newPage();
    sheet.line(title, page.left, width, { size: 12, bold: true });
    sheet.y += 18;
    const table = new Table(
      sheet,
      columns.map((c) => ({ title: c.title, width: c.width, ...(c.isFigure === true ? { align: 'right' as const } : {}) })),
      { size: 7 },
    );
    for (const row of rows) table.tallRow(row);
  }
  return sheet.end((pageNo, pages) => {
    sheet.y = page.bottom + 10;
    sheet.rule();
    sheet.y += 6;
    sheet.line(`${author}  ·  ${paper.title}`, page.left, width - 90, { size: 7.5, gray: true });
    sheet.line(`Page ${pageNo} of ${pages}`, page.right - 90, 90, { size: 7.5, gray: true, align: 'right' });
  });
}
