import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { GuardianAnswer, GuardianOrder } from './guardian-order.ts';
import { updateRunFile } from './home.ts';
import { until } from './until.ts';

// Runs the servers as its children and outlives a killed app just long enough to stop them: the end of stdin is the sign.
process.umask(0o077);
const children: { name: string; child: ChildProcess; stop: NodeJS.Signals }[] = [];
let stopping = false;

async function stopAll(): Promise<void> {
  if (stopping) return;
  stopping = true;
  for (const { child, stop } of children) child.kill(stop);
  const deadline = Date.now() + 10_000;
  while (children.some(({ child }) => alive(child)) && Date.now() < deadline) await sleep(50);
  for (const { child } of children) if (alive(child)) child.kill('SIGQUIT');
  if (children.some(({ child }) => alive(child))) await sleep(1000);
  for (const { child } of children) if (alive(child)) child.kill('SIGKILL');
  process.exit(0);
}

function alive(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null && child.pid !== undefined;
}

/** Tells the app why, and leaves no server behind. */
function fail(error: string): void {
  answer({ error });
  void stopAll();
}

function answer(message: GuardianAnswer): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

function start(name: string, command: string, args: readonly string[], order: GuardianOrder, options: { uid?: number; gid?: number; cwd: string }, stop: NodeJS.Signals): ChildProcess {
  if (stopping) throw new Error(`${name} is not started: the app has gone`);
  const log = openSync(path.join(order.home, 'logs', `${name}.log`), 'a', 0o600);
  const child = spawn(command, args, { ...options, stdio: ['ignore', log, log] });
  children.push({ name, child, stop });
  // Noted at once: were this process killed now, the next start must still find the server.
  if (child.pid !== undefined) updateRunFile(order.home, { pids: { [name]: child.pid } });
  child.on('error', (error) => fail(`${name} cannot be started: ${error.message}`));
  child.on('exit', (code, signal) => {
    // A server that ends by itself ends the guardian; the app sees that and starts again.
    if (!stopping) fail(`${name} ended (${signal ?? code}); see ${path.join(order.home, 'logs', `${name}.log`)}`);
  });
  return child;
}

