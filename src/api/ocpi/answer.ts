import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { Refused } from '../../store/commands/refusal.ts';
import { problemOf } from '../problem.ts';
import type { OcpiEnv } from './env.ts';

/** What an OCPI request is refused with: an HTTP status for the transport, an OCPI status code for the content (2.2.1 status_codes). */
export class OcpiProblem extends Error {
  override name = 'OcpiProblem';
  readonly httpStatus: ContentfulStatusCode;
  readonly statusCode: number;
  constructor(httpStatus: ContentfulStatusCode, statusCode: number, message: string) {
    super(message);
    this.httpStatus = httpStatus;
    this.statusCode = statusCode;
  }
}

/** Content that cannot be taken: the request has reached OCPI, so HTTP itself is content with it. */
export function invalid(message: string): OcpiProblem {
  return new OcpiProblem(200, 2001, message);
}

export function notThere(what: string): OcpiProblem {
  return new OcpiProblem(404, 2000, what);
}

/** Any error in OCPI's terms; what nobody foresaw is told without its inner words. */
export function ocpiProblemOf(error: Error): OcpiProblem {
  if (error instanceof OcpiProblem) return error;
  if (error instanceof Refused) return error.refusal.reason === 'notFound' ? notThere(error.message) : invalid(error.message);
  if (error instanceof HTTPException) return new OcpiProblem(error.status as ContentfulStatusCode, 2000, error.message);
  const problem = problemOf(error);
  return problem.status < 500 ? new OcpiProblem(problem.status, 2000, problem.message) : new OcpiProblem(problem.status, 3000, problem.message);
}

/** The response format of transport_and_format; `data` as a value, or as JSON that stands already. */
export function answer(c: Context<OcpiEnv>, data: unknown, httpStatus: ContentfulStatusCode = 200): Response {
  const json = Buffer.isBuffer(data) ? data.toString('utf8') : data === undefined ? undefined : JSON.stringify(data);
  return c.body(`{${json === undefined ? '' : `"data":${json},`}"status_code":1000,"status_message":"Success","timestamp":"${new Date().toISOString()}"}`, httpStatus, jsonType);
}

export function refuse(c: Context<OcpiEnv>, { httpStatus, statusCode, message }: OcpiProblem): Response {
  if (httpStatus === 401) c.header('www-authenticate', 'Token');
  return c.body(JSON.stringify({ status_code: statusCode, status_message: message, timestamp: new Date().toISOString() }), httpStatus, jsonType);
}

const jsonType = { 'content-type': 'application/json' };
