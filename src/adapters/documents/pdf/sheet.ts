import PdfDocument from 'pdfkit';
import { textForGlyphs } from '../../../core/document/plain-text.ts';
import { documentFonts } from './fonts.ts';

/** A4 in points, and where the content stands. */
export const page = { width: 595.28, height: 841.89, left: 50, right: 545.28, top: 50, bottom: 775 } as const;

export type Style = { readonly size?: number; readonly bold?: boolean; readonly align?: 'left' | 'right'; readonly gray?: boolean };

/** Pages to write on, by place. The same calls give the same bytes: dates come from outside, and nothing is random. */
export class Sheet {
  /** Where the next thing goes. */
  y: number = page.top;
  readonly #pdf: PDFKit.PDFDocument;
  readonly #fonts = documentFonts();
  readonly #known = new Map<string, string>();

  constructor({ title, author, language, createdOn }: { readonly title: string; readonly author: string; readonly language: string; readonly createdOn: string }) {
    this.#pdf = new PdfDocument({
      size: 'A4',
      margin: 0,
      bufferPages: true,
      lang: language,
      displayTitle: true,
      // biome-ignore lint/suspicious/noExplicitAny: the types do not know that no font may be opened at the start
      font: null as any,
      info: { Title: this.#written(title), Author: this.#written(author), Producer: 'WattLedger', Creator: 'WattLedger', CreationDate: new Date(`${createdOn}T00:00:00Z`) },
    });
    for (const [name, font] of Object.entries(this.#fonts)) this.#pdf.registerFont(name, font as unknown as Uint8Array<ArrayBuffer>);
  }

  /** One line, cut with an ellipsis where it is longer than `width`. Figures stand on the right. */
  line(text: string, x: number, width: number, style: Style = {}): void {
    const fitting = this.#fit(text, width, style);
    const at = style.align === 'right' ? x + width - this.#pdf.widthOfString(fitting) : x;
    this.#pdf.fillColor(style.gray === true ? '#555555' : '#000000').text(fitting, at, this.y, { lineBreak: false });
  }

  /** Text in as many lines as it takes, at most `lines`, in which a word longer than one goes on; answers their height. */
  block(text: string, x: number, width: number, style: Style = {}, lines = 3): number {
    this.#use(style);
    const height = this.#pdf.currentLineHeight(true);
    const rows = this.#wrapped(this.#written(text), width, lines);
    for (const [i, row] of rows.entries()) {
      const at = style.align === 'right' ? x + width - this.#pdf.widthOfString(row) : x;
      this.#pdf.fillColor(style.gray === true ? '#555555' : '#000000').text(row, at, this.y + i * height, { lineBreak: false });
    }
    return rows.length * height;
  }

  /** How many lines a text takes in a width, at most `lines`, and how high one is. */
  measure(text: string, width: number, style: Style = {}, lines = 3): { readonly rows: number; readonly height: number } {
    this.#use(style);
    return { rows: this.#wrapped(this.#written(text), width, lines).length, height: this.#pdf.currentLineHeight(true) };
  }

  /** A picture (PNG or JPEG that `pictureProblem` finds nothing wrong with) at the present place, as large as fits. */
  picture(bytes: Buffer, x: number, width: number, height: number): void {
    this.#pdf.image(bytes, x, this.y, { fit: [width, height] });
  }

  rule(weight = 0.5): void {
    this.#pdf.moveTo(page.left, this.y).lineTo(page.right, this.y).lineWidth(weight).strokeColor('#888888').stroke();
  }

  box(x: number, width: number, height: number): void {
    this.#pdf.rect(x, this.y, width, height).fillColor('#f1f4f2').fill();
  }

  hasRoom(height: number): boolean {
    return this.y + height <= page.bottom;
  }

  newPage(): void {
    this.#pdf.addPage();
    this.y = page.top;
  }

  /** Writes on every page, then gives the bytes. */
  async end(onEach: (pageNo: number, pages: number) => void): Promise<Buffer> {
    const { count } = this.#pdf.bufferedPageRange();
    for (let i = 0; i < count; i += 1) {
      this.#pdf.switchToPage(i);
      onEach(i + 1, count);
    }
    const parts: Buffer[] = [];
    const done = new Promise<Buffer>((resolve, reject) => {
      this.#pdf.on('data', (part: Buffer) => parts.push(part));
      this.#pdf.on('end', () => resolve(Buffer.concat(parts)));
      this.#pdf.on('error', reject);
    });
    this.#pdf.end();
    return done;
  }

  #use({ size = 9, bold = false }: Style): void {
    this.#pdf.font(bold ? 'bold' : 'regular').fontSize(size);
  }

  #written(text: string): string {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const { regular, bold } = this.#fonts;
    const written = textForGlyphs(text, (codePoint) => regular.hasGlyphForCodePoint(codePoint) && bold.hasGlyphForCodePoint(codePoint));
    this.#known.set(text, written);
    return written;
  }

  #fit(text: string, width: number, style: Style): string {
    this.#use(style);
    let fitting = this.#written(text);
    if (this.#pdf.widthOfString(fitting) <= width) return fitting;
    while (fitting !== '' && this.#pdf.widthOfString(`${fitting}…`) > width) fitting = [...fitting].slice(0, -1).join('').trimEnd();
    return `${fitting}…`;
  }

  #wrapped(text: string, width: number, most: number): string[] {
    const rows: string[] = [];
    let row = '';
    for (const word of text.split(' ').flatMap((whole) => this.#pieces(whole, width))) {
      const longer = row === '' ? word : `${row} ${word}`;
      if (this.#pdf.widthOfString(longer) <= width) row = longer;
      else {
        if (row !== '') rows.push(row);
        row = word;
      }
    }
    rows.push(row);
    const shown = rows.slice(0, most);
    return shown.map((r, i) => {
      if (i < most - 1 || rows.length <= most) return r;
      let fitting = r;
      while (fitting !== '' && this.#pdf.widthOfString(`${fitting}…`) > width) fitting = [...fitting].slice(0, -1).join('');
      return `${fitting}…`;
    });
  }

  /** A word in pieces that fit, each as long as it can be. */
  #pieces(word: string, width: number): string[] {
    if (this.#pdf.widthOfString(word) <= width) return [word];
    const pieces: string[] = [];
    let piece = '';
    for (const letter of word) {
      if (piece !== '' && this.#pdf.widthOfString(piece + letter) > width) {
        pieces.push(piece);
        piece = '';
      }
      piece += letter;
    }
    return [...pieces, piece];
  }
}
