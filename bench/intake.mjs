// npm run bench:intake [-- --bulk 20000 --posts 600 --light 200 --rounds 3 --smoke]: intake beside its floors, on servers of its own, with fsync.
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { processPage } from '../dist/activities/process-page.js';
import { parserFor } from '../dist/adapters/sources/registry.js';
import { loadConfig } from '../dist/config.js';
import { startPlatform } from '../dist/platform/start-platform.js';
import { startApiServer } from '../dist/stack/api-server.js';
import { createWorker, registerSearchAttributes } from '../dist/stack/temporal-worker.js';
import { putApiKeys } from '../dist/store/commands/api-keys.js';
import { importFile } from '../dist/store/commands/import-file.js';
import { receiveCdrs, receivingSource } from '../dist/store/commands/receive-cdrs.js';
import { openStore } from '../dist/store/db.js';
import { pendingMessages } from '../dist/store/intake/store-raw.js';
import { ensurePartitions, migrate } from '../dist/store/migrate.js';
import { applySeed, readSeed } from '../dist/store/seed.js';
import { taskQueue, workflowNames } from '../dist/workflows/messages.js';
import { insertPerPost } from './insert-per-post.mjs';

const root = path.resolve(import.meta.dirname, '..');
const smoke = process.argv.includes('--smoke');
const option = (name, otherwise) => {
  const at = process.argv.indexOf(name);
  return at < 0 ? otherwise : Number(process.argv[at + 1]);
};
const bulk = option('--bulk', smoke ? 1000 : 20_000);
const posts = option('--posts', smoke ? 60 : 600);
const light = option('--light', smoke ? 20 : 200);
const rounds = option('--rounds', smoke ? 1 : 3);
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const perSecond = (n, ms) => (n / ms) * 1000;
const shown = (list) => `${Math.round(median(list)).toLocaleString('en')}/s (${Math.round(Math.min(...list)).toLocaleString('en')} to ${Math.round(Math.max(...list)).toLocaleString('en')})`;

const templates = readFileSync(path.join(root, 'data/ocpi/cdrs.ndjson'), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
let serial = 0;
const nextCdr = () => {
  serial += 1;
  return JSON.stringify({ ...templates[serial % templates.length], id: `BENCH-${serial}` });
};

const home = mkdtempSync(path.join(os.platform() === 'linux' ? '/var/tmp' : os.tmpdir(), 'wattledger-bench-'));
chmodSync(home, 0o711);
const undo = [() => rmSync(home, { recursive: true, force: true })];
try {
  const platform = await startPlatform({ home, cache: loadConfig().cache, durable: true, headless: true });
  undo.push(() => platform.stop());
  await migrate(platform.databaseAdminUrl);
  await registerSearchAttributes(platform.temporalAddress, 'default');
  const store = openStore(platform.databaseUrl);
  undo.push(() => store.close());
  const seed = await readSeed(path.join(root, 'seed/demo.yaml'));
  await store.tx((db) => applySeed(db, seed));
  await store.tx((db) => putApiKeys(db, [{ id: 'bench', actor: 'bench', token: 'bench', roles: ['admin'], sourceId: null, sample: true }]));
  const admin = new pg.Client({ connectionString: platform.databaseAdminUrl });
  await admin.connect();
  undo.push(() => admin.end());
  await admin.query('CREATE TABLE bench_post (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body bytea NOT NULL)');
  await admin.query('GRANT ALL ON bench_post TO wattledger_app');
  await admin.query('CREATE TABLE bench_copy (id bigint PRIMARY KEY, body bytea NOT NULL)');

  console.log(`Node ${process.version}, ${os.cpus().length} cores, load ${os.loadavg()[0].toFixed(1)}; CDRs of ${Buffer.byteLength(nextCdr())} bytes; median of ${rounds} rounds, floor and ours by turns`);
  await benchBulk(store, admin);
  await benchPosts(platform, store);
  await benchLight(platform, store);
} finally {
  for (const step of undo.reverse()) await step();
}

/** Stored and processed to booked, against a plain COPY of the same bytes. */
async function benchBulk(store, admin) {
  const ours = [];
  const floor = [];
  let copied = 0;
  for (let round = 0; round < rounds; round += 1) {
    const lines = Array.from({ length: bulk }, nextCdr);
    let started = Date.now();
    const stream = admin.query(copyFrom('COPY bench_copy (id, body) FROM STDIN'));
    for (const line of lines) {
      copied += 1;
      if (!stream.write(`${copied}\t\\\\x${Buffer.from(line).toString('hex')}\n`)) await new Promise((resolve) => stream.once('drain', resolve));
    }
    await new Promise((resolve, reject) => stream.on('finish', resolve).on('error', reject).end());
    floor.push(perSecond(bulk, Date.now() - started));
    started = Date.now();
    const stored = await store.tx((db) => importFile(db, { sourceId: 'ocpi-peer', fileName: `${round}.ndjson`, bytes: Buffer.from(lines.join('\n')), by: { actor: 'bench' }, receivedAt: new Date() }, parserFor));
    // The two lanes of the import activity, without Temporal around them.
    await Promise.all(
      [0, 1].map(async (index) => {
        for (let after = '0'; ; ) {
          const page = await pendingMessages(store.pool, { batchId: stored.batchId, limit: 500, after, lane: { index, of: 2 } });
          if (page.length === 0) return;
          after = page.at(-1);
          await store.tx((db) => processPage(db, page));
        }
      }),
    );
    ours.push(perSecond(bulk, Date.now() - started));
  }
  console.log(`bulk import of ${bulk.toLocaleString('en')} CDRs to booked: ${shown(ours)}; COPY of the raw bytes: ${shown(floor)}; takes ${(median(floor) / median(ours)).toFixed(1)} times as long (goal: 6)`);
}

/** Durable before the answer, at three concurrencies, against one insert per POST. */
async function benchPosts(platform, store) {
  const floorServer = await insertPerPost(platform.databaseUrl);
  const api = await startApiServer({ store, databaseUrl: platform.databaseUrl, temporalAddress: platform.temporalAddress, temporalNamespace: 'default', port: 0, host: '127.0.0.1', logLevel: 'silent' });
  try {
    for (const concurrency of [1, 16, 64]) {
      const ours = [];
      const floor = [];
      for (let round = 0; round < rounds; round += 1) {
        floor.push(await postAll(`${floorServer.url}/`, concurrency));
        ours.push(await postAll(`${api.url}/v1/sources/ocpi-peer/cdrs`, concurrency));
      }
      console.log(`single CDRs over HTTP, ${concurrency} at a time: ${shown(ours)}; one insert per POST: ${shown(floor)}; ratio ${(median(ours) / median(floor)).toFixed(2)} (goal: 0.5)`);
    }
  } finally {
    await api.close();
    await floorServer.close();
  }
}

async function postAll(url, concurrency) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: concurrency });
  const bodies = Array.from({ length: posts }, nextCdr);
  const started = Date.now();
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      for (let body = bodies.pop(); body !== undefined; body = bodies.pop()) await post(url, body, agent);
    }),
  );
  const rate = perSecond(posts, Date.now() - started);
  agent.destroy();
  return rate;
}

