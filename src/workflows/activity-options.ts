import type { ActivityOptions } from '@temporalio/workflow';

/** Calls of an ERP: waits from a second to five minutes between tries, about twenty minutes in all; then it is for people to look. */
export const erpActivityOptions: ActivityOptions = {
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '12 seconds',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '5 minutes', maximumAttempts: 12 },
};

/** Calls of an OCPI peer: about a quarter of an hour in all, then it is said what waits. */
export const ocpiActivityOptions: ActivityOptions = {
  startToCloseTimeout: '1 hour',
  heartbeatTimeout: '2 minutes',
  retry: { initialInterval: '2 seconds', backoffCoefficient: 2, maximumInterval: '5 minutes', maximumAttempts: 10 },
};
