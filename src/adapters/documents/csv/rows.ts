import { stringify } from 'csv-stringify/sync';
import { cellText, plainText } from '../../../core/document/plain-text.ts';

/** Columns of a file with the value of each row; `null` is an empty field. */
export type CsvColumns<Row> = Readonly<Record<string, (row: Row) => string | null>>;

/** A file with a head, in UTF-8, fields quoted where they must be. */
export function csvBytes<Row>(columns: CsvColumns<Row>, rows: readonly Row[]): Buffer {
  return Buffer.from(
    stringify(
      rows.map((row) => Object.values(columns).map((of) => of(row) ?? '')),
      { header: true, columns: Object.keys(columns), record_delimiter: '\r\n' },
    ),
    'utf8',
  );
}

/** Free text in a field: one line, and nothing that a spreadsheet would take for a formula. */
export function csvText(text: string | null): string | null {
  return text === null ? null : cellText(plainText(text));
}
