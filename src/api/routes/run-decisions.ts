import { createHash, randomUUID } from 'node:crypto';
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { signCarry } from '../../store/commands/steer-run.ts';
import { allow, may } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { body, idempotencyHeader, json, number, problems, reason, runId } from '../schemas.ts';
import { byOf, type RunDeps, runTags, startOf } from './run-context.ts';

/** What finance signs. */
export function runDecisionRoutes(app: OpenAPIHono<ApiEnv>, { store, orders }: RunDeps): void {
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/runs/{runId}/approval',
      tags: runTags,
      summary: 'Approve or reject exactly the content of a hash',
      description: 'By somebody who authored nothing that takes effect in the run. 409 `staleHash` carries the present hash.',
      middleware: allow(...may.approve),
      request: {
        params: runId,
        headers: idempotencyHeader,
        body: body(
          z.object({
            contentHash: z.string().regex(/^[0-9a-f]{64}$/, 'the 64 hex digits the run shows'),
            group: z.literal('all').optional(),
            decision: z.enum(['approve', 'reject']),
            comment: reason,
          }),
        ),
      },
      responses: { 200: json(z.object({ approvalId: z.string() }), 'Stored.'), ...problems },
    }),
    async (c) => {
      const found = await startOf(store, c.req.valid('param').runId);
      const { contentHash, decision, comment } = c.req.valid('json');
      const by = byOf(c);
      const key = c.req.valid('header')['idempotency-key'];
      const tail =
        key === undefined
          ? randomUUID().replaceAll('-', '')
          : createHash('sha256')
              .update(JSON.stringify([found.runId, by.actor, key]))
              .digest('hex');
      const approvalId = `apr_${tail.slice(0, 20)}`;
      await orders.decide(found.workflowId, { approvalId, decision, contentHash, comment, ...by });
      return c.json({ approvalId }, 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/runs/{runId}/carry-decisions',
      tags: runTags,
      summary: 'Sign that what waits or is missing stays unbilled for now',
      description: 'A run closes only when each quarantined or parked record of its months is decided, each missing CDR resolved, or both are signed here.',
      middleware: allow(...may.approve),
      request: {
        params: runId,
        headers: idempotencyHeader,
        body: body(z.object({ recordIds: z.array(number).min(1).max(10_000).optional().openapi({ description: 'All that wait, without it and `expectations`.' }), expectations: z.array(z.string().min(3).max(300)).min(1).max(10_000).optional().openapi({ description: '`{sourceId}/{key}` of CDRs that are missing.' }), reason })),
      },
      responses: { 200: json(z.object({ signed: z.int() }), 'How many were signed.'), ...problems },
    }),
    async (c) => {
      const found = await startOf(store, c.req.valid('param').runId);
      const { recordIds, expectations, reason: why } = c.req.valid('json');
      const result = await store.tx((db) => signCarry(db, { runId: found.runId, recordIds, expectations, reason: why, by: byOf(c) }));
      await orders.inputsChanged(found.workflowId);
      return c.json(result, 200);
    },
  );
}
