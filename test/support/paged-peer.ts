import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Another network's paged API of JSON CDRs, over real HTTP. */
export type PagedPeer = {
  readonly url: string;
  /** What it holds; each CDR with the time it was last changed, in epoch ms. */
  readonly cdrs: { readonly changedAtMs: number; readonly body: object }[];
  /** How many of the next requests it answers with an error, and which. */
  failing: { times: number; status: number; headers?: Record<string, string> };
  /** Stated beside what it delivers. */
  statedMore: number;
  readonly asked: { readonly path: string; readonly authorization: string | undefined }[];
  stop(): Promise<void>;
};

/** `style`: pages as an envelope with cursors, or as NDJSON with a Link header. */
export async function startPagedPeer(style: 'envelope' | 'lines'): Promise<PagedPeer> {
  const cdrs: { changedAtMs: number; body: object }[] = [];
  const asked: PagedPeer['asked'][number][] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    asked.push({ path: url.pathname + url.search, authorization: request.headers.authorization });
    if (peer.failing.times > 0) {
      peer.failing.times -= 1;
      response.writeHead(peer.failing.status, peer.failing.headers).end('no');
      return;
    }
    const page = pageOf(url, peer);
    const next = page.next === null ? null : new URL(url);
    next?.searchParams.set('cursor', String(page.next));
    if (style === 'lines') {
      const link = next === null ? {} : { link: `<${next.pathname}${next.search}>; rel="next"` };
      response.writeHead(200, { 'content-type': 'application/x-ndjson', 'x-total-count': String(page.total), ...link });
      response.end(page.items.map((item) => `${JSON.stringify(item)}\n`).join(''));
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ items: page.items, nextCursor: page.next === null ? null : String(page.next), total: page.total }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const peer: PagedPeer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/cdrs`,
    cdrs,
    asked,
    failing: { times: 0, status: 503 },
    statedMore: 0,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
  return peer;
}

function pageOf(url: URL, { cdrs, statedMore }: PagedPeer): { readonly items: object[]; readonly next: number | null; readonly total: number } {
  const at = (name: string) => Date.parse(url.searchParams.get(name) ?? '');
  const inWindow = cdrs.filter((c) => c.changedAtMs >= at('updatedFrom') && c.changedAtMs < at('updatedTo'));
  const from = Number(url.searchParams.get('cursor') ?? 0);
  const to = from + Number(url.searchParams.get('limit') ?? 100);
  return { items: inWindow.slice(from, to).map((c) => c.body), next: to < inWindow.length ? to : null, total: inWindow.length + statedMore };
}
