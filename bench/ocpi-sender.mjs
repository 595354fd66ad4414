// An OCPI 2.2.1 sender as a process of its own: node bench/ocpi-sender.mjs <CDRs> <token>. It takes a registration and gives its CDRs page by page, by their last_updated.
// Says on stdout, a line of JSON each, where it is, and the token with which it may call whoever registered.
import { createServer } from 'node:http';
import { cdrFrom } from './ocpi-cdrs.mjs';

const count = Number(process.argv[2]);
const tokens = new Set([process.argv[3]]);
const maxLimit = 2000;
const changedAt = Array.from({ length: count }, (_, n) => cdrFrom(n).last_updated);
const party = { country_code: 'SE', party_id: 'WLT' };

const server = createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    const token = Buffer.from(/^Token (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '', 'base64').toString('utf8');
    const { status = 200, headers = {}, data } = tokens.has(token) ? answer(request.method, new URL(request.url, url), Buffer.concat(parts), token) : { status: 401 };
    const code = status < 300 ? 1000 : 2000;
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify({ ...(data === undefined ? {} : { data }), status_code: code, timestamp: new Date().toISOString() }));
  });
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${server.address().port}`;
console.log(JSON.stringify({ url: `${url}/versions` }));
// Whoever started it is gone.
process.stdin.on('end', () => process.exit()).resume();

function answer(method, at, bytes, token) {
  const endpoint = (identifier, role) => ({ identifier, role, url: `${url}/${identifier}` });
  switch (at.pathname) {
    case '/versions':
      return { data: [{ version: '2.2.1', url: `${url}/2.2.1` }] };
    case '/2.2.1':
      return { data: { version: '2.2.1', endpoints: [endpoint('credentials', 'RECEIVER'), endpoint('cdrs', 'SENDER')] } };
    case '/credentials': {
      if (method !== 'POST') return { status: 405 };
      tokens.delete(token);
      tokens.add(`${token}-live`);
      console.log(JSON.stringify({ token: JSON.parse(bytes.toString('utf8')).token }));
      return { data: { token: `${token}-live`, url: `${url}/versions`, roles: [{ role: 'CPO', ...party, business_details: { name: 'Peer' } }] } };
    }
    case '/cdrs':
      return page(at);
    default:
      return { status: 404 };
  }
}

/** transport_and_format, Paginated Response: Link to the next page, X-Total-Count, X-Limit. */
function page(at) {
  const [from, to] = [at.searchParams.get('date_from'), at.searchParams.get('date_to')].map((text) => (text === null ? undefined : Date.parse(text)));
  const within = changedAt.flatMap((text, n) => ((from === undefined || Date.parse(text) >= from) && (to === undefined || Date.parse(text) < to) ? [n] : []));
  const offset = Number(at.searchParams.get('offset') ?? 0);
  const limit = Math.min(Number(at.searchParams.get('limit') ?? 50), maxLimit);
  const next = new URL(at);
  next.searchParams.set('offset', String(offset + limit));
  const link = offset + limit < within.length ? { link: `<${next.href}>; rel="next"` } : {};
  return { headers: { 'x-total-count': String(within.length), 'x-limit': String(limit), ...link }, data: within.slice(offset, offset + limit).map((n) => cdrFrom(n)) };
}
