import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { create, type Font, type Glyph } from 'fontkit';

type Run = { readonly glyphs: Glyph[]; readonly positions: { xAdvance: number; yAdvance: number; xOffset: number; yOffset: number }[]; readonly advanceWidth: number };
export type DocumentFonts = { readonly regular: Font; readonly bold: Font };

// Parsed once and shared: a document embeds the glyphs it uses.
let fonts: DocumentFonts | undefined;

/** The fonts that documents are written with. */
export function documentFonts(): DocumentFonts {
  const require = createRequire(import.meta.url);
  const load = (name: string) => {
    const font = create(readFileSync(require.resolve(`@expo-google-fonts/noto-sans/${name}`)));
    if (!('hasGlyphForCodePoint' in font)) throw new Error(`${name} is a collection of fonts`);
    return quick(font);
  };
  fonts ??= { regular: load('400Regular/NotoSans_400Regular.ttf'), bold: load('700Bold/NotoSans_700Bold.ttf') };
  return fonts;
}

/**
 * The font with each letter set beside the next one. Its own layout looks through every table of the font for kerning, ligatures and
 * scripts, which takes most of the time of a document; it stays for letters behind Cyrillic, which may need it.
 */
function quick(font: Font): Font {
  const known = new Map<number, Glyph>();
  // The font keeps a glyph with what it was first asked for: as a part of another one (O of Ö) it stands for no letter, and what is copied or read from a later document lacked it.
  const glyphOf = (codePoint: number) => {
    const there = known.get(codePoint) ?? (Object.create(font.glyphForCodePoint(codePoint), { codePoints: { value: [codePoint] } }) as Glyph);
    known.set(codePoint, there);
    return there;
  };
  const layout = (text: string): unknown => {
    if (/[\u0530-\u1dff\u2e80-\u{10ffff}]/u.test(text)) return font.layout(text);
    const glyphs = [...text].map((c) => glyphOf(c.codePointAt(0) ?? 0));
    const positions = glyphs.map((g) => ({ xAdvance: g.advanceWidth, yAdvance: 0, xOffset: 0, yOffset: 0 }));
    // The writer scales the positions, and asks for their sum afterwards.
    return {
      glyphs,
      positions,
      get advanceWidth() {
        return positions.reduce((sum, p) => sum + p.xAdvance, 0);
      },
    } satisfies Run;
  };
  return Object.create(font, { layout: { value: layout } });
}