function post(url, body, agent) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method: 'POST', agent, headers: { 'content-type': 'application/json', authorization: 'Bearer bench', 'content-length': Buffer.byteLength(body) } }, (response) => {
      response.resume();
      response.on('end', () => (response.statusCode === 202 ? resolve() : reject(new Error(`answered ${response.statusCode}`))));
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** Each CDR a workflow of its own to sealed, against a bare workflow of one activity. */
async function benchLight(platform, store) {
  const { worker, close } = await createWorker({
    address: platform.temporalAddress,
    namespace: 'default',
    taskQueue,
    store,
    erpFor: () => Promise.reject(new Error('no ERP here')),
    makePartitions: async () => 0,
  });
  const running = worker.run();
  const connection = await Connection.connect({ address: platform.temporalAddress });
  const client = new Client({ connection });
  try {
    await ensurePartitions(platform.databaseAdminUrl);
    // What the posts before left on the work list goes first.
    await client.workflow.execute(workflowNames.intakeSweep, { taskQueue, workflowId: 'sweep/bench', args: [{ olderThanMs: 0 }] });
    const peer = await receivingSource(store.pool, 'ocpi-peer');
    const ours = [];
    const floor = [];
    for (let round = 0; round < rounds; round += 1) {
      let started = Date.now();
      await inParallel(light, 16, (i) => client.workflow.execute(workflowNames.partitionKeeper, { taskQueue, workflowId: `bare/${round}/${i}`, args: [] }));
      floor.push(perSecond(light, Date.now() - started));
      started = Date.now();
      await inParallel(light, 16, async () => {
        const received = await receiveCdrs(store.pool, peer, [Buffer.from(nextCdr())], new Date(), parserFor);
        const [{ recordKey }] = received;
        const ref = { sourceId: 'ocpi-peer', recordKey };
        // As the dispatcher does under light load: alone, whatever the rate is here.
        await client.workflow.execute(workflowNames.cdrLifecycle, { taskQueue, workflowId: `cdr/ocpi-peer/${recordKey}`, args: [ref] });
      });
      while (Number((await store.pool.query('SELECT count(*) AS n FROM raw_pending')).rows[0].n) > 0) await sleep(20);
      ours.push(perSecond(light, Date.now() - started));
    }
    console.log(`light load, a workflow per CDR to sealed: ${shown(ours)}; bare one-activity workflows: ${shown(floor)}; ratio ${(median(ours) / median(floor)).toFixed(2)} (goal: 0.85)`);
  } finally {
    worker.shutdown();
    await running;
    await connection.close();
    await close();
  }
}

async function inParallel(n, width, work) {
  let next = 0;
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (next < n) {
        next += 1;
        await work(next);
      }
    }),
  );
}
