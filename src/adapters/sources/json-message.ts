import { z } from 'zod';
import { recordKeyOf } from '../../contracts/charge-record.ts';
import { type Issue, issue } from '../../core/issues.ts';
import { hasOffset, parseInstant } from '../../core/time.ts';
import { readJson } from './discreet.ts';
import type { ParseFailure, SourceContext } from './port.ts';
import { unkeyedKey } from './unkeyed.ts';

/** An id as JSON has it, text or an integer, as text. */
export const idSchema = z.union([z.string().min(1).max(100), z.int()]).transform(String);

/** A time that says itself which instant it is, whatever the zone of its source. */
export const instantSchema = z.string().refine((text) => hasOffset(text) && parseInstant(text) !== undefined, 'must be an RFC 3339 time with its offset');

/** The record's key by one field of its JSON; by its bytes where that is not there to be read. */
export function keyByField(field: string, bytes: Buffer, context: SourceContext): string {
  try {
    return recordKeyOf({ ...context, cdrId: idSchema.parse(JSON.parse(bytes.toString('utf8'))[field]) });
  } catch {
    return unkeyedKey(bytes);
  }
}

/** A JSON message by its schema; else an issue for each field that does not fit, and the energy where `energy` still reads it. */
export function readMessage<T>(bytes: Buffer, schema: z.ZodType<T>, energy?: z.ZodType<number | undefined>): { readonly ok: true; readonly value: T } | ParseFailure {
  const read = readJson(bytes);
  if (!read.ok) return read;
  const parsed = schema.safeParse(read.json);
  if (parsed.success) return { ok: true, value: parsed.data };
  const issues = parsed.error.issues.map((i): Issue => issue('badShape', 'blocks', 'message', { detail: `${i.path.join('.') || 'message'}: ${i.message}` }));
  const statedWh = energy?.safeParse(read.json).data;
  return { ok: false, issues, ...(statedWh === undefined ? {} : { statedWh }) };
}
