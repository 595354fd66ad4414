import { randomUUID } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BusinessCentralSettings } from '../../src/adapters/erp/business-central/business-central.ts';
import { monthAfter } from '../../src/core/period/segments.ts';

type Line = {
  id: string;
  etag: string;
  lineNumber: number;
  accountType: string;
  accountNumber: string;
  postingDate: string;
  documentNumber: string;
  amount: number;
  description: string;
  dimensionSetLines: { code: string; valueCode: string }[];
};
type Entry = Omit<Line, 'id' | 'etag' | 'lineNumber' | 'accountType' | 'amount'> & { entryNumber: number; debitAmount: number; creditAmount: number };
type Reply = { status: number; body?: unknown; headers?: Record<string, string> };
type Books = { accounts: readonly { code: string; name: string }[]; costCenters: readonly string[]; vatCodes: readonly string[] };

/** What the documentation of its API limits. `rate`: requests in a window. */
const limits = { batch: 100, number: 20, description: 50, displayName: 100, parallel: 100 };

/**
 * Business Central's API v2.0 as documented, as far as the adapter uses it: tokens, OData filters and pages, ETags, `$batch` with
 * `Isolation: snapshot`, general journals that balance or are refused, request limits. What is committed outlives `stop`.
 */
export class BusinessCentral {
  readonly closedMonths = new Set<string>();
  /** Decides of each request, once it was carried out, whether its answer is thrown away. */
  loses: (method: string, path: string) => boolean = () => false;
  /** Decides of each request, before it is carried out, whether the server dies of it. */
  diesOf: (method: string, path: string) => boolean = () => false;
  rate = { requests: 6000, windowMs: 300_000 };
  pageSize = 20_000;
  calls: string[] = [];
  readonly #books: Books;
  readonly #tokens = new Set<string>();
  readonly #journal = { id: randomUUID(), code: 'WATTLEDGER' };
  readonly #parties = { customers: new Map<string, object>(), vendors: new Map<string, object>() };
  #lines: Line[] = [];
  #entries: Entry[] = [];
  #recent: number[] = [];
  #underWay = 0;
  #server: http.Server | undefined;
  #port = 0;

  constructor(books: Books) {
    this.#books = books;
  }

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
  get settings(): BusinessCentralSettings {
    const url = `http://127.0.0.1:${this.#port}`;
    return {
      url: `${url}/v2.0/tenant/Production/api/v2.0`,
      companyId: 'company-1',
      tokenUrl: `${url}/token`,
      clientId: 'client',
      clientSecret: 'secret',
      timeoutMs: 5000,
      settleMs: 20,
      journal: this.#journal.code,
      dimension: 'COSTCENTER',
      currency: 'SEK',
    };
  }
  /** How many lines stand in the journal, unposted. */
  get journalLines(): number {
    return this.#lines.length;
  }
  /** As when a token is revoked. */
  forgetTokens(): void {
    this.#tokens.clear();
  }

