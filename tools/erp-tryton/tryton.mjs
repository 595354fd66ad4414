// Installs Tryton into a virtual environment of the cache, makes the books of one company in a PostgreSQL server, and serves them.
import { execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';

const run = promisify(execFile);
const here = import.meta.dirname;
const requirements = path.join(here, 'requirements.txt');
const modules = ['account', 'account_invoice', 'analytic_account', 'analytic_invoice'];

/** The folder of Tryton's commands; installs it when the cache lacks it. Throws one error that says what to install. */
export async function ensureTryton({ cache, onProgress }) {
  const key = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 16);
  const home = path.join(cache, 'wattledger', 'tryton', key);
  const bin = path.join(home, 'bin');
  if (existsSync(path.join(home, 'complete'))) return bin;
  onProgress('installing Tryton from its Python packages: half a minute the first time, then it is cached');
  rmSync(home, { recursive: true, force: true });
  mkdirSync(path.dirname(home), { recursive: true });
  await run('python3', ['-m', 'venv', home]).catch((error) => {
    throw new Error(`no Tryton: install Python 3.10 or newer with venv (Debian: python3-venv). ${String(error.stderr ?? error.message).trim().split('\n').at(-1)}`);
  });
  await run(path.join(bin, 'pip'), ['install', '--quiet', '--disable-pip-version-check', '-r', requirements], { maxBuffer: 1 << 26 });
  writeFileSync(path.join(home, 'complete'), '');
  return bin;
}

/**
 * Makes a database with Tryton's modules that others are copied from; a minute. `server` is the URI of a PostgreSQL server's superuser,
 * `folder` takes the configuration and the password.
 */
export async function makeTemplate({ bin, server, folder, onProgress }) {
  const place = await placeOf(server, folder);
  // Its users have the password of this folder: another folder has a template of its own.
  const template = `tryton_template_${createHash('sha256').update(readFileSync(place.passwordFile)).digest('hex').slice(0, 12)}`;
  if (await databaseExists(server, template)) return { ...place, template };
  onProgress('making a Tryton database: its modules take some 30 seconds');
  const making = `${template}_${process.pid}`;
  await sql(server, `CREATE DATABASE ${making}`);
  await run(path.join(bin, 'trytond-admin'), ['-c', place.config, '-d', making, '-u', ...modules, '--activate-dependencies', '--email', 'admin@localhost'], {
    env: { ...process.env, TRYTONPASSFILE: place.passwordFile },
    maxBuffer: 1 << 26,
  });
  await sql(server, `ALTER DATABASE ${making} RENAME TO ${template}`);
  return { ...place, template };
}

/** Copies the template and sets up the books of a company in it, as set_up.py takes them. */
export async function makeBooks({ bin, server, folder, template, config, database, books }) {
  await sql(server, `CREATE DATABASE "${database}" TEMPLATE ${template}`);
  const file = path.join(folder, `${database}.json`);
  writeFileSync(file, JSON.stringify(books));
  await run(path.join(bin, 'python'), [path.join(here, 'set_up.py'), new URL(database, withoutDatabase(server)).href, config, file], { maxBuffer: 1 << 26 });
}

/**
 * Serves one database. Beside the server a worker of Tryton's renders the reports of posted invoices, as on any Tryton of some size: without one the
 * server renders each before it answers, which takes as long again as to post it. Both processes end with `stop`, or with ours.
 */
export async function serve({ bin, config, database, port, onEnd }) {
  const listen = port ?? (await freePort());
  const served = `${config}.${listen}`;
  writeFileSync(served, `${readFileSync(config, 'utf8')}[web]\nlisten = 127.0.0.1:${listen}\n[queue]\nworker = True\n`, { mode: 0o600 });
  const child = spawn(path.join(bin, 'trytond'), ['-c', served, '-d', database], { stdio: ['ignore', 'ignore', 'pipe'] });
  // It has children that outlive it: a group of its own ends as one.
  const worker = spawn(path.join(bin, 'trytond-worker'), ['-c', served, '-d', database, '-n', '1'], { stdio: 'ignore', detached: true });
  const endWorker = () => {
    try {
      process.kill(-worker.pid, 'SIGKILL');
    } catch {
      // It has ended.
    }
  };
  let words = '';
  child.stderr.on('data', (chunk) => {
    words = (words + chunk).slice(-4000);
  });
  let ended = false;
  child.once('exit', () => {
    ended = true;
    onEnd?.(words);
  });
  const die = () => {
    child.kill('SIGKILL');
    endWorker();
  };
  process.once('exit', die);
  const url = `http://127.0.0.1:${listen}`;
  const stop = async (signal = 'SIGTERM') => {
    process.off('exit', die);
    endWorker();
    if (!ended) {
      child.kill(signal);
      await new Promise((resolve) => child.once('exit', resolve));
    }
  };
  for (let tries = 0; tries < 240; tries++) {
    if (ended) throw new Error(`Tryton does not start: ${words.trim().split('\n').at(-1)}`);
    const answer = await fetch(`${url}/rpc/`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ id: 1, method: 'common.server.version', params: [] }),
      signal: AbortSignal.timeout(20_000),
    }).catch(() => undefined);
    if (answer?.ok) return { url, port: listen, pid: child.pid, stop };
    await sleep(250);
  }
  await stop();
  throw new Error('Tryton does not answer within a minute');
}

async function placeOf(server, folder) {
  mkdirSync(folder, { recursive: true });
  const passwordFile = path.join(folder, 'tryton-password');
  if (!existsSync(passwordFile)) {
    const partial = `${passwordFile}.${process.pid}`;
    writeFileSync(partial, randomBytes(18).toString('base64url'), { mode: 0o600 });
    renameSync(partial, passwordFile);
  }
  const config = path.join(folder, 'trytond.conf');
  writeFileSync(config, `[database]\nuri = ${withoutDatabase(server)}\npath = ${path.join(folder, 'files')}\n[session]\ntimeout = 86400\nauthentications = password\n`, { mode: 0o600 });
  return { config, passwordFile };
}

/** As Tryton wants it: it takes the scheme for the name of its backend. */
function withoutDatabase(server) {
  return new URL('/', server).href.replace(/^postgres:/, 'postgresql:');
}

export async function databaseExists(server, name) {
  const { rowCount } = await sql(server, 'SELECT 1 FROM pg_database WHERE datname = $1', [name]);
  return rowCount === 1;
}

async function sql(server, text, params) {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  try {
    return await client.query(text, params);
  } finally {
    await client.end();
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
    probe.once('error', reject);
  });
}
