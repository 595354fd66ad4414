// Installs extrawest-ocpi, an OCPI implementation of others, into a virtual environment of the cache, and serves it.
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const requirements = path.join(import.meta.dirname, 'requirements.txt');

/** The Python that has it; installs it when the cache lacks it. Throws one error that says what to install. */
export async function ensurePeer({ cache, onProgress }) {
  const key = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 16);
  const home = path.join(cache, 'wattledger', 'ocpi-peer', key);
  const python = path.join(home, 'bin', 'python');
  if (existsSync(path.join(home, 'complete'))) return python;
  onProgress('installing extrawest-ocpi from its Python packages: half a minute the first time, then it is cached');
  rmSync(home, { recursive: true, force: true });
  mkdirSync(path.dirname(home), { recursive: true });
  await run('python3', ['-m', 'venv', home]).catch((error) => {
    throw new Error(`no OCPI peer: install Python 3.10 or newer with venv (Debian: python3-venv). ${String(error.stderr ?? error.message).trim().split('\n').at(-1)}`);
  });
  await run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements], { maxBuffer: 1 << 26 });
  writeFileSync(path.join(home, 'complete'), '');
  return python;
}

/** Serves the peer; it ends with `stop`, or with this process. */
export async function servePeer({ python, invitation }) {
  const port = await freePort();
  const env = { ...process.env, PROTOCOL: 'http', OCPI_HOST: `127.0.0.1:${port}`, COUNTRY_CODE: 'NO', PARTY_ID: 'NRD', CI_STRING_LOWERCASE_PREFERENCE: 'false' };
  const child = spawn(python, [path.join(import.meta.dirname, 'serve.py'), String(port), invitation], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let words = '';
  child.stderr.on('data', (chunk) => {
    words = (words + chunk).slice(-4000);
  });
  let ended = false;
  child.once('exit', () => {
    ended = true;
  });
  const die = () => child.kill('SIGKILL');
  process.once('exit', die);
  const url = `http://127.0.0.1:${port}`;
  const stop = async () => {
    process.off('exit', die);
    if (ended) return;
    child.kill('SIGTERM');
    await new Promise((resolve) => child.once('exit', resolve));
  };
  for (let tries = 0; tries < 240; tries++) {
    if (ended) throw new Error(`the OCPI peer does not start: ${words.trim().split('\n').at(-1)}`);
    const answer = await fetch(`${url}/test/store`).catch(() => undefined);
    if (answer?.ok) return { url, stop };
    await sleep(250);
  }
  await stop();
  throw new Error('the OCPI peer does not answer within a minute');
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
