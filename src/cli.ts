#!/usr/bin/env node
import { rmSync } from 'node:fs';
import path from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { defineCommand, runMain } from 'citty';
import { filesErp } from './adapters/erp/files.ts';
import { loadConfig } from './config.ts';
import { runDemo } from './demo.ts';
import { lockHome, readRunFile } from './platform/home.ts';
import { startPlatform } from './platform/start-platform.ts';
import { openStore } from './store/db.ts';
import { migrate } from './store/migrate.ts';
import { createWorker, registerSearchAttributes } from './temporal-worker.ts';
import { taskQueue } from './workflows/messages.ts';

const say = (line: string) => process.stdout.write(`${line}\n`);

/** Runs a command; what goes wrong is one line on stderr and exit code 1. */
async function guarded(work: () => Promise<boolean>): Promise<void> {
  try {
    process.exitCode = (await work()) ? 0 : 1;
  } catch (error) {
    process.stderr.write(`wattledger: ${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}

async function demo(): Promise<boolean> {
  const config = loadConfig();
  const started = Date.now();
  const platform = await startPlatform({
    home: config.home,
    cache: config.cache,
    durable: true,
    databaseUrl: config.databaseUrl,
    databaseAdminUrl: config.databaseAdminUrl,
    temporalAddress: config.temporalAddress,
    temporalPort: config.temporalPort,
    temporalUiPort: config.temporalUiPort,
    onProgress: say,
    onLost: (reason) => {
      process.stderr.write(`wattledger: ${reason}; start again, nothing is lost\n`);
      process.exit(1);
    },
  });
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= platform.stop();
    return stopped;
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop().then(() => process.exit(130)));
  try {
    if (platform.databaseAdminUrl !== undefined) await migrate(platform.databaseAdminUrl);
    await registerSearchAttributes(platform.temporalAddress, config.temporalNamespace);
    say(
      `PostgreSQL and Temporal are up after ${((Date.now() - started) / 1000).toFixed(1)} s${platform.temporalUiUrl === undefined ? '' : `; Temporal UI while this runs: ${platform.temporalUiUrl}`}`,
    );
    const store = openStore(platform.databaseUrl);
    const erpFolder = path.join(config.home, 'erp');
    const { worker, close } = await createWorker({ address: platform.temporalAddress, namespace: config.temporalNamespace, taskQueue, store, erpFor: () => filesErp(erpFolder) });
    const connection = await Connection.connect({ address: platform.temporalAddress });
    const client = new Client({ connection, namespace: config.temporalNamespace });
    const balanced = await worker.runUntil(() => runDemo({ store, client, taskQueue, say }));
    say(`Documents as the ERP received them: ${path.join(erpFolder, 'invoice')}`);
    say(balanced ? `Done in ${((Date.now() - started) / 1000).toFixed(0)} s: everything balances.` : 'A balance does not hold: see above.');
    await connection.close();
    await close();
    await store.close();
    return balanced;
  } finally {
    await stop();
  }
}

async function reset(): Promise<boolean> {
  const { home } = loadConfig();
  const folder = readRunFile(home)?.postgresFolder;
  const unlock = lockHome(home);
  // Below a folder that PostgreSQL's user cannot enter, its data lies in one of its own.
  if (folder !== undefined && !folder.startsWith(home)) rmSync(path.dirname(folder), { recursive: true, force: true });
  rmSync(home, { recursive: true, force: true });
  unlock();
  say(`removed ${home}`);
  return true;
}

async function migrateOnly(): Promise<boolean> {
  const { databaseAdminUrl } = loadConfig();
  if (databaseAdminUrl === undefined) throw new Error('set DATABASE_ADMIN_URL to the owner role of the database');
  const { applied } = await migrate(databaseAdminUrl);
  say(applied.length === 0 ? 'nothing to apply' : `applied ${applied.join(', ')}`);
  return true;
}

await runMain(
  defineCommand({
    meta: { name: 'wattledger', description: 'Billing engine for charge point operators' },
    subCommands: {
      demo: defineCommand({ meta: { name: 'demo', description: 'Boot the stack, bring in real sessions and close December 2019' }, run: () => guarded(demo) }),
      migrate: defineCommand({ meta: { name: 'migrate', description: 'Apply migrations to DATABASE_ADMIN_URL' }, run: () => guarded(migrateOnly) }),
      reset: defineCommand({ meta: { name: 'reset', description: 'Delete the local state below WATTLEDGER_HOME' }, run: () => guarded(reset) }),
    },
  }),
);
