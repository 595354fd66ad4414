import {
  continueAsNew,
  executeChild,
  getExternalWorkflowHandle,
  isCancellation,
  patched,
  proxyActivities,
  setCurrentDetails,
  startChild,
  upsertSearchAttributes,
  WorkflowIdReusePolicy,
} from '@temporalio/workflow';
import type { createIntakeActivities, RecordRef } from '../activities/intake.ts';
import { cdrLifecycle } from './cdr-lifecycle.ts';
import { arrivedSignal, type WaitingWorkflowsInput } from './messages.ts';
import { searchAttributes } from './search-attributes.ts';
import { isStarted, standing } from './stand-alone.ts';

const { unattendedPage, keepAttended } = proxyActivities<ReturnType<typeof createIntakeActivities>>({
  startToCloseTimeout: '5 minutes',
  retry: { initialInterval: '1 second', maximumInterval: '1 minute', maximumAttempts: 50 },
});

const defaultPageSize = 200;
/** Temporal allows a run 2,000 children that are open, and these stay so; and whoever has no longer cached it reads its history anew. */
const pagesPerRun = 2;

/**
 * Starts a `cdr/…` workflow for each record that waits without one, page by page as the database names them; what is started is kept there
 * page by page, so that whoever begins anew, this workflow or another, goes on with the rest. An id that runs already is not started again, but told.
 */
export async function waitingWorkflows(input: WaitingWorkflowsInput): Promise<{ readonly started: number }> {
  const { scope, pageSize = defaultPageSize } = input;
  let { started = 0 } = input;
  upsertSearchAttributes([{ key: searchAttributes.kind, value: 'waitingWorkflows' }]);
  for (let pages = 0; pages < pagesPerRun; pages += 1) {
    const records = await unattendedPage({ scope, limit: pageSize });
    if (records.length === 0) return { started };
    await Promise.all(records.map(startLifecycle));
    await keepAttended({ records: records.map(({ recordId, waitingSince }) => ({ recordId, waitingSince })) });
    started += records.length;
    setCurrentDetails(`${started} waiting records have their workflows`);
  }
  return continueAsNew<typeof waitingWorkflows>({ ...input, started });
}

/** Has the workflows of what waits started, and waits until they are; `name` is the work's own. */
export async function startWaiting(name: string, input: WaitingWorkflowsInput): Promise<void> {
  // Or another is at it.
  await isStarted(executeChild(waitingWorkflows, { workflowId: `waiting/${name}`, args: [input], workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE }));
}

/** Has the workflows of whatever waits without one started, by one workflow at a time, and does not wait for it. */
export async function startRest(input: WaitingWorkflowsInput): Promise<void> {
  await isStarted(startChild(waitingWorkflows, { workflowId: 'waiting/rest', args: [input], ...standing }));
}

async function startLifecycle(ref: RecordRef): Promise<void> {
  const isNew = await isStarted(startChild(cdrLifecycle, { workflowId: lifecycleId(ref), args: [{ sourceId: ref.sourceId, recordKey: ref.recordKey }], ...standing }));
  // One that runs already may not have heard of a decision. Histories that are older than the word have none.
  if (!isNew && patched('tellThatItWaits')) await tellOfArrival(ref);
}

/** Has a record's own workflow, where one runs, look at it again. */
export async function tellOfArrival(ref: RecordRef): Promise<void> {
  try {
    await getExternalWorkflowHandle(lifecycleId(ref)).signal(arrivedSignal);
  } catch (error) {
    // Nobody waits for it any more.
    if (isCancellation(error)) throw error;
  }
}

const lifecycleId = ({ sourceId, recordKey }: RecordRef) => `cdr/${sourceId}/${recordKey}`;
