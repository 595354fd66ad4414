// npm run bench:erp [-- --smoke --home DIR]: 500 invoices and journals of 10,000 lines from the outbox to a real Tryton and read back; time and calls, and how much of the
// time is ours. --home keeps Tryton's empty database for the next time.
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { erpConnections } from '../dist/activities/erp-connections.js';
import { handOver } from '../dist/activities/hand-over.js';
import { loadConfig } from '../dist/config.js';
import { startPlatform } from '../dist/platform/start-platform.js';
import { openStore } from '../dist/store/db.js';
import { migrate } from '../dist/store/migrate.js';
import { enqueue } from '../dist/store/outbox.js';
import { applySeed, readSeed } from '../dist/store/seed.js';
import { booksOf } from '../tools/erp-tryton/books-of.mjs';
import { ensureTryton, makeBooks, makeTemplate, serve } from '../tools/erp-tryton/tryton.mjs';

const smoke = process.argv.includes('--smoke');
const at = process.argv.indexOf('--home');
const kept = at < 0 ? undefined : process.argv[at + 1];
const invoices = smoke ? 10 : 500;
const [journals, linesEach] = smoke ? [2, 20] : [50, 200];
const connectionId = 'erp_files';
const mostOverhead = 0.1;
const start = performance.now();

const home = kept ?? mkdtempSync(path.join(os.platform() === 'linux' ? '/var/tmp' : os.tmpdir(), 'wattledger-bench-'));
mkdirSync(home, { recursive: true });
chmodSync(home, 0o711);
const undo = kept === undefined ? [() => rmSync(home, { recursive: true, force: true })] : [];
try {
  const platform = await startPlatform({ home, cache: loadConfig().cache, durable: true, headless: true, temporalAddress: '127.0.0.1:1' });
  undo.push(() => platform.stop());
  await migrate(platform.databaseAdminUrl);
  const store = openStore(platform.databaseUrl);
  undo.push(() => store.close());
  const seed = await readSeed(path.resolve(import.meta.dirname, '../seed/demo.yaml'));
  await store.tx((db) => applySeed(db, seed));
  const bin = await ensureTryton({ cache: loadConfig().cache, onProgress: say });
  const where = { bin, server: platform.superuserUrl, folder: home };
  const round = Date.now().toString(36);
  const place = { ...where, ...(await makeTemplate({ ...where, onProgress: say })), database: `bench_${round}` };
  say('making its books');
  await makeBooks({ ...place, books: await booksOf({ databaseUrl: platform.databaseUrl, entityId: seed.entity.id, years: [2020] }) });
  say('starting Tryton');
  const server = await serve(place);
  undo.push(() => server.stop());
  await store.pool.query("UPDATE erp_connection SET adapter = 'tryton', settings = $2 WHERE id = $1", [connectionId, JSON.stringify({ url: server.url, database: place.database, user: 'admin', passwordFile: place.passwordFile, settleMs: 0 })]);
  const erp = await erpConnections(store, { folder: home, production: false })(connectionId);

  const centers = (await store.pool.query('SELECT DISTINCT cost_center AS code FROM site ORDER BY 1')).rows.map((r) => r.code);
  const accounts = (await store.pool.query("SELECT id FROM account WHERE id LIKE 'acc_fleet%' OR id LIKE 'acc_driver%' ORDER BY id")).rows.map((r) => r.id);
  // Parties and the chart are there once and for all.
  say(`${accounts.length} first invoices`);
  await measured(store, erp, accounts.map((accountId, n) => invoice(`first_${round}_${n}`, n, accountId, centers)));
  say(`${invoices} invoices`);
  const ofInvoices = await measured(store, erp, Array.from({ length: invoices }, (_, n) => invoice(`invoice_${round}_${n}`, n, accounts[n % accounts.length], centers)));
  say(`${journals} journals of ${linesEach} lines`);
  const ofJournals = await measured(store, erp, Array.from({ length: journals }, (_, n) => journal(`journal_${round}_${n}`, n, centers)));
  const [{ n: unrendered }] = await inTryton(platform.superuserUrl, place.database, 'SELECT count(*)::int AS n FROM ir_queue WHERE finished_at IS NULL');
  say(`Node ${process.version}, ${os.cpus().length} cores, load ${os.loadavg()[0].toFixed(1)}; Tryton's worker has ${unrendered} requests' reports of invoices still to render`);
  const shares = [
    shown(`${invoices} invoices`, ofInvoices),
    shown(`${journals} journals of ${linesEach} lines, ${journals * linesEach} in all`, ofJournals),
    shown('both', {
      seconds: ofInvoices.seconds + ofJournals.seconds,
      theirs: ofInvoices.theirs + ofJournals.theirs,
      cpu: ofInvoices.cpu + ofJournals.cpu,
      calls: ofInvoices.calls + ofJournals.calls,
      byMethod: new Map([...ofInvoices.byMethod, ...ofJournals.byMethod]),
    }),
  ];
  if (!smoke && shares[2] > mostOverhead) {
    console.error(`our share is above ${mostOverhead * 100} %`);
    process.exitCode = 1;
  }
} finally {
  for (const step of undo.reverse()) await step();
}

