import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { newId } from '../../store/commands/new-id.ts';
import { moveCutOff, retryRun } from '../../store/commands/steer-run.ts';
import { allow, may } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { body, done, idempotencyHeader, instant, json, problems, reason, runId, whyBody } from '../schemas.ts';
import { byOf, type RunDeps, runTags, startOf } from './run-context.ts';

/** Ops: move the cut-off, hold, go on, cancel, retry. */
export function runSteeringRoutes(app: OpenAPIHono<ApiEnv>, { store, orders }: RunDeps): void {
  const middleware = allow(...may.steer);
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/runs/{runId}/cut-off',
      tags: runTags,
      summary: 'Stop waiting for late CDRs, or move the cut-off',
      middleware,
      // What is left out means now: a field of another name, such as the answer's, is not taken for that.
      request: { params: runId, headers: idempotencyHeader, body: body(z.strictObject({ at: instant.optional().openapi({ description: 'Now, without it.' }), reason: reason.optional() })) },
      responses: { 200: json(z.object({ cutOffAt: z.string() }), 'The new cut-off.'), ...problems },
    }),
    async (c) => {
      const found = await startOf(store, c.req.valid('param').runId);
      const { at, reason: why } = c.req.valid('json');
      const { cutOffAt } = await store.tx((db) => moveCutOff(db, found.runId, at === undefined ? undefined : new Date(at), { ...byOf(c), reason: why }));
      await orders.cutOff(found.workflowId, at === undefined ? undefined : cutOffAt);
      return c.json({ cutOffAt: cutOffAt.toISOString() }, 200);
    },
  );
  for (const [verb, summary] of [
    ['pause', 'Hold a run before its next step'],
    ['resume', 'Let a held run go on'],
    ['cancel', 'Cancel a run before it issues; its charges are open again'],
  ] as const) {
    app.openapi(
      createRoute({
        method: 'post',
        path: `/v1/runs/{runId}/${verb}`,
        tags: runTags,
        summary,
        middleware,
        request: { params: runId, headers: idempotencyHeader, body: body(z.strictObject({ reason })) },
        responses: { 200: json(done, 'Done.'), ...problems },
      }),
      async (c) => {
        const found = await startOf(store, c.req.valid('param').runId);
        const by = byOf(c);
        const orderId = newId('ord', [found.runId, verb, by.actor], c.req.valid('header')['idempotency-key']);
        await orders[verb](found.workflowId, { ...by, reason: c.req.valid('json').reason }, orderId);
        return c.json({ ok: true as const }, 200);
      },
    );
  }
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/runs/{runId}/retry',
      tags: runTags,
      summary: 'Try again what failed, and only that',
      description: 'Puts what the ERP refused back into the queue and wakes the run; a run whose workflow never began is started.',
      middleware,
      request: { params: runId, headers: idempotencyHeader, body: whyBody },
      responses: { 200: json(z.object({ requeued: z.int() }), 'How many ERP postings go again.'), ...problems },
    }),
    async (c) => {
      const found = await startOf(store, c.req.valid('param').runId);
      const { requeued, others } = await store.tx((db) => retryRun(db, found.runId, { ...byOf(c), reason: c.req.valid('json').reason }));
      for (const run of [found, ...others]) await orders.retry(run);
      return c.json({ requeued }, 200);
    },
  );
}
