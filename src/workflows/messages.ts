import { defineQuery, defineSignal } from '@temporalio/workflow';

/** A further message of the same CDR, or a decision, was stored; the workflow reads it from the database. */
export const arrivedSignal = defineSignal('arrived');
/** Exclusions, adjustments, pull-ins or decisions of a run changed; coalesced. */
export const inputsChangedSignal = defineSignal('inputsChanged');
/** Stop waiting for late CDRs (no `at`), or move the cut-off to an instant. */
export const cutOffSignal = defineSignal<[{ at?: string }]>('cutOff');
export const retrySignal = defineSignal('retry');

/** The approval is stored; the workflow goes on. Whether it may is decided in the transaction that stores it. */
export const approvedSignal = defineSignal('approved');
export const runStateQuery = defineQuery<{ state: string; paused: boolean; problem: string | null; contentHash: string | null }>('state');

export const taskQueue = 'wattledger';

/** Workflow names, so that no caller imports workflow code. */
export const workflowNames = {
  cdrLifecycle: 'cdrLifecycle',
  importBatch: 'importBatch',
  intakeSweep: 'intakeSweep',
  billingCycle: 'billingCycle',
} as const;
