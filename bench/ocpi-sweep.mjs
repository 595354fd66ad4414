// The sweep of `bench:ocpi`: the worker as `wattledger start` runs it, in a process of its own, pulls all that a paged peer has.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { connectSource } from '../dist/store/commands/connect-source.js';
import { taskQueue, workflowNames } from '../dist/workflows/messages.js';

const root = path.resolve(import.meta.dirname, '..');
const everyMs = 500;

/** Sweeps a source to the end and answers how many CDRs came, in what time, and the worker's memory by how far it was (bytes resident, by tenths). */
export async function sweepAll({ platform, store, home, sourceId, count, pageSize }) {
  const settings = { kind: 'ocpi', pageSize, timeoutMs: 60_000, everyMinutes: 1440, overlapMinutes: 60, from: '2019-12-01T00:00:00Z', paused: true };
  await store.tx((db) => connectSource(db, { sourceId, settings, reason: 'measured' }, { actor: 'bench' }));
  const env = { ...process.env, DATABASE_URL: platform.databaseUrl, DATABASE_ADMIN_URL: platform.databaseAdminUrl, TEMPORAL_ADDRESS: platform.temporalAddress, WATTLEDGER_HOME: home };
  const worker = spawn(process.execPath, ['--max-semi-space-size=64', path.join(root, 'dist/cli.js'), 'worker', '--with-parent'], { env, stdio: ['pipe', 'ignore', 'inherit'] });
  const ended = once(worker, 'close');
  const connection = await Connection.connect({ address: platform.temporalAddress });
  try {
    const started = performance.now();
    const sweeping = new Client({ connection }).workflow.execute(workflowNames.sourceSweep, { taskQueue, workflowId: `sweep/${sourceId}`, args: [{ sourceId }] });
    let over = false;
    sweeping.finally(() => {
      over = true;
    }).catch(() => undefined);
    const tenths = Array.from({ length: 10 }, () => 0);
    while (!over) {
      await sleep(everyMs);
      const { rows } = await store.pool.query('SELECT coalesce(max(pulled), 0)::int AS pulled FROM sweep WHERE source_id = $1', [sourceId]);
      const tenth = Math.min(9, Math.floor((rows[0].pulled / count) * 10));
      tenths[tenth] = Math.max(tenths[tenth], residentOf(worker.pid));
    }
    const swept = await sweeping;
    const seconds = (performance.now() - started) / 1000;
    const { rows } = await store.pool.query("SELECT count(*)::int AS booked FROM record_head WHERE source_id = $1 AND state = 'booked' AND cdr_id < 'cdr-005000000'", [sourceId]);
    return { ...swept, booked: rows[0].booked, seconds, tenths };
  } finally {
    worker.stdin.end();
    await ended;
    await connection.close();
  }
}

/** Bytes resident of a process; 0 where /proc does not tell. */
function residentOf(pid) {
  try {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
