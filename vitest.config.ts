import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { configDefaults, defineConfig } from 'vitest/config';

// What a file mocks of a module, all files after it would get.
const mocking = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .map((file) => path.posix.join('test', ...file.split(path.sep)))
  .filter((file) => file.endsWith('.test.ts') && readFileSync(file, 'utf8').includes('vi.mock('));
// What is said of a field follows from which module was loaded first.
const alone = [...mocking, 'test/api/openapi.test.ts'];
const exclude = [...configDefaults.exclude, ...alone];

export default defineConfig({
  test: {
    projects: [
      // With FUZZ_RUNS=100000 a law runs for a minute.
      {
        test: {
          name: 'unit',
          include: ['test/{core,properties,contracts,adapters,ui}/**/*.test.ts'],
          exclude,
          // Loading and warming up the code for each file anew took four tenths of the CPU.
          isolate: false,
          testTimeout: process.env['FUZZ_RUNS'] === undefined ? 20_000 : 600_000,
        },
      },
      // Needs no server.
      { test: { name: 'alone', include: alone } },
      {
        test: {
          name: 'integration',
          include: ['test/{store,api,workflows,platform,end-to-end,simulation,stories}/**/*.test.ts'],
          exclude,
          isolate: false,
          globalSetup: ['test/support/global-setup.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      // Needs an OCPI implementation of others, which `npm run test:ocpi` installs.
      { test: { name: 'ocpi', fileParallelism: false, include: ['test/ocpi/**/*.test.ts'], globalSetup: ['test/support/global-setup.ts'], testTimeout: 120_000, hookTimeout: 300_000 } },
      // Needs Tryton, which `npm run test:erp` installs.
      { test: { name: 'erp', fileParallelism: false, include: ['test/erp/**/*.test.ts'], globalSetup: ['test/support/global-setup.ts'], testTimeout: 300_000, hookTimeout: 300_000 } },
    ],
    maxWorkers: 2,
  },
});
