// Single CDRs by POST over kept connections, as partners send them.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import path from 'node:path';

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

/** `postAll` from another process, one order after the other. */
export function startSender() {
  const child = fork(path.join(import.meta.dirname, 'post-sender.mjs'));
  const ended = once(child, 'exit').then(() => {
    throw new Error('the sender ended');
  });
  ended.catch(() => undefined);
  return {
    async postAll(order) {
      const answer = once(child, 'message');
      child.send(order);
      const [{ rate, problem }] = await Promise.race([answer, ended]);
      if (problem !== undefined) throw new Error(problem);
      return rate;
    },
    stop: () => child.kill(),
  };
}
