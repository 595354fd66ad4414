import { controlTotalsOf, type ErpDocument, ErpOutcomeUnknown, type ErpPort, ErpRefused } from '../adapters/erp/port.ts';
import type { Store } from '../store/db.ts';
import { handedOver, type OutboxRow, recordAnswer, takeBatch } from '../store/outbox.ts';

export type HandOverTotals = { readonly verified: number; readonly refused: number; readonly left: number };

/**
 * Sends a run's waiting outbox rows to its ERP. Whatever was tried before is looked up by key first, so that a time-out after the
 * ERP had written posts nothing twice. A refusal stops only its own document; any other failure is thrown after the row's state is kept.
 */
export async function handOver(store: Store, erp: ErpPort, connectionId: string, batchSize = 100): Promise<HandOverTotals> {
  let verified = 0;
  let refused = 0;
  for (;;) {
    const batch = await takeBatch(store.pool, connectionId, batchSize);
    if (batch.length === 0) return { verified, refused, left: 0 };
    for (const row of batch) {
      const result = await handOverOne(store, erp, row);
      if (result === 'verified') verified += 1;
      else refused += 1;
    }
  }
}

async function handOverOne(store: Store, erp: ErpPort, row: OutboxRow): Promise<'verified' | 'refused'> {
  const document = JSON.parse(row.payload.toString('utf8')) as ErpDocument;
  try {
    const known = row.attempt > 1 ? await erp.findByKey(document.key, document.kind) : undefined;
    const receipt = known ?? (await erp.post(document));
    const readBack = await erp.findByKey(document.key, document.kind);
    if (readBack?.payloadHash !== receipt.payloadHash) throw new ErpOutcomeUnknown(`${document.key} reads back differently`);
    await recordAnswer(store.pool, row.key, { state: 'verified', externalId: receipt.externalId });
    return 'verified';
  } catch (error) {
    const words = (error as Error).message;
    if (error instanceof ErpRefused) {
      await recordAnswer(store.pool, row.key, { state: 'refused', words });
      return 'refused';
    }
    await recordAnswer(store.pool, row.key, { state: error instanceof ErpOutcomeUnknown ? 'unknown' : 'queued', words });
    throw error;
  }
}

/** Differences between what a run handed over and what the ERP holds, per account, cost center, VAT code and currency; empty when they agree. */
export async function reconcile(store: Store, erp: ErpPort, runId: string): Promise<readonly string[]> {
  const ours = await handedOver(store.pool, runId);
  const sent = controlTotalsOf(ours.payloads.map((p) => JSON.parse(p.toString('utf8')) as ErpDocument));
  const held = await erp.controlTotals(runId);
  const differences = ours.refused.map((r) => `${r.key} was refused: ${r.answer}`);
  if (sent.count !== held.count) differences.push(`${sent.count} documents handed over, ${held.count} in the ERP`);
  for (const key of new Set([...sent.sums.keys(), ...held.sums.keys()])) {
    const [a, b] = [sent.sums.get(key) ?? 0n, held.sums.get(key) ?? 0n];
    if (a !== b) differences.push(`${key}: ${a} handed over, ${b} in the ERP`);
  }
  return differences;
}
