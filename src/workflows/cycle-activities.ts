import { proxyActivities } from '@temporalio/workflow';
import type { createCycleActivities } from '../activities/cycle.ts';

export type CycleActivities = ReturnType<typeof createCycleActivities>;

/** The steps of a run. */
export const cycleActivities = proxyActivities<CycleActivities>({
  startToCloseTimeout: '1 hour',
  heartbeatTimeout: '12 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '5 minutes', maximumAttempts: 8, nonRetryableErrorTypes: ['RangeError'] },
});

/** Behind updates: somebody waits for the answer. */
export const cycleAnswers = proxyActivities<CycleActivities>({
  startToCloseTimeout: '5 minutes',
  heartbeatTimeout: '12 seconds',
  retry: { initialInterval: '500 milliseconds', maximumInterval: '5 seconds', maximumAttempts: 5, nonRetryableErrorTypes: ['RangeError'] },
});

/** What a run can do without: it is tried again with the next look, and nobody waits for it. */
export const cycleAsides = proxyActivities<CycleActivities>({
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '12 seconds',
  retry: { maximumAttempts: 1 },
});
