import type { Letterhead } from '../../../contracts/letterhead.ts';
import type { Db } from '../../db.ts';
import { pagesOf } from './pages.ts';

export type LetterheadRow = { readonly id: string; readonly letterhead: Letterhead };

/** What stands at the head of each entity's documents. A logo takes some hundred kilobytes: small pages. */
export const letterheads = (db: Db) => pagesOf<LetterheadRow>(db, 'SELECT id, letterhead FROM legal_entity ORDER BY id', 50);
