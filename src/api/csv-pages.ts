import { cellText } from '../core/document/plain-text.ts';
import type { Page, PageOrder } from '../store/reads/page.ts';

const pageSize = 5000;

/** All pages of a list as a file of the given columns: RFC 4180, one line an item. */
export async function csvOfPages<Item extends Readonly<Record<string, unknown>>>(
  fileName: string,
  columns: readonly (keyof Item & string)[],
  read: (page: PageOrder) => Promise<Page<Item>>,
): Promise<Response> {
  const lines: string[] = [columns.join(',')];
  for (let cursor: string | undefined; ; ) {
    const page = await read({ cursor, limit: pageSize });
    lines.push(...page.items.map((item) => columns.map((name) => cell(item[name])).join(',')));
    if (page.nextCursor === null) break;
    cursor = page.nextCursor;
  }
  return new Response(`${lines.join('\r\n')}\r\n`, { headers: { 'content-type': 'text/csv; charset=utf-8', 'content-disposition': `attachment; filename="${fileName}"` } });
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return '';
  const text = cellText(String(value));
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
