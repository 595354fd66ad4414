import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { issue } from './core/issues.ts';
import { reportText } from './core/rate/cdr-report.ts';
import { rateRequest } from './core/rate/rate-cdr.ts';

export type RateSummary = { readonly rated: number; readonly refused: number };

// One write for many lines: a system call per line would cost more than rating it.
const flushAt = 1 << 16;

/**
 * `wattledger rate`: NDJSON requests in, one NDJSON line out for each, in the same order; empty lines are skipped. A line that cannot be rated
 * is answered with `"ok": false` and its error, and the next goes on. Reads as fast as `output` takes: memory does not grow with the input.
 * Rejects only when a stream fails. Does not end `output`.
 */
export async function rateStream(input: Readable, output: Writable, { explain }: { readonly explain: boolean }): Promise<RateSummary> {
  const decoder = new StringDecoder('utf8');
  const count = { rated: 0, refused: 0 };
  let rest = '';
  let pending = '';
  const flush = async (limit: number) => {
    if (pending.length < limit || pending === '') return;
    const text = pending;
    pending = '';
    if (!output.write(text)) await once(output, 'drain');
  };
  for await (const chunk of input) {
    const text: string = rest + (typeof chunk === 'string' ? chunk : decoder.write(chunk as Buffer));
    let start = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      pending += rateLine(text.slice(start, end), explain, count);
      start = end + 1;
      await flush(flushAt);
    }
    rest = text.slice(start);
  }
  pending += rateLine(rest + decoder.end(), explain, count);
  await flush(0);
  return count;
}

/** One request line to one answer line with its newline; an empty line to nothing. */
export function rateLine(line: string, explain: boolean, count: { rated: number; refused: number }): string {
  if (line.trim() === '') return '';
  const request = parsed(line);
  const rating = request === undefined ? { ok: false as const, issue: issue('badShape', 'blocks', '$', { detail: 'the line is not JSON' }) } : rateRequest(request);
  if (rating.ok) count.rated += 1;
  else count.refused += 1;
  return `${reportText(nameOf(request), rating, explain)}\n`;
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** The caller's own mark for the line, if it is a plain one. */
function nameOf(request: unknown): string | number | null {
  const name = typeof request === 'object' && request !== null && 'name' in request ? request.name : null;
  return typeof name === 'string' || typeof name === 'number' ? name : null;
}
