import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readRunFile } from '../../src/platform/home.ts';
import { session } from '../support/intake.ts';

const base = mkdtempSync(path.join(os.platform() === 'linux' ? '/var/tmp' : os.tmpdir(), 'wattledger-commands-'));
chmodSync(base, 0o711);
const home = path.join(base, 'home');
const env = { ...process.env, WATTLEDGER_HOME: home, PORT: '0', TEMPORAL_PORT: '0', TEMPORAL_UI_PORT: '0' };
const cli = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['dist/cli.js', ...args], { env, encoding: 'utf8' });
  return { status, stdout, stderr };
};
const alive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};
let stack: ChildProcess;
let printed = '';

beforeAll(async () => {
  stack = spawn(process.execPath, ['dist/cli.js', 'start'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise<void>((resolve, reject) => {
    stack.on('close', (code) => reject(new Error(`start ended with ${code}: ${printed}`)));
    if (stack.stdout === null) return reject(new Error('no output'));
    createInterface({ input: stack.stdout }).on('line', (line) => {
      printed += `${line}\n`;
      if (line.includes('sample-admin')) resolve();
    });
  });
}, 120_000);
afterAll(() => {
  stack.kill('SIGKILL');
  rmSync(base, { recursive: true, force: true });
});

describe('a stack that stays up', () => {
  it('says where it is and who may sign in', () => {
    expect(printed).toMatch(/Finance console: http:\/\/127\.0\.0\.1:\d+\//);
    expect(printed).toMatch(/API, with its reference at \/docs: http:\/\/127\.0\.0\.1:\d+/);
    expect(printed).toMatch(/sample-approver {2}wl_\S{32}/);
    expect(Object.keys(readRunFile(home)?.pids ?? {}).sort()).toEqual(['app', 'guardian', 'postgres', 'temporal', 'worker']);
  });
  it('lets no second one start beside it, and says so', () => {
    const second = cli('start');
    expect([second.status, second.stdout]).toEqual([1, '']);
    expect(second.stderr).toMatch(/already runs on .* stop it or set WATTLEDGER_HOME/);
  });
  it('takes the commands of another terminal: import, plan, approve, trace', { timeout: 240_000 }, async () => {
    const header = readFileSync('data/trondheim/sessions.csv', 'latin1').split('\n', 1)[0] ?? '';
    const file = path.join(base, 'december.csv');
    writeFileSync(file, [header, session(1), session(2, { user: 'NR1-3' }), session(3, { user: 'Nobody' })].join('\n'));
    expect(cli('import', file, '--source', 'csms').stdout).toMatch(/3 sessions \(2 accepted, 1 quarantined\)/);
    expect(cli('import', file, '--source', 'csms').stdout).toContain('known already');
    expect(cli('import', file, '--source', 'none')).toMatchObject({ status: 1, stderr: expect.stringContaining('there is no source "none"') });

    const plan = cli('run', 'plan', '--entity', 'ent_se', '--period', '2019-12', '--cut-off', new Date().toISOString(), '--json');
    const { runId } = JSON.parse(plan.stdout) as { runId: string };
    const show = () => JSON.parse(cli('run', 'show', runId, '--json').stdout) as { state: string; contentHash: string | null; problem: string | null };
    const until = (what: (run: ReturnType<typeof show>) => boolean) => expect.poll(() => what(show()), { timeout: 100_000, interval: 300 }).toBe(true);
    await until((run) => run.state === 'inReview' && run.contentHash !== null);
    expect(cli('run', 'preview', runId).stdout).toContain('Driver 16');
    expect(cli('run', 'approve', runId, '--hash', '00', '--comment', 'looked')).toMatchObject({ status: 2 });
    expect(cli('run', 'approve', runId, '--hash', 'a'.repeat(64), '--comment', 'looked').stderr).toContain('has changed since it was looked at');
    expect(cli('run', 'groups', runId).stdout).toMatch(/^ {2}all: inReview, \d+ documents, payable [\d.]+ SEK, content [0-9a-f]{64}$/m);
    expect(cli('run', 'approve', runId, '--hash', show().contentHash ?? '', '--comment', 'looked', '--group', 'fleets').stderr).toContain('group fleets is not a group of the run');
    expect(cli('run', 'release', runId, '--reason', 'it holds').stderr).toContain('there is nothing to release');
    expect(cli('run', 'approve', runId, '--hash', show().contentHash ?? '', '--comment', 'looked').stdout).toBe('approved\n');
    await until((run) => run.problem?.includes('carry decision') === true);
    expect(cli('run', 'show', runId).status).toBe(1);
    expect(cli('run', 'carry', runId, '--reason', 'the token is asked for').stdout).toContain('1 records signed');
    await until((run) => run.state === 'closed');
    expect(cli('run', 'report', runId)).toMatchObject({ status: 0, stdout: expect.stringContaining('sums to zero') });
    expect(cli('retention').stdout).toMatch(/^rawBody +0 due$/m);
    expect(JSON.parse(cli('retention', '--run', '--class', 'idempotencyKey', '--json').stdout)).toMatchObject({ dryRun: false, classes: [{ class: 'idempotencyKey', due: 0, removed: 0 }] });
    expect(cli('retention', '--class', 'everything')).toMatchObject({ status: 2, stderr: expect.stringContaining('rawBody') });
    const whole = cli('trace', runId, '--examples', '100');
    expect(whole).toMatchObject({ status: 0, stdout: expect.stringContaining('lines that the ERP has not: 0, net 0.00 SEK, 0 Wh') });
    // Two sessions: what each was sold for, and the share of its owner.
    expect(whole.stdout.match(/ > ERP FILE-/g)).toHaveLength(4);
    expect(cli('trace', runId, '--examples', 'all')).toMatchObject({ status: 2, stderr: expect.stringContaining('up to 200') });
    expect(cli('trace', 'csms/se*wlt*1').stdout).toMatch(/On an invoice: .*20\d\d-000001[\s\S]*cost center 109 > charge \d+ > journal page\/.* > ERP FILE-/);
  });
  it('shows what a file of set-up would do, and does it', { timeout: 120_000 }, () => {
    const file = path.join(base, 'accounts.csv');
    writeFileSync(file, 'id;paymentTermsDays\nacc_fleet_taxi;15\nacc_fleet_craft;30\nacc_nobody;10\n');
    const shown = cli('load', file, '--kind', 'accounts');
    expect(shown).toMatchObject({ status: 1, stdout: expect.stringMatching(/^2 {2}accounts {2}acc_fleet_taxi {2}changed {2}paymentTermsDays: 30 > 15$/m) });
    expect(shown.stdout).toContain('accounts: 0 created, 1 changed, 1 unchanged, 1 refused');
    expect(cli('load', file, '--kind', 'accounts', '--apply', '--reason', 'terms of the year')).toMatchObject({ status: 1, stderr: expect.stringContaining('1 rows are refused') });
    expect(cli('load', file, '--kind', 'accounts', '--apply', '--reason', 'terms of the year', '--without-refused').stdout).toContain('is applied');
    writeFileSync(file, 'id;paymentTermsDays\nacc_fleet_taxi;15\n');
    expect(cli('load', file, '--kind', 'accounts')).toMatchObject({ status: 0, stdout: expect.stringContaining('1 unchanged') });
    expect(cli('load', file, '--kind', 'accounts', '--apply')).toMatchObject({ status: 2, stderr: expect.stringContaining('--reason') });
  });
  it('answers wrong usage with 2 and a way out', () => {
    expect(cli('run', 'shw')).toMatchObject({ status: 2, stderr: 'wattledger: Unknown command shw; see wattledger run --help\n' });
    expect(cli('run')).toMatchObject({ status: 2, stderr: 'wattledger: No command specified; see wattledger run --help\n' });
    expect(cli('run', 'plan')).toMatchObject({ status: 2, stderr: 'wattledger: Missing required argument: --entity; see wattledger run plan --help\n' });
    for (const args of [['keys'], ['keys', 'list'], ['verify']]) expect(cli(...args, '--help').stdout).toContain(`USAGE wattledger ${args.join(' ')} `);
    expect(cli('run', 'show', 'x', '--jsn')).toMatchObject({ status: 2, stderr: expect.stringContaining('--jsn') });
    expect(cli('import', 'a.csv', 'b.csv', '--source', 'csms')).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining('"b.csv"') });
    expect(cli('--help')).toMatchObject({ status: 0, stdout: expect.stringContaining('trace') });
  });
  it('writes no colors where no terminal is', () => {
    const plain = Object.fromEntries(Object.entries(env).filter(([name]) => !['NO_COLOR', 'TERM', 'TEST', 'CI'].includes(name)));
    for (const args of [['--help'], ['run', '--help'], ['run', 'show', '--help'], ['nonsense']]) {
      const { stdout, stderr } = spawnSync(process.execPath, ['dist/cli.js', ...args], { env: plain, encoding: 'utf8' });
      expect(`${stdout}${stderr}`).toMatch(/wattledger|run show/);
      expect(`${stdout}${stderr}`).not.toContain('\u001b');
    }
  });

  it('starts the worker again when it dies, and stops in order on Ctrl-C, leaving nothing behind', { timeout: 120_000 }, async () => {
    const first = readRunFile(home)?.pids['worker'] ?? 0;
    process.kill(first, 'SIGKILL');
    await expect.poll(() => readRunFile(home)?.pids['worker'], { timeout: 20_000 }).not.toBe(first);
    const pids = Object.values(readRunFile(home)?.pids ?? {});
    const ended = new Promise((resolve) => stack.once('close', resolve));
    stack.kill('SIGINT');
    await ended;
    await expect.poll(() => pids.filter(alive), { timeout: 15_000 }).toEqual([]);
  });
});
