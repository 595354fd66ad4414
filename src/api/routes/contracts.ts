import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { agreementSchema } from '../../contracts/agreement.ts';
import { proposeContract } from '../../store/commands/propose-contract.ts';
import { putContract } from '../../store/commands/put-contract.ts';
import type { Store } from '../../store/db.ts';
import { sourcesNear } from '../../store/reads/set-up-sources.ts';
import { allow } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import type { Orders } from '../orders.ts';
import { issueBody, Problem } from '../problem.ts';
import { body, idempotencyHeader, instant, issue, json, problems, reason } from '../schemas.ts';
import { byOf } from './run-context.ts';
import { pathId, refusedProblem, setUpWriters } from './set-up-entries.ts';
import { retryNear, waitsForContract } from './set-up-retry.ts';

const tags = ['Contracts'];
const contractKind = z.enum(['supply', 'roamingSale', 'roamingPurchase', 'revenueShare', 'homeCharging']);

/** What is agreed with an account: contracts, and versions of what they say. */
export function contractRoutes(app: OpenAPIHono<ApiEnv>, { store, orders }: { readonly store: Store; readonly orders: Orders }): void {
  app.openapi(
    createRoute({
      method: 'put',
      path: '/v1/contracts/{id}',
      tags,
      summary: 'Open a contract with an account',
      description: 'One of each kind an account. It says nothing before a version is published.',
      middleware: allow(...setUpWriters),
      request: { params: pathId, headers: idempotencyHeader, body: body(z.strictObject({ accountId: z.string().min(1), kind: contractKind, reason })) },
      responses: { 200: json(z.object({ id: z.string(), outcome: z.enum(['created', 'changed', 'unchanged']) }), 'As it now stands.'), ...problems },
    }),
    async (c) => c.json(await store.tx((db) => putContract(db, { id: c.req.valid('param').id, ...c.req.valid('json') }, byOf(c))), 200),
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/contracts/{id}/proposals',
      tags,
      summary: 'Propose a version of a contract',
      description:
        'Checked and linted before anything is booked by it; what blocks refuses it. Shares wait for a second person (POST /v1/set-up/proposals/{id}/decision); other kinds are published at once and are write-once from then on. Records that waited for a contract are tried again.',
      middleware: allow(...setUpWriters),
      request: {
        params: pathId,
        headers: idempotencyHeader,
        body: body(z.strictObject({ validFrom: instant, agreement: z.record(z.string(), z.any()).openapi({ description: 'An agreement of the contract’s kind; amounts exclude VAT.' }), reason })),
      },
      responses: {
        201: json(
          z.object({ outcome: z.enum(['proposed', 'published', 'unchanged']), proposalId: z.string().nullable(), version: z.int().nullable(), findings: z.array(issue) }),
          'Proposed or published, with what is to be looked at.',
        ),
        ...problems,
      },
    }),
    async (c) => {
      const { validFrom, agreement, reason: why } = c.req.valid('json');
      const { id } = c.req.valid('param');
      const parsed = agreementSchema.safeParse(agreement);
      if (!parsed.success) {
        const errors = parsed.error.issues.map((i) => ({ path: ['agreement', ...i.path].join('.'), message: i.message }));
        throw new Problem(422, 'invalid', errors.map((e) => `${e.path}: ${e.message}`).join('; '), { errors });
      }
      const { outcome, proposalId, version, findings } = await store.tx((db) => proposeContract(db, { contractId: id, validFrom: new Date(validFrom), agreement: parsed.data, reason: why }, byOf(c)));
      if (outcome === 'refused') throw refusedProblem(findings);
      if (outcome === 'published') await retryNear(orders, await sourcesNear(store.pool, { contractId: id }), waitsForContract[parsed.data.kind]);
      return c.json({ outcome, proposalId, version, findings: findings.map(issueBody) as z.infer<typeof issue>[] }, 201);
    },
  );
}
