// Single CDRs by POST over kept connections, as partners send them.
import http from 'node:http';

/** Posts each body by itself, `concurrency` at a time, and answers how many a second; throws at any answer but `expected`. */
export async function postAll({ url, bodies, concurrency, authorization = 'Bearer bench', expected = 202 }) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: concurrency });
  const left = [...bodies];
  const started = performance.now();
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      for (let body = left.pop(); body !== undefined; body = left.pop()) await post({ url, body, agent, authorization, expected });
    }),
  );
  const rate = (bodies.length / (performance.now() - started)) * 1000;
  agent.destroy();
  return rate;
}

function post({ url, body, agent, authorization, expected }) {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', authorization, 'content-length': Buffer.byteLength(body) };
    const request = http.request(url, { method: 'POST', agent, headers }, (response) => {
      response.resume();
      response.on('end', () => (response.statusCode === expected ? resolve() : reject(new Error(`${url} answered ${response.statusCode}`))));
    });
    request.on('error', reject);
    request.end(body);
  });
}
