import { CsvError, parse } from 'csv-parse/sync';
import type { z } from 'zod';
import { type SetUpKind, setUpKinds, setUpRowSchemas } from '../contracts/set-up.ts';
import { type Issue, issue } from '../core/issues.ts';
import type { LoadBody } from '../store/commands/load-set-up.ts';
import type { InputRow } from '../store/commands/put-rows.ts';
import { Problem } from './problem.ts';

/** What a set-up load holds: CSV of one kind, or JSON of one kind as an array, or of several as an object of arrays. Rows are checked one by one; a body that is neither is a 422. */
export function readLoad(bytes: Buffer, kind: SetUpKind | undefined): LoadBody {
  const text = textOf(bytes);
  if (!/^\s*[[{]/.test(text)) {
    if (kind === undefined) throw new Problem(422, 'invalid', `A CSV holds one kind: say which by its kind, one of ${setUpKinds.join(', ')}.`);
    return { [kind]: readCsv(text).map(({ line, record, wrong }) => rowOf(kind, line, valuesOfCells(kind, record), wrong)) };
  }
  const json = jsonOf(text);
  if (Array.isArray(json)) {
    if (kind === undefined) throw new Problem(422, 'invalid', `An array holds one kind: say which by its kind, one of ${setUpKinds.join(', ')}.`);
    return { [kind]: json.map((row, i) => rowOf(kind, i + 1, row)) };
  }
  const unknown = Object.keys(json as object).find((key) => !(setUpKinds as readonly string[]).includes(key));
  if (unknown !== undefined) throw new Problem(422, 'invalid', `"${unknown}" is no kind of set-up: it is one of ${setUpKinds.join(', ')}.`);
  return Object.fromEntries(
    Object.entries(json as object).map(([key, rows]) => {
      if (!Array.isArray(rows)) throw new Problem(422, 'invalid', `${key}: must be an array.`);
      return [key, rows.map((row, i) => rowOf(key as SetUpKind, i + 1, row))];
    }),
  );
}

/** UTF-8 with or without a byte order mark. */
export function textOf(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Problem(422, 'badEncoding', 'The bytes are not UTF-8: export the file as UTF-8.');
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Problem(422, 'invalid', `The JSON cannot be read: ${(error as Error).message}.`);
  }
}

export type CsvRow = { readonly line: number; readonly record: Readonly<Record<string, string>>; readonly wrong: Issue[] };

export type CsvShape = { readonly delimiter?: string | undefined; readonly skipLines?: number };

/** Rows of a CSV with a header, after `skipLines`; by `;` or `,` as its header has more of, unless told. `line` is where each begins in the file. */
export function readCsv(whole: string, { delimiter: told, skipLines = 0 }: CsvShape = {}): CsvRow[] {
  const text = whole.split('\n').slice(skipLines).join('\n');
  const header = text.slice(0, text.search(/\r?\n|$/));
  const delimiter = told ?? (header.split(';').length > header.split(',').length ? ';' : ',');
  let parsed: { record: string[]; info: { lines: number } }[];
  try {
    parsed = parse(text, { bom: true, delimiter, info: true, trim: true, skip_empty_lines: true, relax_column_count: true }) as unknown as typeof parsed;
  } catch (error) {
    if (error instanceof CsvError) throw new Problem(422, 'invalid', `The CSV cannot be read: ${error.message}.`);
    throw error;
  }
  const [first, ...rest] = parsed;
  if (first === undefined) throw new Problem(422, 'invalid', 'The CSV is empty: its first line names the columns.');
  const twice = first.record.find((name, i) => first.record.indexOf(name) !== i);
  if (twice !== undefined) throw new Problem(422, 'invalid', `Column "${twice}" comes twice.`);
  return rest.map(({ record, info }) => {
    const line = skipLines + info.lines - record.join('').split('\n').length + 1;
    const wrong = record.length === first.record.length ? [] : [issue('wrongColumnCount', 'blocks', `line ${line}`, { found: record.length, expected: first.record.length })];
    return { line, record: Object.fromEntries(first.record.map((name, i) => [name, record[i] ?? ''])), wrong };
  });
}

/** Cells as values: `address.city` is a field of address, numbers become numbers, an empty cell takes away what may be taken away and else says nothing. */
function valuesOfCells(kind: SetUpKind, record: CsvRow['record']): Record<string, unknown> {
  const shape: Readonly<Record<string, z.ZodType>> = setUpRowSchemas[kind].shape;
  const values: Record<string, unknown> = {};
  for (const [name, cell] of Object.entries(record)) {
    const [field = name, part] = name.split('.');
    if (part !== undefined) {
      if (cell !== '') values[field] = { ...(values[field] as object | undefined), [part]: cell };
      continue;
    }
    const schema = shape[field];
    if (cell === '') {
      if (schema?.safeParse(null).success === true) values[field] = null;
    } else values[field] = schema !== undefined && /^\d{1,15}$/.test(cell) && schema.safeParse(Number(cell)).success ? Number(cell) : cell;
  }
  return values;
}

/** A row against the schema of its kind; what is wrong names the field, and does not repeat what it holds. */
function rowOf(kind: SetUpKind, line: number, values: unknown, wrong: readonly Issue[] = []): InputRow {
  const parsed = setUpRowSchemas[kind].safeParse(values);
  if (parsed.success) return { line, values: parsed.data, errors: wrong };
  const subject = `line ${line}`;
  const errors = parsed.error.issues.flatMap((found): Issue[] =>
    found.code === 'unrecognized_keys'
      ? found.keys.map((field) => issue('rowUnknownField', 'blocks', subject, { field, kind }))
      : [issue('rowValue', 'blocks', subject, { field: found.path.join('.') || 'the row', detail: found.message.replace(/^Invalid input: /, 'is wrong: ') })],
  );
  return { line, values: typeof values === 'object' && values !== null ? (values as InputRow['values']) : {}, errors: [...wrong, ...errors] };
}