function say(words) {
  console.log(`${((performance.now() - start) / 1000).toFixed(0).padStart(4)} s  ${words}`);
}

async function inTryton(server, database, text) {
  const client = new pg.Client({ connectionString: new URL(database, server).href });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

/** Hands documents over; how long it took, how long and how often the ERP was asked meanwhile, and the CPU of this process. */
async function measured(store, erp, documents) {
  await store.tx((db) => enqueue(db, connectionId, documents));
  const begun = performance.now();
  const progress = setInterval(async () => {
    const { rows } = await store.pool.query("SELECT count(*) AS n FROM erp_posting WHERE key = ANY($1) AND state = 'verified'", [documents.map((d) => d.key)]);
    say(`${rows[0].n} of ${documents.length} are verified after ${((performance.now() - begun) / 1000).toFixed(0)} s`);
  }, 10_000);
  const real = globalThis.fetch;
  let [theirs, calls] = [0, 0];
  const byMethod = new Map();
  globalThis.fetch = async (...args) => {
    const started = performance.now();
    const answer = await real(...args);
    const body = await answer.text();
    const took = (performance.now() - started) / 1000;
    theirs += took;
    calls += 1;
    const { method } = JSON.parse(args[1].body);
    const [n, sum] = byMethod.get(method) ?? [0, 0];
    byMethod.set(method, [n + 1, sum + took]);
    return new Response(body, { status: answer.status, headers: answer.headers });
  };
  try {
    const cpu = process.cpuUsage();
    const started = performance.now();
    const { verified } = await handOver(store, erp, connectionId);
    const seconds = (performance.now() - started) / 1000;
    const used = process.cpuUsage(cpu);
    if (verified !== documents.length) throw new Error(`${verified} of ${documents.length} were verified`);
    return { seconds, theirs, calls, byMethod, cpu: (used.user + used.system) / 1e6 };
  } finally {
    clearInterval(progress);
    globalThis.fetch = real;
  }
}

/** Ours is all that is not Tryton's creating and posting: our own work, and its time for look-ups and read-backs that we ask for. */
function shown(what, { seconds, theirs, calls, cpu, byMethod }) {
  const writes = [...byMethod].filter(([method]) => /\.(create|post)$/.test(method)).reduce((sum, [, [, took]]) => sum + took, 0);
  const share = (seconds - writes) / writes;
  const slowest = [...byMethod].sort(([, [, a]], [, [, b]]) => b - a).slice(0, 3);
  say(
    `${what}: ${seconds.toFixed(1)} s in ${calls} calls; Tryton creates and posts for ${writes.toFixed(1)} s and reads for ${(theirs - writes).toFixed(1)} s, ours beside it ${(seconds - theirs).toFixed(2)} s, CPU ${cpu.toFixed(2)} s; all but creating and posting: ${(share * 100).toFixed(1)} %`,
  );
  say(`  ${slowest.map(([method, [n, sum]]) => `${method} ${n} times ${sum.toFixed(1)} s`).join(', ')}`);
  return share;
}

function line(part, glAccount, amountMinor, rest = {}) {
  return { part, glAccount, costCenter: null, vatCode: null, amountMinor: amountMinor.toString(), ...rest };
}

/** Four lines of sales, VAT and what is owed. */
function invoice(key, no, accountId, centers) {
  const sales = Array.from({ length: 4 }, (_, i) => BigInt(1000 + ((no * 7919 + i * 104_729) % 90_000)));
  const net = sales.reduce((sum, n) => sum + n, 0n);
  const vat = (net * 25n + 50n) / 100n;
  const lines = [
    line('party', '1510', net + vat),
    ...sales.map((n, i) => line('net', '3001', -n, { costCenter: centers[(no + i) % centers.length], vatCode: 'SE25' })),
    line('tax', '2611', -vat, { vatCode: 'SE25', baseMinor: (-net).toString() }),
  ];
  return { key, kind: 'invoice', runId: null, legalNumber: `2020-${key}`, accountId, currency: 'SEK', postedOn: '2020-01-07', lines, documentId: null, controlMinor: net + vat };
}

/** Debits and credits by turns, each pair on a cost center. */
function journal(key, no, centers) {
  const lines = Array.from({ length: linesEach }, (_, i) => {
    const amount = BigInt(100 + ((no + (i >> 1)) % 9000));
    return line('net', i % 2 === 0 ? '1790' : '3001', i % 2 === 0 ? amount : -amount, { costCenter: centers[(i >> 1) % centers.length] });
  });
  const controlMinor = lines.reduce((sum, l) => sum + (l.amountMinor.startsWith('-') ? 0n : BigInt(l.amountMinor)), 0n);
  return { key, kind: 'journal', runId: null, legalNumber: null, accountId: null, currency: 'SEK', postedOn: '2020-01-31', lines, documentId: null, controlMinor };
}
