import { page, type Sheet, type Style } from './sheet.ts';

/** Of a cell that is wrapped: what a page takes. */
const mostLines = 40;

export type Column = { readonly title: string; readonly width: number; readonly align?: 'right' };

/** Rows under a head that is repeated on every page. Widths are parts of the whole width. */
export class Table {
  readonly #sheet: Sheet;
  readonly #columns: readonly (Column & { readonly x: number; readonly points: number })[];
  readonly #size: number;
  readonly #rowHeight: number;
  /** Rows that stand before a page ends and after it begins: what is carried over. */
  readonly #turn: ((where: 'carried' | 'brought') => readonly (string | null)[] | null) | undefined;

  constructor(sheet: Sheet, columns: readonly Column[], options: { readonly size?: number; readonly turn?: (where: 'carried' | 'brought') => readonly (string | null)[] | null } = {}) {
    this.#sheet = sheet;
    this.#size = options.size ?? 8.5;
    this.#rowHeight = this.#size + 5;
    this.#turn = options.turn;
    const parts = columns.reduce((sum, c) => sum + c.width, 0);
    const whole = page.right - page.left;
    let x: number = page.left;
    this.#columns = columns.map((c, i) => {
      const points = (whole * c.width) / parts;
      // Text does not begin where a figure ends.
      const gap = c.align === undefined && columns[i - 1]?.align === 'right' ? 6 : 0;
      const placed = { ...c, x: x + gap, points: points - gap };
      x += points;
      return placed;
    });
    if (!sheet.hasRoom(4 * this.#rowHeight)) sheet.newPage();
    this.#head();
  }

  /** One row; null leaves a cell empty. `keep` rows have to follow on the same page. */
  row(cells: readonly (string | null)[], style: Style = {}, keep = 0): void {
    const needed = this.#rowHeight * (1 + keep + (this.#turn === undefined ? 0 : 1));
    if (!this.#sheet.hasRoom(needed)) this.#turnPage();
    this.#cells(cells, style);
  }

  /** One row whose texts are wrapped where they are longer than their column. `keep` rows have to follow on the same page. */
  tallRow(cells: readonly (string | null)[], keep = 0): void {
    const style = { size: this.#size };
    const texts = this.#columns.flatMap(({ align, x, points }, i) => (align === undefined && (cells[i] ?? '') !== '' ? [{ text: cells[i] ?? '', x, width: points - 4 }] : []));
    const more = Math.max(0, ...texts.map(({ text, width }) => this.#sheet.measure(text, width, style, mostLines)).map(({ rows, height }) => (rows - 1) * height));
    if (!this.#sheet.hasRoom(this.#rowHeight * (1 + keep) + more)) this.#turnPage();
    for (const { text, x, width } of texts) this.#sheet.block(text, x, width, style, mostLines);
    this.#cells(
      this.#columns.map(({ align }, i) => (align === undefined ? null : (cells[i] ?? null))),
      {},
    );
    this.#sheet.y += more;
  }

  rule(): void {
    this.#sheet.rule();
    this.#sheet.y += 3;
  }

  #turnPage(): void {
    const carried = this.#turn?.('carried');
    if (carried != null) this.#cells(carried, { bold: true });
    this.#sheet.newPage();
    this.#head();
    const brought = this.#turn?.('brought');
    if (brought != null) this.#cells(brought, { bold: true });
  }

  #head(): void {
    this.#cells(
      this.#columns.map((c) => c.title),
      { bold: true },
    );
    this.rule();
  }

  #cells(cells: readonly (string | null)[], style: Style): void {
    for (const [i, column] of this.#columns.entries()) {
      const text = cells[i] ?? null;
      if (text === null || text === '') continue;
      const isFigure = column.align === 'right';
      // A text on the left may run over empty cells.
      const free = isFigure ? 0 : this.#columns.slice(i + 1).findIndex((_, k) => (cells[i + 1 + k] ?? '') !== '');
      const over = isFigure ? [] : this.#columns.slice(i + 1, free === -1 ? undefined : i + 1 + free);
      const width = column.points + over.reduce((sum, c) => sum + c.points, 0) - 4;
      this.#sheet.line(text, column.x + (isFigure ? 4 : 0), width, { size: this.#size, ...style, ...(isFigure ? { align: 'right' } : {}) });
    }
    this.#sheet.y += this.#rowHeight;
  }
}
