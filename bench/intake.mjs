// npm run bench:intake [-- --bulk 20000 --until store|book --rating full|simple --verify --only bulk|posts|light|heavy --posts 2000 --light 200 --heavy 60 --rounds 3 --smoke]: intake beside
// its floors, on servers of its own, with fsync. --heavy: seconds of 500 CDRs a second; --rating: of the bulk import; --verify: as `wattledger verify` does, afterwards.
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import pg from 'pg';
import { parserFor } from '../dist/adapters/sources/registry.js';
import { startApiServer } from '../dist/stack/api-server.js';
import { createWorker } from '../dist/stack/temporal-worker.js';
import { receiveCdrs, receivingSource } from '../dist/store/commands/receive-cdrs.js';
import { ensurePartitions } from '../dist/store/migrate.js';
import { verifyAll } from '../dist/verify/verify-all.js';
import { taskQueue, workflowNames } from '../dist/workflows/messages.js';
import { benchBulk } from './bulk-import.mjs';
import { withHeavyLoad } from './heavy-load.mjs';
import { insertPerPost } from './insert-per-post.mjs';
import { machine, median, option, shown, smoke, textOption, withIntakeStack } from './intake-stack.mjs';
import { cdrFrom } from './ocpi-cdrs.mjs';
import { startSender } from './post-cdrs.mjs';

const only = textOption('--only', undefined);
const until = textOption('--until', 'book');
if (until !== 'store' && until !== 'book') throw new Error(`--until is store or book, not ${until}: a page is sealed and booked in one transaction`);
const rating = textOption('--rating', 'full');
if (rating !== 'full' && rating !== 'simple') throw new Error(`--rating is full or simple, not ${rating}`);
const bulkGoal = rating === 'full' ? 6 : 4;
const bulk = option('--bulk', smoke ? 1000 : 20_000);
const posts = option('--posts', smoke ? 60 : 2000);
const light = option('--light', smoke ? 20 : 200);
const heavy = option('--heavy', smoke ? 4 : 60);
const rounds = option('--rounds', smoke ? 1 : 3);
const heavyPerSecond = 500;
const wants = (part) => only === undefined || only === part;
const perSecond = (n, ms) => (n / ms) * 1000;

// Beyond what the bulk import takes.
let serial = 5_000_000;
const nextCdr = () => {
  serial += 1;
  return JSON.stringify(cdrFrom(serial, rating));
};

await withIntakeStack(rating, async ({ home, platform, store, undo }) => {
  const admin = new pg.Client({ connectionString: platform.databaseAdminUrl });
  await admin.connect();
  undo.push(() => admin.end());
  await admin.query('CREATE TABLE bench_post (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body bytea NOT NULL)');
  await admin.query('GRANT ALL ON bench_post TO wattledger_app');

  console.log(`${machine()}; CDRs of ${Buffer.byteLength(nextCdr())} bytes; median of ${rounds} rounds, floor and ours by turns`);
  if (wants('bulk')) await showBulk(store, admin);
  if (wants('posts')) await benchPosts(platform, store);
  // The heavy load stands beside the rate of single workflows.
  const alone = wants('light') || wants('heavy') ? await benchLight(platform, store) : undefined;
  if (wants('heavy')) await showHeavy({ home, platform, store }, alone);
});

/** Stored and processed to booked, against a plain COPY of the same bytes. */
async function showBulk(store, admin) {
  const { size, rates, bytes, peakBytes } = await benchBulk({ store, admin, count: bulk, rounds, until, rating });
  const ours = rates.map((r) => r.ours.rate);
  const floor = rates.map((r) => r.floor.rate);
  const stage = until === 'store' ? 'stored' : `rated ${rating === 'full' ? 'in full' : 'simply'}, sealed and booked`;
  const goal = until === 'store' ? '' : ` (goal: ${bulkGoal})`;
  console.log(`bulk import of ${size.toLocaleString('en')} CDRs of ${bytes} bytes ${stage}: ${shown(ours)}; COPY of the raw bytes: ${shown(floor)}; takes ${(median(floor) / median(ours)).toFixed(1)} times as long${goal}`);
  const cpu = (of, where) => Math.round(median(rates.map((r) => r[of][where])));
  if (rates[0].ours.postgresUs >= 0) console.log(`CPU a CDR: ${cpu('ours', 'nodeUs')} µs in Node and ${cpu('ours', 'postgresUs')} µs in PostgreSQL; the COPY ${cpu('floor', 'nodeUs')} and ${cpu('floor', 'postgresUs')} µs`);
  const perCdr = (of) => median(rates.map((r) => r[of].nodeUs + r[of].postgresUs));
  if (rates[0].ours.postgresUs >= 0) console.log(`CPU in all: ${Math.round(perCdr('ours'))} µs a CDR, ${(perCdr('ours') / perCdr('floor')).toFixed(1)} times that of the COPY`);
  if (bulk > size) {
    const [first, last] = [rates[0], rates.at(-1)];
    const rate = (r) => `${Math.round(r.ours.rate).toLocaleString('en')}/s (floor ${Math.round(r.floor.rate).toLocaleString('en')}/s)`;
    console.log(`by file: ${rates.map((r) => Math.round(r.ours.rate).toLocaleString('en')).join(', ')} a second; CPU in Node and PostgreSQL ${rates.map((r) => `${Math.round(r.ours.nodeUs)}+${Math.round(r.ours.postgresUs)}`).join(', ')} µs`);
    console.log(`of ${bulk.toLocaleString('en')} CDRs the first ${size.toLocaleString('en')}: ${rate(first)}, the last: ${rate(last)}; ${((last.ours.rate / first.ours.rate) * 100).toFixed(0)} % (goal: 85 %)`);
  }
  if (process.argv.includes('--verify')) await showVerified(store);
  if (peakBytes !== undefined) console.log(`memory over all processes, at most: ${(peakBytes / 2 ** 30).toFixed(2)} GiB (goal: 8 for 1,000,000)`);
}

