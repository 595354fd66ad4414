import http from 'node:http';
import type { AddressInfo } from 'node:net';

type Json = Record<string, unknown>;
export type Call = { readonly method: string; readonly path: string; readonly headers: http.IncomingHttpHeaders; readonly body: Json };

/**
 * The other side of a connection, over HTTP: versions, credentials, CDRs and tariffs to be pulled in pages, and a place that takes ours.
 * A test sets what it holds and how it fails; `calls` keeps what was asked of it.
 */
export class OcpiPeer {
  readonly calls: Call[] = [];
  readonly taken: Json[] = [];
  cdrs: Json[] = [];
  tariffs: Json[] = [];
  /** Our tariffs as it was told, by their path. */
  readonly told = new Map<string, Json>();
  /** Takes our tariffs; read when somebody registers. */
  takesTariffs = false;
  /** Tokens with which it may be called. */
  tokens = new Set<string>();
  party = { country_code: 'NO', party_id: 'NRD' };
  pageSize = 3;
  /** Of the CDRs it states it has; what it says too much. */
  overstated = 0;
  /** Whether its lists state X-Total-Count. */
  statesTotal = true;
  /** Answers a call in its own way, when it gives one. */
  fail: (call: Call) => { status: number; body?: Json } | undefined = () => undefined;
  readonly version: string;
  url = '';
  #server: http.Server | undefined;
  #made = 0;

  constructor(version = '2.2.1') {
    this.version = version;
  }

  async start(): Promise<this> {
    this.#server = http.createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const call = { method: request.method ?? '', path: request.url ?? '', headers: request.headers, body: text === '' ? {} : (JSON.parse(text) as Json) };
        this.calls.push(call);
        const { status, body, headers } = this.#answer(call);
        response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify({ timestamp: new Date().toISOString(), ...body }));
      });
    });
    await new Promise<void>((resolve) => this.#server?.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  async stop(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise<void>((resolve) => this.#server?.close(() => resolve()));
  }

  newToken(): string {
    this.#made += 1;
    const token = `peer-token-${this.#made}`;
    this.tokens.add(token);
    return token;
  }

  credentials(token: string): Json {
    return this.version === '2.1.1'
      ? { token, url: `${this.url}/versions`, business_details: { name: 'Nordic' }, ...this.party }
      : { token, url: `${this.url}/versions`, roles: [{ role: 'CPO', business_details: { name: 'Nordic' }, ...this.party }] };
  }

  #answer(call: Call): { status: number; body: Json; headers?: Record<string, string> } {
    const given = /^Token (\S+)$/.exec(call.headers.authorization ?? '')?.[1] ?? '';
    const token = this.version === '2.1.1' ? given : Buffer.from(given, 'base64').toString('utf8');
    const failed = this.fail(call);
    if (failed !== undefined) return { status: failed.status, body: failed.body ?? { status_code: 3000 } };
    if (!this.tokens.has(token)) return { status: 401, body: { status_code: 2000, status_message: 'unknown token' } };
    const ok = (data?: unknown, status = 200, headers: Record<string, string> = {}) => ({ status, body: { status_code: 1000, ...(data === undefined ? {} : { data }) }, headers });
    const url = new URL(call.path, this.url);
    if (url.pathname === '/versions') return ok([{ version: this.version, url: `${this.url}/details` }]);
    if (url.pathname === '/details') {
      const endpoint = (identifier: string, role: string) => ({ identifier, url: `${this.url}/${identifier}`, ...(this.version === '2.1.1' ? {} : { role }) });
      const endpoints = [
        endpoint('credentials', 'RECEIVER'),
        endpoint('cdrs', 'SENDER'),
        endpoint('tariffs', 'SENDER'),
        ...(this.takesTariffs ? [endpoint('tariffs', 'RECEIVER')] : []),
        ...(this.version === '2.1.1' ? [] : [endpoint('cdrs', 'RECEIVER')]),
      ];
      return ok({ version: this.version, endpoints });
    }
    if (url.pathname === '/credentials') {
      if (call.method === 'DELETE') return ok();
      // One token at a time, as the text has it.
      this.tokens.delete(token);
      return ok(this.credentials(this.newToken()));
    }
    if (url.pathname.startsWith('/tariffs/') && call.method === 'PUT') {
      this.told.set(url.pathname, call.body);
      return ok(undefined, 201);
    }
    if (url.pathname.startsWith('/tariffs/') && call.method === 'DELETE') return this.told.delete(url.pathname) ? ok() : { status: 404, body: { status_code: 2003 } };
    if (url.pathname === '/cdrs' && call.method === 'POST') {
      this.taken.push(call.body);
      return ok(undefined, 201, { location: `${this.url}/cdrs/${String(call.body['id'])}` });
    }
    const all = url.pathname === '/cdrs' ? this.cdrs : this.tariffs;
    const [from, to] = ['date_from', 'date_to'].map((name) => url.searchParams.get(name));
    const within = all.filter((o) => (from === null || String(o['last_updated']) >= (from ?? '')) && (to === null || String(o['last_updated']) < (to ?? '')));
    const offset = Number(url.searchParams.get('offset') ?? 0);
    const next = offset + this.pageSize;
    url.searchParams.set('offset', String(next));
    return ok(within.slice(offset, next), 200, {
      ...(this.statesTotal ? { 'x-total-count': String(within.length + this.overstated) } : {}),
      'x-limit': String(this.pageSize),
      ...(next < within.length ? { link: `<${url.href}>; rel="next"` } : {}),
    });
  }
}
