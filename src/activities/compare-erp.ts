import type { ErpPort } from '../adapters/erp/port.ts';
import type { ErpDocument } from '../contracts/erp-document.ts';
import { groupBy } from '../core/group-by.ts';
import { datesToAsk, periodDifferences } from '../core/hand-over/compare-periods.ts';
import { type Drift, driftOf } from '../core/hand-over/drift.ts';
import { monthsHere } from '../store/accounting/period-rows.ts';
import type { Store } from '../store/db.ts';
import { connectionsInUse, documentsToAskPayment, keepDrift, keepPayments, rowsToCompare } from '../store/erp-comparison.ts';
import { keepMasterData, mappingsOf } from '../store/erp-mapping.ts';
import { keepPeriods } from '../store/erp-periods.ts';
import { beating } from './beating.ts';
import { asSent } from './erp-terms.ts';
import { asFailure } from './failures.ts';
import type { ErpFor } from './hand-over.ts';

/** What a look at an ERP found. `paid`: documents whose payment is another than it told last. */
export type Compared = { readonly compared: number; readonly drifts: number; readonly paid: number };

/** How many documents an ERP is asked about at once. */
const paymentsAtOnce = 200;

/** Activities of the nightly look at each ERP. They change nothing there. */
export function createCompareActivities({ store, erpFor }: { readonly store: Store; readonly erpFor: ErpFor }) {
  return {
    async connectionsToCompare(): Promise<readonly string[]> {
      return connectionsInUse(store.pool);
    },
    async compareErp({ connectionId }: { connectionId: string }): Promise<Compared> {
      return beating(() => compareErp(store, erpFor, connectionId).catch((error: unknown) => Promise.reject(asFailure(error))));
    },
  };
}

/** Compares all that was handed over to a connection with what it holds, both ways, and its periods with ours, keeps what is otherwise, and asks what is paid. */
export async function compareErp(store: Store, erpFor: ErpFor, connectionId: string): Promise<Compared> {
  const erp = await erpFor(connectionId);
  const master = await erp.masterData?.();
  if (master !== undefined) await store.tx((db) => keepMasterData(db, connectionId, master));
  const read = async () => {
    const [rows, mappings] = await Promise.all([rowsToCompare(store.pool, connectionId), mappingsOf(store.pool, connectionId)]);
    const documents = rows.map((r) => ({ state: r.state, document: asSent(JSON.parse(r.payload.toString('utf8')) as ErpDocument, mappings, r.mappingVersion) }));
    return { documents, keys: new Set(rows.map((r) => r.key)) };
  };
  const ours = await read();
  const { documents } = ours;
  const drifts: Drift[] = [];
  for (const runId of new Set(documents.map((d) => d.document.runId))) {
    const found = await driftOfRun(erp, runId, ours);
    const unknown = new Set(found.flatMap((d) => (d.kind === 'unknownThere' ? [d.key] : [])));
    // It may have been handed over since ours were read: unknown is what is so twice.
    drifts.push(...(unknown.size === 0 ? found : (await driftOfRun(erp, runId, await read())).filter((d) => d.kind !== 'unknownThere' || unknown.has(d.key))));
  }
  await store.tx((db) => keepDrift(db, connectionId, documents.length, drifts));
  const { stateOf, closed } = await monthsHere(store.pool, connectionId);
  const dates = datesToAsk(
    closed,
    documents.map((d) => d.document.postedOn),
  );
  const there = await erp.periodsOn(dates);
  await store.tx((db) => keepPeriods(db, connectionId, [...there.keys()], periodDifferences(there, stateOf)));
  let paid = 0;
  if (erp.payments !== undefined) {
    const open = (await documentsToAskPayment(store.pool, connectionId, new Date())).map((d) => ({ documentId: d.documentId, document: JSON.parse(d.payload.toString('utf8')) as ErpDocument }));
    for (let from = 0; from < open.length; from += paymentsAtOnce) {
      const some = open.slice(from, from + paymentsAtOnce);
      const told = groupBy(await erp.payments(some.map((d) => d.document)), (p) => p.key);
      const known = some.flatMap(({ documentId, document }) => {
        const [payment, ...others] = told.get(document.key) ?? [];
        // Which of two there is meant nobody knows: that it is there twice is drift.
        return payment === undefined || others.length > 0 ? [] : [{ documentId, state: payment.state, openMinor: BigInt(payment.openMinor) }];
      });
      paid += await store.tx((db) => keepPayments(db, connectionId, known));
    }
  }
  return { compared: documents.length, drifts: drifts.length, paid };
}

type Ours = { readonly documents: readonly { readonly state: string; readonly document: ErpDocument }[]; readonly keys: ReadonlySet<string> };

async function driftOfRun(erp: ErpPort, runId: string | null, { documents, keys }: Ours): Promise<readonly Drift[]> {
  const ofRun = documents.filter((d) => d.document.runId === runId);
  const held = await erp.holdings(
    runId,
    ofRun.map((d) => d.document),
  );
  return driftOf(
    ofRun.filter((d) => d.state === 'verified').map((d) => d.document),
    keys,
    held,
  );
}
