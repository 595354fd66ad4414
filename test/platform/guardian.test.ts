import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { readRunFile } from '../../src/platform/home.ts';
import { startPlatform } from '../../src/platform/start-platform.ts';

const home = mkdtempSync(path.join(os.platform() === 'linux' ? '/var/tmp' : os.tmpdir(), 'wattledger-guardian-'));
chmodSync(home, 0o711);
const options = { home, cache: loadConfig().cache, durable: false };
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** Processes whose command line names this home. */
const left = () =>
  execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes(home) && !line.includes('vitest')).length;

/** An app of its own process, from the compiled code; resolves when its servers are up. */
async function app(): Promise<ChildProcess> {
  const code = `import { startPlatform } from '${path.resolve('dist/platform/start-platform.js')}';
    await startPlatform(${JSON.stringify(options)}); console.log('up'); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise<void>((resolve, reject) => {
    child.stdout?.once('data', () => resolve());
    child.once('exit', (exit) => reject(new Error(`the app ended with ${exit}`)));
  });
  return child;
}

describe('the guardian', () => {
  it('stops both servers when the app is killed, and a second start beside a living one is refused', async () => {
    const child = await app();
    expect(left()).toBeGreaterThan(1);
    await expect(startPlatform(options)).rejects.toThrow(/already runs on .*WATTLEDGER_HOME/);
    child.kill('SIGKILL');
    await expect.poll(left, { timeout: 15_000 }).toBe(0);
  });
  it('is itself replaceable: servers that a killed guardian left are found and stopped by the next start', async () => {
    const child = await app();
    const guardian = readRunFile(home)?.pids['guardian'] ?? 0;
    process.kill(guardian, 'SIGKILL');
    child.kill('SIGKILL');
    await sleep(300);
    expect(left()).toBeGreaterThan(0);
    const platform = await startPlatform(options);
    await platform.stop();
    await expect.poll(left, { timeout: 15_000 }).toBe(0);
  });
  it('leaves nothing behind when the first start is interrupted, and the next start succeeds', async () => {
    const fresh = path.join(home, 'fresh');
    const code = `import { startPlatform } from '${path.resolve('dist/platform/start-platform.js')}'; await startPlatform(${JSON.stringify({ ...options, home: fresh })});`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: 'ignore' });
    await sleep(400);
    child.kill('SIGKILL');
    await expect.poll(left, { timeout: 20_000 }).toBe(0);
    const platform = await startPlatform({ ...options, home: fresh });
    await platform.stop();
    await expect.poll(left, { timeout: 15_000 }).toBe(0);
  });
});
