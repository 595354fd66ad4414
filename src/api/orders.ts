import { type Client, WorkflowFailedError, WorkflowNotFoundError, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError } from '@temporalio/client';
import { ApplicationFailure, type UpdateDefinition } from '@temporalio/common';
import type { Logger } from 'pino';
import type { SourceConnection } from '../contracts/source-connection.ts';
import {
  arrivedSignal,
  type BillingCycleInput,
  type CountInput,
  cancelUpdate,
  cutOffSignal,
  type Decided,
  type DecisionOrder,
  decideUpdate,
  type GroupOrder,
  inputsChangedSignal,
  type Order,
  pauseUpdate,
  type RetentionInput,
  type RetryWaitingInput,
  releaseUpdate,
  reopenUpdate,
  resumeUpdate,
  retrySignal,
  type SweepInput,
  workflowNames,
} from '../workflows/messages.ts';
import { createDispatcher } from './dispatcher.ts';
import { Problem } from './problem.ts';
import { putSourceSchedules } from './source-schedules.ts';

type Ref = { readonly sourceId: string; readonly recordKey: string };

const cdrWorkflowId = (ref: Ref) => `cdr/${ref.sourceId}/${ref.recordKey}`;

/** How long a workflow's answer to an order is waited for. */
const answerWithinMs = 30_000;

/** What the API asks of the workflows, after its own transaction has committed. */
export type Orders = ReturnType<typeof createOrders>;

export function createOrders(client: Client, taskQueue: string, log: Logger, withinMs = answerWithinMs) {
  const startCdr = (ref: Ref) => client.workflow.signalWithStart(workflowNames.cdrLifecycle, { taskQueue, workflowId: cdrWorkflowId(ref), args: [ref], signal: arrivedSignal });
  /** Sends an order, under an id of its own: what is sent again under it is answered as it was, and does nothing. */
  const updated = <T, Args extends [unknown]>(workflowId: string, update: UpdateDefinition<T, Args>, args: Args, updateId: string): Promise<T> =>
    answered(
      workflowId,
      client.withDeadline(Date.now() + withinMs, () => client.workflow.getHandle(workflowId).executeUpdate(update, { args, updateId })),
      withinMs,
    );
  const inCycle = { taskQueue } as const;
  const startOf = (run: BillingCycleInput & { readonly workflowId: string }) => ({
    ...inCycle,
    workflowId: run.workflowId,
    args: [{ runId: run.runId, period: run.period, cutOffAtMs: run.cutOffAtMs, ...(run.kind === 'dry' ? { kind: run.kind } : {}) }] as [BillingCycleInput],
  });

  return {
    ...createDispatcher({
      workflowIdOf: (sourceId, { recordKey }) => cdrWorkflowId({ sourceId, recordKey }),
      async startOne(sourceId, { recordKey }) {
        await startCdr({ sourceId, recordKey });
      },
      async startPage(sourceId, rawIds) {
        await client.workflow.start(workflowNames.importBatch, { taskQueue, workflowId: `import/${sourceId}/auto-${rawIds[0]}`, args: [{ sourceId, rawIds }] });
      },
      onMissed: (error, sourceId, arrivals) => log.warn({ error: error.message, sourceId, arrivals }, 'no workflow could be started; the sweep will take these arrivals'),
    }),

    /** Wakes the workflows of records a decision was made on. */
    async decided(refs: readonly Ref[]): Promise<void> {
      for (let from = 0; from < refs.length; from += 50) await Promise.all(refs.slice(from, from + 50).map(startCdr));
    },

    /** Tries again what waits for a piece of set-up; one that is at it tries all once more. */
    async setupAdded(input: RetryWaitingInput): Promise<string> {
      const workflowId = `retry/${input.sourceId}/${input.code}/${input.key}`;
      await client.workflow.signalWithStart(workflowNames.retryWaiting, { taskQueue, workflowId, args: [input], signal: retrySignal });
      return workflowId;
    },

    async startBatch(sourceId: string, batchId: string): Promise<string> {
      const workflowId = `import/${sourceId}/${batchId}`;
      await client.workflow.start(workflowNames.importBatch, { taskQueue, workflowId, workflowIdConflictPolicy: 'USE_EXISTING', args: [{ sourceId, batchId }] });
      return workflowId;
    },

    /** Looks at a source now; answers the look that is under way, if one is. */
    async sweep(input: SweepInput): Promise<string> {
      const workflowId = `sweep/${input.sourceId}`;
      await client.workflow.start(workflowNames.sourceSweep, { taskQueue, workflowId, workflowIdConflictPolicy: 'USE_EXISTING', args: [input] });
      return workflowId;
    },

    /** Asks an OCPI peer now how many CDRs it has of each day; answers the look that is under way, if one is. */
    async count(input: CountInput): Promise<string> {
      const workflowId = `count/${input.sourceId}`;
      await client.workflow.start(workflowNames.peerCounts, { taskQueue, workflowId, workflowIdConflictPolicy: 'USE_EXISTING', args: [input] });
      return workflowId;
    },

    scheduleLooks(sourceId: string, connection: SourceConnection): Promise<void> {
      return putSourceSchedules(client, taskQueue, sourceId, connection);
    },

    /** Carries out an order to credit and rebill; again, when it was not to its end. */
    async rebill(orderId: string): Promise<void> {
      await client.workflow.start(workflowNames.creditAndRebill, { taskQueue, workflowId: `rebill/${orderId}`, workflowIdConflictPolicy: 'USE_EXISTING', args: [{ orderId }] });
    },

    /** Pushes what waits for an OCPI peer, at once where that waited after a failure. */
    async retryPush(peerId: string): Promise<string> {
      const workflowId = `ocpi/${peerId}`;
      await client.workflow.signalWithStart(workflowNames.ocpiPush, { taskQueue, workflowId, args: [{ peerId }], signal: retrySignal });
      return workflowId;
    },

    async startRetention(workflowId: string, input: RetentionInput): Promise<void> {
      await client.workflow.start(workflowNames.retentionKeeper, { taskQueue, workflowId, workflowIdConflictPolicy: 'USE_EXISTING', args: [input] });
    },

    async startRun(run: BillingCycleInput & { readonly workflowId: string }): Promise<void> {
      await client.workflow.start(workflowNames.billingCycle, { ...startOf(run), workflowIdConflictPolicy: 'USE_EXISTING' });
    },
    async cutOff(workflowId: string, at: Date | undefined): Promise<void> {
      await known(workflowId, client.workflow.getHandle(workflowId).signal(cutOffSignal, at === undefined ? {} : { at: at.toISOString() }));
    },
    /** A run that does not run yet meets the change when it starts. */
    async inputsChanged(workflowId: string): Promise<void> {
      await client.workflow
        .getHandle(workflowId)
        .signal(inputsChangedSignal)
        .catch((error: unknown) => (error instanceof WorkflowNotFoundError ? undefined : Promise.reject(error)));
    },
    /** Starts the run's workflow when it never began. */
    async retry(run: BillingCycleInput & { readonly workflowId: string }): Promise<void> {
      await client.workflow.signalWithStart(workflowNames.billingCycle, { ...startOf(run), signal: retrySignal });
    },
    /** Has the writer of an ERP connection look at its outbox again, also when it waits for something to be mended. */
    async wakeErp(connectionId: string): Promise<void> {
      await client.workflow.signalWithStart(workflowNames.erpHandOver, { taskQueue, workflowId: `erp/${connectionId}`, args: [{ connectionId, idleMs: 60_000 }], signal: retrySignal });
    },
    /** Looks at what an ERP holds now. Answers the workflow. */
    async compareErp(connectionId: string): Promise<string> {
      const workflowId = `erp-compare/${connectionId}`;
      await client.workflow.start(workflowNames.erpCompare, { taskQueue, workflowId, workflowIdConflictPolicy: 'USE_EXISTING', args: [{ connectionId }] });
      return workflowId;
    },
    decide: (workflowId: string, order: DecisionOrder): Promise<Decided> => updated(workflowId, decideUpdate, [order], order.approvalId),
    release: (workflowId: string, order: GroupOrder, orderId: string): Promise<{ readonly groups: readonly string[] }> => updated(workflowId, releaseUpdate, [order], orderId),
    reopen: (workflowId: string, order: GroupOrder, orderId: string): Promise<{ readonly groups: readonly string[] }> => updated(workflowId, reopenUpdate, [order], orderId),
    pause: (workflowId: string, order: Order, orderId: string): Promise<void> => updated(workflowId, pauseUpdate, [order], orderId),
    resume: (workflowId: string, order: Order, orderId: string): Promise<void> => updated(workflowId, resumeUpdate, [order], orderId),
    cancel: (workflowId: string, order: Order, orderId: string): Promise<void> => updated(workflowId, cancelUpdate, [order], orderId),
    /** Throws when Temporal does not answer. */
    async ready(): Promise<void> {
      await client.connection.withDeadline(Date.now() + 2000, () => client.workflowService.getSystemInfo({}));
    },
  };
}

