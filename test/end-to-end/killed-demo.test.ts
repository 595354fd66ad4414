import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { readRunFile } from '../../src/platform/home.ts';

const base = mkdtempSync(path.join(os.platform() === 'linux' ? '/var/tmp' : os.tmpdir(), 'wattledger-kill-'));
chmodSync(base, 0o711);
afterAll(() => rmSync(base, { recursive: true, force: true }));

type Kill = { readonly at: string; readonly victim: 'app' | 'worker' | 'postgres' | 'temporal' };

/** Runs the demo on a home; `kill` ends a process once a line with its text is printed. Answers the report, the exit code and whether it struck. */
async function demo(home: string, kill?: Kill): Promise<{ code: number | null; report: string[]; struck: boolean }> {
  const env = { ...process.env, WATTLEDGER_HOME: home, TEMPORAL_PORT: '0', TEMPORAL_UI_PORT: '0' };
  const child: ChildProcess = spawn(process.execPath, ['dist/cli.js', 'demo'], { env, stdio: ['ignore', 'pipe', 'ignore'] });
  if (child.stdout === null) throw new Error('the demo has no output');
  const lines: string[] = [];
  let struck = false;
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    if (kill === undefined || struck || !line.includes(kill.at)) return;
    const pid = readRunFile(home)?.pids[kill.victim];
    if (pid === undefined) throw new Error(`run.json names no ${kill.victim}`);
    process.kill(pid, 'SIGKILL');
    struck = true;
  });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  const from = lines.findIndex((line) => line.startsWith('Report'));
  return { code, struck, report: from < 0 ? [] : lines.slice(from, lines.indexOf('Where to look')) };
}

describe('the demo, killed in the middle', () => {
  it('ends in the same totals, hash and numbers, all of them verified, after kills of the app, the worker, PostgreSQL and Temporal', { timeout: 800_000 }, async () => {
    const calm = await demo(path.join(base, 'calm'));
    expect(calm.code).toBe(0);
    expect(calm.report[0]).toMatch(/closed, content [0-9a-f]{64}/);
    const rough = path.join(base, 'rough');
    for (const kill of [
      { at: 'sessions.csv', victim: 'app' },
      { at: '3. December', victim: 'postgres' },
      { at: 'late-november', victim: 'temporal' },
      { at: 'stands beside', victim: 'app' },
    ] as const) {
      const killed = await demo(rough, kill);
      expect(killed.struck, kill.victim).toBe(true);
      expect(killed.code, kill.victim).not.toBe(0);
    }
    // The worker is started again by the app, which goes on.
    const after = await demo(rough, { at: '3. December', victim: 'worker' });
    expect(after.struck).toBe(true);
    expect([after.code, after.report]).toEqual([0, calm.report]);
    // Nothing runs on this home now: the command boots the stack for itself.
    const env = { ...process.env, WATTLEDGER_HOME: rough, TEMPORAL_PORT: '0', TEMPORAL_UI_PORT: '0' };
    const { stdout } = await promisify(execFile)(process.execPath, ['dist/cli.js', 'verify', '--json'], { env });
    expect(JSON.parse(stdout).sections.filter((section: { problem: string | null }) => section.problem !== null)).toEqual([]);
  });
});
