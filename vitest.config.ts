import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      // With FUZZ_RUNS=100000 a law runs for a minute.
      { test: { name: 'unit', include: ['test/{core,properties,contracts,adapters,ui}/**/*.test.ts'], testTimeout: process.env['FUZZ_RUNS'] === undefined ? 20_000 : 600_000 } },
      {
        test: {
          name: 'integration',
          include: ['test/{store,api,workflows,platform,end-to-end,simulation,stories}/**/*.test.ts'],
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
