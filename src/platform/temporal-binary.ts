import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const version = '1.8.2';
const run = promisify(execFile);
const source = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../tools/temporal');

/**
 * The Temporal dev server, first that works: `temporal` on PATH of a version that was tried, a copy in the cache, a build with Go
 * (progress is shown, the result cached for every clone). Throws one error that says what to install.
 */
export async function temporalBinary(cache: string, onProgress: (line: string) => void): Promise<string> {
  const onPath = await run('temporal', ['--version']).catch(() => undefined);
  if (onPath?.stdout.includes(` ${version} `)) return 'temporal';
  const key = createHash('sha256')
    .update(readFileSync(path.join(source, 'go.sum')))
    .digest('hex')
    .slice(0, 16);
  const cached = path.join(cache, 'wattledger', 'temporal', key, 'temporal');
  if (existsSync(cached)) return cached;
  const go = await run('go', ['version']).catch(() => undefined);
  if (go === undefined) {
    throw new Error(`no Temporal server: install the Temporal CLI ${version} or Go 1.26, or set TEMPORAL_ADDRESS to an existing cluster`);
  }
  await build(cached, onProgress);
  return cached;
}

async function build(target: string, onProgress: (line: string) => void): Promise<void> {
  onProgress(`building the Temporal ${version} dev server with Go, once for this machine: 2 to 9 minutes`);
  mkdirSync(path.dirname(target), { recursive: true });
  const partial = `${target}.${process.pid}`;
  const started = Date.now();
  const timer = setInterval(() => onProgress(`still building the Temporal dev server (${Math.round((Date.now() - started) / 1000)} s)`), 30_000);
  try {
    await new Promise<void>((resolve, reject) => {
      const ldflags = `-s -w -X github.com/temporalio/cli/internal/temporalcli.Version=${version}`;
      const child = spawn('go', ['build', '-trimpath', '-ldflags', ldflags, '-o', partial, 'github.com/temporalio/cli/cmd/temporal'], {
        cwd: source,
        env: { ...process.env, CGO_ENABLED: '0' },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let words = '';
      child.stderr.on('data', (chunk) => {
        words = (words + chunk).slice(-2000);
      });
      child.on('error', reject);
      child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`building the Temporal dev server failed: ${words.trim()}`))));
    });
    renameSync(partial, target);
    onProgress(`built the Temporal dev server in ${Math.round((Date.now() - started) / 1000)} s`);
  } finally {
    clearInterval(timer);
  }
}
