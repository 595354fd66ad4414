import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { GuardianAnswer, GuardianOrder } from './guardian-order.ts';
import { lockHome, readRunFile, thisApp, updateRunFile, writeRunFile, writeSecret } from './home.ts';
import { stopLeftovers } from './leftovers.ts';
import { holdsCluster, notedCluster, postgresBinaries, postgresFolder, type ServerUser, serverUser } from './postgres-binaries.ts';
import { ensureTemporalBinary } from './temporal-binary.ts';
import { temporalHealthy } from './temporal-health.ts';

const startAttempts = 5;

export type PlatformOptions = {
  readonly home: string;
  readonly cache: string;
  /** False for tests: no fsync. */
  readonly durable: boolean;
  readonly databaseUrl?: string | undefined;
  readonly databaseAdminUrl?: string | undefined;
  readonly temporalAddress?: string | undefined;
  /** Made in the embedded server; its default one, unless told. */
  readonly temporalNamespace?: string;
  /** Wanted ports; 0, or a busy one, means a free one. */
  readonly ports?: { readonly postgres?: number; readonly temporal?: number; readonly temporalUi?: number };
  /** The same as in `ports`. */
  readonly temporalPort?: number;
  readonly temporalUiPort?: number;
  /** No Temporal UI; unless said otherwise, tests go without. */
  readonly headless?: boolean;
  readonly onProgress?: (line: string) => void;
  /** Called when a server or the guardian ends by itself. */
  readonly onLost?: (reason: string) => void;
};

export type Platform = {
  /** The application's role: owns nothing, no DDL. */
  readonly databaseUrl: string;
  /** The owner's role, for migrations and partitions alone; absent when only DATABASE_URL was given. */
  readonly databaseAdminUrl: string | undefined;
  /** Superuser of the embedded server; only tests that tamper on purpose use it. */
  readonly superuserUrl: string | undefined;
  readonly temporalAddress: string;
  readonly temporalUiUrl: string | undefined;
  readonly pids: Readonly<Record<string, number>>;
  stop(): Promise<void>;
};

/** Boots what is not given by address: PostgreSQL and the Temporal dev server under a guardian process, with their state in `home`. */
export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  if (process.platform === 'win32') throw new Error('Windows is not supported directly: run WattLedger inside WSL2');
  const { home, databaseUrl, databaseAdminUrl, temporalAddress } = options;
  const progress = options.onProgress ?? (() => undefined);
  if (databaseUrl !== undefined && temporalAddress !== undefined) {
    return { databaseUrl, databaseAdminUrl, superuserUrl: undefined, temporalAddress, temporalUiUrl: undefined, pids: {}, stop: async () => undefined };
  }
  const unlock = lockHome(home);
  let guardian: ChildProcess | undefined;
  try {
    const binary = temporalAddress === undefined ? await ensureTemporalBinary({ cache: options.cache, onProgress: progress }) : undefined;
    const user = databaseUrl === undefined ? serverUser() : undefined;
    const folder = databaseUrl === undefined ? postgresFolder(home, user, progress) : undefined;
    // Before any port is chosen: what is left may hold the wanted ones.
    await stopLeftovers(home, folder);
    // Also when this run brings its own database: a reset still has to find the cluster.
    const cluster = folder ?? notedCluster(home);
    const hadOne = readRunFile(home)?.postgresMade === true;
    const where = () => (cluster === undefined ? {} : { postgresFolder: cluster, postgresMade: hadOne || holdsCluster(cluster) });
    writeRunFile(home, { pids: { app: process.pid }, app: thisApp(home), ...where() });
    const lost = new AbortController();
    const state = { up: false, stopping: false };
    const onLost = (reason: string) => {
      lost.abort(new Error(reason));
      if (state.stopping || !state.up) return;
      // A killed guardian cannot stop its servers, and whoever is told may exit at once.
      void stopLeftovers(home, folder).finally(() => options.onLost?.(reason));
    };
    let order = await prepare(options, binary, folder, user, progress);
    let started = startGuardian(home, order);
    let pids: Record<string, number>;
    for (let attempt = 1; ; attempt += 1) {
      guardian = started;
      try {
        pids = await ready(started, onLost);
        break;
      } catch (error) {
        await stopGuardian(started);
        // A port that was free when it was chosen may be taken when the server comes to it: initdb lies in between.
        if (attempt === startAttempts || !portWasTaken(home)) throw error;
        order = await prepare(options, binary, folder, user, progress);
        started = startGuardian(home, order);
      }
    }
    // It has no TLS, which PGSSLMODE may ask for.
    const pgUrl = (role: string, password: string) => `postgres://${role}:${password}@127.0.0.1:${order.postgres?.port}/wattledger?sslmode=disable`;
    const p = order.postgres?.passwords;
    const urls = {
      databaseUrl: databaseUrl ?? pgUrl('wattledger_app', p?.app ?? ''),
      databaseAdminUrl: p === undefined ? databaseAdminUrl : pgUrl('wattledger_owner', p.owner),
      superuserUrl: p === undefined ? undefined : pgUrl('postgres', p.superuser),
      temporalAddress: temporalAddress ?? `127.0.0.1:${order.temporal?.port}`,
      temporalUiUrl: order.temporal?.uiPort == null ? undefined : `http://127.0.0.1:${order.temporal.uiPort}`,
    };
    if (order.temporal !== undefined) await temporalHealthy(urls.temporalAddress, order.temporal.namespace, lost.signal);
    updateRunFile(home, {
      pids,
      ...where(),
      databaseUrl: urls.databaseUrl,
      temporalAddress: urls.temporalAddress,
      ...(urls.databaseAdminUrl === undefined ? {} : { databaseAdminUrl: urls.databaseAdminUrl }),
      ...(urls.temporalUiUrl === undefined ? {} : { temporalUiUrl: urls.temporalUiUrl }),
    });
    state.up = true;
    let stopped: Promise<void> | undefined;
    const stop = async () => {
      state.stopping = true;
      try {
        await stopGuardian(started);
        // A guardian that was killed has left its servers to us.
        await stopLeftovers(home, folder);
        writeRunFile(home, { pids: {}, ...where() });
      } finally {
        unlock();
      }
    };
    return {
      ...urls,
      pids,
      stop: () => {
        stopped ??= stop();
        return stopped;
      },
    };
  } catch (error) {
    // The lock goes last: no second start may meet servers that are still stopping.
    if (guardian !== undefined) await stopGuardian(guardian);
    unlock();
    throw error;
  }
}

