import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const version = '1.8.2';
const run = promisify(execFile);
const source = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../tools/temporal');

/** A build that ends with us: our death closes the pipe, and the group goes with it. */
const boundToUs = 'exec 3<&0; (cat <&3 >/dev/null; kill -TERM 0) & "$@" </dev/null 3<&-';

/**
 * The Temporal dev server, first that works: `temporal` on PATH of a version that was tried, a copy in the cache, a build with Go
 * (progress is shown, the result cached for every clone). Throws one error that says what to install.
 */
export async function ensureTemporalBinary({ cache, onProgress }: { readonly cache: string; readonly onProgress: (line: string) => void }): Promise<string> {
  if (await tried('temporal')) return 'temporal';
  const key = createHash('sha256')
    .update(readFileSync(path.join(source, 'go.sum')))
    .digest('hex')
    .slice(0, 16);
  const cached = path.join(cache, 'wattledger', 'temporal', key, 'temporal');
  if (existsSync(cached) && (await tried(cached))) return cached;
  const go = await run('go', ['version']).catch(() => undefined);
  if (go === undefined) {
    throw new Error(`no Temporal server: install the Temporal CLI ${version} or Go 1.26, or set TEMPORAL_ADDRESS to an existing cluster`);
  }
  await build(cached, onProgress);
  return cached;
}

async function tried(binary: string): Promise<boolean> {
  const answer = await run(binary, ['--version'], { timeout: 20_000 }).catch(() => undefined);
  return answer?.stdout.includes(` ${version} `) ?? false;
}

async function build(target: string, onProgress: (line: string) => void): Promise<void> {
  onProgress(`building the Temporal dev server ${version} with Go: 4 to 9 minutes the first time, then it is cached`);
  mkdirSync(path.dirname(target), { recursive: true });
  const partial = `${target}.${process.pid}`;
  const started = Date.now();
  const seconds = () => Math.round((Date.now() - started) / 1000);
  const timer = setInterval(() => onProgress(`still building the Temporal dev server (${seconds()} s)`), 30_000);
  try {
    await new Promise<void>((resolve, reject) => {
      const ldflags = `-s -w -X github.com/temporalio/cli/internal/temporalcli.Version=${version}`;
      const command = ['go', 'build', '-trimpath', '-ldflags', ldflags, '-o', partial, 'github.com/temporalio/cli/cmd/temporal'];
      const child = spawn('sh', ['-c', boundToUs, 'sh', ...command], { cwd: source, env: { ...process.env, CGO_ENABLED: '0' }, stdio: ['pipe', 'ignore', 'pipe'], detached: true });
      child.stdin.on('error', () => undefined);
      let words = '';
      child.stderr.on('data', (chunk) => {
        words = (words + chunk).slice(-2000);
      });
      child.on('error', reject);
      // The watcher of the pipe still holds stderr, so close comes only after its end: exit is the sign.
      child.on('exit', (code, signal) => {
        child.stdin.end();
        if (code === 0) resolve();
        else reject(new Error(`building the Temporal dev server failed (${signal ?? code}), see below; else install the Temporal CLI ${version}\n${words.trim()}`));
      });
    });
    renameSync(partial, target);
    onProgress(`built the Temporal dev server in ${seconds()} s`);
  } finally {
    clearInterval(timer);
    rmSync(partial, { force: true });
  }
}
