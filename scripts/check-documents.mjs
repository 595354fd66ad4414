// npm run check:documents: makes the files of a month from the real store and has what others wrote read them: phive (Peppol BIS 3, EN 16931), the crate sie4, the XSDs of sepaxml.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const cache = path.join(process.env['WATTLEDGER_CACHE'] ?? process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache'), 'wattledger', 'check-documents');
const folder = mkdtempSync(path.join(tmpdir(), 'wattledger-documents-'));

const tests = ['test/store/rendered-documents.test.ts', 'test/api/payments.test.ts', 'test/adapters/pain.test.ts'];
const missing = Object.entries({ java: '-version', mvn: '-version', cargo: '--version', python3: '--version' }).flatMap(([command, ask]) =>
  spawnSync(command, [ask], { stdio: 'ignore' }).status === 0 ? [] : [command],
);
if (missing.length > 0) {
  console.error(`check:documents: ${missing.join(', ')} not found. On Debian: apt-get install default-jdk-headless maven cargo python3-venv`);
  process.exit(1);
}
try {
  mkdirSync(cache, { recursive: true });
  run('npx', ['vitest', 'run', '--project', 'unit', '--project', 'integration', ...tests], { WATTLEDGER_DOCUMENTS: folder });
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
  run('cargo', ['run', '--quiet', '--release', '--manifest-path', 'tools/check-documents/rust/Cargo.toml', '--target-dir', path.join(cache, 'cargo'), '--', folder]);
  const python = path.join(cache, 'python');
  run('python3', ['-m', 'venv', python]);
  run(path.join(python, 'bin', 'pip'), ['install', '--quiet', '--disable-pip-version-check', '-r', 'tools/check-documents/python/requirements.txt']);
  run(path.join(python, 'bin', 'python'), ['tools/check-documents/python/check_payments.py', folder]);
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
