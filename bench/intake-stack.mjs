// What `bench:intake` and `bench:ocpi` stand on: their options, the figures they show, and servers of their own, with fsync, with the sample operator and the sites and tokens of bench/ocpi-cdrs.mjs.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { loadConfig } from '../dist/config.js';
import { startPlatform } from '../dist/platform/start-platform.js';
import { registerSearchAttributes } from '../dist/stack/temporal-worker.js';
import { putApiKeys } from '../dist/store/commands/api-keys.js';
import { openStore } from '../dist/store/db.js';
import { migrate } from '../dist/store/migrate.js';
import { applySeed, readSeed } from '../dist/store/seed.js';
import { benchSeed } from './ocpi-cdrs.mjs';

export const root = path.resolve(import.meta.dirname, '..');
export const smoke = process.argv.includes('--smoke');
export const textOption = (name, otherwise) => {
  const at = process.argv.indexOf(name);
  return at < 0 ? otherwise : process.argv[at + 1];
};
export const option = (name, otherwise) => Number(textOption(name, otherwise));
export const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
/** Rates: the median, and from the lowest to the highest. */
export const shown = (list) => `${Math.round(median(list)).toLocaleString('en')}/s (${Math.round(Math.min(...list)).toLocaleString('en')} to ${Math.round(Math.max(...list)).toLocaleString('en')})`;
/** The machine, as figures are to be read beside it. */
export const machine = () => `Node ${process.version}, ${os.cpus().length} cores, load ${os.loadavg()[0].toFixed(1)}`;

/** Runs `work` with servers of its own and takes them down whatever happens; `undo` is what else is to be ended, the last first. `rating` is that of `benchSeed`. */
export async function withIntakeStack(rating, work) {
  // Below /var/tmp, so that PostgreSQL's user can enter it when this runs as root.
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
    const seed = benchSeed(await readSeed(path.join(root, 'seed/demo.yaml')), rating);
    await store.tx((db) => applySeed(db, seed));
    await store.tx((db) => putApiKeys(db, [{ id: 'bench', actor: 'bench', token: 'bench', roles: ['admin'], sourceId: null, sample: true }]));
    await work({ home, platform, store, undo });
  } finally {
    for (const step of undo.reverse()) await step();
  }
}
