import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { GuardianAnswer, GuardianOrder } from './guardian-order.ts';
import { lockHome, updateRunFile } from './home.ts';
import { enterable, outsideFolder, postgresBinaries, serverUser } from './postgres-binaries.ts';
import { temporalBinary } from './temporal-binary.ts';

export type PlatformOptions = {
  readonly home: string;
  readonly cache: string;
  /** False for tests: no fsync, no UI. */
  readonly durable: boolean;
  readonly databaseUrl?: string | undefined;
  readonly databaseAdminUrl?: string | undefined;
  readonly temporalAddress?: string | undefined;
  /** Wanted ports; 0, or a busy one, means a free one. */
  readonly temporalPort?: number;
  readonly temporalUiPort?: number;
  readonly onProgress?: (line: string) => void;
  /** Called when a server ends by itself. */
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
  try {
    const binary = temporalAddress === undefined ? await temporalBinary(options.cache, progress) : undefined;
    const order = await prepare(options, binary, progress);
    const guardian = spawn(process.execPath, [guardianFile()], { detached: true, stdio: ['pipe', 'pipe', 'ignore'], cwd: home });
    guardian.stdin?.on('error', () => undefined);
    guardian.stdin?.write(`${JSON.stringify(order)}\n`);
    const pids = await ready(guardian, options.onLost ?? (() => undefined));
    const pgUrl = (role: string, password: string) => `postgres://${role}:${password}@127.0.0.1:${order.postgres?.port}/wattledger`;
    const p = order.postgres?.passwords;
    const urls = {
      databaseUrl: databaseUrl ?? pgUrl('wattledger_app', p?.app ?? ''),
      databaseAdminUrl: p === undefined ? databaseAdminUrl : pgUrl('wattledger_owner', p.owner),
      superuserUrl: p === undefined ? undefined : pgUrl('postgres', p.superuser),
      temporalAddress: temporalAddress ?? `127.0.0.1:${order.temporal?.port}`,
      temporalUiUrl: order.temporal?.uiPort == null ? undefined : `http://127.0.0.1:${order.temporal.uiPort}`,
    };
    updateRunFile(home, {
      pids: { app: process.pid, ...pids },
      databaseUrl: urls.databaseUrl,
      temporalAddress: urls.temporalAddress,
      ...(urls.databaseAdminUrl === undefined ? {} : { databaseAdminUrl: urls.databaseAdminUrl }),
      ...(urls.temporalUiUrl === undefined ? {} : { temporalUiUrl: urls.temporalUiUrl }),
      ...(order.postgres === undefined ? {} : { postgresFolder: order.postgres.folder }),
    });
    return { ...urls, pids, stop: () => stopGuardian(guardian).finally(unlock) };
  } catch (error) {
    unlock();
    throw error;
  }
}

async function prepare(options: PlatformOptions, binary: string | undefined, progress: (line: string) => void): Promise<GuardianOrder> {
  const { home } = options;
  const order: { -readonly [K in keyof GuardianOrder]: GuardianOrder[K] } = { home, durable: options.durable };
  if (options.databaseUrl === undefined) {
    const user = serverUser();
    let folder = path.join(home, 'postgres');
    if (user !== undefined && !enterable(home)) {
      folder = path.join(outsideFolder(home), 'postgres');
      progress(`${home} cannot be entered by PostgreSQL's user, so its data lies in ${folder}`);
    }
    order.postgres = { bin: postgresBinaries(user), folder, port: await freePort(0), passwords: secrets(home), ...(user === undefined ? {} : { user }) };
  }
  if (binary !== undefined) {
    order.temporal = { binary, port: await freePort(options.temporalPort ?? 0), uiPort: options.durable ? await freePort(options.temporalUiPort ?? 0) : null };
  }
  return order;
}

/** Passwords of the embedded roles, made once per home. */
function secrets(home: string): { superuser: string; owner: string; app: string } {
  const file = path.join(home, 'secrets.json');
  if (!existsSync(file)) {
    const make = () => randomBytes(24).toString('hex');
    writeFileSync(file, JSON.stringify({ superuser: make(), owner: make(), app: make() }), { mode: 0o600 });
  }
  chmodSync(file, 0o600);
  return JSON.parse(readFileSync(file, 'utf8')) as { superuser: string; owner: string; app: string };
}

/** The compiled guardian, also when this file runs from source under the test runner. */
function guardianFile(): string {
  const here = path.dirname(fileURLToPath(import.meta.url));
  return here.endsWith(path.join('src', 'platform')) ? path.resolve(here, '../../dist/platform/guardian.js') : path.join(here, 'guardian.js');
}

function ready(guardian: ChildProcess, onLost: (reason: string) => void): Promise<Record<string, number>> {
  return new Promise((resolve, reject) => {
    let answered = false;
    if (guardian.stdout === null) return reject(new Error('the guardian has no output'));
    createInterface({ input: guardian.stdout }).on('line', (line) => {
      const message = JSON.parse(line) as GuardianAnswer;
      if ('error' in message) {
        if (answered) onLost(message.error);
        else reject(new Error(message.error));
      } else resolve(message.pids);
      answered = true;
    });
    guardian.on('exit', (code) => {
      if (!answered) reject(new Error(`the guardian ended with ${code} before the servers were up`));
      answered = true;
    });
  });
}

function stopGuardian(guardian: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (guardian.exitCode !== null || guardian.signalCode !== null) return resolve();
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
