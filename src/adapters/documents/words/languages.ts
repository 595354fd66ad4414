import type { IssuedDocument } from '../../../core/document/issued-document.ts';
import { en } from './en.ts';
import { sv } from './sv.ts';
import type { Words } from './words.ts';

/** By ISO 639-1. */
const languages: Readonly<Record<string, Words>> = { en, sv };
const ofCountry: Readonly<Record<string, string>> = { SE: 'sv' };

/** The words of a language, or of the language of the receiver's country; English where that one has no file. */
export function wordsFor(document: Pick<IssuedDocument, 'party'>, language?: string): Words {
  return languages[language ?? ofCountry[document.party.country] ?? 'en'] ?? en;
}
