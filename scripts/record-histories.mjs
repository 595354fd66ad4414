// npm run record:histories: runs one of each workflow on a server of its own and writes what Temporal recorded to test/workflows/histories.
import { randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { filesErp } from '../dist/adapters/erp/files.js';
import { parserFor } from '../dist/adapters/sources/registry.js';
import { loadConfig } from '../dist/config.js';
import { openSecretBox } from '../dist/platform/secret-box.js';
import { startPlatform } from '../dist/platform/start-platform.js';
import { createWorker, registerSearchAttributes } from '../dist/stack/temporal-worker.js';
import { addAdjustment } from '../dist/store/commands/adjust-run.js';
import { connectSource } from '../dist/store/commands/connect-source.js';
import { importFile } from '../dist/store/commands/import-file.js';
import { orderRebill } from '../dist/store/commands/order-rebill.js';
import { planRun } from '../dist/store/commands/plan-run.js';
import { signFindings } from '../dist/store/commands/sign-findings.js';
import { signCarry } from '../dist/store/commands/steer-run.js';
import { openStore } from '../dist/store/db.js';
import { storeRawMessages } from '../dist/store/intake/store-raw.js';
import { ensurePartitions, migrate } from '../dist/store/migrate.js';
import { enqueue } from '../dist/store/outbox.js';
import { listRunFindings } from '../dist/store/reads/run-findings.js';
import { applySeed, readSeed } from '../dist/store/seed.js';
import { arrivedSignal, cutOffSignal, decideUpdate, inputsChangedSignal, retrySignal, runStateQuery, workflowNames } from '../dist/workflows/messages.js';

const root = path.resolve(import.meta.dirname, '..');
const folder = path.join(root, 'test/workflows/histories');
const taskQueue = 'histories';
const receivedAt = new Date();
const by = { actor: 'recorder' };
const approver = { actor: 'approver' };
const deadline = Date.now() + 3 * 60_000;

// Below /var/tmp, so that PostgreSQL's user can enter it when this runs as root.
const home = mkdtempSync(path.join(os.platform() === 'linux' ? '/var/tmp' : os.tmpdir(), 'wattledger-histories-'));
chmodSync(home, 0o711);
const undo = [() => rmSync(home, { recursive: true, force: true })];
try {
  const platform = await startPlatform({ home, cache: loadConfig().cache, durable: false, onProgress: console.log });
  undo.push(() => platform.stop());
  await migrate(platform.databaseAdminUrl);
  await registerSearchAttributes(platform.temporalAddress, 'default');
  const store = openStore(platform.databaseUrl);
  undo.push(() => store.close());
  const secretBox = openSecretBox({ file: path.join(home, 'secret.key'), mayMake: true });
  const { worker, close } = await createWorker({
    address: platform.temporalAddress,
    namespace: 'default',
    taskQueue,
    store,
    erpFor: async () => filesErp(path.join(home, 'erp')),
    secretBox,
    dropsFolder: path.join(home, 'drops'),
    makePartitions: () => ensurePartitions(platform.databaseAdminUrl),
  });
  const running = worker.run();
  undo.push(async () => {
    worker.shutdown();
    await running;
    await close();
  });
  const connection = await Connection.connect({ address: platform.temporalAddress });
  undo.push(() => connection.close());
  const client = new Client({ connection });
  const seed = await readSeed(path.join(root, 'seed/demo.yaml'));
  await store.tx((db) => applySeed(db, seed));

  await oneCdrOfEachKind(store, client);
  await oneImport(store, client);
  await oneLeftOver(store, client);
  await oneMonth(store, client);
  await oneRebill(store, client);
  await oneExchange(store, client, secretBox);
  await twoSweeps(store, client);
  await client.workflow.execute(workflowNames.partitionKeeper, { taskQueue, workflowId: 'partitions' });
  await client.workflow.execute(workflowNames.monthAccrual, { taskQueue, workflowId: 'accrual', args: [{ entityId: 'ent_se' }] });
  await client.workflow.execute(workflowNames.erpCompare, { taskQueue, workflowId: 'erp-compare', args: [{}] });
  await client.workflow.execute(workflowNames.retentionKeeper, { taskQueue, workflowId: 'retention', args: [{ actor: 'recorder' }] });
  await client.workflow.execute(workflowNames.blockSealer, { taskQueue, workflowId: 'sealer', args: [{ forMs: 0 }] });
  await write(client);
} finally {
  for (const step of undo.reverse()) await step();
}

async function oneCdrOfEachKind(store, client) {
  await arrive(store, 1, 'Bl2-1');
  await client.workflow.execute(workflowNames.cdrLifecycle, cdr(1));
  await arrive(store, 2, 'Unmapped-1');
  const handle = await client.workflow.signalWithStart(workflowNames.cdrLifecycle, { ...cdr(2), signal: arrivedSignal });
  await until(async () => (await store.pool.query("SELECT FROM record_head WHERE cdr_id = '2' AND state = 'quarantined'")).rowCount === 1);
  await map(store, 'Unmapped-1');
  await handle.signal(arrivedSignal);
  await handle.result();
  await arrive(store, 3, 'Bl2-2');
  await client.workflow.execute(workflowNames.intakeSweep, { taskQueue, workflowId: 'sweep', args: [{ olderThanMs: 0 }] });
}

/** A file with what is booked, what is parked and what is quarantined until its token is mapped; in pages of one, so that their workflows are started over a continue-as-new. */
async function oneImport(store, client) {
  const header = 'session_ID;Garage_ID;User_ID;User_type;Shared_ID;Start_plugin;Start_plugin_hour;End_plugout;End_plugout_hour;El_kWh;Duration_hours;month_plugin;weekdays_plugin';
  const bytes = Buffer.from(`${[header, line(11, 'AdO3-2'), line(12, 'Bl2-1'), line(13, 'Bl2-1', 'UT2'), line(14, 'Unmapped-2')].join('\n')}\n`);
  const stored = await store.tx((db) => importFile(db, { sourceId: 'csms', fileName: 'recorded.csv', bytes, by, receivedAt }, parserFor));
  if (!stored.ok) throw new Error(`the file is refused: ${JSON.stringify(stored.issues)}`);
  await client.workflow.execute(workflowNames.importBatch, { taskQueue, workflowId: `import/csms/${stored.batchId}`, args: [{ sourceId: 'csms', batchId: stored.batchId, pageSize: 1 }] });
  await map(store, 'Unmapped-2');
  const { rows } = await store.pool.query("SELECT ref FROM token WHERE uid = 'Unmapped-2'");
  await client.workflow.execute(workflowNames.retryWaiting, { taskQueue, workflowId: 'retry', args: [{ sourceId: 'csms', code: 'unknownToken', key: rows[0].ref }] });
}

/** A journal that nobody woke a writer for. */
async function oneLeftOver(store, client) {
  const lines = ['100', '-100'].map((amountMinor) => ({ glAccount: '1510', costCenter: null, vatCode: null, amountMinor }));
  const left = { key: 'left', kind: 'journal', runId: null, legalNumber: null, accountId: null, currency: 'SEK', postedOn: '2019-12-31', lines, documentId: null, controlMinor: 100n };
  await store.tx((db) => enqueue(db, 'erp_files', [left]));
  await client.workflow.execute(workflowNames.erpRounds, { taskQueue, workflowId: 'erp' });
}

/** The rounds over OCPI peers, a push to one, and a look at its tariffs. */
async function oneExchange(store, client, secretBox) {
  const tariff = { country_code: 'NO', party_id: 'NRD', id: 'T-1', currency: 'NOK', elements: [{}], last_updated: '2019-12-03T11:05:00Z' };
  const server = createServer((request, response) => {
    const data = request.url.startsWith('/tariffs') ? [tariff] : [];
    response.writeHead(200, { 'content-type': 'application/json', 'x-total-count': String(data.length) }).end(JSON.stringify({ data, status_code: 1000, timestamp: new Date().toISOString() }));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${server.address().port}`;
  const endpoints = ['cdrs', 'tariffs'].map((identifier) => ({ identifier, role: 'SENDER', url: `${url}/${identifier}` }));
  await store.pool.query(
    `INSERT INTO ocpi_peer (id, entity_id, name, kind, our_country, our_party, country_code, party_id, source_id, correction_channel, state, version, versions_url, token_coding, their_token, endpoints)
     VALUES ('nordic', 'ent_se', 'Nordic', 'peer', 'SE', 'WLT', 'NO', 'NRD', 'ocpi-peer', 'inBand', 'registered', '2.2.1', $1, 'base64', $2, $3)`,
    [`${url}/versions`, secretBox.seal('token', 'nordic'), JSON.stringify(endpoints)],
  );
  await client.workflow.execute(workflowNames.ocpiRounds, { taskQueue, workflowId: 'ocpi' });
  await client.workflow.execute(workflowNames.ocpiPush, { taskQueue, workflowId: 'ocpi/nordic', args: [{ peerId: 'nordic' }] });
  // The rounds began it.
  await client.workflow.getHandle('tariffs/nordic').result();
  await client.workflow.execute(workflowNames.ocpiTariffs, { taskQueue, workflowId: 'tariffs/nordic', args: [{ peerId: 'nordic' }] });
  await store.tx((db) =>
    connectSource(
      db,
      { sourceId: 'ocpi-peer', settings: { kind: 'ocpi', pageSize: 1000, timeoutMs: 60_000, countDays: 2, everyMinutes: 15, overlapMinutes: 60, paused: true }, reason: 'recorded' },
      by,
    ),
  );
  await client.workflow.execute(workflowNames.peerCounts, { taskQueue, workflowId: 'count/ocpi-peer', args: [{ sourceId: 'ocpi-peer' }] });
  server.close();
}

function map(store, token) {
  return store.pool.query("INSERT INTO mapping (source_id, kind, external_key, internal_id, author) VALUES ('csms', 'token', $1, 'acc_fleet_taxi', 'recorder')", [token]);
}

/** A run answered as finance would, by whatever state it shows: the order of its steps is the workflow's own. */
async function oneMonth(store, client) {
  const period = '2019-12';
  const plan = await store.tx((db) => planRun(db, { entityId: 'ent_se', period, by, cutOffAt: new Date(Date.now() + 3_600_000) }));
  const { runId, workflowId } = plan;
  await client.workflow.execute(workflowNames.runOpener, { taskQueue, workflowId: 'opener', args: [{ entityId: 'ent_se' }] });
  const handle = client.workflow.getHandle(workflowId);
  let first;
  let decided = false;
  await until(async () => {
    if ((await handle.describe()).status.name !== 'RUNNING') return true;
    const { state, problem, contentHash } = await handle.query(runStateQuery);
    if (state === 'collecting') await handle.signal(cutOffSignal, {});
    if (state === 'inReview' && contentHash !== null && first === undefined) {
      first = contentHash;
      await adjust(store, handle, runId);
    } else if (state === 'inReview' && contentHash !== null && contentHash !== first && !decided) {
      await signBlocking(store, runId);
      await handle.executeUpdate(decideUpdate, { args: [{ approvalId: randomUUID(), decision: 'approve', contentHash, ...approver, comment: 'checked' }] });
      decided = true;
    }
    if (problem?.includes('carry decision')) {
      await store.tx((db) => signCarry(db, { runId, by: approver, reason: 'being clarified' }));
      await handle.signal(retrySignal);
    } else if (problem !== null) throw new Error(`the run has a problem: ${problem}`);
    return false;
  });
  await handle.result();
}

async function oneRebill(store, client) {
  const { rows } = await store.pool.query("SELECT id FROM document WHERE state = 'issued' AND type = 'invoice' ORDER BY id LIMIT 1");
  const { orderId } = await store.tx((db) => orderRebill(db, { documentId: rows[0].id, kind: 'rebill', outcome: 'bill', reason: 'evidence for VAT' }, by));
  await client.workflow.execute(workflowNames.creditAndRebill, { taskQueue, workflowId: 'rebill', args: [{ orderId }] });
}

/** One source that is pulled, with a session that waits, and one that drops a file. */
async function twoSweeps(store, client) {
  await store.pool.query(
    "INSERT INTO source SELECT (jsonb_populate_record(s, jsonb_build_object('id', n, 'format', 'json-csms'))).* FROM source s, unnest(ARRAY['pulled', 'dropped']) AS n WHERE s.id = 'csms'",
  );
  const text = JSON.stringify({ transactionId: 'R1', siteId: 'Bl2', idTag: 'Unmapped-3', startTime: '2019-12-05T10:00:00Z', stopTime: '2019-12-05T12:00:00Z', energyWh: 9000 });
  const server = createServer((_, response) => response.writeHead(200, { 'content-type': 'application/x-ndjson' }).end(`${text}\n`));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const settings = {
    kind: 'jsonRest',
    url: `http://127.0.0.1:${server.address().port}/`,
    pageSize: 10,
    timeoutMs: 5000,
    everyMinutes: 15,
    overlapMinutes: 60,
    completeAfterMinutes: 60,
    paused: false,
  };
  await store.tx((db) => connectSource(db, { sourceId: 'pulled', settings, reason: 'recorded' }, by));
  await store.tx((db) => connectSource(db, { sourceId: 'dropped', settings: { kind: 'folder', settleSeconds: 0, everyMinutes: 15, paused: false }, reason: 'recorded' }, by));
  mkdirSync(path.join(home, 'drops/dropped'), { recursive: true });
  writeFileSync(path.join(home, 'drops/dropped/sessions.ndjson'), text);
  for (const sourceId of ['pulled', 'dropped']) await client.workflow.execute(workflowNames.sourceSweep, { taskQueue, workflowId: `sweep/${sourceId}`, args: [{ sourceId }] });
  server.close();
  await until(async () => (await client.workflow.count(`WorkflowId STARTS_WITH 'import/dropped/' AND ExecutionStatus = 'Running'`)).count === 0);
}

/** Three sessions of one token at one time look like one session thrice: signed, as finance would. */
async function signBlocking(store, runId) {
  const { items } = await listRunFindings(store.pool, runId, 'blocks', { limit: 200 });
  if (items.length > 0) await store.tx((db) => signFindings(db, { runId, findingIds: items.map((f) => f.findingId), reason: 'made up for the recording' }, { actor: 'signer' }));
}

async function adjust(store, handle, runId) {
  const goodwill = { accountId: 'acc_fleet_taxi', amountMinor: -5000n, vatCode: 'SE25', glAccount: '3740', costCenter: '100', description: 'Goodwill', reason: 'charger out of order' };
  await store.tx((db) => addAdjustment(db, runId, goodwill, by));
  await handle.signal(inputsChangedSignal);
}

/** Every execution of the server, waiting ones too, under its workflow id; nothing in a file tells of this machine. */
async function write(client) {
  const histories = [];
  for await (const { workflowId, runId, type } of client.workflow.list()) {
    const json = historyToJSON(await client.workflow.getHandle(workflowId, runId).fetchHistory());
    histories.push({ workflowId, type, text: json.replaceAll(`${process.pid}@${os.hostname()}`, 'recorder').replaceAll(root, '') });
  }
  const missing = Object.values(workflowNames).filter((name) => !histories.some(({ type }) => type === name));
  if (missing.length > 0) throw new Error(`no history of ${missing.join(', ')}: run one above`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const written = new Set();
  for (const { workflowId, text } of histories.reverse()) {
    const base = workflowId.replace(/[^\w-]+/g, '-');
    // Runs of one id that continued as new lie beside each other, the first one first.
    const name = written.has(base) ? `${base}-${written.size}` : base;
    written.add(name);
    writeFileSync(path.join(folder, `${name}.json`), `${text}\n`);
  }
  console.log(`recorded ${histories.length} histories in ${path.relative(root, folder)}`);
}

async function arrive(store, id, user) {
  const bytes = Buffer.from(line(id, user));
  await store.tx((db) => storeRawMessages(db, { sourceId: 'csms', batchId: null, receivedAt, messages: [{ recordKey: `se*wlt*${id}`, bytes, lineNo: null }] }));
}

function cdr(id) {
  return { taskQueue, workflowId: `cdr/csms/se*wlt*${id}`, args: [{ sourceId: 'csms', recordKey: `se*wlt*${id}` }] };
}

function line(id, user, garage = 'Bl2') {
  return `${id};${garage};${user};Private;NA;05.12.2019 18:00;18;05.12.2019 21:00;21;10,5;NA;Dec;Thursday`;
}

async function until(done) {
  while (!(await done())) {
    if (Date.now() > deadline) throw new Error('the workflows do not come to an end');
    await sleep(200);
  }
}
