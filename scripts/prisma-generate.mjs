// node scripts/prisma-generate.mjs: writes the typed Prisma client of prisma/schema.prisma to src/store/generated, with no download.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const cli = createRequire(import.meta.url).resolve('prisma/build/index.js');
const { status, stdout, stderr } = spawnSync(process.execPath, [cli, 'generate'], {
  cwd: root,
  encoding: 'utf8',
  // Generating runs no schema engine, yet the command line fetches one unless it is told of a file that exists.
  env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, PRISMA_HIDE_UPDATE_MESSAGE: '1', CHECKPOINT_DISABLE: '1', NO_UPDATE_NOTIFIER: '1' },
});
if (status !== 0) console.error(`${stdout}${stderr}`);
process.exitCode = status ?? 1;