  async #serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    const method = request.method ?? 'GET';
    const path = decodeURIComponent((request.url ?? '').replace('/v2.0/tenant/Production/api/v2.0/', ''));
    if (this.diesOf(method, path)) {
      void this.stop();
      return;
    }
    this.#underWay += 1;
    const reply = path === '/token' ? this.#token(text) : this.#guarded(request, method, path, text);
    this.#underWay -= 1;
    if (this.loses(method, path)) {
      request.socket.destroy();
      return;
    }
    const body = reply.body === undefined ? '' : JSON.stringify(reply.body);
    response.writeHead(reply.status, { 'content-type': 'application/json', ...reply.headers }).end(body);
  }

  #token(text: string): Reply {
    const form = new URLSearchParams(text);
    if (form.get('grant_type') !== 'client_credentials' || form.get('client_secret') !== 'secret') return { status: 401, body: { error: 'invalid_client' } };
    const token = randomUUID();
    this.#tokens.add(token);
    return { status: 200, body: { access_token: token, expires_in: 3600, token_type: 'Bearer' } };
  }

  #guarded(request: http.IncomingMessage, method: string, path: string, text: string): Reply {
    if (!this.#tokens.has((request.headers.authorization ?? '').replace('Bearer ', ''))) return failed(401, 'Authentication_InvalidCredentials', 'The server has rejected the client credentials.');
    const now = Date.now();
    this.#recent = this.#recent.filter((at) => at > now - this.rate.windowMs);
    if (this.#recent.length >= this.rate.requests || this.#underWay > limits.parallel) {
      return { ...failed(429, 'Application_TooManyRequests', 'Too many requests.'), headers: { 'retry-after': String(Math.ceil(this.rate.windowMs / 1000)) } };
    }
    this.#recent.push(now);
    this.calls.push(`${method} ${path.split('?')[0]}`);
    if (path === '$batch') return this.#batch(request, JSON.parse(text));
    return this.#carriedOut(method, path, text === '' ? undefined : JSON.parse(text), request.headers['if-match']);
  }

  #batch(request: http.IncomingMessage, { requests }: { requests: { id: string; method: string; url: string; headers: Record<string, string>; body?: unknown }[] }): Reply {
    if (requests.length > limits.batch) return failed(400, 'BadRequest', `The batch has ${requests.length} requests; the maximum is ${limits.batch}.`);
    const before = { lines: structuredClone(this.#lines), entries: structuredClone(this.#entries) };
    const responses: object[] = [];
    for (const one of requests) {
      const { status, body } = this.#carriedOut(one.method, one.url, one.body, one.headers['If-Match']);
      responses.push({ id: one.id, status, body });
      if (status < 400) continue;
      if (request.headers['isolation'] !== 'snapshot') continue;
      this.#lines = before.lines;
      this.#entries = before.entries;
      break;
    }
    return { status: 200, body: { responses } };
  }

  #carriedOut(method: string, path: string, body: unknown, ifMatch: string | undefined): Reply {
    const [place = '', query = ''] = path.replace('companies(company-1)/', '').split('?');
    const params = new Map(query.split('&').map((p) => [p.slice(0, p.indexOf('=')), p.slice(p.indexOf('=') + 1)]));
    const lines = `journals(${this.#journal.id})/journalLines`;
    if (method === 'GET') {
      const rows: Record<string, readonly object[]> = {
        journals: [this.#journal],
        [lines]: this.#lines.map((l) => ({ ...l, '@odata.etag': l.etag })),
        accounts: this.#books.accounts.map((a) => ({ number: a.code, displayName: a.name })),
        dimensions: [{ code: 'COSTCENTER', dimensionValues: this.#books.costCenters.map((code) => ({ code, displayName: code })) }],
        taxGroups: this.#books.vatCodes.map((code) => ({ code, displayName: code })),
        generalLedgerSetup: [{ allowPostingFrom: this.#allowedFrom(), allowPostingTo: '0001-01-01' }],
        customers: [...this.#parties.customers.values()],
        vendors: [...this.#parties.vendors.values()],
        generalLedgerEntries: this.#entries.map(({ dimensionSetLines, ...e }) => (params.get('$expand') === 'dimensionSetLines' ? { ...e, dimensionSetLines } : e)),
      };
      const found = rows[place];
      return found === undefined ? failed(404, 'BadRequest_NotFound', `No HTTP resource was found at ${place}.`) : this.#page(found, place, params);
    }
    if (method === 'POST' && (place === 'customers' || place === 'vendors')) return this.#addParty(this.#parties[place], body as { number: string; displayName: string });
    if (method === 'POST' && place === lines) return this.#addLine(body as Partial<Line>);
    if (method === 'POST' && place === `journals(${this.#journal.id})/Microsoft.NAV.post`) return this.#post();
    const id = /^journalLines\((.*)\)$/.exec(place)?.[1];
    if (method === 'DELETE' && id !== undefined) {
      const line = this.#lines.find((l) => l.id === id);
      if (line === undefined) return failed(404, 'Internal_RecordNotFound', 'The journal line does not exist.');
      if (ifMatch === undefined) return failed(428, 'Request_PreconditionRequired', 'If-Match is required.');
      if (ifMatch !== line.etag) return failed(409, 'Request_EntityChanged', 'Another user has already changed the record.');
      this.#lines = this.#lines.filter((l) => l !== line);
      return { status: 204 };
    }
    return failed(405, 'BadRequest_MethodNotAllowed', `${method} ${place} is not allowed.`);
  }

  #page(rows: readonly object[], place: string, params: ReadonlyMap<string, string>): Reply {
    const found = rows.filter((row) => matches(row as Record<string, unknown>, params.get('$filter')));
    const from = Number(params.get('$skiptoken') ?? 0);
    const next = from + this.pageSize;
    const rest = [...params].filter(([name]) => name !== '$skiptoken' && name !== '').map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
    const link = `${this.settings.url}/companies(company-1)/${place}?${[...rest, `$skiptoken=${next}`].join('&')}`;
    return { status: 200, body: { value: found.slice(from, next), ...(next < found.length ? { '@odata.nextLink': link } : {}) } };
  }

  #addParty(parties: Map<string, object>, party: { number: string; displayName: string }): Reply {
    if (party.number.length > limits.number || party.displayName.length > limits.displayName) return tooLong('number or displayName', limits.number);
    if (parties.has(party.number)) return failed(400, 'Internal_EntityWithSameKeyExists', `The record ${party.number} already exists.`);
    parties.set(party.number, party);
    return { status: 201, body: party };
  }

  #addLine(given: Partial<Line>): Reply {
    const { documentNumber = '', description = '', accountNumber = '', accountType = '', lineNumber = 0, dimensionSetLines = [] } = given;
    if (documentNumber.length > limits.number) return tooLong('documentNumber', limits.number);
    if (description.length > limits.description) return tooLong('description', limits.description);
    if (this.#lines.some((l) => l.lineNumber === lineNumber)) return failed(400, 'Internal_EntityWithSameKeyExists', `The record Gen. Journal Line ${lineNumber} already exists.`);
    const there =
      accountType === 'Customer'
        ? this.#parties.customers.has(accountNumber)
        : accountType === 'Vendor'
          ? this.#parties.vendors.has(accountNumber)
          : this.#books.accounts.some((a) => a.code === accountNumber);
    if (!there) return failed(400, 'Internal_RecordNotFound', `The ${accountType} ${accountNumber} does not exist.  CorrelationId:  ${randomUUID()}.`);
    const unknown = dimensionSetLines.find((d) => d.code !== 'COSTCENTER' || !this.#books.costCenters.includes(d.valueCode));
    if (unknown !== undefined) return failed(400, 'Internal_RecordNotFound', `The Dimension Value ${unknown.code} ${unknown.valueCode} does not exist.`);
    const line = { ...(given as Line), id: randomUUID(), etag: `W/"${randomUUID()}"`, dimensionSetLines };
    this.#lines.push(line);
    return { status: 201, body: line };
  }

  /** The day after the last month that was closed; its empty date when none is. */
  #allowedFrom(): string {
    const last = [...this.closedMonths].sort().at(-1);
    return last === undefined ? '0001-01-01' : `${monthAfter(last)}-01`;
  }

  #post(): Reply {
    if (this.#lines.length === 0) return failed(400, 'Application_DialogException', 'There is nothing to post.');
    const rest = new Map<string, number>();
    for (const line of this.#lines) rest.set(line.documentNumber, (rest.get(line.documentNumber) ?? 0) + Math.round(line.amount * 100));
    const uneven = [...rest].find(([, cents]) => cents !== 0);
    if (uneven !== undefined) return failed(400, 'Application_DialogException', `The lines of document no. ${uneven[0]} are out of balance by ${uneven[1] / 100}.`);
    const late = this.#lines.find((l) => l.postingDate < this.#allowedFrom());
    if (late !== undefined) return failed(400, 'Application_DialogException', `Posting Date is not within your range of allowed posting dates in Gen. Journal Line ${late.lineNumber}.`);
    for (const { id: _, etag: __, lineNumber: ___, amount, accountType, accountNumber, ...line } of this.#lines) {
      const account = accountType === 'Customer' ? '1510' : accountType === 'Vendor' ? '2440' : accountNumber;
      this.#entries.push({ ...line, accountNumber: account, entryNumber: this.#entries.length + 1, debitAmount: Math.max(amount, 0), creditAmount: Math.max(-amount, 0) });
    }
    this.#lines = [];
    return { status: 204 };
  }
}

function failed(status: number, code: string, message: string): Reply {
  return { status, body: { error: { code, message } } };
}
function tooLong(field: string, most: number): Reply {
  return failed(400, 'Application_StringExceededLength', `The length of the string of ${field} exceeds the maximum length of ${most}.`);
}

/** `field eq 'x'`, several joined by `or`, or `contains(field,'x')`. */
function matches(row: Readonly<Record<string, unknown>>, filter: string | undefined): boolean {
  if (filter === undefined) return true;
  const text = (quoted: string) => quoted.replaceAll("''", "'");
  const contains = /^contains\((\w+),'(.*)'\)$/.exec(filter);
  if (contains !== null) return String(row[contains[1] ?? '']).includes(text(contains[2] ?? ''));
  return filter.split(' or ').some((part) => {
    const [, field = '', value = ''] = /^(\w+) eq '(.*)'$/.exec(part) ?? [];
    if (field === '') throw new Error(`a filter that the stub does not know: ${part}`);
    return row[field] === text(value);
  });
}
