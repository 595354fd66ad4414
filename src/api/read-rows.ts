import type { z } from 'zod';
import { Problem } from './problem.ts';
import { readCsv, textOf } from './read-load.ts';

export type LineError = { readonly line: number; readonly errors: readonly string[] };
export type ReadRows<T> = { readonly rows: readonly { readonly line: number; readonly row: T }[]; readonly refused: readonly LineError[] };

const maxRows = 50_000;

/** Rows of a body, each against a schema: a JSON object or array, NDJSON, or CSV with a header. A bad line is answered with its errors, the good ones go on; a body that is none of these is a 422. */
export function readRows<T>(bytes: Buffer, type: string | undefined, schema: z.ZodType<T>): ReadRows<T> {
  const rows: { line: number; row: T }[] = [];
  const refused: LineError[] = [];
  const given = valuesOf(bytes, type);
  if (given.length === 0) throw new Problem(422, 'invalid', 'The body is empty: send at least one row.');
  if (given.length > maxRows) throw new Problem(413, 'tooLarge', `${given.length} rows in one request: send at most ${maxRows}.`);
  for (const { line, value, error } of given) {
    const parsed = error === undefined ? schema.safeParse(value) : undefined;
    if (parsed?.success === true) rows.push({ line, row: parsed.data });
    else refused.push({ line, errors: error !== undefined ? [error] : (parsed?.error?.issues ?? []).map((i) => `${i.path.join('.') || 'the row'}: ${i.message}`) });
  }
  return { rows, refused };
}

type Given = { readonly line: number; readonly value?: unknown; readonly error?: string };

function valuesOf(bytes: Buffer, contentType: string | undefined): Given[] {
  const type = contentType?.split(';')[0]?.trim().toLowerCase();
  const text = textOf(bytes);
  switch (type) {
    case 'application/json': {
      const value = parseJson(text);
      if (value.error !== undefined) throw new Problem(422, 'invalid', `The JSON cannot be read: ${value.error}.`);
      return (Array.isArray(value.value) ? value.value : [value.value]).map((row: unknown, i) => ({ line: i + 1, value: row }));
    }
    case 'application/x-ndjson':
      return text.split(/\r?\n/).flatMap((line, i) => (line.trim() === '' ? [] : [{ line: i + 1, ...parseJson(line) }]));
    case 'text/csv':
      return readCsv(text).map(({ line, record, wrong }) =>
        wrong.length > 0 ? { line, error: 'it has not as many columns as the header' } : { line, value: Object.fromEntries(Object.entries(record).filter(([, cell]) => cell !== '')) },
      );
    default:
      throw new Problem(415, 'unsupportedMediaType', 'Send application/json, application/x-ndjson or text/csv.');
  }
}

function parseJson(text: string): { readonly value?: unknown; readonly error?: string } {
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    return { error: (error as Error).message };
  }
}
