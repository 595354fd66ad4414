import { splitNdjson, withoutMark } from '../ndjson.ts';
import { type PulledPage, type Puller, SourceRefused, SourceUnavailable } from './port.ts';

export type JsonRestServer = { readonly url: string; readonly pageSize: number; readonly token: string | undefined; readonly timeoutMs: number };

const maxPageBytes = 64 * 1024 * 1024;

/** A paged JSON API: `{items, nextCursor, total}`, or NDJSON with the next page in `Link` and the total in `X-Total-Count`. */
export function jsonRestPuller(server: JsonRestServer): Puller {
  const base = new URL(server.url);
  return {
    async page({ from, to }, cursor): Promise<PulledPage> {
      const isLink = cursor !== null && /^https?:\/\//.test(cursor);
      const url = new URL(isLink ? cursor : base);
      // The token goes to nobody else, whatever a page says.
      if (url.origin !== base.origin) throw new SourceRefused(`the next page lies at ${url.origin}, not at ${base.origin}`);
      if (!isLink) {
        url.searchParams.set('updatedFrom', from.toISOString());
        url.searchParams.set('updatedTo', to.toISOString());
        url.searchParams.set('limit', String(server.pageSize));
        if (cursor !== null) url.searchParams.set('cursor', cursor);
      }
      const { answer, bytes } = await ask(url, server);
      const total = Number(answer.headers.get('x-total-count') ?? Number.NaN);
      const isLines = /^application\/x-ndjson/.test(answer.headers.get('content-type') ?? '');
      const read = isLines ? { items: splitNdjson(bytes).map((line) => line.bytes), next: nextLink(answer, url), stated: total } : readEnvelope(bytes, total);
      return { items: read.items, next: read.next, ...(Number.isSafeInteger(read.stated) ? { stated: read.stated } : {}) };
    },
  };
}

async function ask(url: URL, { token, timeoutMs }: JsonRestServer): Promise<{ readonly answer: Response; readonly bytes: Buffer }> {
  let answer: Response;
  let bytes: Buffer;
  try {
    const headers = { accept: 'application/x-ndjson, application/json', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
    answer = await fetch(url, { headers, redirect: 'error', signal: AbortSignal.timeout(timeoutMs) });
    bytes = withoutMark(await atMost(answer, maxPageBytes));
  } catch (error) {
    if (error instanceof SourceRefused) throw error;
    const cause = (error as Error & { cause?: { code?: string } }).cause?.code;
    throw new SourceUnavailable(`${url.origin} does not answer: ${cause ?? (error as Error).message}`);
  }
  if (answer.ok) return { answer, bytes };
  if (answer.status === 429 || answer.status >= 500) throw new SourceUnavailable(`${url.origin} answers ${answer.status}`, retryAfterMs(answer));
  throw new SourceRefused(`${url.origin} answers ${answer.status}: check the address and the token of the connection`);
}

/** The body, read no further than `limit`. */
async function atMost(answer: Response, limit: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of answer.body ?? []) {
    size += part.byteLength;
    if (size > limit) throw new SourceRefused(`a page is larger than ${limit} bytes: ask for smaller ones`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function retryAfterMs(answer: Response): number | undefined {
  const seconds = Number(answer.headers.get('retry-after') ?? Number.NaN);
  return Number.isFinite(seconds) ? seconds * 1000 : undefined;
}

/** RFC 8288: the target of `rel="next"`, resolved against the page's own address. */
function nextLink(answer: Response, url: URL): string | null {
  const target = /<([^>]*)>\s*;[^,]*\brel="?next"?/i.exec(answer.headers.get('link') ?? '')?.[1];
  return target === undefined ? null : new URL(target, url).href;
}

function readEnvelope(bytes: Buffer, total: number): { readonly items: Buffer[]; readonly next: string | null; readonly stated: number } {
  let json: { items?: unknown; nextCursor?: unknown; total?: unknown };
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new SourceRefused('a page is neither JSON nor NDJSON');
  }
  if (!Array.isArray(json?.items)) throw new SourceRefused('a page has no list "items"');
  const next = json.nextCursor ?? null;
  if (next !== null && typeof next !== 'string') throw new SourceRefused('"nextCursor" of a page is not text');
  return { items: json.items.map((item: unknown) => Buffer.from(JSON.stringify(item))), next: next === '' ? null : next, stated: typeof json.total === 'number' ? json.total : total };
}
