import type { ActivityOptions } from '@temporalio/workflow';

/** Calls of an ERP: waits from a second to five minutes between tries, about twenty minutes in all; then it is for people to look. */
export const erpActivityOptions: ActivityOptions = {
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '12 seconds',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '5 minutes', maximumAttempts: 12 },
};
