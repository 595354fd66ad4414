import { continueAsNew, executeChild, proxyActivities, setCurrentDetails, startChild, upsertSearchAttributes, WorkflowIdReusePolicy } from '@temporalio/workflow';
import type { createIntakeActivities, RecordRef } from '../activities/intake.ts';
import { cdrLifecycle } from './cdr-lifecycle.ts';
import type { WaitingWorkflowsInput } from './messages.ts';
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
 * page by page, so that whoever begins anew, this workflow or another, goes on with the rest. An id that runs already is not started again.
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

async function startLifecycle({ sourceId, recordKey }: RecordRef): Promise<void> {
  // One that runs already will meet the message in the database.
  await isStarted(startChild(cdrLifecycle, { workflowId: `cdr/${sourceId}/${recordKey}`, args: [{ sourceId, recordKey }], ...standing }));
}
