import type { Context } from 'hono';
import { withoutMark } from '../../adapters/sources/ndjson.ts';
import { refuseEncoded } from '../plain-body.ts';
import { invalid, OcpiProblem } from './answer.ts';
import type { OcpiEnv } from './env.ts';

/** A CDR of a hundred periods with its tariffs has some 50 kB. */
const maxBytes = 1024 * 1024;

/** The bytes of a request, without a byte order mark: 415 when they are compressed, 413 past a megabyte, 408 when they do not come in time. Nothing has happened by then. */
export async function readBody(c: Context<OcpiEnv>, withinMs: number): Promise<Buffer> {
  refuseEncoded(c.req.header('content-encoding'));
  const stated = c.req.header('transfer-encoding') === undefined ? c.req.header('content-length') : undefined;
  if (stated !== undefined && Number(stated) > maxBytes) throw tooLarge(c);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      c.header('connection', 'close');
      reject(new OcpiProblem(408, 2000, `The body did not arrive within ${withinMs / 1000} s; nothing was taken of it. Send it again.`));
    }, withinMs);
  });
  // The server reads no further than the stated length; without one the bytes are counted as they come.
  const reading = stated === undefined ? counted(c) : c.req.arrayBuffer().then((bytes) => Buffer.from(bytes));
  // Once the time is over nobody waits for it.
  reading.catch(() => undefined);
  try {
    return withoutMark(await Promise.race([reading, late]));
  } finally {
    clearTimeout(timer);
  }
}

/** A request's JSON object. HTTP 400 for what is no JSON, as status_codes asks for; 2001 for JSON of another shape. */
export async function readObject(c: Context<OcpiEnv>, withinMs: number): Promise<Record<string, unknown>> {
  return asObject(await readBody(c, withinMs));
}

export function asObject(bytes: Buffer): Record<string, unknown> {
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new OcpiProblem(400, 2001, 'The body is not JSON.');
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw invalid('The body must be one JSON object.');
  return json as Record<string, unknown>;
}

async function counted(c: Context<OcpiEnv>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of c.req.raw.body ?? []) {
    length += chunk.length;
    if (length > maxBytes) throw tooLarge(c);
    chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks);
}

function tooLarge(c: Context<OcpiEnv>): OcpiProblem {
  c.header('connection', 'close');
  return new OcpiProblem(413, 2000, `A request holds at most ${maxBytes / 1024 / 1024} MB here; nothing was taken of it.`);
}
