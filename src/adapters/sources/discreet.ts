import { type Issue, issue } from '../../core/issues.ts';

// Issues are kept for good. In a line with a column too many or too few any field may hold a token's UID, which must stay erasable:
// the stored message shows it as long as it is kept.

/** A field's text for an issue: as it is where it reads like a figure or a time or is too short to name anybody, else its length alone. */
export function shown(text: string): string {
  const tells = text.length > 3 && !/^(?=.*[.,:/ -])[\d.,:/ +-]{1,20}$/.test(text);
  return tells ? `(${text.length} characters)` : text;
}

/** What is said of a message that is not JSON: the place, without the words around it that the runtime quotes. */
export function notJson(error: unknown): Issue {
  const place = / at (?:position|line) \d+/.exec((error as Error).message)?.[0] ?? '';
  return issue('badShape', 'blocks', 'message', { detail: `not JSON${place}` });
}
