import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { createAccrualActivities } from '../activities/accrue.ts';
import { createCompareActivities } from '../activities/compare-erp.ts';
import { createCycleActivities } from '../activities/cycle.ts';
import { createHandOverActivities, type ErpFor } from '../activities/hand-over.ts';
import { createIntakeActivities } from '../activities/intake.ts';
import { createOcpiActivities } from '../activities/ocpi.ts';
import { createTariffPush } from '../activities/ocpi-tariff-push.ts';
import { createPeerCountActivities } from '../activities/peer-counts.ts';
import { type PullerFor, sourcePullers } from '../activities/pullers.ts';
import { createRebillActivities } from '../activities/rebill.ts';
import { createRetentionActivities } from '../activities/retention.ts';
import { createSweepActivities } from '../activities/sweep.ts';
import { createUpkeepActivities } from '../activities/upkeep.ts';
import type { SecretBox } from '../contracts/secret-box.ts';
import type { Store } from '../store/db.ts';
import { searchAttributes } from '../workflows/search-attributes.ts';

const bundle = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../dist/workflows.js');

export type WorkerOptions = {
  readonly address: string;
  readonly namespace: string;
  readonly taskQueue: string;
  readonly store: Store;
  readonly erpFor: ErpFor;
  /** Opens the tokens with which OCPI peers are called. */
  readonly secretBox: SecretBox;
  /** How other networks are asked; unless told, by their connections. */
  readonly pullerFor?: PullerFor;
  /** Where sources drop files, a folder each. */
  readonly dropsFolder?: string;
  /** Makes partitions ahead as the owner's role; answers how many. */
  readonly makePartitions: () => Promise<number>;
};

// The SDK's start and stop lines are noise for whoever runs a command.
Runtime.install({ logger: new DefaultLogger('WARN') });

/** Connects a worker with every workflow and activity; the caller runs and shuts it down. */
export async function createWorker(options: WorkerOptions): Promise<{ worker: Worker; close: () => Promise<void> }> {
  const connection = await NativeConnection.connect({ address: options.address });
  const deps = { pullerFor: sourcePullers(options), dropsFolder: path.resolve('var/drops'), ...options, now: () => new Date() };
  const activities = {
    ...createIntakeActivities(deps),
    ...createCycleActivities(deps),
    ...createHandOverActivities(deps),
    ...createCompareActivities(deps),
    ...createUpkeepActivities(deps),
    ...createRetentionActivities(deps),
    ...createAccrualActivities(deps),
    ...createRebillActivities(deps),
    ...createOcpiActivities(deps),
    ...createTariffPush(deps),
    ...createSweepActivities(deps),
    ...createPeerCountActivities(deps),
  };
  const worker = await Worker.create({ connection, namespace: options.namespace, taskQueue: options.taskQueue, workflowBundle: { codePath: bundle }, activities, maxCachedWorkflows: 500 });
  return { worker, close: () => connection.close() };
}

/** Registers the search attributes at every start: start flags are ignored on an existing server file. Throws an Error that names the remedy where no server is. */
export async function registerSearchAttributes(address: string, namespace: string): Promise<void> {
  const connection = await Connection.connect({ address }).catch((error: Error) => {
    throw new Error(`Temporal at ${address} cannot be reached (${error.message}): look whether it runs, and whether TEMPORAL_ADDRESS is its address`, { cause: error });
  });
  try {
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
    const types = { KEYWORD: 2, INT: 3, DATETIME: 6 } as const;
    const missing = Object.values(searchAttributes).filter((a) => customAttributes?.[a.name] === undefined);
    if (missing.length === 0) return;
    await connection.operatorService.addSearchAttributes({ namespace, searchAttributes: Object.fromEntries(missing.map((a) => [a.name, types[a.type as keyof typeof types]])) });
  } finally {
    await connection.close();
  }
}
