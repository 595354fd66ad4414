import { setTimeout as sleep } from 'node:timers/promises';
import { controlTotalsOf, ErpPeriodClosed, type ErpPort, ErpRefused, ErpUnavailable } from '../adapters/erp/port.ts';
import type { ErpDocument } from '../contracts/erp-document.ts';
import { heldDifferences } from '../core/hand-over/compare-held.ts';
import { type ErpCompared, keepControlTotals } from '../store/cycle/erp-totals.ts';
import type { Store } from '../store/db.ts';
import { type Answer, asOnlyWriter, groupHandedOver, handedOver, leftToHandOver, type OutboxRow, recordAnswer, settledRuns, takeBatch } from '../store/outbox.ts';
import { beating } from './beating.ts';
import { asFailure, otherWriter } from './failures.ts';

const defaultBatchSize = 100;

export type ErpFor = (connectionId: string) => Promise<ErpPort>;

/** `settledRuns`: workflow ids of the batch's runs that have nothing left to send. */
export type HandOverTotals = { readonly verified: number; readonly refused: number; readonly left: number; readonly settledRuns: readonly string[] };

/** Activities of the hand-over to one ERP connection. */
export function createHandOverActivities({ store, erpFor }: { readonly store: Store; readonly erpFor: ErpFor }) {
  return {
    /** One batch of a connection's outbox. Retryable: what is already in the ERP is found there and not posted again. */
    async handOverBatch({ connectionId }: { connectionId: string }): Promise<HandOverTotals> {
      const erp = await erpFor(connectionId);
      return beating(() => oneBatch(store, erp, connectionId, defaultBatchSize));
    },
  };
}

/**
 * Sends a connection's waiting outbox rows to its ERP until none is left. A refusal stops only its own document; any other failure is
 * thrown after the row's state is kept. One writer a connection: a batch waits for its turn, and throws when that takes too long.
 */
export async function handOver(store: Store, erp: ErpPort, connectionId: string, batchSize = defaultBatchSize): Promise<HandOverTotals> {
  let verified = 0;
  let refused = 0;
  for (;;) {
    const done = await oneBatch(store, erp, connectionId, batchSize);
    verified += done.verified;
    refused += done.refused;
    if (done.left === 0) return { verified, refused, left: 0, settledRuns: [] };
  }
}

async function oneBatch(store: Store, erp: ErpPort, connectionId: string, batchSize: number): Promise<HandOverTotals> {
  const done = await asOnlyWriter(store, connectionId, async (db) => {
    let verified = 0;
    let refused = 0;
    const batch = await takeBatch(db, connectionId, batchSize);
    for (const row of batch) {
      const state = await handOverRow(erp, row, (answer) => recordAnswer(db, row.key, answer));
      if (state === 'verified') verified += 1;
      // Somebody has to decide on both.
      else refused += 1;
    }
    const settled = await settledRuns(
      db,
      batch.map((row) => row.key),
    );
    return { verified, refused, left: await leftToHandOver(db, connectionId), settledRuns: settled };
  });
  if (done === undefined) throw otherWriter(connectionId);
  return done.result;
}

/**
 * Hands over one outbox row and reports each answer to `record`. A row that was tried before is looked up by key first, so that a
 * time-out after the ERP had written posts nothing twice. Verified means: read back, and equal to what was sent, sum by sum; other content
 * is refused, a closed period holds the row. Throws what keeps the outcome open: ErpUnavailable leaves the row queued, everything else leaves it unknown, or
 * posted once the ERP has answered.
 */
export async function handOverRow(erp: ErpPort, row: OutboxRow, record: (answer: Answer) => Promise<void>): Promise<'verified' | 'refused' | 'held'> {
  const document = JSON.parse(row.payload.toString('utf8')) as ErpDocument;
  const refuse = async (words: string) => {
    await record({ state: 'refused', words });
    return 'refused' as const;
  };
  let externalId: string;
  try {
    if (row.isUnknown && erp.settleMs !== undefined) await sleep(erp.settleMs);
    const known = row.attempt > 1 ? await erp.find(document) : undefined;
    // Acknowledged once and gone now: somebody removed it there, and posting it again is for people to decide.
    if (known === undefined && row.externalId !== null) return await refuse(`the ERP no longer finds ${document.key}, acknowledged as ${row.externalId}`);
    ({ externalId } = known ?? (await erp.post(document)));
  } catch (error) {
    const words = (error as Error).message;
    if (error instanceof ErpRefused) return refuse(words);
    if (error instanceof ErpPeriodClosed) {
      await record({ state: 'held', words });
      return 'held';
    }
    await record({ state: error instanceof ErpUnavailable ? 'queued' : 'unknown', words });
    throw asFailure(error);
  }
  await record({ state: 'posted', externalId });
  const readBack = await erp.find(document).catch((error: unknown) => Promise.reject(asFailure(error)));
  if (readBack === undefined) return refuse(`the ERP does not find ${document.key}`);
  const differences = heldDifferences(document, readBack);
  if (differences.length > 0) return refuse(`the ERP holds other content under ${document.key}: ${differences.slice(0, 5).join(', ')}`);
  await record({ state: 'verified', externalId });
  return 'verified';
}

/** Differences between what a run handed over and what the ERP holds, per kind, account, cost center, VAT code and currency; empty when they agree. Both sides are kept for the close report. */
export async function reconcile(store: Store, erp: ErpPort, runId: string): Promise<readonly string[]> {
  const ours = await handedOver(store.pool, runId);
  const sent = controlTotalsOf(ours.payloads.map((p) => JSON.parse(p.toString('utf8')) as ErpDocument));
  const held = await erp.controlTotals(runId);
  const differences = ours.stopped.map((r) => `${r.key} is ${r.state}: ${r.answer}`);
  if (sent.count !== held.count) differences.push(`${sent.count} documents handed over, ${held.count} in the ERP`);
  const compared: ErpCompared[] = [];
  for (const key of new Set([...sent.sums.keys(), ...held.sums.keys()])) {
    const [a, b] = [sent.sums.get(key) ?? 0n, held.sums.get(key) ?? 0n];
    compared.push({ key, handedOver: a, inErp: b });
    if (a !== b) differences.push(`${key}: ${a} handed over, ${b} in the ERP`);
  }
  await store.tx((db) => keepControlTotals(db, runId, compared));
  return differences;
}

/**
 * What keeps a group of a run from being reconciled: what the ERP refused of it; and, once the whole run is handed over and read back, where
 * the ERP's control totals differ, which it keeps per run. So a group waits for no other one, and the last one for the totals.
 */
export async function reconcileGroup(store: Store, erp: ErpPort, runId: string, group: string): Promise<readonly string[]> {
  const { stopped, allVerified } = await groupHandedOver(store.pool, runId, group);
  if (stopped.length > 0) return stopped.map((r) => `${r.key} is ${r.state}: ${r.answer}`);
  return allVerified ? reconcile(store, erp, runId) : [];
}
