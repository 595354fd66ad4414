import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, it } from 'vitest';

const root = path.join(import.meta.dirname, '../..');

// A time zone is read once per process, so each needs its own.
it.each(['Pacific/Auckland', 'UTC'])('the vectors give the same figures where the process runs in %s', { timeout: 60_000 }, (zone) => {
  const vitest = path.join(root, 'node_modules/vitest/vitest.mjs');
  const run = spawnSync(process.execPath, [vitest, 'run', '--project', 'unit', 'test/core/rate-vectors.test.ts', '--reporter', 'json'], {
    cwd: root,
    env: { ...process.env, TZ: zone },
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  const report = JSON.parse(run.stdout.slice(run.stdout.indexOf('{'))) as { numPassedTests: number; numFailedTests: number; testResults: { assertionResults: { ancestorTitles: string[] }[] }[] };
  expect([run.status, report.numPassedTests, report.numFailedTests]).toEqual([0, 460, 0]);
  expect(report.testResults[0]?.assertionResults[0]?.ancestorTitles.join()).toContain(zone);
});
