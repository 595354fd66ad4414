import { ApplicationFailure } from '@temporalio/activity';
import { SourceRefused, SourceUnavailable } from '../adapters/sources/pull/port.ts';

/** What a workflow is told of a source that failed: when to ask again, or that it is of no use. */
export function pullFailure(error: unknown): Error {
  if (error instanceof SourceUnavailable) {
    const delay = error.retryAfterMs === undefined ? {} : { nextRetryDelay: error.retryAfterMs };
    return ApplicationFailure.create({ type: error.name, message: error.message, cause: error, ...delay });
  }
  if (error instanceof SourceRefused) return ApplicationFailure.nonRetryable(error.message, error.name);
  return error instanceof Error ? error : new Error(String(error));
}
