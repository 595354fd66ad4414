import path from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { erpConnections } from './activities/erp-connections.ts';
import { putSourceSchedules } from './api/source-schedules.ts';
import { loadConfig } from './config.ts';
import { keepSchedules } from './stack/schedules.ts';
import { secretBoxOf } from './stack/secret-box-of.ts';
import { createWorker, registerSearchAttributes } from './stack/temporal-worker.ts';
import { openStore } from './store/db.ts';
import { requireEnvironment } from './store/environment.ts';
import { ensurePartitions, requireMigrated } from './store/migrate.ts';
import { requireAuthorities } from './store/reads/document-rules.ts';
import { scheduledEntities } from './store/reads/entities.ts';
import { sweptSources } from './store/reads/sweeps.ts';
import { taskQueue } from './workflows/messages.ts';

/**
 * Composition root of a worker: settings to store and adapters to activities to a Temporal worker. Runs until SIGTERM or SIGINT, and
 * `withParent` also until its standard input ends, so that a killed parent leaves no worker behind.
 */
export async function runWorker(options: { readonly withParent: boolean }): Promise<boolean> {
  const config = loadConfig();
  const { databaseUrl, databaseAdminUrl, temporalAddress, temporalNamespace } = config;
  if (databaseUrl === undefined || temporalAddress === undefined) throw new Error('a worker runs on servers that are there: set DATABASE_URL and TEMPORAL_ADDRESS, or use `wattledger start`');
  const production = config.env === 'production';
  // What is open keeps a process alive: one that failed would seem to run, and nobody would start it again.
  const undo: (() => Promise<void>)[] = [];
  try {
    const store = openStore(databaseUrl);
    undo.push(() => store.close());
    await requireMigrated(store.pool);
    await requireEnvironment(store.pool, config.env);
    await requireAuthorities(store.pool);
    await registerSearchAttributes(temporalAddress, temporalNamespace);
    const connection = await Connection.connect({ address: temporalAddress });
    undo.push(() => connection.close());
    const client = new Client({ connection, namespace: temporalNamespace });
    // Beside the sample data nothing opens by itself: it would race whoever tries it out.
    const schedules = await keepSchedules(client, taskQueue, () => scheduledEntities(store.pool, config.env === 'development'));
    undo.push(() => schedules.stop());
    for (const { sourceId, connection: settings } of await sweptSources(store.pool)) await putSourceSchedules(client, taskQueue, sourceId, settings, { keep: true });
    const { worker, close } = await createWorker({
      address: temporalAddress,
      namespace: temporalNamespace,
      taskQueue,
      store,
      secretBox: secretBoxOf(config),
      erpFor: erpConnections(store, { folder: path.join(config.home, 'erp'), production }),
      dropsFolder: config.drops,
      makePartitions: async () => {
        if (databaseAdminUrl === undefined) throw new Error('set DATABASE_ADMIN_URL on one worker: partitions are made as the owner of the tables');
        return ensurePartitions(databaseAdminUrl);
      },
    });
    undo.push(close);
    const stop = () => {
      if (worker.getState() === 'RUNNING') worker.shutdown();
    };
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
    if (options.withParent) {
      process.stdin.on('end', stop).on('error', stop).resume();
      undo.push(async () => void process.stdin.pause());
    }
    await worker.run();
    return true;
  } finally {
    for (const step of undo.reverse()) await step();
  }
}
