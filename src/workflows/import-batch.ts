import { continueAsNew, proxyActivities, setCurrentDetails, setHandler, upsertSearchAttributes } from '@temporalio/workflow';
import type { createIntakeActivities } from '../activities/intake.ts';
import { type ImportInput, type ImportTotals, type RetryWaitingInput, retrySignal } from './messages.ts';
import { searchAttributes } from './search-attributes.ts';
import { startRest, startWaiting, tellOfArrival } from './waiting-workflows.ts';

const { processBatch, processMessages, retrySetup, sweepPending } = proxyActivities<ReturnType<typeof createIntakeActivities>>({
  startToCloseTimeout: '2 hours',
  heartbeatTimeout: '12 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '1 minute', maximumAttempts: 50 },
});

/** Works off a stored batch, or a page of arrivals, set-wise; each record that must wait goes on in its own `cdr/…` workflow. */
export async function importBatch(input: ImportInput): Promise<ImportTotals> {
  show('import', input.sourceId, 'batchId' in input ? `Importing batch \`${input.batchId}\`` : `Processing ${input.rawIds.length} arrivals`);
  const { unattended, ...totals } = 'batchId' in input ? await processBatch({ batchId: input.batchId }) : await processMessages({ rawIds: input.rawIds });
  const scope = 'batchId' in input ? { batchId: input.batchId } : { rawIds: input.rawIds };
  const name = 'batchId' in input ? `batch/${input.batchId}` : `arrivals/${input.rawIds[0]}`;
  if (unattended) await startWaiting(name, { scope, ...(input.pageSize === undefined ? {} : { pageSize: input.pageSize }) });
  setCurrentDetails(describe(totals));
  return totals;
}

/** Finds stored messages whose workflow never started and finishes them, and has the workflows of records started or told that wait without one, or with a decision it has not looked at. Runs on a Schedule. */
export async function intakeSweep(input: { readonly olderThanMs: number }): Promise<ImportTotals> {
  const { unattended, ...totals } = await sweepPending(input);
  if (unattended) await startRest({ scope: input });
  setCurrentDetails(describe(totals));
  return totals;
}

/** A record costs its history two events. */
const defaultPageSize = 500;
const pagesPerRun = 4;

/**
 * A piece of set-up was added: tries again what waited for it, page by page, and lets the records' own workflows know. Told of more meanwhile, it
 * tries all of them once more after the last page: those it had come to were tried without that.
 */
export async function retryWaiting(input: RetryWaitingInput): Promise<{ readonly tried: number; readonly released: number }> {
  const { sourceId, code, key, pageSize = defaultPageSize } = input;
  let { after, tried, released, again = false } = input.done ?? { tried: 0, released: 0 };
  setHandler(retrySignal, () => {
    again = true;
  });
  // It has tried none yet.
  if (after === undefined) again = false;
  show('retryWaiting', sourceId, `Trying again what waits for ${code} ${key}`);
  for (let pages = 0; pages < pagesPerRun; pages += 1) {
    const page = await retrySetup({ sourceId, code, key, after, limit: pageSize });
    await Promise.all(page.released.map(tellOfArrival));
    [tried, released] = [tried + page.tried, released + page.released.length];
    setCurrentDetails(`${released} of ${tried} released`);
    if (page.next === undefined && !again) return { tried, released };
    if (page.next === undefined) return continueAsNew<typeof retryWaiting>({ ...input, done: { tried, released } });
    after = page.next;
  }
  return continueAsNew<typeof retryWaiting>({ ...input, done: { after: after ?? '0', again, tried, released } });
}

function show(kind: string, partner: string, details: string): void {
  upsertSearchAttributes([
    { key: searchAttributes.kind, value: kind },
    { key: searchAttributes.partner, value: partner },
  ]);
  setCurrentDetails(details);
}

function describe(totals: ImportTotals): string {
  return `${totals.processed} processed: ${totals.accepted} booked, ${totals.duplicates} repeats, ${totals.conflicts} conflicts, ${totals.waiting} waiting`;
}
