import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ensureTemporalBinary } from '../../src/platform/temporal-binary.ts';

const root = mkdtempSync(path.join(os.tmpdir(), 'wattledger-binary-'));
const bin = path.join(root, 'bin');
const realPath = process.env['PATH'];
mkdirSync(bin);
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A command of that name on PATH. */
function command(name: string, body: string): void {
  writeFileSync(path.join(bin, name), `#!/bin/sh\n${body}\n`);
  chmodSync(path.join(bin, name), 0o755);
}

const working = 'echo "temporal version 1.8.2 (Server 1.31.2, UI 2.50.1)"';
const fakeGo = (build: string) => `[ "$1" = version ] && exit 0\nfor last; do [ "$previous" = -o ] && out=$last; previous=$last; done\n${build}`;
const ensure = async (cache: string) => {
  const said: string[] = [];
  const binary = await ensureTemporalBinary({ cache: path.join(root, cache), onProgress: (line) => said.push(line) });
  return { binary, said };
};

beforeEach(() => {
  rmSync(bin, { recursive: true });
  mkdirSync(bin);
  process.env['PATH'] = `${bin}:/usr/bin:/bin`;
});
afterEach(() => {
  process.env['PATH'] = realPath;
});

describe('the Temporal dev server', () => {
  it('comes from PATH only in a version that was tried, else from one build, then from the cache', async () => {
    command('temporal', working);
    expect((await ensure('a')).binary).toBe('temporal');
    command('temporal', 'echo "temporal version 9.9.9 (Server 9.9.9, UI 9.9.9)"');
    command('go', fakeGo(`echo '#!/bin/sh' > "$out"; echo '${working}' >> "$out"; chmod 755 "$out"`));
    const built = await ensure('a');
    expect(built.binary).toContain(path.join(root, 'a/wattledger/temporal/'));
    expect(built.said).toEqual([expect.stringContaining('building the Temporal dev server'), expect.stringContaining('built')]);
    expect(readdirSync(path.dirname(built.binary))).toEqual(['temporal']);
    expect(await ensure('a')).toEqual({ binary: built.binary, said: [] });
  });
  it('tells what to install, or why the build failed, and keeps no half binary', async () => {
    command('go', fakeGo('echo half > "$out"; echo "no such module" >&2; exit 3'));
    await expect(ensure('b')).rejects.toThrow(/failed \(3\).*install the Temporal CLI 1\.8\.2\nno such module/);
    expect(readdirSync(path.join(root, 'b'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())).toEqual([]);
    command('go', 'exit 1');
    await expect(ensure('c')).rejects.toThrow(/install the Temporal CLI 1\.8\.2 or Go 1\.26, or set TEMPORAL_ADDRESS/);
  });
  it('is not built on when the app is killed', async () => {
    // A child of its own, as the compilers of a Go build are.
    command('go', fakeGo(`sleep 61.${process.pid} & wait`));
    const sleeping = () => execFileSync('ps', ['-eo', 'args='], { encoding: 'utf8' }).includes(`sleep 61.${process.pid}`);
    const code = `import { ensureTemporalBinary } from '${path.resolve('dist/platform/temporal-binary.js')}';
      await ensureTemporalBinary({ cache: '${root}/d', onProgress: () => undefined });`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: 'ignore' });
    await expect.poll(sleeping, { timeout: 10_000 }).toBe(true);
    child.kill('SIGKILL');
    await expect.poll(sleeping, { timeout: 5000 }).toBe(false);
  });
});
