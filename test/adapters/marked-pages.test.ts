import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jsonRestPuller } from '../../src/adapters/sources/pull/json-rest.ts';
import { ocpiPuller } from '../../src/adapters/sources/pull/ocpi.ts';

let server: Server;
let url: string;
const pages = { '/rest': { items: [{ id: 'A1' }], nextCursor: null, total: 1 }, '/ocpi': { status_code: 1000, timestamp: '2019-12-05T10:00:00Z', data: [{ id: 'A1' }] } };

beforeAll(async () => {
  server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://127.0.0.1');
    response.writeHead(200, { 'content-type': 'application/json' }).end(`\uFEFF${JSON.stringify(pages[pathname as keyof typeof pages])}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

describe('a page that begins with a byte order mark', () => {
  const window = { from: new Date('2019-12-01Z'), to: new Date('2019-12-31Z') };
  it.each([
    ['a JSON API', () => jsonRestPuller({ url: `${url}/rest`, pageSize: 10, token: undefined, timeoutMs: 5000 })],
    ['an OCPI peer', () => ocpiPuller({ url: `${url}/ocpi`, pageSize: 10, caller: { token: 't', coding: 'plain' } })],
  ])('is read like any other, of %s', async (_, puller) => {
    const { items, next } = await puller().page(window, null);
    expect([items.map(String), next]).toEqual([['{"id":"A1"}'], null]);
  });
});
