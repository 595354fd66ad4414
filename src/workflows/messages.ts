import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';

/** A further message of the same CDR, or a decision, was stored; the workflow reads it from the database. */
export const arrivedSignal = defineSignal('arrived');
/** Exclusions, adjustments, pull-ins or decisions of a run changed; coalesced. */
export const inputsChangedSignal = defineSignal('inputsChanged');
/** Stop waiting for late CDRs (no `at`), or move the cut-off to an instant. */
export const cutOffSignal = defineSignal<[{ at?: string }]>('cutOff');
export const retrySignal = defineSignal('retry');

export type ApproveInput = { readonly approvalId: string; readonly contentHash: string; readonly group: string; readonly actor: string };
/** Accepted only in review and only for the hash that is shown; rejected with ApplicationFailure type StaleHash | WrongState. */
export const approveUpdate = defineUpdate<{ state: string }, [ApproveInput]>('approve');
export const rejectUpdate = defineUpdate<{ state: string }, [ApproveInput]>('reject');
export const pauseUpdate = defineUpdate<{ state: string }, [{ actor: string }]>('pause');
export const resumeUpdate = defineUpdate<{ state: string }, [{ actor: string }]>('resume');
export const cancelUpdate = defineUpdate<{ state: string }, [{ actor: string; reason: string }]>('cancel');
export const runStateQuery = defineQuery<{ state: string; paused: boolean; problem: string | null; contentHash: string | null }>('state');

export const taskQueue = 'wattledger';

/** Workflow names, so that no caller imports workflow code. */
export const workflowNames = {
  cdrLifecycle: 'cdrLifecycle',
  importBatch: 'importBatch',
  intakeSweep: 'intakeSweep',
  billingCycle: 'billingCycle',
  runOpener: 'runOpener',
  erpHandOver: 'erpHandOver',
} as const;