/** A message to a workflow that is over, or never began, is a conflict of states. */
async function known<T>(workflowId: string, sending: Promise<T>): Promise<T> {
  try {
    return await sending;
  } catch (error) {
    throw error instanceof WorkflowNotFoundError ? notRunning(workflowId) : error;
  }
}

/** The answer of a workflow to an order; without one in time a problem, since nobody works or what works is behind. */
async function answered<T>(workflowId: string, answering: Promise<T>, withinMs: number): Promise<T> {
  try {
    return await known(workflowId, answering);
  } catch (error) {
    if (error instanceof WorkflowFailedError) throw notRunning(workflowId);
    if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) throw notAnswered(withinMs);
    if (!(error instanceof WorkflowUpdateFailedError)) throw error;
    const cause = error.cause;
    if (!(cause instanceof ApplicationFailure)) throw new Problem(409, 'failed', cause?.message ?? error.message);
    const detail = cause.details?.[0] as { current?: string } | undefined;
    if (cause.type === 'ownWork') throw new Problem(403, 'ownWork', `${cause.message}.`);
    if (cause.type === 'staleHash')
      throw new Problem(409, 'staleHash', 'The content has changed since it was looked at: review it again and approve the present hash.', { currentContentHash: detail?.current ?? '' });
    if (cause.type === 'blockingFindings' || cause.type === 'unsoundContent' || cause.type === 'wrongState') throw new Problem(409, cause.type, `${cause.message}.`);
    throw new Problem(409, 'refused', cause.message);
  }
}

function notRunning(workflowId: string): Problem {
  return new Problem(409, 'notRunning', `Workflow ${workflowId} does not run: the run is over, or POST …/retry starts it.`);
}

function notAnswered(withinMs: number): Problem {
  return new Problem(
    503,
    'notAnswered',
    `The order was not answered within ${withinMs / 1000} seconds: no worker runs, or it is behind. It may still take hold once one does. Look at the run, see that a worker runs, and send the same again if it did not.`,
  );
}
