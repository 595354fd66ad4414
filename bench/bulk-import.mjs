// The bulk part of `bench:intake`: whole files of CDRs, stored and worked off, against a plain COPY of the same bytes.
import { once } from 'node:events';
import { finished } from 'node:stream/promises';
import { from as copyFrom } from 'pg-copy-streams';
import { workOffInLanes } from '../dist/activities/import-lanes.js';
import { parserFor } from '../dist/adapters/sources/registry.js';
import { importFile } from '../dist/store/commands/import-file.js';
import { cdrFrom } from './ocpi-cdrs.mjs';
import { cpuTimes, watchMemory } from './processes.mjs';

const largestFile = 100_000;

/** Imports `count` CDRs in files of at most 100,000, at least `rounds` files; floor and ours by turns. Answers CDRs a second and CPU µs a CDR of each file. */
export async function benchBulk({ store, admin, count, rounds, until, rating }) {
  await admin.query('CREATE TABLE bench_copy (id bigint PRIMARY KEY, body bytea NOT NULL)');
  const size = Math.min(count, largestFile);
  const files = Math.max(rounds, Math.ceil(count / size));
  const memory = watchMemory();
  const rates = [];
  let bytesPerCdr = 0;
  for (let file = 0; file < files; file += 1) {
    const bytes = fileOf(file * size, size, rating);
    const floor = await measured(size, () => copyLines(admin, bytes, file * size));
    const ours = await measured(size, () => importAndWorkOff(store, bytes, { sourceId: 'ocpi-peer', fileName: `${file}.ndjson` }, until));
    rates.push({ ours, floor });
    bytesPerCdr = Math.round(bytes.length / size);
  }
  return { size, rates, bytes: bytesPerCdr, peakBytes: memory.stop() };
}

/** A file of CDRs, a line each. */
function fileOf(from, size, rating) {
  const parts = [];
  for (let at = 0; at < size; at += 1000) {
    const n = Math.min(1000, size - at);
    parts.push(Buffer.from(`${Array.from({ length: n }, (_, i) => JSON.stringify(cdrFrom(from + at + i, rating))).join('\n')}\n`));
  }
  return Buffer.concat(parts);
}

async function measured(n, work) {
  const cpu = cpuTimes();
  const started = process.hrtime.bigint();
  await work();
  const rate = n / (Number(process.hrtime.bigint() - started) / 1e9);
  const after = cpuTimes();
  return { rate, nodeUs: (after.node - cpu.node) / n, postgresUs: (after.postgres - cpu.postgres) / n };
}

async function copyLines(client, bytes, firstId) {
  const stream = client.query(copyFrom('COPY bench_copy (id, body) FROM STDIN'));
  let id = firstId;
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(10, start);
    id += 1;
    if (!stream.write(`${id}\t\\\\x${bytes.toString('hex', start, end)}\n`)) await once(stream, 'drain');
    start = end + 1;
  }
  stream.end();
  await finished(stream);
}

/** Stores a file and, unless only that is wanted, works it off to booked; throws when not all of it is. */
export async function importAndWorkOff(store, bytes, { sourceId, fileName }, until = 'book') {
  const stored = await store.tx((db) => importFile(db, { sourceId, fileName, bytes, by: { actor: 'bench' }, receivedAt: new Date() }, parserFor));
  if (until === 'store') return;
  // What the import activity does, without Temporal around it.
  await workOffInLanes(store, { batchId: stored.batchId }, ({ accepted, processed }) => {
    if (accepted !== processed) throw new Error(`${processed - accepted} of ${processed} CDRs were not booked`);
  });
}