/** Whether a server's last words in its log are that its port is taken. */
function portWasTaken(home: string): boolean {
  return ['postgres', 'temporal'].some((name) => {
    const log = path.join(home, 'logs', `${name}.log`);
    return existsSync(log) && /address already in use/i.test(readFileSync(log, 'utf8').trimEnd().split('\n').slice(-8).join('\n'));
  });
}

/** Starts the guardian and hands it the order. Its command line names the home, so that a later start knows it. */
function startGuardian(home: string, order: GuardianOrder): ChildProcess {
  mkdirSync(path.join(home, 'logs'), { recursive: true, mode: 0o700 });
  const log = openSync(path.join(home, 'logs', 'guardian.log'), 'a', 0o600);
  const guardian = spawn(process.execPath, [guardianFile(), home], { detached: true, stdio: ['pipe', 'pipe', log], cwd: home });
  closeSync(log);
  if (guardian.pid !== undefined) updateRunFile(home, { pids: { guardian: guardian.pid } });
  guardian.stdin?.on('error', () => undefined);
  guardian.stdin?.write(`${JSON.stringify(order)}\n`);
  return guardian;
}

async function prepare(options: PlatformOptions, binary: string | undefined, folder: string | undefined, user: ServerUser | undefined, progress: (line: string) => void): Promise<GuardianOrder> {
  const { home, durable, ports } = options;
  const order: { -readonly [K in keyof GuardianOrder]: GuardianOrder[K] } = { home, durable };
  if (folder !== undefined) {
    const port = await freePort(ports?.postgres ?? 0);
    order.postgres = { bin: postgresBinaries(user, progress), folder, port, passwords: secrets(home), ...(user === undefined ? {} : { user }) };
  }
  if (binary !== undefined) {
    const port = await freePort(ports?.temporal ?? options.temporalPort ?? 0);
    const headless = options.headless ?? !durable;
    order.temporal = { binary, namespace: options.temporalNamespace ?? 'default', port, uiPort: headless ? null : await freePort(ports?.temporalUi ?? options.temporalUiPort ?? 0) };
  }
  return order;
}

/** Passwords of the embedded roles, made once per home. */
function secrets(home: string): { superuser: string; owner: string; app: string } {
  const file = path.join(home, 'secrets.json');
  if (!existsSync(file)) {
    const make = () => randomBytes(24).toString('hex');
    writeSecret(file, JSON.stringify({ superuser: make(), owner: make(), app: make() }));
  }
  chmodSync(file, 0o600);
  return JSON.parse(readFileSync(file, 'utf8')) as { superuser: string; owner: string; app: string };
}

/** The compiled guardian, also when this file runs from source under the test runner. */
function guardianFile(): string {
  const here = path.dirname(fileURLToPath(import.meta.url));
  return here.endsWith(path.join('src', 'platform')) ? path.resolve(here, '../../dist/platform/guardian.js') : path.join(here, 'guardian.js');
}

/** The pids once the servers are up. `onLost` is called once, when one of them or the guardian ends later. */
function ready(guardian: ChildProcess, onLost: (reason: string) => void): Promise<Record<string, number>> {
  return new Promise((resolve, reject) => {
    let up = false;
    let over = false;
    const end = (reason: string) => {
      if (over) return;
      over = true;
      if (up) onLost(reason);
      else reject(new Error(reason));
    };
    if (guardian.stdout === null) return reject(new Error('the guardian has no output'));
    createInterface({ input: guardian.stdout }).on('line', (line) => {
      const message = JSON.parse(line) as GuardianAnswer;
      if ('error' in message) return end(message.error);
      up = true;
      resolve(message.pids);
    });
    guardian.on('error', (error) => end(`the guardian cannot be started: ${error.message}`));
    // Not exit: its last words may still be on their way.
    guardian.on('close', (code, signal) => end(`the guardian ended (${signal ?? code}); see logs/guardian.log`));
  });
}

function stopGuardian(guardian: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (guardian.pid === undefined || guardian.exitCode !== null || guardian.signalCode !== null) return resolve();
    guardian.on('exit', () => resolve());
    guardian.stdin?.end();
  });
}

/** The wanted port when nobody listens there, else any free one. */
function freePort(wanted: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.on('error', (error: NodeJS.ErrnoException) => (wanted !== 0 && error.code === 'EADDRINUSE' ? resolve(freePort(0)) : reject(error)));
    server.listen(wanted, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
