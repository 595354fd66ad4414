import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/{core,properties,contracts,adapters}/**/*.test.ts'] } },
      {
        test: {
          name: 'integration',
          include: ['test/{store,api,workflows,platform,end-to-end,simulation}/**/*.test.ts'],
          globalSetup: ['test/support/global-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
    maxWorkers: 2,
  },
});
