import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { IssuedDocument } from '../../../core/document/issued-document.ts';
import { type Words, wordsSchema } from './words.ts';

/** The language of who has none of his own here; its words are the measure of every other. */
const common = 'en';
/** As far from dist as from src. */
const folder = path.resolve(import.meta.dirname, '../../../../languages');

/**
 * The languages of a folder by ISO 639-1: one per file `<language>.json`. Throws RangeError, naming file and key, when a word is missing,
 * empty or unknown, and when two languages claim a country.
 */
export function readLanguages(from: string): ReadonlyMap<string, Words> {
  const files = readdirSync(from)
    .filter((name) => name.endsWith('.json'))
    .sort();
  const languages = new Map(files.map((name) => [name.slice(0, -'.json'.length), wordsOf(path.join(from, name))]));
  const measure = languages.get(common);
  if (measure === undefined) throw new RangeError(`${path.join(from, `${common}.json`)} is missing: documents fall back on it`);
  const claimed = new Map<string, string>();
  for (const [language, words] of languages) {
    const file = path.join(from, `${language}.json`);
    if (words.language !== language) throw new RangeError(`${file}: language is "${words.language}", and has to be the name of the file`);
    const missing = Object.keys(measure.items).filter((item) => words.items[item] === undefined);
    if (missing.length > 0) throw new RangeError(`${file}: ${missing.map((item) => `items.${item} is missing`).join('; ')}`);
    for (const country of words.countries) {
      const other = claimed.get(country);
      if (other !== undefined) throw new RangeError(`${file}: countries has ${country}, which ${other}.json has too`);
      claimed.set(country, language);
    }
  }
  return languages;
}

function wordsOf(file: string): Words {
  let read: unknown;
  try {
    read = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new RangeError(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
  const parsed = wordsSchema.safeParse(read);
  if (parsed.success) return parsed.data;
  throw new RangeError(`${file}: ${parsed.error.issues.map((i) => `${i.path.join('.')}: ${i.message}`).join('; ')}`);
}

// Read when a process starts: a file that lacks a word stops it there, not in the middle of a run.
const known = readLanguages(folder);

/** The words of a language, or of the language of the receiver's country; English where that one has no file. Throws RangeError without English. */
export function wordsFor(document: Pick<IssuedDocument, 'party'>, language?: string, languages = known): Words {
  const { country } = document.party;
  const named = language === undefined ? [...languages.values()].find((words) => words.countries.includes(country)) : languages.get(language);
  const words = named ?? languages.get(common);
  if (words === undefined) throw new RangeError(`there are no words of "${common}"`);
  return words;
}
