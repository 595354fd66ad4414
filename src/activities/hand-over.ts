import type { ErpPort } from '../adapters/erp/port.ts';
import { type PeriodThere, periodDifferences } from '../core/hand-over/compare-periods.ts';
import { monthsHere } from '../store/accounting/period-rows.ts';
import type { Store } from '../store/db.ts';
import { keepPeriods } from '../store/erp-periods.ts';
import { asOnlyWriter, connectionsToHandOver, leftToHandOver, recordAnswers, settledRuns, takeBatch } from '../store/outbox.ts';
import { beating } from './beating.ts';
import { translator } from './erp-terms.ts';
import { otherWriter } from './failures.ts';
import { handOverRows } from './hand-over-rows.ts';

const defaultBatchSize = 100;

export type ErpFor = (connectionId: string) => Promise<ErpPort>;

/** `settledRuns`: workflow ids of the batch's runs that have nothing left to send. */
export type HandOverTotals = { readonly verified: number; readonly refused: number; readonly left: number; readonly settledRuns: readonly string[] };

/** Activities of the hand-over to one ERP connection. */
export function createHandOverActivities({ store, erpFor }: { readonly store: Store; readonly erpFor: ErpFor }) {
  return {
    /** Connections of which something can be sent or read back now. */
    async connectionsToHandOver(): Promise<readonly string[]> {
      return connectionsToHandOver(store.pool);
    },
    /** One batch of a connection's outbox. Retryable: what is already in the ERP is found there and not posted again. */
    async handOverBatch({ connectionId }: { connectionId: string }): Promise<HandOverTotals> {
      return beating(async () => oneBatch(store, await erpFor(connectionId), connectionId, defaultBatchSize));
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
    const batch = await takeBatch(db, connectionId, batchSize);
    const translate = await translator(db, erp, connectionId);
    const { stateOf, closed } = await monthsHere(db, connectionId);
    const compared = (there: ReadonlyMap<string, PeriodThere>) => keepPeriods(db, connectionId, [...there.keys()], periodDifferences(there, stateOf));
    const outcomes = [...(await handOverRows(erp, batch, (answers) => recordAnswers(db, answers), translate, { stateOf, closed, compared })).values()];
    const verified = outcomes.filter((o) => o === 'verified').length;
    const settled = await settledRuns(
      db,
      batch.map((row) => row.key),
    );
    // Somebody has to decide on what is refused and on what is held.
    return { verified, refused: outcomes.length - verified, left: await leftToHandOver(db, connectionId), settledRuns: settled };
  });
  if (done === undefined) throw otherWriter(connectionId);
  return done.result;
}
