// node scripts/build.mjs [--if-changed]: generates the Prisma client when its schema changed, compiles to dist/ and bundles the workflows.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const root = path.resolve(import.meta.dirname, '..');
const dist = path.join(root, 'dist');
const stampFile = path.join(dist, '.build-stamp');
const generated = 'src/store/generated';
const generatedFrom = ['package-lock.json', 'prisma.config.ts', 'prisma/schema.prisma', 'scripts/prisma-generate.mjs'];
const generatedStampFile = path.join(dist, '.generated-stamp');
const lockFile = path.join(dist, '.build-lock');
// No build takes this long: an older lock is a dead one whose pid was given to another process.
const lockLifeMs = 5 * 60_000;

mkdirSync(dist, { recursive: true });
const unlock = await lock();
try {
  process.exitCode = await build();
} finally {
  unlock();
}

async function build() {
  // Hashed under the lock, so that whoever waited for a build sees its stamp.
  const client = stampOf(generatedFrom);
  const stamp = stampOf([...generatedFrom, 'tsconfig.json', 'scripts/build.mjs', ...files('src')]);
  const hasClient = existsSync(path.join(root, generated, 'client.ts')) && stampIn(generatedStampFile) === client;
  if (process.argv.includes('--if-changed') && hasClient && stampIn(stampFile) === stamp) {
    console.log('build: up to date');
    return 0;
  }
  const started = Date.now();
  console.log('build: compiling, which takes a minute or two the first time');
  if (!hasClient) {
    if (spawnSync(process.execPath, [path.join(root, 'scripts/prisma-generate.mjs')], { cwd: root, stdio: 'inherit' }).status !== 0) {
      console.error('build: failed, see what Prisma says above');
      return 1;
    }
    writeFileSync(generatedStampFile, client);
  }
  const tsc = spawnSync(process.execPath, [path.join(root, 'node_modules/typescript/bin/tsc'), '-p', root], { cwd: root, stdio: 'inherit' });
  if (tsc.status !== 0) {
    console.error('build: failed, see the type errors above');
    return 1;
  }
  const workflowsPath = path.join(dist, 'workflows/index.js');
  if (existsSync(workflowsPath)) await bundle(workflowsPath);
  writeFileSync(stampFile, stamp);
  console.log(`build: done in ${((Date.now() - started) / 1000).toFixed(1)} s`);
  return 0;
}

async function bundle(workflowsPath) {
  const { bundleWorkflowCode } = await import('@temporalio/worker');
  const quiet = () => undefined;
  const logger = { log: quiet, trace: quiet, debug: quiet, info: quiet, warn: console.warn, error: console.error };
  const { code } = await bundleWorkflowCode({ workflowsPath, logger });
  // Renamed into place: a worker that starts meanwhile reads the old bundle or the new one, never half of one.
  const file = path.join(dist, 'workflows.js');
  writeFileSync(`${file}.${process.pid}`, code);
  renameSync(`${file}.${process.pid}`, file);
}

function stampIn(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

function stampOf(inputs) {
  const hash = createHash('sha256');
  for (const file of inputs.toSorted()) hash.update(`${file}\0`).update(readFileSync(path.join(root, file)));
  return hash.digest('hex');
}

/** What is written by hand below a folder. */
function files(folder) {
  return readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const at = path.join(folder, entry.name);
    if (at === path.normalize(generated)) return [];
    return entry.isDirectory() ? files(at) : [at];
  });
}

/** Waits for the one build at a time; a lock whose holder died is taken over. */
async function lock() {
  const mine = `${lockFile}.${process.pid}`;
  writeFileSync(mine, String(process.pid));
  try {
    for (;;) {
      try {
        // A link appears with its content, so nobody reads a lock without a pid.
        linkSync(mine, lockFile);
        return () => rmSync(lockFile, { force: true });
      } catch (error) {
        if (error.code !== 'EEXIST') throw error;
      }
      if (abandoned()) rmSync(lockFile, { force: true });
      else await sleep(200);
    }
  } finally {
    rmSync(mine, { force: true });
  }
}

function abandoned() {
  try {
    const pid = Number(readFileSync(lockFile, 'utf8'));
    if (Date.now() - statSync(lockFile).mtimeMs > lockLifeMs) return true;
    process.kill(pid, 0);
    return false;
  } catch (error) {
    // ENOENT: released between the look and the read. EPERM: alive, of another user.
    return error.code === 'ESRCH';
  }
}
