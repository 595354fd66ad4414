import type { StatementLayout } from '../contracts/statement-layout.ts';
import type { StatementLine } from '../core/completeness/read-statement.ts';
import { Problem } from './problem.ts';
import { readCsv, textOf } from './read-load.ts';

const mostLines = 200_000;

/** The lines of a statement file by its layout's encoding, delimiter and header; a body that is no such file is a 422. A line with another number of cells than the header has no cells, so that it is refused by its number. */
export function readStatementCsv(bytes: Buffer, { encoding, delimiter, skipLines }: StatementLayout): StatementLine[] {
  if (bytes.length === 0) throw new Problem(422, 'invalid', 'The body is empty: send the file.');
  const text = encoding === 'utf-8' ? textOf(bytes) : new TextDecoder(encoding).decode(bytes);
  const rows = readCsv(text, { delimiter, skipLines });
  if (rows.length > mostLines) throw new Problem(413, 'tooLarge', `${rows.length} lines in one file: send at most ${mostLines}.`);
  return rows.map(({ line, record, wrong }) => ({ line, cells: wrong.length > 0 ? {} : record }));
}
