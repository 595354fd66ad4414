// node scripts/build.mjs [--if-changed]: compiles to dist/ and bundles the workflows.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const stampFile = path.join(root, 'dist/.build-stamp');
const inputs = ['package-lock.json', 'tsconfig.json', 'scripts/build.mjs', ...files('src')];
const hash = createHash('sha256');
for (const file of inputs.sort()) hash.update(file).update(readFileSync(path.join(root, file)));
const stamp = hash.digest('hex');

if (!process.argv.includes('--if-changed') || !existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== stamp) {
  const started = Date.now();
  mkdirSync(path.join(root, 'dist'), { recursive: true });
  execFileSync(process.execPath, [path.join(root, 'node_modules/typescript/bin/tsc'), '-p', root], { cwd: root, stdio: 'inherit' });
  const { bundleWorkflowCode } = await import('@temporalio/worker');
  const quiet = () => undefined;
  const logger = { log: quiet, trace: quiet, debug: quiet, info: quiet, warn: console.warn, error: console.error };
  const { code } = await bundleWorkflowCode({ workflowsPath: path.join(root, 'dist/workflows/index.js'), logger });
  writeFileSync(path.join(root, 'dist/workflows.js'), code);
  writeFileSync(stampFile, stamp);
  console.log(`built in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}

function files(folder) {
  return readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const at = path.join(folder, entry.name);
    return entry.isDirectory() ? files(at) : [at];
  });
}