async function startPostgres(order: GuardianOrder, spec: NonNullable<GuardianOrder['postgres']>): Promise<number> {
  const identity = spec.user === undefined ? {} : { uid: spec.user.uid, gid: spec.user.gid };
  const parent = path.dirname(spec.folder);
  mkdirSync(parent, { recursive: true });
  if (spec.user !== undefined) chmodSync(parent, 0o711);
  if (!existsSync(spec.folder)) {
    // Complete or absent: an interrupted initdb leaves only a folder that the next start removes.
    const partial = `${spec.folder}.partial`;
    rmSync(partial, { recursive: true, force: true });
    mkdirSync(partial, { mode: 0o700 });
    if (stopping) throw new Error('initdb is not started: the app has gone');
    const passwordFile = path.join(partial, 'password');
    writeFileSync(passwordFile, spec.passwords.superuser, { mode: 0o600 });
    if (spec.user !== undefined) for (const at of [partial, passwordFile]) chownSync(at, spec.user.uid, spec.user.gid);
    const data = path.join(partial, 'data');
    const initdb = spawn(
      path.join(spec.bin, 'initdb'),
      ['-D', data, '-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`, '-E', 'UTF8', '--locale=C', ...(order.durable ? [] : ['--no-sync'])],
      {
        ...identity,
        cwd: partial,
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
    const entry = { name: 'initdb', child: initdb, stop: 'SIGTERM' as const };
    children.push(entry);
    let words = '';
    initdb.stderr.on('data', (chunk) => {
      words += chunk;
    });
    const code = await new Promise((resolve, reject) => initdb.on('close', resolve).on('error', reject));
    children.splice(children.indexOf(entry), 1);
    if (code !== 0) throw new Error(`initdb failed: ${words.trim()}`);
    renameSync(data, spec.folder);
    rmSync(partial, { recursive: true, force: true });
  }
  const settings: Record<string, string> = {
    port: String(spec.port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    shared_buffers: order.durable ? '1GB' : '256MB',
    max_wal_size: '4GB',
    // This build compresses page images with pglz alone, which takes some 150 µs of CPU more for each than to write them as they are.
    wal_compression: 'off',
    wal_buffers: '64MB',
    max_connections: '100',
    fsync: order.durable ? 'on' : 'off',
    synchronous_commit: order.durable ? 'on' : 'off',
  };
  const child = start(
    'postgres',
    path.join(spec.bin, 'postgres'),
    ['-D', spec.folder, ...Object.entries(settings).flatMap(([k, v]) => ['-c', `${k}=${v}`])],
    order,
    { ...identity, cwd: spec.folder },
    'SIGINT',
  );
  const url = (database: string) => `postgres://postgres:${spec.passwords.superuser}@127.0.0.1:${spec.port}/${database}?sslmode=disable`;
  const answers = async () => {
    const client = new pg.Client({ connectionString: url('postgres') });
    await client.connect();
    await client.end();
  };
  await until(`PostgreSQL on port ${spec.port}`, answers, () => stopping);
  const client = new pg.Client({ connectionString: url('postgres') });
  await client.connect();
  const roles = await client.query("SELECT rolname FROM pg_roles WHERE rolname LIKE 'wattledger\\_%'");
  for (const [role, password, options] of [
    ['wattledger_owner', spec.passwords.owner, 'CREATEDB'],
    ['wattledger_app', spec.passwords.app, ''],
  ] as const) {
    const verb = roles.rows.some((r) => r.rolname === role) ? 'ALTER' : 'CREATE';
    await client.query(`${verb} ROLE ${role} LOGIN ${options} PASSWORD '${password}'`);
  }
  const database = await client.query("SELECT 1 FROM pg_database WHERE datname = 'wattledger'");
  if (database.rowCount === 0) await client.query('CREATE DATABASE wattledger OWNER wattledger_owner');
  await client.query('REVOKE CREATE, TEMPORARY ON DATABASE wattledger FROM PUBLIC');
  await client.end();
  return child.pid ?? 0;
}

async function startTemporal(order: GuardianOrder, spec: NonNullable<GuardianOrder['temporal']>): Promise<number> {
  const pragmas = ['journal_mode=WAL', `synchronous=${order.durable ? 'NORMAL' : 'OFF'}`].flatMap((p) => ['--sqlite-pragma', p]);
  const ui = spec.uiPort === null ? ['--headless'] : ['--ui-port', String(spec.uiPort)];
  const at = ['--namespace', spec.namespace, '--ip', '127.0.0.1', '--port', String(spec.port)];
  const args = ['server', 'start-dev', ...at, ...ui, '--db-filename', path.join(order.home, 'temporal.db'), ...pragmas, '--log-level', 'error'];
  const child = start('temporal', spec.binary, args, order, { cwd: order.home }, 'SIGTERM');
  await until(
    `Temporal on port ${spec.port}`,
    () =>
      new Promise<void>((resolve, reject) => {
        const socket = net.connect(spec.port, '127.0.0.1', () => {
          socket.destroy();
          resolve();
        });
        socket.on('error', reject);
      }),
    () => stopping,
  );
  return child.pid ?? 0;
}

async function serve(order: GuardianOrder): Promise<void> {
  mkdirSync(path.join(order.home, 'logs'), { recursive: true, mode: 0o700 });
  const [postgres, temporal] = await Promise.all([
    order.postgres === undefined ? undefined : startPostgres(order, order.postgres),
    order.temporal === undefined ? undefined : startTemporal(order, order.temporal),
  ]);
  answer({ ready: true, pids: { guardian: process.pid, ...(postgres === undefined ? {} : { postgres }), ...(temporal === undefined ? {} : { temporal }) } });
}

let input = '';
let ordered = false;
process.stdin.on('data', (chunk) => {
  input += chunk;
  if (ordered || !input.includes('\n')) return;
  ordered = true;
  serve(JSON.parse(input) as GuardianOrder).catch((error: Error) => fail(error.message));
});
process.stdin.on('end', () => void stopAll());
process.stdin.on('error', () => void stopAll());
process.stdout.on('error', () => undefined);
// Ctrl-C reaches the whole terminal group; only the app decides when the servers stop.
process.on('SIGINT', () => undefined);
for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void stopAll());
// Whatever goes wrong here, no server may outlive this process.
process.on('uncaughtException', (error) => {
  console.error(error);
  fail(`the guardian failed: ${error.message}`);
});
