// Heavy load on the stack as `wattledger start` runs it: the API in this process, the worker and the sender in processes of their own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startApiServer } from '../dist/stack/api-server.js';

const root = path.resolve(import.meta.dirname, '..');
const connections = 64;
const sampleMs = 100;

/** Starts API and worker for `work`, which is given `load`: `load(bodies, perSecond)` is one load, see below. */
export async function withHeavyLoad({ platform, store, home }, work) {
  const api = await startApiServer({ store, databaseUrl: platform.databaseUrl, temporalAddress: platform.temporalAddress, temporalNamespace: 'default', port: 0, host: '127.0.0.1', logLevel: 'warn' });
  const env = { ...process.env, DATABASE_URL: platform.databaseUrl, DATABASE_ADMIN_URL: platform.databaseAdminUrl, TEMPORAL_ADDRESS: platform.temporalAddress, WATTLEDGER_HOME: home };
  const worker = spawn(process.execPath, [path.join(root, 'dist/cli.js'), 'worker', '--with-parent'], { env, stdio: ['pipe', 'ignore', 'inherit'] });
  const workerEnded = once(worker, 'close');
  try {
    await settled(store);
    await work((bodies, perSecond) => load({ url: `${api.url}/v1/sources/ocpi-peer/cdrs`, store, home, bodies, perSecond }));
  } finally {
    worker.stdin.end();
    await workerEnded;
    await api.close();
  }
}

/**
 * Sends `perSecond` single CDRs a second (0: as fast as they are answered), and waits until all are processed. Answers what the sender saw,
 * the greatest age of the oldest waiting CDR, and how many a second were sealed from the first post to the last seal.
 */
async function load({ url, store, home, bodies, perSecond }) {
  const before = await sealedRecords(store);
  const file = path.join(home, 'bodies.ndjson');
  writeFileSync(file, `${bodies.join('\n')}\n`);
  const started = performance.now();
  const sender = spawn(process.execPath, [path.join(root, 'bench/send-cdrs.mjs'), url, file, String(perSecond), String(connections)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  sender.stdout.on('data', (part) => {
    said += part;
  });
  let sending = true;
  void once(sender, 'close').then(() => {
    sending = false;
  });
  const ages = [];
  for (let waiting = 1; sending || waiting > 0; await sleep(sampleMs)) {
    const { rows } = await store.pool.query('SELECT count(*)::int AS n, coalesce(extract(epoch FROM clock_timestamp() - min(received_at)), 0)::float AS age FROM raw_pending');
    waiting = rows[0].n;
    ages.push(rows[0].age);
  }
  const seconds = (performance.now() - started) / 1000;
  const sent = JSON.parse(said);
  const sealed = (await sealedRecords(store)) - before;
  ages.sort((a, b) => a - b);
  return { sent, sealed, sealedPerSecond: sealed / seconds, oldestMax: ages.at(-1), oldestMedian: ages[ages.length >> 1], senderShare: sent.cpuSeconds / sent.seconds / os.cpus().length };
}

/** Waits until the worker has taken what was left before, so that only what is sent now is measured. */
async function settled(store) {
  for (;;) {
    const { rows } = await store.pool.query('SELECT count(*)::int AS n FROM raw_pending');
    if (rows[0].n === 0) break;
    await sleep(sampleMs);
  }
  // The worker starts meanwhile: a process, a bundle, a first poll.
  await sleep(3000);
}

async function sealedRecords(store) {
  return (await store.pool.query('SELECT count(*)::int AS n FROM charge_record')).rows[0].n;
}