/** Verifies all there is, outside what was measured; throws what does not hold. */
async function showVerified(store) {
  const started = Date.now();
  const { sections } = await verifyAll(store);
  const bad = sections.filter((section) => section.problem !== null);
  if (bad.length > 0) throw new Error(bad.map((section) => section.problem).join('; '));
  console.log(`verified in ${((Date.now() - started) / 1000).toFixed(0)} s: everything holds`);
}

/** 500 single CDRs a second by POST, then as many as are taken, to sealed, against a workflow for each. */
async function showHeavy(stack, alone) {
  const bodies = (seconds) => Array.from({ length: seconds * heavyPerSecond }, nextCdr);
  const show = (title, goals, { sent, sealed, sealedPerSecond, oldestMax, oldestMedian, senderShare }) => {
    console.log(`${title}: oldest waiting at most ${oldestMax.toFixed(1)} s${goals.oldest}, ${oldestMedian.toFixed(1)} s in the median; ${sealed.toLocaleString('en')} of ${sent.sent.toLocaleString('en')} sealed, ${Math.round(sealedPerSecond).toLocaleString('en')}/s, ${(sealedPerSecond / alone).toFixed(1)} times a workflow per CDR${goals.ratio}`);
    console.log(`  posted at ${Math.round(sent.sent / sent.seconds).toLocaleString('en')}/s, answered ${JSON.stringify(sent.statuses)}, p50 ${sent.p50.toFixed(0)} ms, p99 ${sent.p99.toFixed(0)} ms; the sender takes ${(senderShare * 100).toFixed(0)} % of the machine`);
  };
  await withHeavyLoad(stack, async (load) => {
    // Warm, as servers are.
    await load(bodies(smoke ? 1 : 5), heavyPerSecond);
    show(`heavy load of ${heavyPerSecond} single CDRs a second over HTTP for ${heavy} s`, { oldest: ' (goal: 5 s)', ratio: '' }, await load(bodies(heavy), heavyPerSecond));
    show('as many single CDRs over HTTP as are taken', { oldest: '', ratio: ' (goal: 10)' }, await load(bodies(heavy), 0));
  });
}

function bodies() {
  return Array.from({ length: posts }, nextCdr);
}

/** Durable before the answer, at three concurrencies, against one insert per POST. */
async function benchPosts(platform, store) {
  const floorServer = await insertPerPost(platform.databaseUrl);
  const api = await startApiServer({ store, databaseUrl: platform.databaseUrl, temporalAddress: platform.temporalAddress, temporalNamespace: 'default', port: 0, host: '127.0.0.1', logLevel: 'silent' });
  const [floorUrl, ourUrl] = [`${floorServer.url}/`, `${api.url}/v1/sources/ocpi-peer/cdrs`];
  const sender = startSender();
  try {
    // Warm, as servers are that run for days: what is measured goes on getting faster for some ten thousand requests.
    for (let round = 0; round < (smoke ? 1 : 4); round += 1)
      for (const concurrency of [1, 16]) for (const url of [floorUrl, ourUrl]) await sender.postAll({ url, bodies: bodies(), concurrency });
    for (const concurrency of [1, 16, 64]) {
      const ours = [];
      const floor = [];
      for (let round = 0; round < rounds; round += 1) {
        floor.push(await sender.postAll({ url: floorUrl, bodies: bodies(), concurrency }));
        ours.push(await sender.postAll({ url: ourUrl, bodies: bodies(), concurrency }));
      }
      console.log(`single CDRs over HTTP, ${concurrency} at a time: ${shown(ours)}; one insert per POST: ${shown(floor)}; ratio ${(median(ours) / median(floor)).toFixed(2)} (goal: 0.5)`);
    }
  } finally {
    sender.stop();
    await api.close();
    await floorServer.close();
  }
}

/** Each CDR a workflow of its own to sealed, against a bare workflow of one activity; answers how many a second. */
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
        const received = await receiveCdrs(store.planned, peer, [Buffer.from(nextCdr())], new Date(), parserFor);
        const [{ recordKey }] = received;
        const ref = { sourceId: 'ocpi-peer', recordKey };
        // As the dispatcher does under light load: alone, whatever the rate is here.
        await client.workflow.execute(workflowNames.cdrLifecycle, { taskQueue, workflowId: `cdr/ocpi-peer/${recordKey}`, args: [ref] });
      });
      while (Number((await store.pool.query('SELECT count(*) AS n FROM raw_pending')).rows[0].n) > 0) await sleep(20);
      ours.push(perSecond(light, Date.now() - started));
    }
    console.log(`light load, a workflow per CDR to sealed: ${shown(ours)}; bare one-activity workflows: ${shown(floor)}; ratio ${(median(ours) / median(floor)).toFixed(2)} (goal: 0.85)`);
    return median(ours);
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
