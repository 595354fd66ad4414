// Control characters, lone surrogates and non-characters (most of which XML 1.0 forbids), zero-width marks, and marks that turn the direction of text around.
const unwritable = /[\p{Cc}\p{Cs}\u200B\u200E\u200F\u202A-\u202E\u2060-\u2069\uFEFF\uFFF9-\uFFFB\uFFFE\uFFFF]/gu;

/**
 * Free text for paper and files: one line, composed (NFC), without what cannot be written. Nothing readable is lost: quotes, letters of any
 * script and emoji stay. Empty when nothing is left.
 */
export function plainText(text: string): string {
  return text
    .normalize('NFC')
    .replace(/[\t\n\r\u2028\u2029]+/g, ' ')
    .replace(unwritable, '')
    .replace(/ {2,}/g, ' ')
    .trim();
}

/** Text for a cell: what a spreadsheet would take for a formula is kept text, by a quote before it; a number stays one, with its sign. */
export function cellText(text: string): string {
  return /^[=+\-@\t\r\n]/.test(text) && !/^-\d+(\.\d+)?$/.test(text) ? `'${text}` : text;
}

/**
 * Text in the letters that a font has: what it lacks is taken apart (ﬁ is fi, Ⅷ is VIII, ḧ is h), and what has no letters, such as an
 * emoji, becomes one question mark.
 */
export function textForGlyphs(text: string, has: (codePoint: number) => boolean): string {
  const fits = (part: string) => [...part].every((c) => has(c.codePointAt(0) ?? 0));
  const plain = plainText(text);
  if (fits(plain)) return plain;
  const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' }).segment(plain);
  return [...graphemes]
    .map(({ segment }) => {
      if (fits(segment)) return segment;
      const apart = segment.normalize('NFKD').replace(/\p{M}/gu, '');
      return apart !== '' && fits(apart) ? apart : '?';
    })
    .join('');
}
