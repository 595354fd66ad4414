import { type Issue, issue } from '../../core/issues.ts';

// Issues are kept for good. In a line with a column too many or too few any field may hold a token's UID, which must stay erasable:
// the stored message shows it as long as it is kept.

/** A field's text for an issue: as it is where it reads like a figure or a time or is too short to name anybody, else its length alone. */
export function shown(text: string): string {
  const tells = text.length > 3 && !/^(?=.*[.,:/ -])[\d.,:/ +-]{1,20}$/.test(text);
  return tells ? `(${text.length} characters)` : text;
}

/** A message's JSON. What is not JSON is named by its place, without the words around it that the runtime quotes. */
export function readJson(bytes: Buffer): { readonly ok: true; readonly json: unknown } | { readonly ok: false; readonly issues: readonly Issue[] } {
  try {
    return { ok: true, json: JSON.parse(bytes.toString('utf8')) };
  } catch (error) {
    const place = / at (?:position|line) \d+/.exec((error as Error).message)?.[0] ?? '';
    return { ok: false, issues: [issue('badShape', 'blocks', 'message', { detail: `not JSON${place}` })] };
  }
}
