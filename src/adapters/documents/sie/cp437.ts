import iconv from 'iconv-lite';
import { textForGlyphs } from '../../../core/document/plain-text.ts';

// What code page 437 has above the control characters.
const letters = new Set([...iconv.decode(Buffer.from(Array.from({ length: 224 }, (_, i) => i + 32)), 'cp437')].map((c) => c.codePointAt(0) ?? 0));
// Letters that do not come apart into one of it and a mark.
const near: Readonly<Record<string, string>> = {
  ø: 'o',
  Ø: 'O',
  đ: 'd',
  Đ: 'D',
  ł: 'l',
  Ł: 'L',
  þ: 'th',
  Þ: 'Th',
  ð: 'd',
  Ð: 'D',
  œ: 'oe',
  Œ: 'Oe',
  '–': '-',
  '—': '-',
  '‘': "'",
  '’': "'",
  '“': '"',
  '”': '"',
  '„': '"',
  '…': '...',
  '€': 'EUR',
  '\u007f': '',
};

/** Free text in the letters of code page 437: what it lacks is written with what it has (ø is o), and an emoji is a question mark. */
export function textForCp437(text: string): string {
  return textForGlyphs(
    text.replace(/[^\u0020-\u007e]/gu, (c) => near[c] ?? c),
    (codePoint) => letters.has(codePoint),
  );
}

/** Bytes of a text that `textForCp437` has written. */
export function cp437Bytes(text: string): Buffer {
  return iconv.encode(text, 'cp437');
}
