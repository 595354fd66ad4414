import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { lockHome, readLivingRun, readRunFile, updateRunFile } from '../../src/platform/home.ts';
import { stopLeftovers } from '../../src/platform/leftovers.ts';
import { postgresFolder } from '../../src/platform/postgres-binaries.ts';
import { commandLine } from '../../src/platform/processes.ts';

const home = mkdtempSync(path.join(os.tmpdir(), 'wattledger-home-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

describe('the lock on a home', () => {
  it.each(['', '{', 'null', JSON.stringify({ pid: process.pid, start: '1' }), JSON.stringify({ pid: 999_999_999, start: '1' })])('takes over what a dead process left: %j', (text) => {
    writeFileSync(path.join(home, 'lock'), text);
    const unlock = lockHome(home);
    expect(() => lockHome(home)).toThrow(`already runs on ${home} (pid ${process.pid}); stop it or set WATTLEDGER_HOME`);
    unlock();
  });
  it('goes to one of many that start at the same moment', async () => {
    writeFileSync(path.join(home, 'lock'), JSON.stringify({ pid: 999_999_999, start: '1' }));
    const code = `import { lockHome } from '${path.resolve('dist/platform/home.js')}';
      await new Promise((go) => process.stdin.once('data', go));
      try { lockHome('${home}'); console.log('held'); await new Promise((go) => process.stdin.once('data', go)); } catch { console.log('refused'); } process.exit(0);`;
    const children = Array.from({ length: 8 }, () => spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['pipe', 'pipe', 'inherit'] }));
    const answers = children.map((child) => new Promise<string>((resolve) => child.stdout.once('data', (data) => resolve(String(data).trim()))));
    for (const child of children) child.stdin.write('go\n');
    expect((await Promise.all(answers)).filter((answer) => answer === 'held')).toHaveLength(1);
    for (const child of children) child.kill();
  });
});

describe('run.json', () => {
  it('merges pid by pid and is for the owner alone', () => {
    updateRunFile(home, { pids: { app: 1 }, temporalAddress: 'h:1' });
    updateRunFile(home, { pids: { worker: 2 }, apiUrl: 'http://h' });
    expect(readRunFile(home)).toEqual({ pids: { app: 1, worker: 2 }, temporalAddress: 'h:1', apiUrl: 'http://h' });
    expect(statSync(path.join(home, 'run.json')).mode & 0o777).toBe(0o600);
  });
});

describe('what runs on a home', () => {
  it('is not what a killed app wrote, nor, on a copy, what runs on the original', async () => {
    const [original, copy] = ['running', 'copied'].map((name) => path.join(home, name)) as [string, string];
    mkdirSync(original);
    const code = `import { thisApp, updateRunFile } from '${path.resolve('dist/platform/home.js')}';
      updateRunFile('${original}', { pids: {}, app: thisApp('${original}'), apiUrl: 'http://h' }); console.log('up'); setInterval(() => {}, 1000);`;
    const app = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((go) => app.stdout.once('data', go));
    cpSync(original, copy, { recursive: true });
    symlinkSync(original, path.join(home, 'by another name'));
    expect([original, path.join(home, 'by another name'), copy].map((at) => readLivingRun(at)?.apiUrl)).toEqual(['http://h', 'http://h', undefined]);
    const ended = new Promise((go) => app.once('close', go));
    app.kill('SIGKILL');
    await ended;
    expect(readLivingRun(original)).toBeUndefined();
  });
});

describe('leftovers', () => {
  it('are known by their command line: a process that got an old pid lives on', async () => {
    // Named as a server of another home would be.
    const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', 'postgres', 'start-dev', '-D', '/elsewhere/postgres', '/elsewhere/temporal.db']);
    writeFileSync(path.join(home, 'postmaster.pid'), `${other.pid}\n`);
    updateRunFile(home, { pids: { temporal: other.pid ?? 0, guardian: other.pid ?? 0 }, postgresFolder: home });
    await stopLeftovers(home, home);
    expect(commandLine(other.pid)).toContain('elsewhere');
    other.kill();
  });
  it('of the original are none of its copy, whose run.json still names that one’s cluster', async () => {
    const [original, copy] = ['original', 'copy'].map((name) => path.join(home, name)) as [string, string];
    const cluster = path.join(original, 'postgres');
    mkdirSync(cluster, { recursive: true });
    updateRunFile(original, { pids: {}, postgresFolder: cluster });
    cpSync(original, copy, { recursive: true });
    const running = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', 'postgres', '-D', cluster, '-c', 'port=1']);
    writeFileSync(path.join(cluster, 'postmaster.pid'), `${running.pid}\n`);
    await stopLeftovers(copy, path.join(copy, 'postgres'));
    expect(commandLine(running.pid)).toContain(cluster);
    running.kill();
  });
});

