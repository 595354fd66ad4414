import { ApplicationFailure } from '@temporalio/activity';
import { ErpOutcomeUnknown, ErpUnavailable } from '../adapters/erp/port.ts';

/** What the worker is told of a failed hand-over: its kind, and when to come back if the ERP named a time. All of these are tried again. */
export function asFailure(error: unknown): Error {
  if (error instanceof ErpUnavailable) {
    const delay = error.retryAfterMs === undefined ? {} : { nextRetryDelay: error.retryAfterMs };
    return ApplicationFailure.create({ type: error.name, message: error.message, cause: error, ...delay });
  }
  if (error instanceof ErpOutcomeUnknown) return ApplicationFailure.create({ type: error.name, message: error.message, cause: error });
  return error instanceof Error ? error : new Error(String(error));
}

/** Another worker writes to this ERP connection now; there is one writer at a time. */
export function otherWriter(connectionId: string): ApplicationFailure {
  return ApplicationFailure.create({ type: 'ErpOtherWriter', message: `another hand-over is writing to ${connectionId}` });
}
