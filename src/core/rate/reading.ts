import { type Issue, type IssueCode, issue } from '../issues.ts';
import { parseInstant } from '../time.ts';
import { type Decimal, decimalOf, maxMicro, microOf } from './decimal.ts';

/** Carries a refusal out of nested readers to `orRefusal`; it never leaves core/rate. */
class Refusal extends Error {
  readonly issue: Issue;
  constructor(found: Issue) {
    super(found.code);
    this.issue = found;
  }
}

/** Ends the reading of a document: `path` names the offending value in JSONPath, such as `$.cdr.currency`. */
export function refuse(code: IssueCode, path: string, params: Issue['params'] = {}): never {
  throw new Refusal(issue(code, 'blocks', path, params));
}

/** What `read` returns, or the issue it was refused with. */
export function orRefusal<T>(read: () => T): { readonly ok: true; readonly value: T } | { readonly ok: false; readonly issue: Issue } {
  // No captured stack: refusals are ordinary results, and a batch may hold many.
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return { ok: true, value: read() };
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, issue: error.issue };
    throw error;
  } finally {
    Error.stackTraceLimit = limit;
  }
}

export type JsonObject = { readonly [key: string]: unknown };

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** OCPI writers send null for what is absent. */
export function isAbsent(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

export function objectAt(value: unknown, path: string): JsonObject {
  if (isAbsent(value)) return refuse('missingField', path, { field: fieldOf(path) });
  return isObject(value) ? value : refuse('badShape', path, { detail: 'an object belongs here' });
}

export function listAt(value: unknown, path: string): readonly unknown[] {
  if (isAbsent(value)) return refuse('missingField', path, { field: fieldOf(path) });
  return Array.isArray(value) ? value : refuse('badShape', path, { detail: 'a list belongs here' });
}

export function textAt(value: unknown, path: string): string {
  if (isAbsent(value) || value === '') return refuse('missingField', path, { field: fieldOf(path) });
  return typeof value === 'string' ? value : refuse('badShape', path, { detail: 'text belongs here' });
}

export function decimalAt(value: unknown, path: string): Decimal {
  if (isAbsent(value)) return refuse('missingField', path, { field: fieldOf(path) });
  return decimalOf(value) ?? refuse('badNumber', path, { field: fieldOf(path), value: shortText(value) });
}

/** The volume of dimension `index` of the period at `periodPath`, in millionths; see `microOf`. The path is built only when it is needed. */
export function microAt(value: unknown, perUnit: number, periodPath: string, index: number): number {
  const micro = microOf(value, perUnit);
  if (micro !== undefined) return micro;
  const path = `${periodPath}.dimensions[${index}].volume`;
  if (isAbsent(value)) return refuse('missingField', path, { field: 'volume' });
  return refuse(decimalOf(value) === undefined ? 'badNumber' : 'outOfRange', path, { field: 'volume', value: shortText(value) });
}

/** A whole number from 0 to 2^50. */
export function wholeOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 && number <= maxMicro ? number + 0 : undefined;
}

/** Epoch ms. Real 2.1.1 data also has months and days of one digit (docs/INTERPRETATIONS.md, 14). */
export function instantAt(value: unknown, path: string): number {
  if (typeof value === 'string') {
    const ms = parseInstant(value) ?? parseInstant(padDate(value));
    if (ms !== undefined) return ms;
  }
  if (isAbsent(value) || value === '') return refuse('missingField', path, { field: fieldOf(path) });
  return refuse('badTimestamp', path, { field: fieldOf(path), value: shortText(value) });
}

function padDate(text: string): string {
  return text.replace(/^(\d{4})-(\d{1,2})-(\d{1,2})(?=[Tt])/, (_all, year: string, month: string, day: string) => `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`);
}

function fieldOf(path: string): string {
  return path.slice(path.lastIndexOf('.') + 1);
}

/** What stands in a message of a value that is not right. Never the whole of it: it may be long, or too deep to write. */
export function shortText(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = String(value);
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
