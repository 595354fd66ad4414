// npm run bench:ocpi [-- --posts 2000 --rounds 5 --sweep 100000 --page 1000 --only receiver|sweep --smoke]: CDRs by OCPI's receiver beside single CDRs over HTTP (`bench:intake`),
// and the sweep of a paged peer, which runs as a process of its own. Servers of its own, with fsync.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { loadConfig } from '../dist/config.js';
import { openSecretBox } from '../dist/platform/secret-box.js';
import { startApiServer } from '../dist/stack/api-server.js';
import { machine, median, option, root, shown, smoke, textOption, withIntakeStack } from './intake-stack.mjs';
import { cdrFrom } from './ocpi-cdrs.mjs';
import { sweepAll } from './ocpi-sweep.mjs';
import { postAll } from './post-cdrs.mjs';

const only = textOption('--only', undefined);
const posts = option('--posts', smoke ? 60 : 2000);
const rounds = option('--rounds', smoke ? 1 : 5);
const count = option('--sweep', smoke ? 500 : 100_000);
const pageSize = option('--page', smoke ? 100 : 1000);
const sourceId = 'ocpi-peer';

// Beyond what the peer has to be pulled.
let serial = 5_000_000;
function bodies() {
  return Array.from({ length: posts }, () => {
    serial += 1;
    return JSON.stringify(cdrFrom(serial));
  });
}

await withIntakeStack('full', async ({ home, platform, store, undo }) => {
  // The worker opens what is sealed here: the key lies where it looks for it.
  const secretBox = openSecretBox({ file: loadConfig({ WATTLEDGER_HOME: home }).keyFile, mayMake: true });
  const api = await startApiServer({ store, secretBox, databaseUrl: platform.databaseUrl, temporalAddress: platform.temporalAddress, temporalNamespace: 'default', port: 0, host: '127.0.0.1', logLevel: 'silent' });
  undo.push(() => api.close());
  const peer = await register(api.url);
  undo.push(() => peer.stop());

  console.log(`${machine()}; CDRs of ${Buffer.byteLength(JSON.stringify(cdrFrom(serial)))} bytes; median of ${rounds} rounds, by turns`);
  if (only !== 'sweep') await benchReceiver(api.url, peer.token);
  if (only !== 'receiver') showSweep(await sweepAll({ platform, store, home, sourceId, count, pageSize }));
});

/** Starts a peer and registers at it, as ops do: each side then has the other's token. */
async function register(url) {
  const invitation = 'bench-invitation';
  const child = spawn(process.execPath, [path.join(root, 'bench/ocpi-sender.mjs'), String(count), invitation], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const said = async () => JSON.parse((await lines.next()).value);
  const { url: versionsUrl } = await said();
  const call = async (method, where, body) => {
    const answer = await fetch(`${url}${where}`, { method, headers: { authorization: 'Bearer bench', 'content-type': 'application/json' }, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${where} answered ${answer.status}: ${await answer.text()}`);
  };
  const [us, them] = [{ countryCode: 'SE', partyId: 'BEN' }, { countryCode: 'SE', partyId: 'WLT' }];
  await call('PUT', '/v1/ocpi/peers/bench', { entityId: 'ent_se', name: 'Peer', kind: 'peer', us, them, sourceId });
  await call('POST', '/v1/ocpi/peers/bench/registration', { versionsUrl, token: invitation });
  const { token } = await said();
  const stop = async () => {
    child.stdin.end();
    await ended;
  };
  return { token, stop };
}

/** One CDR a request, durable before the answer: by OCPI, beside the route of single CDRs. */
async function benchReceiver(url, token) {
  const ocpi = { url: `${url}/ocpi/2.2.1/cdrs/`, authorization: `Token ${Buffer.from(token).toString('base64')}`, expected: 201 };
  const http = { url: `${url}/v1/sources/${sourceId}/cdrs` };
  // Warm, as servers are.
  for (const route of [http, ocpi, http, ocpi]) await postAll({ ...route, bodies: bodies(), concurrency: 16 });
  for (const concurrency of [1, 16, 64]) {
    const rates = { http: [], ocpi: [] };
    for (let round = 0; round < rounds; round += 1) {
      rates.http.push(await postAll({ ...http, bodies: bodies(), concurrency }));
      rates.ocpi.push(await postAll({ ...ocpi, bodies: bodies(), concurrency }));
    }
    console.log(`OCPI receiver, ${concurrency} at a time: ${shown(rates.ocpi)}; single CDRs over HTTP: ${shown(rates.http)}; ratio ${(median(rates.ocpi) / median(rates.http)).toFixed(2)} (goal: 0.7)`);
  }
}

function showSweep({ pulled, booked, seconds, tenths, problem }) {
  if (pulled !== count || booked !== count || problem !== null) throw new Error(`${pulled} of ${count} CDRs were pulled, ${booked} booked: ${problem}`);
  console.log(`sweep of ${count.toLocaleString('en')} CDRs from a paged peer, pages of ${pageSize}, to booked: ${Math.round(pulled / seconds).toLocaleString('en')}/s`);
  const mib = (bytes) => Math.round(bytes / 2 ** 20);
  const seen = tenths.filter((bytes) => bytes > 0);
  if (seen.length > 0) console.log(`memory of the worker: ${mib(seen[0])} MiB resident in its first tenth, ${mib(Math.max(...seen))} MiB at most; by tenths ${tenths.map(mib).join(', ')}`);
}
