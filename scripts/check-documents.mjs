// npm run check:documents: renders the documents of the sample set-up from the real store and validates them by rules that others wrote (phive: Peppol BIS 3 and EN 16931).
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const cache = path.join(process.env['WATTLEDGER_CACHE'] ?? process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache'), 'wattledger', 'check-documents');
const folder = mkdtempSync(path.join(tmpdir(), 'wattledger-documents-'));

const missing = ['java', 'mvn'].filter((command) => spawnSync(command, ['-version'], { stdio: 'ignore' }).status !== 0);
if (missing.length > 0) {
  console.error(`check:documents: ${missing.join(' and ')} not found. On Debian: apt-get install default-jdk-headless maven`);
  process.exit(1);
}
try {
  mkdirSync(cache, { recursive: true });
  run('npx', ['vitest', 'run', '--project', 'integration', 'test/store/rendered-documents.test.ts'], { WATTLEDGER_DOCUMENTS: folder });
  const classpath = path.join(cache, 'classpath');
  run('mvn', [
    '-q',
    '-B',
    '-f',
    'tools/check-documents/pom.xml',
    `-Dmaven.repo.local=${path.join(cache, 'repository')}`,
    `-DbuildDirectory=${path.join(cache, 'target')}`,
    'compile',
    'dependency:build-classpath',
    `-Dmdep.outputFile=${classpath}`,
  ]);
  run('java', ['-cp', `${path.join(cache, 'target', 'classes')}${path.delimiter}${readFileSync(classpath, 'utf8').trim()}`, 'CheckDocuments', folder]);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function run(command, args, env = {}) {
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } });
  if (status !== 0) {
    console.error(`check:documents: ${command} failed, see above`);
    rmSync(folder, { recursive: true, force: true });
    process.exit(1);
  }
}
