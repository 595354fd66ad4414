import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { type HttpErpServer, signatureOf } from '../../src/adapters/erp/http/http.ts';
import { controlTotalsOf } from '../../src/adapters/erp/port.ts';
import type { ErpDocument } from '../../src/contracts/erp-document.ts';

type Kept = { readonly externalId: string; readonly document: ErpDocument };
const maxAgeS = 300;

/** Middleware before any ERP, as the HTTP adapter wants it: signed requests, one document a key. What is kept outlives `stop`. */
export class ErpMiddleware {
  readonly closedMonths = new Set<string>();
  loses: (method: string) => boolean = () => false;
  diesOf: (method: string) => boolean = () => false;
  busy = false;
  /** Breaks on what it is sent, and says this. */
  breaksWith: string | undefined;
  tellsPeriods = true;
  readonly parties: unknown[] = [];
  /** How the ERP behind numbers what it takes; undefined where it does not. */
  numberOf: ((key: string) => string | undefined) | undefined;
  /** What customers have paid, by key, in minor units. */
  readonly paid = new Map<string, bigint>();
  readonly #kept = new Map<string, Kept>();
  #server: http.Server | undefined;
  #port = 0;

  async start(): Promise<void> {
    const server = http.createServer((request, response) => this.#serve(request, response));
    await new Promise<void>((resolve) => {
      server.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }
  async stop(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise((resolve) => this.#server?.close(resolve));
  }
  get settings(): HttpErpServer {
    return { url: `http://127.0.0.1:${this.#port}/wattledger`, secret: 'shared', timeoutMs: 5000, settleMs: 20 };
  }

  async #serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const method = request.method ?? 'GET';
    if (this.diesOf(method)) {
      void this.stop();
      return;
    }
    const [status, body] = method === 'POST' && this.breaksWith !== undefined ? [500, { detail: this.breaksWith }] : this.#answer(request, method, Buffer.concat(chunks).toString('utf8'));
    if (this.loses(method)) {
      request.socket.destroy();
      return;
    }
    response.writeHead(status, { 'content-type': 'application/json', ...(status === 429 ? { 'retry-after': '7' } : {}) }).end(JSON.stringify(body));
  }

  #answer(request: http.IncomingMessage, method: string, text: string): [number, unknown] {
    const url = new URL(request.url ?? '', this.settings.url);
    const given = String(request.headers['wattledger-signature']);
    const at = Number(/^t=(\d+)/.exec(given)?.[1]);
    if (Math.abs(Date.now() / 1000 - at) > maxAgeS || given !== signatureOf('shared', at, method, url, text)) return [401, { title: 'wrong signature' }];
    if (this.busy) return [429, { title: 'busy' }];
    const path = url.pathname.replace('/wattledger', '');
    if (path === '/control-totals') {
      const { count, sums } = controlTotalsOf([...this.#kept.values()].map((k) => k.document).filter((d) => d.runId === url.searchParams.get('runId')));
      return [200, { count, sums: [...sums].map(([key, amount]) => ({ key, amountMinor: amount.toString() })) }];
    }
    if (path === '/documents' && method === 'GET') {
      const ofRun = [...this.#kept.values()].filter((k) => (k.document.runId ?? '') === url.searchParams.get('runId'));
      return [200, { items: ofRun.map((k) => ({ externalId: k.externalId, isReversed: false, ...k.document })) }];
    }
    if (path === '/periods') {
      if (!this.tellsPeriods) return [404, { title: 'not found' }];
      const state = (on: string) => (this.closedMonths.has(on.slice(0, 7)) ? 'closed' : 'open');
      return [200, { items: (url.searchParams.get('on') ?? '').split(',').map((on) => ({ on, state: state(on) })) }];
    }
    if (path === '/payments/query') {
      const { keys } = JSON.parse(text) as { keys: string[] };
      return [200, { items: keys.flatMap((key) => this.#paymentOf(key)) }];
    }
    if (method === 'GET') {
      const kept = this.#kept.get(decodeURIComponent(path.replace('/documents/', '')));
      const number = kept === undefined ? undefined : this.numberOf?.(kept.document.key);
      return kept === undefined ? [404, { title: 'not found' }] : [200, { externalId: kept.externalId, ...(number === undefined ? {} : { number }), ...kept.document }];
    }
    const { document, party } = JSON.parse(text) as { document: ErpDocument; party: unknown };
    if (request.headers['idempotency-key'] !== document.key) return [422, { detail: 'the idempotency key is not the key of the document' }];
    const before = this.#kept.get(document.key);
    if (before !== undefined) return JSON.stringify(before.document) === JSON.stringify(document) ? [200, before] : [409, { detail: `${document.key} was posted before with other content` }];
    if (this.closedMonths.has(document.postedOn.slice(0, 7))) return [423, { detail: `the period of ${document.postedOn} is closed` }];
    const rest = document.lines.reduce((sum, l) => sum + BigInt(l.amountMinor), 0n);
    if (rest !== 0n) return [422, { detail: `it is off by ${rest}` }];
    const kept = { externalId: `V${this.#kept.size + 1}`, document };
    this.#kept.set(document.key, kept);
    this.parties.push(party);
    return [201, kept];
  }

  /** As if it had never come. */
  forget(key: string): void {
    this.#kept.delete(key);
  }

  #paymentOf(key: string): object[] {
    const owed = this.#kept.get(key)?.document.lines.find((l) => l.part === 'party');
    if (owed === undefined) return [];
    const paid = this.paid.get(key) ?? 0n;
    const open = BigInt(owed.amountMinor) - paid;
    return [{ key, state: open === 0n ? 'paid' : paid === 0n ? 'unpaid' : 'part', openMinor: open.toString() }];
  }
}
