import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { issue } from '../core/issues.ts';
import { reportText } from '../core/rate/cdr-report.ts';
import { rateRequest } from '../core/rate/rate-cdr.ts';

export type RateSummary = { readonly rated: number; readonly refused: number };

// One write for many lines: a system call per line would cost more than rating it.
const flushAt = 1 << 16;
const newline = 10;

/**
 * `wattledger rate`: NDJSON requests in, one NDJSON line out for each, in the same order; empty lines are skipped. A line that cannot be rated
 * is answered with `"ok": false` and its error, and the next goes on. Reads as fast as `output` takes: memory does not grow with the input.
 * Rejects only when a stream fails. Does not end `output`.
 */
export async function rateStream(input: Readable, output: Writable, { explain }: { readonly explain: boolean }): Promise<RateSummary> {
  const count = { rated: 0, refused: 0 };
  let pending = '';
  const flush = async () => {
    const text = pending;
    pending = '';
    if (text !== '' && !output.write(text)) await once(output, 'drain');
  };
  // Lines are cut as bytes: one foreign letter in a chunk would double the memory of every line in it.
  let unfinished: Buffer[] = [];
  for await (const chunk of input) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Buffer);
    unfinished.push(bytes);
    if (!bytes.includes(newline)) continue;
    const block = unfinished.length === 1 ? bytes : Buffer.concat(unfinished);
    let start = 0;
    for (let end = block.indexOf(newline); end >= 0; end = block.indexOf(newline, start)) {
      pending += rateLine(block.toString('utf8', start, end), explain, count);
      start = end + 1;
      if (pending.length >= flushAt) await flush();
    }
    unfinished = [block.subarray(start)];
  }
  pending += rateLine(Buffer.concat(unfinished).toString('utf8'), explain, count);
  await flush();
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
    // A byte order mark stands before the first line of what some editors and exports write.
    return JSON.parse(line.replace(/^\uFEFF/, ''));
  } catch {
    return undefined;
  }
}

/** The caller's own mark for the line, if it is a plain one. */
function nameOf(request: unknown): string | number | null {
  const name = typeof request === 'object' && request !== null && 'name' in request ? request.name : null;
  return typeof name === 'string' || typeof name === 'number' ? name : null;
}
