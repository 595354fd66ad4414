import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config.ts';
import { thisApp, updateRunFile } from '../platform/home.ts';
import { startPlatform } from '../platform/start-platform.ts';
import { openStore } from '../store/db.ts';
import { requireEnvironment } from '../store/environment.ts';
import { migrate, requireMigrated } from '../store/migrate.ts';
import { applySeed, readSeed } from '../store/seed.ts';
import { startApiServer } from './api-server.ts';
import { ensureSampleUsers, type SampleTokens } from './sample-users.ts';
import { secretBoxOf } from './secret-box-of.ts';
import { registerSearchAttributes } from './temporal-worker.ts';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const restartAfterMs = 1000;

export type Stack = { readonly apiUrl: string; readonly temporalUiUrl: string | undefined; readonly tokens: SampleTokens; readonly erpFolder: string; stop(): Promise<void> };
export type StackOptions = { readonly config: Config; readonly port: number; readonly say: (line: string) => void; readonly onLost: (reason: string) => void };

/**
 * Boots everything one machine needs: servers that are not given by address, migrations, the sample operator, a worker as a process of
 * its own that is started again when it dies, and the API. `stop` ends it in the opposite order.
 */
export async function startStack({ config, port, say, onLost }: StackOptions): Promise<Stack> {
  const undo: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const platform = await startPlatform({
      home: config.home,
      cache: config.cache,
      durable: true,
      databaseUrl: config.databaseUrl,
      databaseAdminUrl: config.databaseAdminUrl,
      temporalAddress: config.temporalAddress,
      temporalNamespace: config.temporalNamespace,
      temporalPort: config.temporalPort,
      temporalUiPort: config.temporalUiPort,
      onProgress: say,
      onLost,
    });
    undo.push(() => platform.stop());
    if (platform.databaseAdminUrl !== undefined) await migrate(platform.databaseAdminUrl, { environment: config.env });
    await registerSearchAttributes(platform.temporalAddress, config.temporalNamespace);
    const store = openStore(platform.databaseUrl);
    undo.push(() => store.close());
    await requireMigrated(store.pool);
    await requireEnvironment(store.pool, config.env);
    let tokens: SampleTokens = {};
    if (config.env === 'development') {
      const seed = await readSeed(path.join(root, 'seed/demo.yaml'));
      await store.tx((db) => applySeed(db, seed));
      tokens = await ensureSampleUsers(store, config.home);
    }
    const worker = superviseWorker(
      {
        DATABASE_URL: platform.databaseUrl,
        ...(platform.databaseAdminUrl === undefined ? {} : { DATABASE_ADMIN_URL: platform.databaseAdminUrl }),
        TEMPORAL_ADDRESS: platform.temporalAddress,
        WATTLEDGER_HOME: config.home,
        WATTLEDGER_KEY_FILE: config.keyFile,
      },
      (pid) => updateRunFile(config.home, { pids: { worker: pid } }),
      say,
      path.join(config.home, 'logs'),
    );
    undo.push(() => worker.stop());
    const api = await startApiServer({
      ...config,
      databaseUrl: platform.databaseUrl,
      store,
      secretBox: secretBoxOf(config),
      temporalAddress: platform.temporalAddress,
      temporalUiUrl: platform.temporalUiUrl,
      port,
    });
    undo.push(() => api.close());
    updateRunFile(config.home, { app: thisApp(config.home), apiUrl: api.url });
    return { apiUrl: api.url, temporalUiUrl: platform.temporalUiUrl, tokens, erpFolder: path.join(config.home, 'erp'), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A page of an import outlives the young generation's usual size: collected where it stays small, it costs a tenth more. In MiB. */
const workerFlags = ['--max-semi-space-size=64'];

/** Keeps one worker process running. It ends with this process, however that dies, by the end of its standard input. */
function superviseWorker(env: Readonly<Record<string, string>>, onStart: (pid: number) => void, say: (line: string) => void, logs: string): { stop(): Promise<void> } {
  let stopping = false;
  let worker: ChildProcess | undefined;
  let again: NodeJS.Timeout | undefined;
  const start = () => {
    mkdirSync(logs, { recursive: true, mode: 0o700 });
    const log = openSync(path.join(logs, 'worker.log'), 'a', 0o600);
    const child = spawn(process.execPath, [...workerFlags, path.join(root, 'dist/cli.js'), 'worker', '--with-parent'], { env: { ...process.env, ...env }, stdio: ['pipe', log, log] });
    closeSync(log);
    worker = child;
    if (child.pid !== undefined) onStart(child.pid);
    child.stdin?.on('error', () => undefined);
    child.on('error', (error) => say(`the worker cannot be started: ${error.message}`));
    child.on('close', (code, signal) => {
      worker = undefined;
      if (stopping) return;
      say(`the worker ended (${signal ?? code}): it is started again; its words are in ${path.join(logs, 'worker.log')}`);
      again = setTimeout(start, restartAfterMs);
    });
  };
  start();
  return {
    async stop() {
      stopping = true;
      clearTimeout(again);
      const child = worker;
      if (child === undefined) return;
      const gone = new Promise<void>((resolve) => child.once('close', () => resolve()));
      child.stdin?.end();
      const kill = setTimeout(() => child.kill('SIGKILL'), 15_000);
      await gone;
      clearTimeout(kill);
    },
  };
}
