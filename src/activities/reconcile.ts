import { type ControlTotals, controlTotalsOf, type ErpPort } from '../adapters/erp/port.ts';
import type { ErpDocument, ErpHeld, ErpHolding } from '../contracts/erp-document.ts';
import { type ErpCompared, keepControlTotals } from '../store/cycle/erp-totals.ts';
import type { Store } from '../store/db.ts';
import { unsignedDriftOfRun } from '../store/erp-comparison.ts';
import { mappingsOf } from '../store/erp-mapping.ts';
import { wordsAt } from '../store/erp-words.ts';
import { connectionsOfRun, groupHandedOver, handedOver } from '../store/outbox.ts';
import { asSent } from './erp-terms.ts';
import type { ErpFor } from './hand-over.ts';

/**
 * Differences between what a run handed over and what its ERPs hold, per kind, account, cost center, VAT code and currency; empty when they
 * agree. A run that an ERP was replaced in has two. What was decided to stay out is left out on both sides. Both sides are kept for the close report.
 */
export async function reconcile(store: Store, erpFor: ErpFor, runId: string): Promise<readonly string[]> {
  const differences: string[] = [];
  const kept = new Map<string, ErpCompared>();
  for (const connectionId of await connectionsOfRun(store.pool, runId)) {
    const ours = await handedOver(store.pool, runId, connectionId);
    const mappings = await mappingsOf(store.pool, connectionId);
    const saidOf = (s: (typeof ours.sent)[number]) => asSent(JSON.parse(s.payload.toString('utf8')) as ErpDocument, mappings, s.mappingVersion);
    const sent = controlTotalsOf(ours.sent.map(saidOf));
    const erp = await erpFor(connectionId);
    const held = without(await erp.controlTotals(runId), await totalsThere(erp, runId, ours.skipped.map(saidOf)));
    differences.push(...ours.stopped.map(stoppedWords));
    if (sent.count !== held.count) differences.push(`${sent.count} documents handed over to ${connectionId}, ${held.count} there`);
    for (const key of new Set([...sent.sums.keys(), ...held.sums.keys()])) {
      const [a, b] = [sent.sums.get(key) ?? 0n, held.sums.get(key) ?? 0n];
      const before = kept.get(key);
      kept.set(key, { key, handedOver: a + (before?.handedOver ?? 0n), inErp: b + (before?.inErp ?? 0n) });
      if (a !== b) differences.push(`${key}: ${a} handed over to ${connectionId}, ${b} there`);
    }
  }
  await store.tx((db) => keepControlTotals(db, runId, [...kept.values()]));
  return differences;
}

/** What an ERP holds of documents all the same that were decided to stay out, since it has them otherwise. To the key of one it may never answer, which is what that was skipped for: then it is looked for among all that is there of the run. */
async function totalsThere(erp: ErpPort, runId: string, skipped: readonly ErpDocument[]): Promise<ControlTotals> {
  const there: (ErpHeld & Pick<ErpDocument, 'kind'>)[] = [];
  let holdings: Promise<readonly ErpHolding[]> | undefined;
  for (const document of skipped) {
    const held = await erp.find(document).catch(async () => {
      holdings ??= erp.holdings(runId, skipped);
      return (await holdings).find((h) => h.key === document.key && h.kind === document.kind && !h.isReversed);
    });
    if (held !== undefined) there.push({ ...held, kind: document.kind });
  }
  return controlTotalsOf(there);
}

function without(all: ControlTotals, part: ControlTotals): ControlTotals {
  const sums = new Map(all.sums);
  for (const [key, amount] of part.sums) sums.set(key, (sums.get(key) ?? 0n) - amount);
  return { count: all.count - part.count, sums: new Map([...sums].filter(([, sum]) => sum !== 0n)) };
}

/**
 * What keeps a group of a run from being reconciled: what the ERP refused of it; and, once the whole run is handed over and read back, where
 * the ERP's control totals differ, which it keeps per run, and what drifted there since and nobody signed. So a group waits for no other one, and the last one for the totals.
 */
export async function reconcileGroup(store: Store, erpFor: ErpFor, runId: string, group: string): Promise<readonly string[]> {
  const { stopped, allVerified } = await groupHandedOver(store.pool, runId, group);
  if (stopped.length > 0) return stopped.map(stoppedWords);
  return allVerified ? [...(await reconcile(store, erpFor, runId)), ...(await unsignedDriftOfRun(store.pool, runId))] : [];
}

function stoppedWords({ key, state }: { readonly key: string; readonly state: string }): string {
  return `${key} is ${state}: ${wordsAt(key)}`;
}
