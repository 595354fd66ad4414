import type { MiddlewareHandler } from 'hono';
import type { Db } from '../store/db.ts';
import { callerOf, type Role } from '../store/reads/api-keys.ts';
import { briefly } from './briefly.ts';
import type { ApiEnv } from './env.ts';
import { Problem } from './problem.ts';

/** Everyone who may look; partners see their own source only. */
export const readers: readonly Role[] = ['finance-preparer', 'finance-approver', 'ops', 'auditor', 'admin'];

/** Who may do what in a run and with records: routes enforce it, and the console offers nobody what would be refused. */
export const may = {
  plan: ['finance-preparer', 'admin'],
  shape: ['finance-preparer', 'admin'],
  approve: ['finance-approver'],
  endExclusions: ['finance-preparer', 'admin', 'finance-approver'],
  setRules: ['finance-approver', 'admin'],
  fetchPayments: ['finance-approver', 'admin'],
  statePayments: ['finance-preparer', 'finance-approver', 'admin'],
  signFindings: ['finance-preparer', 'finance-approver'],
  signAdjustments: ['finance-preparer', 'finance-approver', 'admin'],
  steer: ['ops', 'admin'],
  retryPostings: ['ops', 'finance-preparer', 'admin'],
  skipPostings: ['finance-approver'],
  retryRecords: ['ops', 'finance-preparer', 'admin'],
  connect: ['ops', 'admin'],
  decideRecords: ['finance-preparer', 'finance-approver', 'ops', 'admin'],
} as const satisfies Readonly<Record<string, readonly Role[]>>;

/** Finds out who calls, by the bearer token. 401 without one that is known. */
export function authenticate(db: Db): MiddlewareHandler<ApiEnv> {
  const holderOf = briefly((token: string) => callerOf(db, token));
  return async (c, next) => {
    const token = /^Bearer (\S+)$/i.exec(c.req.header('authorization') ?? '')?.[1];
    const caller = token === undefined ? undefined : await holderOf(token);
    if (caller === undefined) {
      c.header('www-authenticate', 'Bearer');
      throw new Problem(401, 'notSignedIn', 'Send an API key that is in force: Authorization: Bearer <token>.');
    }
    c.set('caller', caller);
    await next();
  };
}

/** Lets through who has one of the roles; a partner, where allowed, only for its own source (path parameter `sourceId`). A repeat under its Idempotency-Key has its answer here. */
export function allow(...roles: readonly Role[]): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const caller = c.get('caller');
    if (!caller.roles.some((role) => roles.includes(role))) throw new Problem(403, 'forbidden', `This needs one of the roles ${roles.join(', ')}; yours: ${caller.roles.join(', ')}.`);
    // A key without a source of its own would be for every one.
    if (caller.sourceId === null && !caller.roles.some((role) => role !== 'partner' && roles.includes(role)))
      throw new Problem(403, 'forbidden', 'This partner’s key names no source: ask for one that does.');
    const sourceId = c.req.param('sourceId');
    if (caller.sourceId !== null && sourceId !== undefined && sourceId !== caller.sourceId) throw new Problem(403, 'forbidden', `This key is for source ${caller.sourceId} only.`);
    const kept = c.get('keptAnswer');
    return kept === undefined ? next() : kept();
  };
}
