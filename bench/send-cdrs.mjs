// A partner that sends CDRs: node bench/send-cdrs.mjs <url> <file of bodies> <per second, 0: as fast as answers come> <connections>; answers JSON on stdout.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const [url, file, perSecond, connections] = process.argv.slice(2);
const bodies = readFileSync(file, 'utf8').trimEnd().split('\n');
const agent = new http.Agent({ keepAlive: true, maxSockets: Number(connections) });
const millis = [];
const statuses = {};

function post(body) {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', authorization: 'Bearer bench', 'content-length': Buffer.byteLength(body) };
    const request = http.request(url, { method: 'POST', agent, headers }, (response) => {
      response.resume();
      response.on('end', () => {
        millis.push(performance.now() - started);
        statuses[response.statusCode] = (statuses[response.statusCode] ?? 0) + 1;
        resolve();
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

const started = performance.now();
const cpu = process.cpuUsage();
if (Number(perSecond) > 0) {
  // By the clock, whether the answers come or not.
  const sent = [];
  while (sent.length < bodies.length) {
    const due = Math.min(bodies.length, Math.floor(((performance.now() - started) / 1000) * Number(perSecond)));
    while (sent.length < due) sent.push(post(bodies[sent.length]));
    await sleep(2);
  }
  await Promise.all(sent);
} else {
  let next = 0;
  const one = async () => {
    while (next < bodies.length) await post(bodies[next++]);
  };
  await Promise.all(Array.from({ length: Number(connections) }, one));
}
const seconds = (performance.now() - started) / 1000;
const { user, system } = process.cpuUsage(cpu);
millis.sort((a, b) => a - b);
const [p50, p99] = [0.5, 0.99].map((q) => millis[Math.floor(millis.length * q)]);
agent.destroy();
process.stdout.write(JSON.stringify({ sent: bodies.length, seconds, statuses, p50, p99, cpuSeconds: (user + system) / 1e6 }));