describe('the cluster of a home', () => {
  it('is no new one where a moved home still has another: that would begin empty books', () => {
    const [before, moved] = ['before', 'moved'].map((name) => path.join(home, name)) as [string, string];
    // As root below a folder that PostgreSQL's user cannot enter, a home's cluster lies elsewhere, and stays there when the home moves.
    mkdirSync(path.join(before, 'postgres'), { recursive: true });
    writeFileSync(path.join(before, 'postgres', 'PG_VERSION'), '18\n');
    mkdirSync(moved);
    updateRunFile(moved, { pids: {}, postgresFolder: path.join(before, 'postgres') });
    const user = { uid: 65_534, gid: 65_534 };
    expect(() => postgresFolder(moved, user, () => undefined)).toThrow(`the data of ${moved} lies in ${path.join(before, 'postgres')}`);
    rmSync(path.join(before, 'postgres'), { recursive: true });
    const folder = postgresFolder(moved, user, () => undefined);
    rmSync(path.dirname(folder), { recursive: true });
  });
});

const catchError = (work: () => unknown): unknown => {
  try {
    return work();
  } catch (error) {
    return error;
  }
};

describe('the cluster of a home that was restored without it', () => {
  it.each(['no root', 'root'])('is no new one: it would begin empty books beside the old workflows (%s)', (who) => {
    const restored = path.join(home, `restored-${who}`);
    mkdirSync(restored);
    updateRunFile(restored, { pids: {}, postgresFolder: '/var/tmp/wattledger-of-the-other-machine/postgres', postgresMade: true });
    const user = who === 'root' ? { uid: 65_534, gid: 65_534 } : undefined;
    const open = () => postgresFolder(restored, user, () => undefined);
    expect(open).toThrow(`the data of ${restored}, which lay in /var/tmp/wattledger-of-the-other-machine/postgres, is gone: bring it back from a backup`);
    const to = /owners kept, to (.*);/.exec(String(catchError(open)))?.[1] ?? '';
    mkdirSync(to, { recursive: true });
    writeFileSync(path.join(to, 'PG_VERSION'), '18\n');
    expect(open()).toBe(to);
    if (!to.startsWith(home)) rmSync(path.dirname(to), { recursive: true });
    // One whose first start did not come so far has none to lose.
    const first = path.join(home, `first-${who}`);
    mkdirSync(first);
    updateRunFile(first, { pids: {}, postgresFolder: path.join(first, 'postgres'), postgresMade: false });
    const folder = postgresFolder(first, user, () => undefined);
    if (!folder.startsWith(home)) rmSync(path.dirname(folder), { recursive: true });
  });
});

describe('a reset', () => {
  it('of a copy leaves the original as it is', () => {
    const [original, copy] = ['kept', 'away'].map((name) => path.join(home, name)) as [string, string];
    mkdirSync(path.join(original, 'postgres'), { recursive: true });
    updateRunFile(original, { pids: {}, postgresFolder: path.join(original, 'postgres') });
    cpSync(original, copy, { recursive: true });
    expect(spawnSync(process.execPath, ['dist/cli.js', 'reset'], { env: { ...process.env, WATTLEDGER_HOME: copy }, encoding: 'utf8' })).toMatchObject({ status: 0, stdout: `removed ${copy}\n` });
    expect([original, path.join(original, 'postgres'), copy].map((folder) => existsSync(folder))).toEqual([true, true, false]);
  });
  it('stops what a killed app and guardian left running on it', () => {
    const left = path.join(home, 'left');
    mkdirSync(left);
    const server = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', 'start-dev', path.join(left, 'temporal.db')]);
    updateRunFile(left, { pids: { temporal: server.pid ?? 0 } });
    expect(spawnSync(process.execPath, ['dist/cli.js', 'reset'], { env: { ...process.env, WATTLEDGER_HOME: left } }).status).toBe(0);
    expect(commandLine(server.pid)).toBe('');
  });
});
