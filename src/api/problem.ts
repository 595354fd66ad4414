import { isGrpcServiceError } from '@temporalio/client';
import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Issue, Severity } from '../core/issues.ts';
import { describeIssue } from '../core/issues.ts';
import { type Refusal, Refused } from '../store/commands/refusal.ts';
import { PageRefused } from '../store/reads/page.ts';
import type { ApiEnv } from './env.ts';

/** RFC 9457 problem details, thrown by a route; `code` is stable, `detail` names the remedy. */
export class Problem extends Error {
  override name = 'Problem';
  readonly status: ContentfulStatusCode;
  readonly code: string;
  readonly more: Readonly<Record<string, unknown>>;
  constructor(status: ContentfulStatusCode, code: string, detail: string, more: Readonly<Record<string, unknown>> = {}) {
    super(detail);
    this.status = status;
    this.code = code;
    this.more = more;
  }
}

const refusalStatus = { notFound: 404, wrongState: 409, invalid: 422, forbidden: 403 } as const satisfies Record<Refusal['reason'], ContentfulStatusCode>;
const titles: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Not signed in',
  403: 'Not allowed',
  404: 'Not found',
  409: 'Conflict',
  413: 'Too large',
  415: 'Unsupported media type',
  422: 'Invalid input',
  500: 'Internal error',
  502: 'The other side failed',
  503: 'Not available',
};
const lockTimedOut = '55P03';
/** SQLSTATE of a value that no column holds: a NUL or half a surrogate pair in a text, a time beyond all calendars, what is no number. */
const unkeepable = new Set(['22007', '22008', '22009', '22021', '22P02', '22P05']);
/** Of the network, of PostgreSQL (it stops, starts, or cuts a connection) and of Prisma. */
const databaseAway = new Set(
  'ECONNREFUSED ECONNRESET EPIPE ETIMEDOUT EHOSTUNREACH ENETUNREACH ENOTFOUND EAI_AGAIN 57P01 57P02 57P03 08000 08001 08003 08004 08006 53300 P1001 P1002 P1008 P1017'.split(' '),
);
/** The driver's words, which come without a code, for a connection that was cut under a query, and for one that nobody answered. */
const connectionCut = /^(Connection terminated|Client has encountered a connection error|timeout expired$)/;
/** gRPC: the deadline has passed, too much at once, away. */
const temporalAway = new Set([4, 8, 14]);
const comeBackAfterSeconds = '5';

/** An issue as the API shows it. */
export function issueBody(found: Issue): { code: string; severity: Severity; subject: string; text: string } {
  return { code: found.code, severity: found.severity, subject: found.subject, text: describeIssue(found) };
}

/** Any error as a problem. What nobody foresaw is logged by the caller and told without its inner words. */
export function problemOf(error: Error): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof Refused) return new Problem(refusalStatus[error.refusal.reason], error.refusal.reason, error.refusal.what);
  if (error instanceof PageRefused) return new Problem(422, 'invalid', `${error.message}.`);
  if (error instanceof HTTPException)
    return error.status === 415
      ? new Problem(415, 'unsupportedMediaType', 'Send the body as JSON, with Content-Type: application/json.')
      : new Problem(error.status as ContentfulStatusCode, 'badRequest', `${error.message}: send one JSON object; /docs shows what this route takes.`);
  if ((error as Error & { code?: string }).code === lockTimedOut)
    return new Problem(503, 'busy', 'Other work holds what this needs, such as a run that closes its set or is built; try again shortly.');
  if (unkeepable.has(sqlStateOf(error)))
    return new Problem(422, 'invalid', 'The request holds a value that cannot be kept or looked for: leave out NUL characters and halves of surrogate pairs, and name times that calendars know.');
  if (databaseAway.has(sqlStateOf(error)) || databaseAway.has((error as Error & { code?: string }).code ?? '') || connectionCut.test(error.message))
    return new Problem(503, 'databaseAway', 'The database cannot be reached; try again shortly.');
  const grpc = isGrpcServiceError(error) ? error : error.cause;
  if (isGrpcServiceError(grpc) && temporalAway.has(grpc.code))
    return new Problem(503, 'temporalAway', 'Temporal cannot be reached: what was ordered may be kept already, but its work was not begun. Send the same again shortly.');
  return new Problem(500, 'internal', 'Something went wrong on our side; nothing half done was kept. Try again, and name the request id if it stays.');
}

/** What PostgreSQL called it, through Prisma too; empty for an error that is not of it. */
function sqlStateOf(error: Error & { code?: string; meta?: { driverAdapterError?: { cause?: { originalCode?: string } } } }): string {
  return error.meta?.driverAdapterError?.cause?.originalCode ?? error.code ?? '';
}

/** Writes a problem as application/problem+json, and when to come again where it passes by itself. */
export function answerProblem(c: Context<ApiEnv>, problem: Problem): Response {
  if (problem.status === 503 && !c.res.headers.has('retry-after')) c.header('retry-after', comeBackAfterSeconds);
  const body = { type: 'about:blank', title: titles[problem.status] ?? 'Error', status: problem.status, code: problem.code, detail: problem.message, ...problem.more, requestId: c.get('requestId') };
  return c.body(JSON.stringify(body), problem.status, { 'content-type': 'application/problem+json' });
}
