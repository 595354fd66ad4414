import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { parserFor } from '../../src/adapters/sources/registry.ts';
import { createOrders } from '../../src/api/orders.ts';
import { registerSearchAttributes } from '../../src/stack/temporal-worker.ts';
import { importFile } from '../../src/store/commands/import-file.ts';
import { receiveCdrs, receivingSource } from '../../src/store/commands/receive-cdrs.ts';
import type { Store } from '../../src/store/db.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
import { taskQueue } from '../../src/workflows/messages.ts';
import type { TestDatabase } from '../support/database.ts';
import { seeded } from '../support/seeded.ts';

// SIMULATED_KILLS=50 is the full run; each costs the time-out by which Temporal misses a worker.
const kills = Number(process.env['SIMULATED_KILLS'] ?? 2);
const home = mkdtempSync(path.join(os.tmpdir(), 'wattledger-killed-intake-'));
let database: TestDatabase;
let store: Store;
let drop: () => Promise<void>;
let connection: Connection;
let orders: ReturnType<typeof createOrders>;
let worker: ChildProcess | undefined;
let namespace: string;

beforeAll(async () => {
  ({ store, database, drop } = await seeded());
  const address = inject('temporalAddress');
  connection = await Connection.connect({ address });
  namespace = `test-${randomUUID()}`;
  await connection.workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod: { seconds: 86_400 as never } });
  await registerSearchAttributes(address, namespace);
  orders = createOrders(new Client({ connection, namespace }), taskQueue, pino({ level: 'silent' }));
});
afterAll(async () => {
  worker?.kill('SIGKILL');
  await connection.close();
  await drop();
  rmSync(home, { recursive: true, force: true });
});

function startWorker(): void {
  const env = { ...process.env, DATABASE_URL: database.url, TEMPORAL_ADDRESS: inject('temporalAddress'), TEMPORAL_NAMESPACE: namespace, WATTLEDGER_HOME: home };
  worker = spawn(process.execPath, ['dist/cli.js', 'worker', '--with-parent'], { env, stdio: ['pipe', 'ignore', 'ignore'] });
}

async function killWorker(): Promise<void> {
  const ended = new Promise((resolve) => worker?.once('close', resolve));
  worker?.kill('SIGKILL');
  await ended;
}

const count = async (sql: string) => Number((await store.pool.query(sql)).rows[0].n);

it(`loses nothing and takes nothing twice when the worker is killed ${kills} times in an import and a stream of single CDRs`, { timeout: 60_000 + kills * 60_000 }, async () => {
  const lines = readFileSync(new URL('../../data/trondheim/sessions.csv', import.meta.url), 'latin1')
    .trim()
    .split('\n');
  const [header = '', ...sessions] = lines;
  const cdrs = readFileSync(new URL('../../data/ocpi/cdrs.ndjson', import.meta.url), 'utf8')
    .trim()
    .split('\n');
  const peer = await receivingSource(store.pool, 'ocpi-peer');
  if (peer === undefined) throw new Error('the sample has this source');
  let files = 0;
  let singles = 0;
  for (let kill = 0; kill < kills; kill += 1) {
    startWorker();
    // Something new each time, while what the last kill left is still open.
    const part = [header, ...sessions.slice((kill % 8) * 700, (kill % 8) * 700 + 700).map((line) => line.replace(/^\d+/, (id) => String(Number(id) + kill * 100_000)))];
    const stored = await store.tx((db) =>
      importFile(db, { sourceId: 'csms', fileName: `${kill}.csv`, bytes: Buffer.from(part.join('\n'), 'latin1'), by: { actor: 'test' }, receivedAt: new Date() }, parserFor),
    );
    if (!stored.ok) throw new Error('the file is accepted');
    files += stored.lineCount;
    await orders.startBatch('csms', stored.batchId);
    const until = Date.now() + 1200 + Math.random() * 1800;
    while (Date.now() < until) {
      const cdr = { ...JSON.parse(cdrs[singles % cdrs.length] ?? ''), id: `single-${singles}` };
      const received = await receiveCdrs(store.pool, peer, [Buffer.from(JSON.stringify(cdr))], new Date(), parserFor);
      orders.arrived('ocpi-peer', received);
      singles += 1;
      await sleep(20);
    }
    await killWorker();
  }
  startWorker();
  await expect.poll(() => count('SELECT count(*) AS n FROM raw_pending'), { timeout: 50_000 + kills * 10_000, interval: 500 }).toBe(0);
  expect(await count('SELECT count(*) AS n FROM raw_message')).toBe(files + singles);
  expect(await count('SELECT count(*) AS n FROM raw_outcome')).toBe(files + singles);
  expect(await count('SELECT count(*) AS n FROM record_head')).toBe(files + singles);
  expect(await count('SELECT count(*) AS n FROM (SELECT record_id FROM charge_record GROUP BY record_id HAVING count(*) > 1) twice')).toBe(0);
  expect(await count("SELECT count(*) AS n FROM record_head WHERE source_id = 'ocpi-peer' AND state = 'booked'")).toBe(singles);
  expect(await count("SELECT sum(energy_wh) AS n FROM record_head WHERE state = 'booked'")).toBe(await count("SELECT sum(energy_wh) AS n FROM rated_charge WHERE role <> 'siteShareEstimate'"));
  expect((await verifyAll(store, () => undefined)).sections.filter((s) => s.problem !== null)).toEqual([]);
});
