import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { loadConfig } from '../../src/config.ts';
import { startPlatform } from '../../src/platform/start-platform.ts';
import { registerSearchAttributes } from '../../src/stack/temporal-worker.ts';
import { migrate } from '../../src/store/migrate.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    databaseUrl: string;
    databaseAdminUrl: string;
    superuserUrl: string;
    temporalAddress: string;
    /** A folder that is gone when all tests have run. */
    home: string;
  }
}

/** One PostgreSQL and one Temporal server for the whole run, on free ports; its database is the template of each test file's own. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // Below /var/tmp, so that PostgreSQL's user can enter it when the tests run as root.
  const home = mkdtempSync(path.join(os.platform() === 'linux' ? '/var/tmp' : os.tmpdir(), 'wattledger-test-'));
  chmodSync(home, 0o711);
  const platform = await startPlatform({ home, cache: loadConfig().cache, durable: false, onProgress: (line) => console.log(line) });
  const stop = async () => {
    await platform.stop();
    rmSync(home, { recursive: true, force: true });
  };
  try {
    await migrate(platform.databaseAdminUrl ?? '');
    await registerSearchAttributes(platform.temporalAddress, 'default');
  } catch (error) {
    // Vitest runs no teardown of a setup that threw.
    await stop();
    throw error;
  }
  project.provide('home', home);
  project.provide('databaseUrl', platform.databaseUrl);
  project.provide('databaseAdminUrl', platform.databaseAdminUrl ?? '');
  project.provide('superuserUrl', platform.superuserUrl ?? '');
  project.provide('temporalAddress', platform.temporalAddress);
  return stop;
}
