import { ApplicationFailure } from '@temporalio/activity';
import { ErpOutcomeUnknown, ErpUnavailable } from '../adapters/erp/port.ts';

/** What the worker is told of a failed hand-over: its kind, and when to come back if the ERP named a time; not what it said, which histories would keep. All of these are tried again. */
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

/** Why a hand-over failed, with what the ERP said of it: for what is kept with the postings it was said of, never for Temporal. */
export function wordsOf(error: Error): string {
  const said = error instanceof ErpUnavailable || error instanceof ErpOutcomeUnknown ? error.said : undefined;
  return said === undefined ? error.message : `${error.message}: ${said}`;
}
